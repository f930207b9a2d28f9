-- wrk script: every request registers another case with a key of its own. BODIES is a file of one JSON body a line,
-- TOKEN a session's token, RUN a number that no earlier run had. Prints how many answers were 201.
local threads = 0
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  count = 0
  created = 0
  prefix = string.format("%04x%04x-0000-4000-8000-", tonumber(os.getenv("RUN")) % 65536, id)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
end

function request()
  count = count + 1
  wrk.headers["Idempotency-Key"] = '"' .. prefix .. string.format("%012x", count) .. '"'
  return wrk.format(nil, "/api/v1/cases", nil, bodies[count % #bodies + 1])
end

function response(status)
  if status == 201 then created = created + 1 end
end

local all = {}
local old = setup
function setup(thread)
  old(thread)
  all[#all + 1] = thread
end

function done(summary, latency)
  local n = 0
  for _, thread in ipairs(all) do n = n + thread:get("created") end
  io.write(string.format('RESULT {"created":%d,"requests":%d,"seconds":%.4f,"p50_ms":%.3f,"p99_ms":%.3f}\n', n,
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end

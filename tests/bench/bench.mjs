// Measures the budgets of the design's section 9 that this release can be held to, each as a ratio against a raw limit
// of the same run, medians over alternating rounds. Figures go to build/bench/figures.json, a table to the terminal.
// Never part of the tests: a machine's mood is not a fault.
//
//   XINKE_ROUNDS (7) rounds of XINKE_SECONDS (3) each; XINKE_CASES (100000) for start and search.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { below, pdf } from '../lib/cuts.mjs';
import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = path.join(here, '../..');
const bin = process.env.XINKE_BIN ?? path.join(root, 'build');
const out = path.join(root, 'build/bench');
const rounds = Number(process.env.XINKE_ROUNDS ?? 7);
const seconds = Number(process.env.XINKE_SECONDS ?? 3);
const wanted = Number(process.env.XINKE_CASES ?? 100000);
const CLIENTS = 64;

mkdirSync(out, { recursive: true });
const dir = path.join(out, 'run');
rmSync(dir, { recursive: true, force: true });

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const round = (x, digits = 2) => Number(x.toFixed(digits));
const figures = { machine: `${os.cpus().length} x ${os.cpus()[0]?.model}`, rounds, seconds, rows: [] };
const row = (what, budget, value, met, more = {}) => {
  figures.rows.push({ what, budget, value, met, ...more });
  console.log(`${met === null ? '  -   ' : met ? '  ok  ' : ' MISS '} ${what}: ${value}   (budget ${budget})${more.note ? `   ${more.note}` : ''}`);
};

const noSocket = (file) => !file.endsWith('.sock');
const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100; // utime, stime in ticks of 10 ms
};
const pssOf = (pid) => Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) / 1024;

// --- registrations ---

const bodiesFile = path.join(out, 'bodies.jsonl');
let run = 1;

function makeBodies(items) {
  const rng = random(64);
  const lines = [];
  for (let i = 0; i < 5000; i++) lines.push(JSON.stringify(registration(rng.pick(items), rng)));
  writeFileSync(bodiesFile, `${lines.join('\n')}\n`);
}

function wrk(url, token, duration) {
  const result = spawnSync('wrk', ['-t2', `-c${CLIENTS}`, `-d${duration}s`, '-s', path.join(here, 'post.lua'), url], {
    encoding: 'utf8',
    env: { ...process.env, BODIES: bodiesFile, TOKEN: token, RUN: String(run++) },
  });
  const line = /RESULT (.*)/.exec(result.stdout);
  if (!line) throw new Error(`wrk said: ${result.stdout}${result.stderr}`);
  return JSON.parse(line[1]);
}

const raw = (...args) => JSON.parse(execFileSync(path.join(bin, 'bench/raw'), args, { encoding: 'utf8' }));

// The gateway in plain HTTP: the same data folder and program, one line of its configuration apart.
class Gateway {
  constructor(world) {
    this.world = world;
  }

  /** FRESH: the box as it was right after its enrolment, so that every round meets the same empty tables. */
  async restart(tls, fresh) {
    const { world } = this;
    world.script('stop-gateway');
    if (fresh) {
      const base = path.join(dir, 'box.base');
      if (!existsSync(base)) cpSync(path.join(dir, 'box'), base, { recursive: true, filter: noSocket });
      rmSync(path.join(dir, 'box'), { recursive: true });
      cpSync(base, path.join(dir, 'box'), { recursive: true, filter: noSocket });
    }
    const conf = world.json.gateway.config;
    const text = readFileSync(conf, 'utf8').replace(/^tls = .*\n/m, '').replace('[http]\n', `[http]\ntls = ${tls ? 'yes' : 'no'}\nmax_connections = 512\n`);
    writeFileSync(conf, text.replace(/(max_connections = 512\n)+/, 'max_connections = 512\n'));
    const url = tls ? world.json.gateway.url : world.json.gateway.url.replace('https:', 'http:');
    this.child = spawn(path.join(bin, 'xinke-gateway'), ['-c', conf, 'run'], { stdio: 'ignore' });
    this.url = url;
    for (let i = 0; i < 200; i++) {
      const code = spawnSync('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `${url}/healthz`], { encoding: 'utf8' }).stdout;
      if (code === '200') return;
      await sleep(50);
    }
    throw new Error('the gateway does not answer');
  }

  async stop() {
    this.child.kill('SIGTERM');
    await new Promise((resolve) => this.child.once('exit', resolve));
  }

  signIn() {
    const { name, password } = this.world.json.gateway.accounts.find((a) => a.role === 'clerk');
    const answer = execFileSync('curl', ['-sk', '-H', 'Content-Type: application/json', '-d', JSON.stringify({ name, password }), `${this.url}/api/v1/sessions`], { encoding: 'utf8' });
    return JSON.parse(answer).token;
  }
}

async function registrations(world) {
  const gateway = new Gateway(world);
  const got = { raw: [], http: [], https: [], cpu: [], cpuTls: [] };
  const template = path.join(dir, 'template.db');
  for (let i = 0; i < rounds; i++) {
    for (const tls of [false, true]) {
      await gateway.restart(tls, true);
      let token = gateway.signIn();
      if (!existsSync(template)) {
        wrk(gateway.url, token, 4); // rows for the yardstick
        execFileSync('sqlite3', [world.json.gateway.db, `.backup ${template}`]);
        await gateway.stop();
        await gateway.restart(tls, true);
        token = gateway.signIn();
      }
      const before = cpuOf(gateway.child.pid);
      const r = wrk(gateway.url, token, seconds);
      const cpu = ((cpuOf(gateway.child.pid) - before) / r.created) * 1e6;
      (tls ? got.https : got.http).push(r.created / r.seconds);
      (tls ? got.cpuTls : got.cpu).push(cpu);
      await gateway.stop();
      if (!tls) got.raw.push(raw('box', template, path.join(dir, 'raw.db'), String(CLIENTS), String(seconds)).per_second);
    }
  }
  const ratio = (values) => median(values.map((v, i) => v / got.raw[i]));
  row('registrations over HTTP / raw inserts of the same rows', '>= 0.70', round(ratio(got.http)), ratio(got.http) >= 0.7, { note: `${round(median(got.http), 0)}/s of ${round(median(got.raw), 0)}/s` });
  row('registrations over HTTPS / raw inserts', '>= 0.50', round(ratio(got.https)), ratio(got.https) >= 0.5, { note: `${round(median(got.https), 0)}/s` });
  row('server CPU a registration, HTTP', '<= 120 us', `${round(median(got.cpu), 0)} us`, median(got.cpu) <= 120);
  row('server CPU a registration, HTTPS', '<= 120 us', `${round(median(got.cpuTls), 0)} us`, median(got.cpuTls) <= 120);
  return gateway;
}

// --- memory, start, search ---

const parked = [];
function park(url, ca, token, n) {
  const agent = new https.Agent({ ca, keepAlive: true, maxSockets: n });
  for (let i = 0; i < n; i++) {
    const request = https.get(`${url}/api/v1/changes?after=${encodeURIComponent(park.after)}&wait=25`, { agent, headers: { Authorization: `Bearer ${token}` } }, (r) => r.resume());
    request.on('error', () => {});
    parked.push(request);
  }
  return agent;
}

async function memoryIdle(world) {
  world.script('stop-gateway');
  world.script('start-gateway');
  await sleep(1500);
  const { gateway, sync } = world.json.pids;
  const idle = pssOf(gateway) + pssOf(sync);
  row('PSS of gateway and courier, idle', '<= 16 MiB', `${round(idle, 1)} MiB`, idle <= 16);
}

async function memoryBusy(world) {
  const clerk = await world.box('clerk');
  const { url, ca, accounts } = world.json.gateway;
  const { name, password } = accounts.find((a) => a.role === 'clerk');
  const token = JSON.parse(execFileSync('curl', ['-s', '--cacert', ca, '-H', 'Content-Type: application/json', '-d', JSON.stringify({ name, password }), `${url}/api/v1/sessions`], { encoding: 'utf8' })).token;
  await sleep(1000); // argon2's memory goes back
  park.after = (await clerk.call('GET', '/api/v1/changes')).body.next;
  const before = pssOf(world.json.pids.gateway);
  const agent = park(url, readFileSync(ca), token, CLIENTS);
  await sleep(2500);
  const { gateway, sync } = world.json.pids;
  const busy = pssOf(gateway) + pssOf(sync);
  const each = ((pssOf(gateway) - before) / CLIENTS) * 1024;
  row(`PSS with ${figures.cases} cases and ${CLIENTS} parked clients`, '<= 28 MiB at 10,000', `${round(busy, 1)} MiB`, busy <= 28);
  row('a parked long poll over TLS', '<= 24 KiB', `${round(each, 1)} KiB`, each <= 24);
  parked.forEach((request) => request.destroy());
  agent.destroy();
}

/** One photo of many megabytes from a phone to the box, beside a plain copy of it with fsync; and what it costs in memory. */
async function uploads(world) {
  const { url, ca, accounts } = world.json.gateway;
  const { name, password } = accounts.find((a) => a.role === 'clerk');
  const curl = (...words) => execFileSync('curl', ['-s', '--fail', '--cacert', ca, ...words], { encoding: 'utf8' });
  const { token } = JSON.parse(curl('-H', 'Content-Type: application/json', '-d', JSON.stringify({ name, password }), `${url}/api/v1/sessions`));
  const file = path.join(dir, 'upload.pdf');
  const next = below(7);
  const send = (size) => {
    writeFileSync(file, pdf(size, next));
    const began = process.hrtime.bigint();
    curl('-o', '/dev/null', '-H', `Authorization: Bearer ${token}`, '-H', 'Tus-Resumable: 1.0.0', '-H', `Upload-Length: ${size}`,
      '-H', 'Content-Type: application/offset+octet-stream', '-H', 'Expect:', '--data-binary', `@${file}`, `${url}/api/v1/uploads`);
    return Number(process.hrtime.bigint() - began) / 1e9;
  };
  const copy = (to) => {
    const began = process.hrtime.bigint();
    execFileSync('dd', [`if=${file}`, `of=${to}`, 'bs=64k', 'conv=fsync', 'status=none']);
    return Number(process.hrtime.bigint() - began) / 1e9;
  };
  const ratios = [];
  for (let i = 0; i < rounds; i++) {
    const ours = send(20e6);
    ratios.push(copy(path.join(dir, 'copied.pdf')) / ours);
  }
  const pid = world.json.pids.gateway;
  const before = pssOf(pid);
  let most = before;
  const watch = setInterval(() => { most = Math.max(most, pssOf(pid)); }, 20);
  writeFileSync(file, pdf(50e6, next));
  const client = spawn('curl', ['-s', '--cacert', ca, '-o', '/dev/null', '-H', `Authorization: Bearer ${token}`, '-H', 'Tus-Resumable: 1.0.0', '-H', 'Upload-Length: 50000000',
    '-H', 'Content-Type: application/offset+octet-stream', '-H', 'Expect:', '--data-binary', `@${file}`, `${url}/api/v1/uploads`], { stdio: 'ignore' });
  await new Promise((resolve) => client.once('exit', resolve));
  clearInterval(watch);
  row('a plain copy with fsync / an upload of 20 MB (TLS, enciphered, hashed, looked at)', 'none', round(median(ratios), 3), null);
  row('PSS that a PDF of 50 MB adds to the gateway', '<= 4 MiB', `${round(most - before, 1)} MiB`, most - before <= 4);
}

async function startUp(world) {
  const times = [];
  for (let i = 0; i < rounds; i++) {
    world.script('stop-gateway');
    const { url, ca, config } = world.json.gateway;
    const began = process.hrtime.bigint();
    const child = spawn(path.join(bin, 'xinke-gateway'), ['-c', config, 'run'], { stdio: 'ignore' });
    const agent = new https.Agent({ ca: readFileSync(ca) });
    for (;;) {
      const ok = await new Promise((resolve) => {
        https.get(`${url}/healthz`, { agent }, (r) => { r.resume(); resolve(r.statusCode === 200); }).on('error', () => resolve(false));
      });
      if (ok) break;
      await sleep(5);
    }
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  row(`start to first answer with ${figures.events} events`, '<= 300 ms', `${round(median(times), 0)} ms`, median(times) <= 300);
}

async function searches(world) {
  world.script('start-gateway');
  const clerk = await world.box('clerk');
  await world.until('the search list is filled', 60, async () => (await clerk.call('GET', '/api/v1/cases', { query: { q: '村', limit: 1 }, expect: null })).status === 200);
  const rng = random(9);
  const sample = (await clerk.call('GET', '/api/v1/cases', { query: { limit: 200 } })).body.items;
  const timed = async (make) => {
    const times = [];
    for (let i = 0; i < 400; i++) {
      const query = make();
      const began = process.hrtime.bigint();
      await clerk.call('GET', '/api/v1/cases', { query });
      times.push(Number(process.hrtime.bigint() - began) / 1e6);
    }
    return quantile(times, 0.99);
  };
  const list = await timed(() => ({ limit: 50 }));
  const byState = await timed(() => ({ state: rng.pick(['received', 'forwarded']), limit: 50 }));
  const name = await timed(() => ({ q: rng.pick(sample).title.slice(0, 3), limit: 50 }));
  const receipt = await timed(() => ({ q: rng.pick(sample).receipt_number, limit: 50 }));
  for (const [what, p99] of [['list', list], ['list by state', byState], ['search by name', name], ['search by receipt number', receipt]])
    row(`${what} over ${figures.cases} cases, p99, client and TLS included`, '<= 20 ms', `${round(p99, 1)} ms`, p99 <= 20);
}

/** Registers until ENOUGH(counts); a second at a time, or less where few are wanted. */
async function fill(world, gateway, enough) {
  await gateway.restart(true, false);
  const token = gateway.signIn();
  while (!enough(counts(world))) wrk(gateway.url, token, 1);
  await gateway.stop();
}

function counts(world) {
  const { stdout } = world.xinke('status', '--json');
  const j = JSON.parse(stdout);
  figures.cases = j.cases;
  figures.events = j.head;
  return j;
}

// --- the county ---

function ingest(world) {
  const ratios = [];
  let ours, limit;
  for (let i = 0; i < rounds; i++) {
    ours = JSON.parse(execFileSync(path.join(bin, 'bench/ingest'), [world.json.gateway.db, path.join(dir, 'box/field.key'), path.join(dir, 'ingest.db'), path.join(root, 'schema'), '20000'], { encoding: 'utf8' }));
    limit = raw('county', path.join(dir, 'ingest.db'), path.join(dir, 'raw.db'), '500', '20');
    ratios.push(ours.per_second / limit.per_second);
  }
  row('county ingest / raw batched inserts of the same rows', '>= 0.50', round(median(ratios)), median(ratios) >= 0.5, { note: `${round(ours.per_second, 0)} events/s of ${round(limit.per_second, 0)}` });
}

const world = await start({ name: 'bench', dir, bin, base: 8640, keep: true });
try {
  const clerk = await world.box('clerk');
  const items = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items;
  makeBodies(items);
  console.log(`\n${figures.machine}, ${rounds} alternating rounds of ${seconds} s, ${CLIENTS} clients\n`);
  await memoryIdle(world);
  world.script('stop-county');
  const gateway = await registrations(world);
  await gateway.restart(true, true);
  await gateway.stop();
  await fill(world, gateway, (c) => c.cases >= 10000);
  world.script('start-gateway');
  await memoryBusy(world);
  await uploads(world);
  ingest(world);
  await fill(world, gateway, (c) => c.head >= 100000);
  await startUp(world);
  await fill(world, gateway, (c) => c.cases >= wanted);
  await searches(world);
} finally {
  await world.stop();
  writeFileSync(path.join(out, 'figures.json'), `${JSON.stringify(figures, null, 1)}\n`);
  console.log(`\nfigures: ${path.relative(root, path.join(out, 'figures.json'))}`);
}

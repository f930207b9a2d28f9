# Turns schema/sql files into C string lists.
# Use: awk -v what=queries -f sql.awk queries.sql   -> QUERY(name, "sql") for each "-- name: <name>" block
#      awk -v what=migrations -f sql.awk 001-*.sql ... -> MIGRATION(number, "file name", "sql")
# Comment lines are dropped; every other line keeps its place, so that SQLite's messages can be read.
function flush_query() { if (name != "") printf ")\n" }
function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\\n\"" }
what == "queries" && /^-- name: / { flush_query(); name = $3; printf "QUERY(%s,\n", name; next }
what == "migrations" && FNR == 1 {
	if (NR > 1) printf ")\n"
	file = FILENAME; sub(/.*\//, "", file)
	printf "MIGRATION(%d, \"%s\",\n", file + 0, file
}
/^[ \t]*--/ || /^[ \t]*$/ { next }
what == "queries" && name == "" { next }
{ print quoted($0) }
END { if (NR > 0) printf ")\n" }

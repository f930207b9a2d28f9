# Turns the lists of states and transitions in schema/states into the X-macro lists that shared/states.c includes.
# Use: awk -v what=states|events|transitions -f states.awk FILE...
BEGIN { FS = "," }
/^#/ || NF == 0 { next }
what == "states" { printf "STATE(%s, \"%s\", \"%s\", %s)\n", toupper($1), $1, $2, $3 == "yes" ? "true" : "false" }
what == "events" && !seen[$2]++ { printf "EVENT(%s, \"%s\")\n", toupper($2), $2 }
what == "transitions" {
	from = $1 == "*" ? "ANY" : toupper($1)
	to = $3 == "=" ? "SAME" : toupper($3)
	printf "ROW(%s, %s, %s, %s, %s)\n", from, toupper($2), to, toupper($4), toupper($5)
}

#!/bin/bash
# What the linters do not look at: calls that this project does not use, and documents that name what nobody has.
# shellcheck disable=SC2016 # back quotes are what is looked for
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0

if git grep -nwE 'strcpy|strcat|sprintf|strtok|gmtime|localtime|atoi|system|popen' -- '*.c' '*.h' |
	grep -E '\b(strcpy|strcat|sprintf|strtok|gmtime|localtime|atoi|system|popen)\('; then
	echo "check-tree: the calls above are not used in this project"
	bad=1
fi

# Every path in back quotes that has a slash or an extension of ours must exist.
for doc in README.md sync/PROTOCOL.md; do
	while read -r path; do
		case $path in
		*\<* | *\** | /* | *://* | build/*) continue ;;
		esac
		[ -e "$path" ] || [ -e "$(dirname "$doc")/$path" ] || [ -e "tests/$path" ] || {
			echo "check-tree: $doc names $path, which does not exist"
			bad=1
		}
	done < <(grep -oE '`[A-Za-z0-9_./-]+(/|\.(c|h|md|csv|sql|json|yaml|sh|mjs))`' "$doc" | tr -d '`' | sort -u)
done

# Every make target that the README names must be one.
while read -r target; do
	grep -qE "^([a-z-]+ )*$target( [a-z-]+)*:" Makefile || {
		echo "check-tree: README.md names make $target"
		bad=1
	}
done < <(grep -oE 'make [a-z][a-z0-9-]*' README.md | awk '{ print $2 }' | grep -v '^and$' | sort -u)

[ "$bad" = 0 ] && echo "check-tree: ok"
exit "$bad"

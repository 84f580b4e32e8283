#!/usr/bin/env bash
# How many lines of common/ the tests reach, and which they do not.  TAP.
#
# usage: tests/coverage.sh BUILD PERCENT
#
# BUILD was configured with CFLAGS='-g -O0 --coverage', and its tests have run (gcov(1)).
# shellcheck source=tests/report.sh
. "$(dirname "$0")/report.sh"
cd "$1" || exit 1
least=$2

results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT
# gcov writes where it is, and finds the sources from where they were compiled.
find common -name '*.gcda' | while read -r data; do
	gcov -p -o "$(dirname "$data")" "$data" >/dev/null 2>&1
	mv -f ./common#*.c.gcov "$results" 2>/dev/null
	rm -f ./*.gcov
done

# One line a file: its lines that were not reached, neighbours together.
missed=$(cd "$results" && awk -F: '
	function flush() {
		if (first > 0)
			lines[file] = lines[file] " " (first == last ? first : first "-" last)
		first = 0
	}
	FNR == 1 { flush(); file = FILENAME; gsub(/#/, "/", file); sub(/\.gcov$/, "", file) }
	{ count = $1; gsub(/ /, "", count); line = $2 + 0 }
	line == 0 || count == "-" { next }
	{ all++ }
	count !~ /^[#=]/ { flush(); next }
	{ n++; if (first == 0) first = line; last = line }
	END {
		flush()
		for (file in lines)
			print file ":" lines[file] | "sort"
		close("sort")
		printf "%.2f %% of %d lines\n", all ? 100 * (all - n) / all : 0, all
	}' ./*.gcov)
total=${missed##*$'\n'}

report "the tests reach $least % of the lines of common/: $total" \
	"$(awk -v got="${total%% *}" -v least="$least" 'BEGIN { if (got < least) print "too few" }')"
printf '%s\n' "$missed" | sed '$d; s|^\./||; s/^/# not reached: /'
finish

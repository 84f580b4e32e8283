# shellcheck shell=bash
#
# What the benchmarks share, beside tests/e2e/lib.sh.

# freeze CALL: from here on each server answers CALL as it does now, and need not make the
# answer up anew: they are one process here, which would do that for one after the
# other. All else that they have is gone.
freeze() {
	local n
	for ((n = 1; n <= SERVER_COUNT; n++)); do
		curl -gsS -o "$T/list-$n" "$(own_url "$n" "$1")"
	done
	control /reset
	for ((n = 1; n <= SERVER_COUNT; n++)); do
		control "/raw?server=$n&call=$1" --data-binary "@$T/list-$n"
	done
}

# median: of the numbers on standard input, a line each.
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

#!/bin/sh
# The simulation of bench/simulate/ at a small size, with costs that are made up: it places,
# polls and drops all meetings, and contradicts neither itself nor the costs.
#
# usage: test_simulate.sh [PATH-OF-simulate]

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/../report.sh"
program=${1:-}
for place in bench/simulate/simulate "$here/../../bench/simulate/simulate"; do
	[ -n "$program" ] || [ ! -x "$place" ] || program=$place
done
if [ -z "$program" ]; then
	echo "Bail out! bench/simulate/simulate is not built; name it as the first argument"
	exit 1
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
sed -n 's/^	NAMED(\(.*\)),$/\1 10/p' "$here/../../bench/simulate/costs.c" >"$tmp/costs"

"$program" "$tmp/costs" 20 400 2 60 1200 8 >"$tmp/out" 2>&1
check $? "two small mornings are without contradiction" || sed 's/^/#   /' "$tmp/out"

# figures ROW: of the small morning and of the larger one.
figures() { sed -n "s/^ *$1  *\([0-9. -]*\)$/\1/p" "$tmp/out" | head -n 1; }
# holds WHAT ROW CONDITION: of $1 and $2, the figures.
holds() {
	figures "$2" | awk "NF == 2 && ($3) { is_so = 1 } END { exit !is_so }"
	check $? "$1" || sed 's/^/#   /' "$tmp/out"
}
holds "the fullest server is not far above the mean" "the fullest server over the mean" \
	"\$1 >= 1 && \$1 < 2 && \$2 >= 1 && \$2 < 2"
holds "a server is polled every ten seconds" "in a second" "\$1 >= 2 && \$2 >= 6 && \$1 <= 20 && \$2 <= 60"
holds "a claim takes a try, and hardly more when few come" "tries for each" \
	"\$1 >= 1 && \$1 < 1.1 && \$2 >= 1 && \$2 < 1.1"
holds "more meetings are more for the engine" "all" "\$1 < \$2"
[ "$(grep -c 'not yet$' "$tmp/out")" = 8 ]
check $? "nothing ends at so few servers" || sed 's/^/#   /' "$tmp/out"

sed '/^set_us /d' "$tmp/costs" >"$tmp/fewer"
"$program" "$tmp/fewer" 20 400 2 >"$tmp/out" 2>&1
[ $? = 1 ] && grep -q 'there is no set_us' "$tmp/out"
check $? "a cost that is missing is told"
"$program" "$tmp/costs" 20 >"$tmp/out" 2>&1
[ $? = 2 ]
check $? "a size that is not whole is wrong usage"
finish

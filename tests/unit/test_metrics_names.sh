#!/bin/sh
# The names of metrics are those of the program wherever they are used: in
# tinyscale-metrics(7), which has for each a line ".It Cm NAME" followed by a sentence like
# "A counter by call and result.", in the alerts, their test, and the dashboard.  Each call
# of the API is counted by name.  promtool, where it is there, tests the alerts.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/../report.sh"
top=$here/../..
contrib=$top/contrib/prometheus
PATH=$PATH:$top/build/tools
for place in tests/unit/test_metrics ./test_metrics "$here/test_metrics"; do
	[ -n "${program:-}" ] || [ ! -x "$place" ] || program=$place
done
if [ -z "${program:-}" ]; then
	echo "Bail out! test_metrics is not built"
	exit 1
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

"$program" --list >"$tmp/list"
grep '^tinyscale_' "$tmp/list" | cut -f1,2 >"$tmp/program"
cut -f1 "$tmp/program" >"$tmp/names"
# A histogram is asked for by these.
awk -F '\t' '{ print $1 } $2 ~ /^A histogram/ { print $1 "_bucket"; print $1 "_sum"
	print $1 "_count" }' "$tmp/program" | LC_ALL=C sort >"$tmp/series"

awk 'name { print name "\t" $0; name = "" } /^\.It Cm tinyscale_/ { name = $3 }' \
	"$top/man/tinyscale-metrics.7" >"$tmp/manual"
report 'tinyscale-metrics(7) has the metrics of the program, in their order' \
	"$(diff "$tmp/program" "$tmp/manual")"

used() { grep -ohE 'tinyscale_[a-z_]+' "$@" | LC_ALL=C sort -u; }
for file in tinyscale.rules.yml tinyscale.rules.test.yml tinyscale-dashboard.json; do
	used "$contrib/$file" >"$tmp/used"
	report "$file uses names of the program" "$(LC_ALL=C comm -23 "$tmp/used" "$tmp/series")"
	report "$file uses some" "$([ -s "$tmp/used" ] || echo none)"
done
used "$contrib/tinyscale-dashboard.json" | sed 's/_bucket$//' >"$tmp/used"
report 'the dashboard shows all of them' "$(LC_ALL=C sort "$tmp/names" | LC_ALL=C comm -23 - "$tmp/used")"
report 'README names some that are there' "$(used "$top/README.md" | LC_ALL=C comm -23 - "$tmp/series")"

# The labels that alerts and dashboard ask for.
labels=$(grep -ohE '[{,][a-z]+(=~|!~|!=|=)\\*"[^"\\]*' "$contrib"/*.rules.yml "$contrib"/*.json |
	sed -E 's/^[{,]//; s/=.*|!.*//' | LC_ALL=C sort -u |
	grep -vxE 'instance|job|le|server|call|result|access|health|state|version')
report 'and labels that there are' "$labels"

# entries[] of api.c: the rows that begin with a name.
calls=$(sed -n '/^} entries\[\] = {/,/^};/s/^\t{ "\([^"]*\)",.*/\1/p' "$top/common/core/api.c")
report "the calls of the API are found" "$([ "$(printf '%s\n' "$calls" | wc -l)" -gt 20 ] || echo "$calls")"
report 'each call of the API is counted by name' "$(for call in $calls; do
	grep -qFx "call $call" "$tmp/list" || echo "$call"
done)"

if command -v promtool >/dev/null; then
	report 'promtool finds the alerts well' "$(promtool check rules "$contrib/tinyscale.rules.yml" 2>&1 |
		grep -v SUCCESS | grep -vE '^(Checking .*)?$')"
	report 'promtool tests the alerts' "$(
		promtool test rules "$contrib/tinyscale.rules.test.yml" >"$tmp/rules" 2>&1 || cat "$tmp/rules")"
	report "promtool finds Prometheus's configuration well" "$(
		promtool check config "$contrib/prometheus-example.yml" >"$tmp/config" 2>&1 || cat "$tmp/config")"
elif [ "${E2E_REQUIRED:-0}" = 1 ]; then
	report 'promtool is there' 'tests/install.sh fetches it'
else
	skip 'promtool tests the alerts' 'no promtool'
fi

finish

#!/bin/sh
# The keys, types and defaults of tinyscale-servers.json(5) are those of the
# program: both lists are brought into one form and compared both ways.  The
# manual has for each key a line ".It Cm KEY" followed by a sentence like
# "A number; default: 3." or "A URL; required."
#
# usage: test_config_man.sh [PATH-OF-test_config]

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/../report.sh"
man=$here/../../man/tinyscale-servers.json.5
program=${1:-${TEST_CONFIG:-}}
for place in tests/unit/test_config ./test_config "$here/test_config"; do
	[ -n "$program" ] || [ ! -x "$place" ] || program=$place
done
if [ -z "$program" ]; then
	echo "Bail out! test_config is not built; name it as the first argument"
	exit 1
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# The manual names the state of a package, wherever this build puts its own.
"$program" --keys | LC_ALL=C sort | awk -F '\t' '
	$1 == "state" && $3 ~ "/lib/tinyscale/state.db$" { $3 = "/var/lib/tinyscale/state.db" }
	{ print $1 "\t" $2 "\t" $3 }' >"$tmp/program"

awk '
	/^\.Sh/ { prefix = /SERVER/ ? "servers[]." : ""; inside = /KEYS/ }
	key != "" {
		text = text (text == "" ? "" : " ") $0
		if (!/\.$/)
			next
		type = text
		if (sub(/; required\.$/, "", type))
			def = "required"
		else if (match(type, /; default: .*\.$/)) {
			def = substr(type, RSTART + 11, RLENGTH - 12)
			type = substr(type, 1, RSTART - 1)
		} else
			def = "?"
		sub(/^A /, "a ", type)
		sub(/^An /, "an ", type)
		print prefix key "\t" type "\t" def
		key = text = ""
	}
	inside && /^\.It Cm/ { key = $3 }' "$man" | LC_ALL=C sort >"$tmp/manual"

[ "$(wc -l <"$tmp/program")" -gt 30 ]
check $? "the program has its keys"

# Keys first, for a plain message; then all three columns.
for file in program manual; do
	cut -f 1 "$tmp/$file" >"$tmp/$file.keys"
done
only=$(LC_ALL=C comm -23 "$tmp/program.keys" "$tmp/manual.keys")
[ -z "$only" ]
check $? "every key is in the manual"
[ -z "$only" ] || echo "$only" | sed 's/^/# not in the manual: /'

only=$(LC_ALL=C comm -13 "$tmp/program.keys" "$tmp/manual.keys")
[ -z "$only" ]
check $? "every key in the manual is one"
[ -z "$only" ] || echo "$only" | sed 's/^/# only in the manual: /'

diff "$tmp/program" "$tmp/manual" >"$tmp/diff"
check $? "types and defaults are the same"
sed 's/^/# /' "$tmp/diff"

[ -z "$(uniq -d "$tmp/manual.keys")" ]
check $? "no key is in the manual twice"

finish

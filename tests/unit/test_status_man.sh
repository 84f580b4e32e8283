#!/bin/sh
# The fields of tinyscale/status?format=json and those that tinyscale-status(7) explains are
# the same.  TAP.

# shellcheck source=/dev/null
. "$(dirname "$0")/../report.sh"

top=${srcdir:-.}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Every member that status.c writes: add_NAME(…, "field", …), "field": in a text, and the
# two of a trend.
{
	grep -oE 'add_[a-z]+\(&?[a-z_]+, "[a-z_]+"' "$top/common/calls/status.c" |
		sed 's/.*"\(.*\)"/\1/'
	grep -oE '"[a-z]+_by_minute"' "$top/common/calls/status.c" | tr -d '"'
	grep -oE '\\"[a-z_]+\\":' "$top/common/calls/status.c" | sed 's/\\"//g; s/://'
} | sort -u >"$tmp/program"
# ".It Cm a , b", below the section JSON.
sed -n '/^\.Sh JSON/,/^\.Sh SEE/s/^\.It Cm //p' "$top/man/tinyscale-status.7" |
	tr -d ' ' | tr ',' '\n' | sort -u >"$tmp/manual"

[ -s "$tmp/program" ] && diff "$tmp/program" "$tmp/manual" >"$tmp/diff"
check $? 'tinyscale-status(7) explains the fields of the JSON'
sed 's/^/# /' "$tmp/diff"
finish

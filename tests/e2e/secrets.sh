#!/usr/bin/env bash
# Runs last: no log of all the scripts before, the gateway's at its most talkative
# and the web servers', holds a secret, a password, a checksum or a join URL.
. "$(dirname "$0")/lib.sh"
begin secrets 20

mapfile -t logs < <(find "$E2E_LOGS" -type f -name '*.log' -size +0 | sort)
if [ "${#logs[@]}" -eq 0 ]; then
	skip_all "there are no logs to look through"
fi

# absent NAME GREP-OPTION...: no line of any log matches.
absent() {
	local name=$1
	shift
	grep -aHn "$@" "${logs[@]}" >"$T/found"
	if [ -s "$T/found" ]; then
		fail "$name" "$(wc -l <"$T/found") lines, such as:"
		diag "$(head -n 5 "$T/found" | cut -c 1-500)"
	else
		pass "$name"
	fi
}

absent "no secret and no password" -F -e xyzzy
absent "no checksum parameter" -iE -e 'checksum(=|%3d)'
absent "no join URL" -E -e '/join(\?|%3f)'
absent "no password parameter" -iE -e '(password|moderatorPW|attendeePW)(=|%3d)'
if [ -n "${E2E_CHECKSUMS:-}" ] && sort -u "$E2E_CHECKSUMS"/* >"$T/sums" && [ -s "$T/sums" ]; then
	absent "none of the $(wc -l <"$T/sums") checksums that were made" -F -f "$T/sums"
else
	skip "none of the checksums that were made" "run by tests/e2e/run only"
fi
# A gateway that logs nothing would pass all this.
line_count=$(cat "$E2E_LOGS"/*/gateway*.log 2>/dev/null | wc -l)
within "$line_count" 1 1000000000 "the gateway did log"

finish

#!/usr/bin/env bash
# The README's first command: ./run serves, the URLs it prints work, a browser that
# follows the join arrives on the server that has the meeting, and nothing is left
# running when it is stopped.
. "$(dirname "$0")/lib.sh"
begin story-run 23
if [ "$BUILD" != "$TOP" ]; then
	FINISHED=1
	echo "1..0 # SKIP ./run builds in the source tree"
	exit 0
fi
need lighttpd curl jq
start run env -u TINYSCALE_CONFIG TMPDIR="$T" "$TOP/run" -p "$PORT0"
pid=${PIDS[run]}
must_wait_until "./run prints its URLs" grep -q '^getMeetings: ' "$LOGS/run.log"
# They are signed; secrets.sh must not find them in a log.
mv "$LOGS/run.log" "$T/printed"
printed() { sed -n "s/^$1: *//p" "$T/printed"; }

is "$(printed address)" "http://127.0.0.1:$PORT0/bigbluebutton/api" "the address"
curl -gs "$(printed create)" >"$T/body"
is "$(result)" SUCCESS "the create it prints"
curl -gs "$(printed getMeetings)" >"$T/body"
is "$(xml meetingID)" demo "the getMeetings it prints"
query='name=Demo&meetingID=demo&attendeePW=ap&moderatorPW=mp&welcome=a%0D%0Ab'
sum=$(printf '%s' "create$query$(printed secret)" | sha256sum | cut -d' ' -f1)
curl -gs "$(printed address)/create?$query&checksum=$sum" >"$T/body"
is "$(result)" "SUCCESS duplicateWarning" "a create with a welcome of two lines"
curl -gsL "$(printed join)" >"$T/page"
server=$(sed -n 's/.*Server \([0-9]*\), port \([0-9]*\).*/\1 \2/p' "$T/page" | head -n 1)
is "$server" "1 $((PORT0 + 2))" "the join it prints leads to the server that has the meeting"
if command -v chromium >/dev/null; then
	timeout 300 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$T/chromium" --dump-dom "$(printed join)" >"$T/page" 2>"$T/chromium.log"
	like "$(tr '\n' ' ' <"$T/page")" "*Moderator*Server 1, port $((PORT0 + 2))*" \
		"and so it does in a browser"
else
	skip "the join in a browser" "chromium is not installed"
fi

pgrep -s "$pid" >"$T/session"
unset "PIDS[run]"
kill -TERM "$pid"
wait "$pid"
is $? 0 "./run ends with status 0"
remaining=0
while read -r one; do
	! is_alive "$one" || remaining=$((remaining + 1))
done <"$T/session"
is $remaining 0 "and nothing that it started is left"
is "$(find "$T" -maxdepth 1 -name 'tinyscale.*' | wc -l)" 0 "no file either"

finish

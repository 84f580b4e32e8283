#!/usr/bin/env bash
# Every way in which a server can fail: its meetings' calls get a clear answer in
# time, it is down after two failures, and up again by itself when it answers.  One whose
# answers break off is not down.
. "$(dirname "$0")/lib.sh"
begin story-health 25
need sqlite3
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
PROBE_MS=600
CALL_MS=1500
write_config "$T/servers.json" '"poll_interval_ms": 800,' "\"probe_timeout_ms\": $PROBE_MS," \
	"\"call_timeout_ms\": $CALL_MS,"
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
start_gateway gateway "$FCGI_ADDRESS"

health_is() { [[ $(known_of 1) == "$1 "* ]]; }

# Rotation fills the servers in turn.
n=0
until [ "$(servers_of "here-$n")" = 1 ]; do
	n=$((n + 1))
	create "here-$n"
	[ "$n" -lt 6 ] || break
done
here=here-$n
is "$(servers_of "$here")" 1 "a meeting on server 1"

for kind in refuse reset http500 html empty drip hang wrong_secret; do
	timed call getMeetingInfo "meetingID=$here"
	plain=$TOOK_MS
	fault 1 "$kind"
	timed call getMeetingInfo "meetingID=$here"
	case $(result) in
	'FAILED serverUnavailable' | 'FAILED notFound') pass "$kind: a clear answer" ;;
	*) fail "$kind: a clear answer" ;;
	esac
	# The call's time, then a look-up's: twice that, and what all takes here and now.
	within "$TOOK_MS" 0 $(((PROBE_MS + CALL_MS) * 2 + plain * 3)) "$kind: in time ($plain ms without)"
	wait_until health_is 2
	ok $? "$kind: the server is down"
	call getMeetingInfo "meetingID=$here"
	is "$(result)" "FAILED notFound" "$kind: then its meetings count as unknown"
	call isMeetingRunning "meetingID=$here"
	is "$(result) $(xml running)" "SUCCESS false" "$kind: and are not running"
	create "there-$kind"
	is "$(result)" SUCCESS "$kind: new meetings go elsewhere"
	isnt "$(servers_of "there-$kind")" 1 "$kind: indeed"
	fault 1 none
	wait_until health_is 0
	ok $? "$kind: it is up again"
	call getMeetingInfo "meetingID=$here"
	is "$(result)" SUCCESS "$kind: with its meeting"
done

# A server whose answers break off is alive.  It can tell nobody of its meeting, which
# stays there.
polls() { calls 1 getMeetings | wc -l; }
polled_four_times() { [ "$(polls)" -ge $((polls_before + 4)) ]; }
fault 1 cut
polls_before=$(polls)
call getMeetingInfo "meetingID=$here"
is "$(result)" "FAILED serverUnavailable" "cut: a clear answer"
wait_until polled_four_times
ok $? "cut: the server is polled"
health_is 0
ok $? "cut: and is up"
call getMeetingInfo "meetingID=$here"
is "$(result)" "FAILED serverUnavailable" "cut: with its meeting"
fault 1 none
call getMeetingInfo "meetingID=$here"
is "$(result)" SUCCESS "cut: of which it tells when it can"

# A meeting whose server is down moves with its next create.
fault 1 refuse
wait_until health_is 2
create "$here"
is "$(result)" SUCCESS "a create of a meeting whose server is down"
isnt "$(servers_of "$here")" 1 "places it anew"

finish

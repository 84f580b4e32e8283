#!/usr/bin/env bash
# The gateway stands still, as when its virtual machine is moved to another host: no server is
# blamed for it, and what was answered meanwhile is taken. One that hangs is found all the same.
. "$(dirname "$0")/lib.sh"
begin story-still 76
need sqlite3 curl
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 3
PROBE_MS=4000
write_config "$T/servers.json" '"poll_interval_ms": 1000,' "\"probe_timeout_ms\": $PROBE_MS,"
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
LOG=$LOGS/gateway.log

# asked CALL: how often each server was asked that, in one line.
asked() {
	local n
	for n in 1 2 3; do control "/calls?server=$n&call=$1&count=1"; done | paste -sd' '
}
# all_asked CALL BEFORE: has each been asked since?
all_asked() {
	local n now past
	read -ra now < <(asked "$1")
	read -ra past <<<"$2"
	for n in 0 1 2; do [ "${now[$n]}" -gt "${past[$n]}" ] || return 1; done
}
# stand_still NAME...: what start started, for longer than a question may take, libcurl's own
# time included.
stand_still() {
	local name
	for name; do kill -STOP "${PIDS[$name]}"; done
	[ -z "${BEFORE_GOING_ON:-}" ] || $BEFORE_GOING_ON
	sleep $((PROBE_MS / 1000 + 3))
	for name; do kill -CONT "${PIDS[$name]}"; done
}
answer_all() { fault 0 none; }
told() { grep -c "$1" "$LOG"; }
has_told() { grep -q "$1" "$LOG"; }
are_well() {
	is "$(known_of 1), $(known_of 2), $(known_of 3)" "0 0, 0 0, 0 0" "$1: all servers are up"
	is "$(told 'server is suspect')" 0 "$1: none was suspect"
	is "$(told 'did not answer')" 0 "$1: nor without an answer"
}
health_is() { [[ $(known_of "$1") == "$2 "* ]]; }

start_gateway gateway "$FCGI_ADDRESS"
create warm
is "$(result)" SUCCESS "a create before"

# --- the gateway alone -------------------------------------------------------------

# The servers answer once the gateway stands still.
before=$(asked getMeetings)
fault 0 hang
must_wait_until "the servers are polled" all_asked getMeetings "$before"
before=$(asked getMeetingInfo)
fcgi_background "$(url create "name=still&meetingID=still&$PASSWORDS")" "$T/still"
create=$!
must_wait_until "the servers are asked for the meeting" all_asked getMeetingInfo "$before"
BEFORE_GOING_ON=answer_all stand_still gateway
wait "$create"
take_cgi_answer "$T/still" "$T/"
is "$(result)" SUCCESS "the gateway stood still: a create that was under way"
before=$(asked getMeetings)
must_wait_until "the servers are polled again" all_asked getMeetings "$before"
are_well "the gateway stood still"
has_told 'this host stood still'
ok $? "the log says so"

# --- the gateway and the servers ----------------------------------------------------

fault 0 delay '' 700
before=$(asked getMeetings)
must_wait_until "the servers are polled" all_asked getMeetings "$before"
before=$(asked getMeetingInfo)
pids=()
for n in {1..12}; do
	fcgi_background "$(url create "name=all&meetingID=all-$n&$PASSWORDS")" "$T/all-$n"
	pids+=($!)
done
must_wait_until "the servers are asked for meetings" all_asked getMeetingInfo "$before"
stand_still gateway sandbox
wait_for_all "${pids[@]}"
is "$(count_files '<returncode>SUCCESS</returncode>' "$T"/all-*)" 12 \
	"all stood still: creates that were under way"
are_well "all stood still"
fault 0 none

# --- a server that hangs --------------------------------------------------------------

# Right after a poll, so that the next one, which hangs, is under way when all stands still.
before=$(asked getMeetings)
must_wait_until "the servers are polled" all_asked getMeetings "$before"
fault 1 hang getMeetings
before=$(asked getMeetings)
must_wait_until "the servers are polled again" all_asked getMeetings "$before"
stand_still gateway
excuse="did not answer server=server-1 .*no answer within $PROBE_MS ms, and this host stood still"
wait_until has_told "$excuse"
ok $? "a server hangs and the gateway stood still: the poll fails"
wait_until has_told 'server is suspect'
ok $? "without standing still it is suspect"
excused=$(grep -nE "$excuse|server is suspect" "$LOG" | head -n 2)
like "$excused" "*stood still*server is suspect*problem=\"no answer within $PROBE_MS ms\"*" \
	"but not by the poll before"
wait_until health_is 1 2
ok $? "and then down"
fault 1 none
wait_until health_is 1 0
ok $? "and up again"

# --- the CGI -------------------------------------------------------------------------

stop gateway
: >"$LOG"
before=$(asked getMeetings)
fault 0 hang
start cgi env TINYSCALE_CONFIG="$T/servers.json" "$CGI_PROGRAM" --poll
must_wait_until "the servers are polled" all_asked getMeetings "$before"
BEFORE_GOING_ON=answer_all stand_still cgi
wait "${PIDS[cgi]}"
is $? 0 "the CGI stood still: its round of polls"
cat "$LOGS/cgi.log" >>"$LOG"
are_well "the CGI stood still"
has_told 'this host stood still'
ok $? "its log says so"

finish

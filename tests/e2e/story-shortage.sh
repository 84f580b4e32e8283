#!/usr/bin/env bash
# What is short in the gateway is no server's fault: turns at a server that is slow but
# well, and descriptors. The limit of descriptors is raised at the start.
. "$(dirname "$0")/lib.sh"
begin story-shortage 36
need sqlite3 prlimit
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$CGI_PROGRAM"
start_sandbox 30
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# limited SOFT HARD COMMAND...: run it with these limits of descriptors.
limited() {
	local limits="$1:$2"
	shift 2
	prlimit --nofile="$limits" -- "$@"
}

# crowd NAME COUNT CALL: so many calls at once, and until all are answered. Equal ones would be
# asked together.
crowd() {
	local n pids=()
	mkdir "$T/$1"
	for ((n = 0; n < $2; n++)); do
		fcgi_background "$(url "$3" "n=$n")" "$T/$1/$n"
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
}

# nobody_is_blamed NAME
nobody_is_blamed() {
	is "$(grep -cE 'server is (suspect|down)' "$LOGS/gateway.log")" 0 "$1: no server is suspect or down"
	is "$(sqlite3 -cmd '.timeout 5000' "$T/state/state.db" \
		"SELECT COUNT(*) FROM server WHERE health <> 0")" 0 "$1: nor in the state"
}

# --- the limit is raised -------------------------------------------------------

SERVER_COUNT=2
write_config "$T/servers.json"
RUN_AS=(prlimit --nofile=64:500 --)
start_gateway gateway "$FCGI_ADDRESS"
is "$(awk '/^Max open files/ { print $4, $5 }' "/proc/${PIDS[gateway]}/limits")" "500 500" \
	"tinyscale.fcgi raises its limit of descriptors to the hard one"
stop gateway
delete_state

# Too few for the state and a call: the CGI program serves only if it raises them.
meta_variables GET "$(url getMeetings)"
limited 6 500 env -i PATH="$PATH" "${KEPT_ENVIRONMENT[@]}" TINYSCALE_CONFIG="$T/servers.json" \
	"${META[@]}" "$CGI_PROGRAM" 2>>"$LOGS/gateway.log" >"$T/answer"
take_cgi_answer "$T/answer" "$T/"
is "$(result)" "SUCCESS noMeetings" "so does tinyscale.cgi"
# What is known of the servers is written behind the answer, by the poll.
has_state() {
	[ "$(sqlite3 -cmd '.timeout 5000' "$T/state/state.db" "SELECT COUNT(*) FROM server")" = 2 ]
}
wait_until has_state
ok $? "and has a state"
delete_state

# --- turns -----------------------------------------------------------------------

# Four at a time may call one server: the fourth or the fifth four, that depends on when
# they came, have little time left.
write_config "$T/servers.json" '"max_calls_per_server": 4,'
RUN_AS=()
start_gateway gateway "$FCGI_ADDRESS"
fault 1 delay getMeetings 800
crowd turns 32 getMeetings
is "$(count_files '<returncode>SUCCESS</returncode>' "$T/turns"/*)" 32 "32 calls at once are answered"
[ "$(grep -c 'server did not answer server=server-1' "$LOGS/gateway.log")" -gt 0 ]
ok $? "some of the calls to the slow server had too little time"
nobody_is_blamed "a crowd at a slow server"
fault 1 none
stop gateway
delete_state

# --- descriptors ------------------------------------------------------------------

# Time enough for a slow build on a slow machine.
SERVER_COUNT=30
write_config "$T/servers.json" '"probe_timeout_ms": 30000,'
RUN_AS=(prlimit --nofile=128:128 --)
start_gateway gateway "$FCGI_ADDRESS"
# So that the calls meet, however slowly their clients are started.
fault 0 delay getMeetings 2000
crowd descriptors 128 getMeetings
fault 0 none
# Where the crowd goes on for long it may be over, and begin anew.
within "$(grep -c ' warn .*short of descriptors here' "$LOGS/gateway.log")" 1 \
	"$(($(grep -c ' info the shortage here is over' "$LOGS/gateway.log") + 1))" \
	"128 descriptors are too few for 128 clients and 30 servers, which is told once"
nobody_is_blamed "a shortage of descriptors"
call getMeetings
is "$(result)" "SUCCESS noMeetings" "after the crowd all is well"
# Connections that web servers keep, and do not use, make room.
meta_variables GET "$(url isMeetingRunning meetingID=any)"
holders=()
for n in {1..130}; do
	"$FCGI_CLIENT" --timeout 600 --hold 600 --keep --out "$T/kept-$n" "$FCGI_ADDRESS" \
		"${META[@]}" 2>>"$T/holding" &
	holders+=($!)
done
all_answered() { [ "$(count_files '<returncode>SUCCESS' "$T"/kept-*)" = 130 ]; }
wait_until all_answered
ok $? "130 clients that keep their connections are answered with 128 descriptors"
within "$(grep -c ' error cannot accept connections' "$LOGS/gateway.log")" 1 \
	"$(($(grep -c ' info connections can be accepted again' "$LOGS/gateway.log") + 1))" \
	"which is told once"
call getMeetings
is "$(result)" "SUCCESS noMeetings" "and so is one who comes then"
kill "${holders[@]}" 2>/dev/null
wait_for_all "${holders[@]}" 2>/dev/null

is_over() { grep -q ' info the shortage here is over' "$LOGS/gateway.log"; }
wait_until is_over
ok $? "and it is told when the shortage is over"

finish

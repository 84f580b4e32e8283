#!/usr/bin/env bash
# Two hundred creates between two polls: equal servers get equal shares, and an empty
# server that has just been added gets its share and not all of them.
. "$(dirname "$0")/lib.sh"
begin story-burst 27
need sqlite3 curl
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 4

# As many calls at once to one server as clients here: what is looked at is where
# a meeting goes, and not the limit.
ADDRESSES=("unix:$T/gateway-1.sock" "unix:$T/gateway-2.sock")
FCGI_ADDRESS=${ADDRESSES[0]}
REQUEST() { fcgi_request "$@"; }
# configure COUNT: for the first so many servers.
configure() {
	SERVER_COUNT=$1
	write_config "$T/servers.json" '"max_calls_per_server": 200,' '"poll_interval_ms": 1000,'
}
start_gateways() {
	start_gateway gateway-1 "${ADDRESSES[0]}" -t 64
	start_gateway gateway-2 "${ADDRESSES[1]}" -t 64
}
# state SQL: from the gateways' state.
state() { sqlite3 -cmd '.timeout 5000' "$T/state/state.db" "$1" | paste -sd' '; }
is_state() { [ "$(state "$1")" = "$2" ]; }

# Signed paths of two hundred different meetings.
PATHS=()
for ((n = 0; n < 200; n++)); do
	PATHS+=("$(url create "name=burst&meetingID=burst-$n&$PASSWORDS")")
done

# burst NAME: all of them at once, over both processes.
burst() {
	local n pids=() begun
	mkdir -p "$T/$1"
	begun=$(now_ms)
	for ((n = 0; n < 200; n++)); do
		fcgi_background "${PATHS[$n]}" "$T/$1/$n" "${ADDRESSES[$((n % 2))]}"
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
	diag "$1: 200 creates in $(($(now_ms) - begun)) ms"
	is "$(count_files '<returncode>SUCCESS</returncode>' "$T/$1"/*)" 200 "$1: 200 creates at once: SUCCESS" ||
		diag "$(grep -ho '<messageKey>[^<]*' "$T/$1"/* | sort | uniq -c)"
}

# --- equal servers -------------------------------------------------------------

configure 4
start_gateways
wait_until is_state "SELECT COUNT(*) FROM server WHERE since_ms > 0" 4
ok $? "four servers are polled"
burst equal
for n in 1 2 3 4; do
	within "$(meeting_count $n)" 45 55 "equal: server $n has a quarter, give or take a tenth"
done
stop gateway-1
stop gateway-2
control /reset
delete_state

# --- a new one -------------------------------------------------------------------

configure 3
start_gateways
for n in 1 2 3; do
	create "lesson-$n"
	is "$(result) $(servers_of "lesson-$n")" "SUCCESS $n" "new: a lesson on server $n"
	control "/users?server=$n&meetingID=lesson-$n&users=50"
done
wait_until is_state "SELECT users FROM server ORDER BY name" "50 50 50"
ok $? "new: a poll sees 50 people on each of three servers"
state "UPDATE server SET since_ms = since_ms - 3600000" # in use for an hour

configure 4
kill -HUP "${PIDS[gateway-1]}" "${PIDS[gateway-2]}"
# Each takes the new file in when it can; a poll by one says nothing of the other.
has_reloaded() { grep -q 'configuration reloaded' "$LOGS/$1.log"; }
wait_until has_reloaded gateway-1 && wait_until has_reloaded gateway-2
ok $? "new: a fourth server is added"
wait_until is_state "SELECT since_ms > 0 FROM server WHERE name = 'server-4'" 1
ok $? "new: it is polled"
burst new
new=$(meeting_count 4)
within "$new" 1 120 "new: of 200 it gets some, and at most 60 in a hundred ($new)"
within "$new" 1 49 "new: it is filled gently, with less than a quarter"
for n in 1 2 3; do
	share=$(((200 - new) / 3))
	within "$(($(meeting_count $n) - 1))" $((share * 9 / 10)) $((share * 11 / 10 + 1)) \
		"new: server $n has a third of the others, give or take a tenth"
done

finish

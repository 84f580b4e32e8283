#!/usr/bin/env bash
# One meetingID lives on one server however many creates arrive at once, in one
# process or in many; and equal servers get equal shares.
. "$(dirname "$0")/lib.sh"
begin story-creates 10
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 4

# More clients than one server's share of the threads: those beyond wait in line.  A busy
# machine gives a hundred processes no turn for seconds, which is not the servers' fault.
write_config "$T/servers.json" '"probe_timeout_ms": 30000,' '"connect_timeout_ms": 30000,'

ADDRESSES=("unix:$T/gateway-1.sock" "unix:$T/gateway-2.sock")
start_gateways() {
	control /reset
	delete_state
	start_gateway gateway-1 "${ADDRESSES[0]}" -t 64
	start_gateway gateway-2 "${ADDRESSES[1]}" -t 64
}
stop_gateways() {
	stop gateway-1
	stop gateway-2
}

# The two carriers: carry PATH OUT N, in the background.
carry_fcgi() { fcgi_background "$1" "$2" "${ADDRESSES[$(($3 % 2))]}"; }
carry_cgi() {
	local META
	meta_variables GET "$1"
	cgi_run >"$2" </dev/null &
}

# Servers that take their time, so that "at once" is at once.
slow_down() {
	local n
	for n in 1 2 3 4; do
		fault $n delay create 500
	done
}

# one_meeting CARRIER MEETINGID: a hundred creates of one meeting.
one_meeting() {
	local path n pids=()
	slow_down
	mkdir -p "$T/$1-one"
	path=$(url create "name=one&meetingID=$2&$PASSWORDS")
	for ((n = 0; n < 100; n++)); do
		"carry_$1" "$path" "$T/$1-one/$n" "$n"
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
	is "$(count_files '<returncode>SUCCESS</returncode>' "$T/$1-one"/*)" 100 \
		"$1: 100 creates of one meeting at once: every client has SUCCESS" ||
		diag "$(grep -ho '<messageKey>[^<]*' "$T/$1-one"/* | sort | uniq -c)"
	like "$(servers_of "$2")" "[1234]" "$1: 100 creates of one meeting at once: one server has it"
	is "$(grep -ho '<internalMeetingID>[^<]*' "$T/$1-one"/* | sort -u | wc -l)" 1 \
		"$1: 100 creates of one meeting at once: all were told of the same"
}

# shares NAME: each server has 25 meetings, more or less one; unless some were placed without
# the state, as on a machine that is so busy that a hundred processes wait for it in vain: for
# half a second after that all choose by the meetingID alone.
shares() {
	local n
	for n in 1 2 3 4; do
		if (($(alone) > ALONE)); then
			skip "$1: server $n has its share" "the state kept some waiting for too long"
		else
			within "$(meeting_count $n)" 24 26 "$1: server $n has its share"
		fi
	done
}
alone() { cat "$LOGS"/gateway*.log | grep -c 'the state cannot be'; }

# Signed paths of a hundred different meetings.
PATHS=()
for ((n = 0; n < 100; n++)); do
	PATHS+=("$(url create "name=share&meetingID=share-$n&$PASSWORDS")")
done

in_turn() {
	ALONE=$(alone)
	mkdir -p "$T/$1-turn"
	for ((n = 0; n < 100; n++)); do
		"carry_$1" "${PATHS[$n]}" "$T/$1-turn/$n" "$n"
		wait $!
	done
	is "$(count_files '<returncode>SUCCESS</returncode>' "$T/$1-turn"/*)" 100 \
		"$1: 100 meetings, one after the other: SUCCESS"
	shares "$1: 100 meetings, one after the other"
}

at_once() {
	local pids=()
	ALONE=$(alone)
	slow_down
	mkdir -p "$T/$1-once"
	for ((n = 0; n < 100; n++)); do
		"carry_$1" "${PATHS[$n]}" "$T/$1-once/$n" "$n"
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
	is "$(count_files '<returncode>SUCCESS</returncode>' "$T/$1-once"/*)" 100 \
		"$1: 100 meetings at once: SUCCESS" ||
		diag "$(grep -ho '<messageKey>[^<]*' "$T/$1-once"/* | sort | uniq -c)"
	shares "$1: 100 meetings at once"
}

# Another program locks the state again and again, for longer than the gateway waits, and
# leaves it for a moment: some of those who create a meeting claim it, some cannot.
one_meeting_each() {
	local path n pids=() split=0 round
	start locker bash -c "while :; do echo 'BEGIN IMMEDIATE; SELECT 1;'; sleep 0.3
		echo 'COMMIT;'; sleep 0.0\$((RANDOM % 9 + 1)); done | sqlite3 '$T/state/state.db'"
	must_wait_until "the state is locked" grep -qx 1 "$LOGS/locker.log"
	slow_down
	mkdir -p "$T/locked"
	for ((round = 0; round < 40; round++)); do
		path=$(url create "name=locked&meetingID=locked-$round&$PASSWORDS")
		for ((n = 0; n < 4; n++)); do
			if ((n == 3)); then
				carry_cgi "$path" "$T/locked/$round-$n" "$n"
			else
				carry_fcgi "$path" "$T/locked/$round-$n" "$n"
			fi
			pids+=($!)
			sleep 0.0$((RANDOM % 5))
		done
	done
	wait_for_all "${pids[@]}"
	stop locker
	is "$(count_files '<returncode>SUCCESS</returncode>' "$T/locked"/*)" 160 \
		"a state that is locked now and then: every client has SUCCESS" ||
		diag "$(grep -ho '<messageKey>[^<]*' "$T/locked"/* | sort | uniq -c)"
	for ((round = 0; round < 40; round++)); do
		[[ $(servers_of "locked-$round") == [1234] ]] || split=$((split + 1))
	done
	is "$split" 0 "a state that is locked now and then: each meeting is on one server"
}

if [ "$HAS_STATE_FILE" = 1 ]; then
	start_gateways
	one_meeting_each
	stop_gateways
else
	skip "a state that is locked now and then" "no other program can lock what is in Redis"
fi
start_gateways
one_meeting fcgi crowd-fcgi
stop_gateways
start_gateways
in_turn fcgi
stop_gateways
start_gateways
at_once fcgi
stop_gateways

# A new state, begun by a call before those that are counted: for half a second after it
# begins, all choose by the meetingID alone, since others may not know of it yet.
new_state() {
	local META
	control /reset
	delete_state
	meta_variables GET "$(url getMeetings)"
	cgi_run >"$T/begun" </dev/null
	sleep 0.6
}

new_state
one_meeting cgi crowd-cgi
new_state
in_turn cgi
new_state
at_once cgi

finish

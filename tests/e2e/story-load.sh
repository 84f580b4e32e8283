#!/usr/bin/env bash
# All kinds of calls at once in one process, while a server hangs and comes back
# and the configuration is read anew: every request is answered, and a build with
# sanitizers has nothing to report.
. "$(dirname "$0")/lib.sh"
begin story-load 21
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 4
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock
start_gateway gateway "$FCGI_ADDRESS" -t 12
pid=${PIDS[gateway]}

ROUNDS=5 # 55 requests: the client takes 64
CLIENTS=10

# client N: its calls one after the other over one kept connection.
client() {
	local n=$1 round path arguments=() META first=1
	for ((round = 0; round < ROUNDS; round++)); do
		for path in "$(url create "name=load&meetingID=load-$n-$round&$PASSWORDS")" \
			"$(url create "name=load&meetingID=load-shared-$round&$PASSWORDS")" \
			"$(url join "fullName=Ann&meetingID=load-$n-$round&password=$MODERATOR_PW")" \
			"$(url isMeetingRunning "meetingID=load-nowhere-$n-$round")" \
			"$(url getMeetingInfo "meetingID=load-shared-$round")" \
			"$(url getMeetings)" "$(url getSessions)" "$API" "$API/tinyscale/health" \
			"$API/getMeetings?checksum=0000000000000000000000000000000000000000" \
			"$(url end "meetingID=load-$n-$round&password=$MODERATOR_PW")"; do
			meta_variables GET "$path"
			[ $first = 1 ] || arguments+=(--next)
			first=0
			arguments+=("${META[@]}")
		done
	done
	"$FCGI_CLIENT" --keep --timeout 120 "$FCGI_ADDRESS" "${arguments[@]}" \
		>"$T/client-$n" 2>>"$T/client-errors"
}

clients=()
for ((n = 0; n < CLIENTS; n++)); do
	client "$n" &
	clients+=($!)
done
for _ in 1 2 3; do
	# Not all of its places: calls that fail since it answers nobody are not the matter here.
	control "/fault?server=2&kind=hang&call=getMeetings&times=2"
	sleep 0.3
	kill -HUP "$pid"
	fault 2 none getMeetings
	sleep 0.3
	kill -HUP "$pid"
done
failures=0
for n in "${clients[@]}"; do
	wait "$n" || failures=$((failures + 1))
done
is $failures 0 "all clients were answered"
is "$(cat "$T"/client-? | grep -ao 'Status: ' | wc -l)" $((CLIENTS * ROUNDS * 11)) "every request has an answer"
is "$(cat "$T"/client-? | grep -ao 'serverUnavailable\|noServerAvailable' | wc -l)" 0 "no call failed"
is "$(servers_of load-shared-0 | wc -w)" 1 "a meeting that all created is on one server"

unset "PIDS[gateway]"
kill -TERM "$pid"
wait "$pid"
is $? 0 "the gateway ends with status 0"
is "$(grep -c 'ThreadSanitizer\|AddressSanitizer\|runtime error' "$LOGS/gateway.log")" 0 "no sanitizer reports anything"

finish

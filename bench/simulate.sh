#!/usr/bin/env bash
# A school's morning on 100 to 10,000 servers, simulated (bench/simulate/), with costs that are
# measured first: what the engine's CPU and memory take for each thing, from an engine with
# 10,000 servers and 1,000,000 mappings in it, and what a gateway's CPU takes for a poll.
#
# usage: bench/simulate.sh FIGURES [MAPPINGS [SERVERS MEETINGS GATEWAYS]...]
#        (1000000, at least 50000; the sizes of bench/simulate/main.c; after `make`)
#
# FIGURES is what bench/scale-out.sh printed on this machine: what all of a create and of a
# join takes. How the morning goes is in bench/simulate/morning.h.
. "$(dirname "$0")/../tests/e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
SERVERS=10000
POLLED=50
MEETINGS=30
PEOPLE=25
ROUNDS=7
figures=${1:?usage: bench/simulate.sh FIGURES [MAPPINGS]}
mappings=${2:-1000000}
E2E_PORT_BASE=${BENCH_PORT_BASE:-20000}
begin bench-simulate 140
need curl sha256sum
SIMULATE=$BUILD/bench/simulate/simulate
COST=$BUILD/bench/engine-cost
make -s -C "$BUILD" bench/engine-cost bench/simulate/simulate >"$LOGS/make.log" 2>&1
need_built "$CGI_PROGRAM" "$FCGI_PROGRAM" "$COST" "$SIMULATE"
start_engine
cost() { echo "$1 $2" | tee -a "$T/costs"; }
used_bytes() { engine INFO memory | tr -d '\r' | sed -n 's/^used_memory://p'; }

# --- what the servers answer, and what a poll takes ------------------------------------

start_sandbox $POLLED
write_config "$T/servers.json" "\"state_prefix\": \"polls\","
sed -i "s|\"$T/state/state.db\"|\"redis+unix:$ENGINE\"|" "$T/servers.json"
SERVER_COUNT=1 write_config "$T/one.json" "\"state_prefix\": \"one\","
sed -i "s|\"$T/state/state.db\"|\"redis+unix:$ENGINE\"|" "$T/one.json"
# poll_us CONFIG: of its CPU, the median of the rounds. Before each, people come: no list is as
# it was.
poll_us() {
	local round TIMEFORMAT='%U %S'
	for ((round = 0; round < ROUNDS; round++)); do
		[ ! -f "$T/people" ] || sed "s/users=$PEOPLE/users=$((PEOPLE + round % 2))/" "$T/people" | curl -gsS -K -
		{ time TINYSCALE_CONFIG=$1 "$CGI_PROGRAM" --poll 2>>"$LOGS/gateway.log"; } 2>&1 |
			awk '{ print int(($1 + $2) * 1e6) }'
	done | median
}
one=$(poll_us "$T/one.json")
none=$(poll_us "$T/servers.json")
for ((n = 1; n <= POLLED; n++)); do
	for ((i = 1; i <= MEETINGS; i++)); do
		echo "create name=lesson&meetingID=m-$n-$i"
	done >"$T/plain"
	SECRET=$(server_secret "$n") sign_all "$T/plain" | awk -v url="$(server_url "$n")" -v api="$API" \
		'{ print "url = " url substr($0, length(api) + 1) "\noutput = /dev/null" }' >>"$T/creates"
	for ((i = 1; i <= MEETINGS; i++)); do
		printf 'url = http://127.0.0.1:%d/users?server=%d&meetingID=m-%d-%d&users=%d\noutput = /dev/null\n' \
			$((PORT0 + 10)) "$n" "$n" "$i" $PEOPLE
	done >>"$T/people"
done
curl -gsS -K "$T/creates" || exit 1
poll_us "$T/servers.json" >/dev/null
full=$(poll_us "$T/servers.json")
curl -gsS -o "$T/list" "$(own_url 1 getMeetings)"
is "$(grep -o '<meetingID>' "$T/list" | wc -l)" $MEETINGS "a list is whole" >&2
start gateway env TINYSCALE_CONFIG="$T/servers.json" TINYSCALE_LOG=info "$FCGI_PROGRAM" -s "unix:$T/gateway.sock"
must_wait_until "the gateway answers" fcgi_probe "unix:$T/gateway.sock"
sleep 2
cost gateway_kb "$(awk '/^Pss:/ { print $2 }' "/proc/${PIDS[gateway]}/smaps_rollup")"
stop gateway
stop sandbox
cost poll_us $(((none - one) / (POLLED - 1)))
cost poll_meeting_us $(((full - none) / POLLED / MEETINGS))
cost answer_meeting_bytes $(($(stat -c %s "$T/list") / MEETINGS))

# --- the engine ------------------------------------------------------------------------

engine FLUSHALL >/dev/null
cost empty_bytes "$(used_bytes)"
cost way_us "$(engine_way_us)"
# work SERVERS WORK [NUMBER [FILE]]: into US, of the engine's CPU for each; CLIENT_US; BYTES.
work() {
	local bytes cpu times longest
	bytes=$(used_bytes)
	cpu=$(cpu_us engine)
	read -r times CLIENT_US longest < <("$COST" "redis+unix:$ENGINE" "$@")
	# The engine tells when it has done all that came before.
	BYTES=$((($(used_bytes) - bytes) / times))
	cpu=$(($(cpu_us engine) - cpu))
	US=$(awk -v us=$cpu -v n="$times" 'BEGIN { printf "%.1f", us / n }')
	echo "# $2: $times done, $US microseconds of the engine each, $CLIENT_US of the client, $longest the longest; $BYTES bytes each"
}
work $SERVERS facts 1
cost server_bytes $BYTES
work $SERVERS facts 5
cost facts_us "$US"
work $SERVERS mappings "$mappings"
cost mapping_bytes $BYTES
cost note_us "$US"
work $SERVERS joins 20000
cost join_us "$US"
join=$US
work $SERVERS listed 3000
cost listed_us "$(awk -v us="$US" -v one="$join" -v n=$((mappings / SERVERS)) 'BEGIN { printf "%.2f", (us - one) / n }')"
work $SERVERS trends
cost trend_us "$US"
cost trend_bytes $BYTES
work 500 lists 1 "$T/list"
cost list_us "$US"
cost list_meeting_bytes $((BYTES / MEETINGS))
work $SERVERS anew 20
cost row_us "$(awk -v us="$US" 'BEGIN { printf "%.2f", us / '$SERVERS' }')"
cost gateway_row_us "$(awk -v us="$CLIENT_US" 'BEGIN { printf "%.2f", us / '$SERVERS' }')"
work 20 pictures 10000
cost picture_us "$US"
picture=$US
work 20 claims 10000
cost set_us "$(awk -v us="$US" -v picture="$picture" 'BEGIN { printf "%.1f", us - picture }')"
work $SERVERS purge 1
work $SERVERS peaks 50000
cost peak_bytes "$(awk -v bytes="$BYTES" -v mapping="$(sed -n 's/^mapping_bytes //p' "$T/costs")" 'BEGIN { print bytes + mapping }')"
echo "# the engine's memory with $((mappings - 50000)) mappings in it: $(used_bytes) bytes"

# --- the simulation --------------------------------------------------------------------

# figure LINE: the first figure of that line of scale-out's.
figure() { awk -v line="$1" 'index($0, line) == 1 { print $(NF - 2); exit }' "$figures"; }
cost create_us "$(figure "  the engine's CPU, microseconds")"
cost gateway_create_us "$(figure "  the gateways' CPU, microseconds")"
cost gateway_join_us "$(awk '/^a join, Redis/ { is_join = 1 } is_join && /gateways. CPU/ { print $(NF - 2); exit }' "$figures")"
stop engine
echo
"$SIMULATE" "$T/costs" "${@:3}"
status=$?
FINISHED=1
report_count=-1
exit $status

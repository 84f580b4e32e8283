#!/usr/bin/env bash
# What one, two and four gateways do over one Redis: creates of new meetingIDs a second, and
# joins a second, by sixteen clients; and the same over one SQLite file, which is what one
# host has. Then where the time of one create goes. Exit status 1 if joins over Redis are
# fewer than 0.6 times those over SQLite, or anything was not answered well.
#
# usage: bench/scale-out.sh [ROUNDS]      (5; after `make` and `make tests/e2e/fcgi-client`)
#
# What is compared:
# - Two states, each with four gateways and twenty servers of its own, in one run and in
#   turn, so that both have the same machine and the same neighbours. The figures are
#   medians of the rounds.
# - All of it is on one machine: clients, gateways, the engine, and the stand-in, one process
#   that is all servers. So more gateways than there are cores to spare are no faster here,
#   and what a gateway's own host would add cannot be seen. What can be seen is what more
#   gateways cost the engine: scripts for each create, and time in them.
# - The engine saves as contrib/ha/redis.conf has it.
# - A new meetingID is looked for nowhere (lookups_per_second is 0, and the picture is
#   complete), so a create is its claim, and the server's own answer.
# - Before anything is measured each server has been polled twice. Then polls are rare. Each
#   round begins without meetings, or each would have longer lists to poll than the last.
. "$(dirname "$0")/../tests/e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
SERVERS=20
GATEWAYS=4
CLIENTS=16
CREATES=64 # of each client, as many as it takes in one go
JOIN_RUNS=8
ALONE=3 # times 64 creates of one client
POLL_MS=20000
rounds=${1:-5}
E2E_PORT_BASE=${BENCH_PORT_BASE:-20000}
E2E_DEADLINE=$((4 * POLL_MS / 1000))
begin bench-scale-out 120
need curl sha256sum
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox $((2 * SERVERS))
start_engine

# The first servers are the gateways' over Redis, the others are the other gateways'.
declare -A FIRST=([redis]=1 [sqlite]=$((SERVERS + 1))) STATE=([redis]="redis+unix:$ENGINE" [sqlite]="$T/state/state.db")
for kind in redis sqlite; do
	{
		printf '{"secret": "%s", "state": "%s", "poll_interval_ms": %d, "lookups_per_second": 0, "servers": [\n' \
			"$SECRET" "${STATE[$kind]}" $POLL_MS
		for ((n = FIRST[$kind]; n < FIRST[$kind] + SERVERS; n++)); do
			printf '{"host": "%s", "secret": "%s", "name": "server-%d"}%s\n' "$(server_url "$n")" \
				"$(server_secret "$n")" "$n" "$([ "$n" = $((FIRST[$kind] + SERVERS - 1)) ] || echo ,)"
		done
		echo ']}'
	} >"$T/$kind.json"
	for ((g = 1; g <= GATEWAYS; g++)); do
		# The log's level is that of an installation.
		start "$kind-$g" env TINYSCALE_CONFIG="$T/$kind.json" TINYSCALE_LOG=info \
			"$FCGI_PROGRAM" -s "unix:$T/$kind-$g.sock"
		must_wait_until "gateway $g answers" fcgi_probe "unix:$T/$kind-$g.sock"
	done
done
questions() { control "/calls?server=0&count=1${1:+&call=$1}"; }
# wait_for_polls TIMES: until each server has been polled so often from now on.
wait_for_polls() {
	polls=$(($(questions getMeetings) + $1 * 2 * SERVERS))
	must_wait_until "each server is polled" are_polled
	sleep 2 # what the last polls told is written
}
are_polled() { [ "$(questions getMeetings)" -ge "$polls" ]; }
wait_for_polls 2

# --- requests ----------------------------------------------------------------------

# prepare NAME COUNT: the arguments of so many creates, 64 in a file.
prepare() {
	local i k
	for ((i = 0; i < $2; i++)); do
		echo "create name=scale&meetingID=$1-$i"
	done >"$T/plain"
	mapfile -t paths < <(sign_all "$T/plain")
	for ((k = 0; k < $2 / CREATES; k++)); do
		arguments "$T/$1.$k" "${paths[@]:k * CREATES:CREATES}"
	done
}
for ((round = 0; round < rounds; round++)); do
	for n in 1 2 4; do
		prepare "create-$round-$n" $((CLIENTS * CREATES))
	done
	prepare "alone-$round" $((ALONE * CREATES))
	for ((i = 0; i < CREATES; i++)); do
		echo "join fullName=Ann&meetingID=create-$round-1-$i&role=viewer"
	done >"$T/plain"
	mapfile -t paths < <(sign_all "$T/plain")
	arguments "$T/joins-$round" "${paths[@]}"
done
# The servers' own creates, as the gateway sends them: over a connection of their own.
for ((i = 0; i < CREATES; i++)); do
	echo "create name=scale&meetingID=own-$i"
done >"$T/plain"
SECRET=$(server_secret 1) sign_all "$T/plain" |
	awk -v url="$(server_url 1)" -v api="$API" '{ print "url = " url substr($0, length(api) + 1) "\noutput = /dev/null" }' >"$T/own"

# --- measuring -----------------------------------------------------------------------

# engine_told: scripts that it has run, microseconds in them, how often it has read what was
# sent to it, which is once each way there and back, and microseconds of its CPU.
engine_told() {
	engine INFO all | tr -d '\r' | awk -F'[:=,]' -v cpu="$(cpu_us engine)" '
		$1 == "cmdstat_evalsha" { calls = $3; us = $5 }
		$1 == "total_reads_processed" { reads = $2 }
		END { print calls + 0, us + 0, reads + 0, cpu }'
}
cpu_of() {
	local g sum=0
	for ((g = 1; g <= $2; g++)); do
		sum=$((sum + $(cpu_us "$1-$g")))
	done
	echo $sum
}
note_bad() { [ "$2" = 0 ] || echo "$2 $1 of round $round were not answered well" >>"$T/bad"; }

# share KIND N FILES RUNS K: what one client does.
share() {
	local i file=$3
	[ -f "$file" ] || file=$3.$5
	for ((i = 0; i < $4; i++)); do
		client "$1-$(($5 % $2 + 1))" "$file" "$T/part-$5-$i"
	done
}
# run KIND N FILES RUNS: sixteen clients at N gateways, each with its own of the files, or all
# with one. TOOK_MS, and what the gateways and the engine did in that time.
run() {
	local before
	rm -f "$T"/part-*
	GATEWAY_US=$(cpu_of "$1" "$2")
	before=$(engine_told)
	at_once "$CLIENTS" share "$@"
	told_since "$before"
	GATEWAY_US=$(($(cpu_of "$1" "$2") - GATEWAY_US))
}
# told_since BEFORE: into SCRIPTS, SCRIPTS_US, WAYS, ENGINE_US.
told_since() {
	read -r SCRIPTS SCRIPTS_US WAYS ENGINE_US < <(echo "$1 $(engine_told)" |
		awk '{ print $5 - $1, $6 - $2, $7 - $3, $8 - $4 }')
}
answered() { cat "$T"/part-*[0-9] | grep -c "$1"; }
# each NUMBER OF: to one digit behind the point
each() { awk -v sum="$1" -v n="$2" 'BEGIN { printf "%.1f\n", sum / n }'; }

creates() {
	local kind=$1 n=$2 all=$((CLIENTS * CREATES))
	run "$kind" "$n" "$T/create-$round-$n" 1
	note_bad "creates over $kind" $((all - $(answered '<returncode>SUCCESS<')))
	echo $((all * 1000 / TOOK_MS)) >>"$T/$kind.$n.creates"
	each $GATEWAY_US $all >>"$T/$kind.$n.gateway"
	[ "$kind" = redis ] || return 0
	each "$SCRIPTS" $all >>"$T/$n.scripts"
	each "$SCRIPTS_US" $all >>"$T/$n.scripts_us"
	each "$ENGINE_US" $all >>"$T/$n.engine_us"
	echo $((ENGINE_US / TOOK_MS / 10)) >>"$T/$n.busy"
}
joins() {
	local kind=$1 n=$2 all=$((CLIENTS * JOIN_RUNS * CREATES))
	run "$kind" "$n" "$T/joins-$round" $JOIN_RUNS
	note_bad "joins over $kind" $((all - $(answered '^Status: 302')))
	echo $((all * 1000 / TOOK_MS)) >>"$T/$kind.$n.joins"
	each $GATEWAY_US $all >>"$T/$kind.$n.join_us"
	[ "$kind" = redis ] || return 0
	each "$ENGINE_US" $all >>"$T/$n.join_engine_us"
}
# alone KIND: one client, one gateway.
alone() {
	local kind=$1 all=$((ALONE * CREATES)) before k
	rm -f "$T"/part-*
	GATEWAY_US=$(cpu_of "$kind" 1)
	before=$(engine_told)
	for ((k = 0; k < ALONE; k++)); do
		client "$kind-1" "$T/alone-$round.$k" "$T/part-$k"
	done
	told_since "$before"
	note_bad "creates of one client over $kind" $((all - $(answered '<returncode>SUCCESS<')))
	cat "$T"/part-*.us | median >>"$T/$kind.alone"
	each $(($(cpu_of "$kind" 1) - GATEWAY_US)) $all >>"$T/$kind.alone_gateway"
	[ "$kind" = redis ] || return 0
	each "$SCRIPTS_US" $all >>"$T/alone.scripts_us"
	each "$SCRIPTS" $all >>"$T/alone.scripts"
	each "$WAYS" $all >>"$T/alone.ways"
}

for ((round = 0; round < rounds; round++)); do
	order=(redis sqlite)
	[ $((round % 2)) = 0 ] || order=(sqlite redis)
	control /reset
	wait_for_polls 1
	asked=$(($(questions) - $(questions getMeetings) - $(questions create)))
	for kind in "${order[@]}"; do
		alone "$kind"
	done
	for n in 1 2 4; do
		for kind in "${order[@]}"; do
			creates "$kind" "$n"
		done
		for kind in "${order[@]}"; do
			joins "$kind" "$n"
		done
	done
	note_bad "meetings looked for, which" $(($(questions) - $(questions getMeetings) - $(questions create) - asked))
	curl -gsS -K "$T/own" -w '%{stderr}%{time_total}\n' 2>&1 | awk '{ print int($1 * 1e6) }' | median >>"$T/own_us"
	engine_way_us >>"$T/way_us"
done

# --- what came out ------------------------------------------------------------------

status=0
if [ -s "$T/bad" ]; then
	cat "$T/bad"
	status=1
fi
of() { median <"$T/$1"; }
# row NAME FIGURE...
row() {
	local name=$1
	shift
	printf '%-46s' "$name"
	printf '%12s' "$@"
	echo
}
# over NAME WHAT [LIMIT]: what Redis does of what SQLite does, which is judged by the limit.
over() {
	local n ratio ratios=()
	for n in 1 2 4; do
		ratio=$(awk -v redis="$(of "redis.$n.$2")" -v sqlite="$(of "sqlite.$n.$2")" \
			'BEGIN { printf "%.2f", redis / sqlite }')
		if awk -v ratio="$ratio" -v limit="${3:-0}" 'BEGIN { exit !(ratio < limit) }'; then
			ratio="$ratio too few"
			status=1
		fi
		ratios+=("$ratio")
	done
	row "$1" "${ratios[@]}"
}
echo "$(nproc) cores for $CLIENTS clients, the gateways, the engine and $((2 * SERVERS)) servers; $(engine INFO server | tr -d '\r' | sed -n 's/^redis_version:/Redis /p')"
row "medians of $rounds rounds" "1 gateway" "2 gateways" "4 gateways"
row "creates a second, Redis" "$(of redis.1.creates)" "$(of redis.2.creates)" "$(of redis.4.creates)"
row "creates a second, SQLite" "$(of sqlite.1.creates)" "$(of sqlite.2.creates)" "$(of sqlite.4.creates)"
over "  Redis / SQLite" creates
row "a create, Redis: scripts" "$(of 1.scripts)" "$(of 2.scripts)" "$(of 4.scripts)"
row "  microseconds in them" "$(of 1.scripts_us)" "$(of 2.scripts_us)" "$(of 4.scripts_us)"
row "  the engine's CPU, microseconds" "$(of 1.engine_us)" "$(of 2.engine_us)" "$(of 4.engine_us)"
row "  the gateways' CPU, microseconds" "$(of redis.1.gateway)" "$(of redis.2.gateway)" "$(of redis.4.gateway)"
row "the engine's one core is busy, per cent" "$(of 1.busy)" "$(of 2.busy)" "$(of 4.busy)"
row "joins a second, Redis" "$(of redis.1.joins)" "$(of redis.2.joins)" "$(of redis.4.joins)"
row "joins a second, SQLite" "$(of sqlite.1.joins)" "$(of sqlite.2.joins)" "$(of sqlite.4.joins)"
over "  Redis / SQLite, 0.6 at least" joins 0.6
row "a join, Redis: the engine's CPU, microseconds" "$(of 1.join_engine_us)" "$(of 2.join_engine_us)" "$(of 4.join_engine_us)"
row "  the gateways' CPU, microseconds" "$(of redis.1.join_us)" "$(of redis.2.join_us)" "$(of redis.4.join_us)"
row "  the same, SQLite" "$(of sqlite.1.join_us)" "$(of sqlite.2.join_us)" "$(of sqlite.4.join_us)"
echo
row "one client, one gateway: a create, microseconds" Redis SQLite
row "as the client sees it (median)" "$(of redis.alone)" "$(of sqlite.alone)"
row "  the server's own answer" "$(of own_us)" "$(of own_us)"
row "  the ways to the engine and back: how many" "$(of alone.ways)" -
row "    of one, with nothing to do there" "$(of way_us)" -
row "    scripts run there" "$(of alone.scripts)" -
row "    in them" "$(of alone.scripts_us)" -
row "  the gateway's CPU" "$(of redis.alone_gateway)" "$(of sqlite.alone_gateway)"
echo
for file in "$T"/*.creates "$T"/*.joins "$T"/*.alone "$T"/*.scripts; do
	echo "all rounds of $(basename "$file"): $(paste -sd' ' "$file")"
done
FINISHED=1
report_count=-1
exit $status

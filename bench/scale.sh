#!/usr/bin/env bash
# What 500 servers cost against ten: 200 creates of new meetingIDs one after the other,
# and 200 by sixteen clients, in milliseconds and in the gateway's CPU time; joins a
# second; the memory of a gateway that idles.  Exit status 1 if with 500 servers a create
# takes more than 1.5 times as long or as much CPU, joins are fewer than 0.9 times as
# many, or the gateway's share of memory (PSS) is 20 MB or more.
#
# usage: bench/scale.sh [ROUNDS]      (5; after `make` and `make tests/e2e/fcgi-client`)
#
# Environment: BENCH_SERVERS, instead of 500; with 10 one sees the noise.
#
# What is compared:
# - Two gateways, each with a state of its own, in one run and in turn, so that both have
#   the same machine and the same neighbours.  One stand-in is all 510 servers.  The
#   figures are medians of the rounds.
# - The picture is complete: measuring begins when each server has been polled twice.
#   So a new meetingID costs questions only within lookups_per_second, which is left at its
#   default.  It counts questions, so with 500 servers one look-up uses it up, and with
#   ten fifty do: over all creates of a phase both gateways ask about as much, and what
#   is compared is the sum.  The questions are printed; without that limit they would be 500
#   and 10 a create.
# - Before each phase the bucket of lookups_per_second fills again.
# - Polls are rare here (30 s), as their cost is another matter (bench/poll.sh); a phase
#   that a poll falls into is one of several rounds.
# - What a create takes is counted from when its connection is open to the answer's end, by
#   the client; the clients' own start is not in it.
. "$(dirname "$0")/../tests/e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
SMALL=10
LARGE=${BENCH_SERVERS:-500}
CREATES=200
CLIENTS=16
JOINS=64 # as many as the client takes in one go
JOIN_RUNS=8
POLL_MS=30000
rounds=${1:-5}
E2E_PORT_BASE=${BENCH_PORT_BASE:-20000}
E2E_DEADLINE=$((3 * POLL_MS / 1000))
begin bench-scale 200
need curl sha256sum
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
if [ "$(server_port $((SMALL + LARGE)))" -ge 32768 ]; then
	fail "ports stay below 32768"
	finish
fi
start_sandbox $((SMALL + LARGE))

# The small gateway's servers are the first ones, the large one's are the others.
declare -A FIRST=([small]=1 [large]=$((SMALL + 1))) LAST=([small]=$SMALL [large]=$((SMALL + LARGE)))
for size in small large; do
	{
		printf '{"secret": "%s", "state": "%s", "poll_interval_ms": %d, "servers": [\n' \
			"$SECRET" "$T/state/$size.db" $POLL_MS
		for ((n = FIRST[$size]; n <= LAST[$size]; n++)); do
			printf '{"host": "%s", "secret": "%s", "name": "server-%d"}%s\n' "$(server_url "$n")" \
				"$(server_secret "$n")" "$n" "$([ "$n" = "${LAST[$size]}" ] || echo ,)"
		done
		echo ']}'
	} >"$T/$size.json"
	# The log's level is that of an installation.
	start "$size" env TINYSCALE_CONFIG="$T/$size.json" TINYSCALE_LOG=info \
		"$FCGI_PROGRAM" -s "unix:$T/$size.sock"
	must_wait_until "the $size gateway answers" fcgi_probe "unix:$T/$size.sock"
done

# count SIZE [CALL]: the calls that its servers have received.
count() {
	local n sum=0
	for ((n = FIRST[$1]; n <= LAST[$1]; n++)); do
		echo "url = http://127.0.0.1:$((PORT0 + 10))/calls?server=$n&count=1${2:+&call=$2}"
	done >"$T/count"
	for n in $(curl -gsS -K "$T/count"); do
		sum=$((sum + n))
	done
	echo $sum
}
# is_polled SIZE: twice, and before any client asked for anything.
is_polled() {
	[ "$(count "$1" getMeetings)" -ge $((2 * (LAST[$1] - FIRST[$1] + 1))) ]
}
for size in small large; do
	must_wait_until "each server of the $size gateway has been polled twice" is_polled $size
done
sleep 2 # what the last polls told is written

# shellcheck disable=SC2153 # lib.sh has PIDS
pss_kb() { awk '/^Pss:/ { print $2 }' "/proc/${PIDS[$1]}/smaps_rollup"; }
small_kb=$(pss_kb small)
large_kb=$(pss_kb large)

# --- requests, all made before anything is measured ------------------------------

for ((round = 0; round < rounds; round++)); do
	for how in one many; do
		for ((i = 0; i < CREATES; i++)); do
			echo "create name=scale&meetingID=scale-$how-$round-$i"
		done >"$T/plain"
		mapfile -t paths < <(sign_all "$T/plain")
		pieces=$((CREATES / 50))
		[ $how = one ] || pieces=$CLIENTS
		for ((k = 0; k < pieces; k++)); do
			from=$((k * CREATES / pieces))
			arguments "$T/$how-$round-$k" "${paths[@]:from:(k + 1) * CREATES / pieces - from}"
		done
	done
done
for ((i = 0; i < JOINS; i++)); do
	echo "join fullName=Ann&meetingID=scale-one-0-$i&role=viewer"
done >"$T/plain"
mapfile -t paths < <(sign_all "$T/plain")
arguments "$T/joins" "${paths[@]}"

# note_bad WHAT NUMBER: so many were not answered well, which a benchmark must not hide.
note_bad() {
	[ "$2" = 0 ] || echo "$2 $1 of round $round were not answered well" >>"$T/bad"
}

# creates SIZE HOW ROUND: by one client, or by many, whose shares are as equal as can be.
creates() {
	local size=$1 how=$2 round=$3 pids=() file cpu questions polls made
	sleep 1.2
	questions=$(count "$size")
	polls=$(count "$size" getMeetings)
	made=$(count "$size" create)
	rm -f "$T"/part-*
	cpu=$(cpu_us "$size")
	for file in "$T/$how-$round"-*; do
		client "$size" "$file" "$T/part-${file##*-}" &
		pids+=($!)
		[ "$how" = many ] || wait $!
	done
	wait_for_all "${pids[@]}"
	cpu=$(($(cpu_us "$size") - cpu))
	questions=$(($(count "$size") - questions - $(count "$size" getMeetings) + polls - \
		$(count "$size" create) + made))
	note_bad "$size: creates" $((CREATES - $(cat "$T"/part-*[0-9] | grep -c '<returncode>SUCCESS<')))
	cat "$T"/part-*.us | awk '{ sum += $1; n++ } END { printf "%d\n", sum / n }' >>"$T/$size.$how.us"
	echo $((cpu / CREATES)) >>"$T/$size.$how.cpu"
	echo $questions >>"$T/$size.$how.questions"
}

# join_often SIZE K: one client's share.
join_often() {
	local i
	for ((i = 0; i < JOIN_RUNS; i++)); do
		client "$1" "$T/joins" "$T/part-$2-$i"
	done
}
# joins SIZE ROUND: a second, to meetings that are there.
joins() {
	local size=$1 round=$2 n=$((CLIENTS * JOIN_RUNS * JOINS))
	rm -f "$T"/part-*
	at_once "$CLIENTS" join_often "$size"
	note_bad "$size: joins" $((n - $(cat "$T"/part-*[0-9] | grep -c '^Status: 302')))
	echo $((n * 1000 / TOOK_MS)) >>"$T/$size.joins"
}

for ((round = 0; round < rounds; round++)); do
	order=(small large)
	[ $((round % 2)) = 0 ] || order=(large small)
	for how in one many; do
		for size in "${order[@]}"; do
			creates "$size" "$how" "$round"
		done
	done
	for size in "${order[@]}"; do
		joins "$size" "$round"
	done
done

# --- what came out ------------------------------------------------------------------

status=0
if [ -s "$T/bad" ]; then
	cat "$T/bad"
	status=1
fi
# row NAME SMALL LARGE LIMIT [least]: LIMIT is of LARGE / SMALL, '-' where there is none.
row() {
	local verdict='' ratio
	if [ "$4" != - ] && ! awk -v small="$2" -v large="$3" -v limit="$4" -v least="${5:-}" \
		'BEGIN { exit !(least ? large >= limit * small : large <= limit * small) }'; then
		verdict=' too much'
		[ -z "${5:-}" ] || verdict=' too few'
		status=1
	fi
	ratio=$(awk -v small="$2" -v large="$3" 'BEGIN { if (small > 0) printf "%.2f", large / small }')
	printf '%-38s %12s %12s %8s %6s%s\n' "$1" "$2" "$3" "${ratio:--}" "$4" "$verdict"
}
printf '%-38s %12s %12s %8s %6s\n' "medians of $rounds rounds" "$SMALL servers" "$LARGE servers" ratio limit
for how in one many; do
	by="one client"
	[ $how = one ] || by="$CLIENTS clients"
	row "create, $by: microseconds" "$(median <"$T/small.$how.us")" "$(median <"$T/large.$how.us")" 1.5
	row "  gateway's CPU, microseconds" "$(median <"$T/small.$how.cpu")" "$(median <"$T/large.$how.cpu")" 1.5
	row "  questions of all $CREATES creates" "$(median <"$T/small.$how.questions")" \
		"$(median <"$T/large.$how.questions")" -
done
row "joins a second, $CLIENTS clients" "$(median <"$T/small.joins")" "$(median <"$T/large.joins")" 0.9 least
row "PSS of a gateway that idles, kB" "$small_kb" "$large_kb" -
row "PSS after all that, kB" "$(pss_kb small)" "$(pss_kb large)" -
echo "the stand-in's PSS with $((SMALL + LARGE)) servers: $(pss_kb sandbox) kB"
if [ "$large_kb" -ge 20000 ]; then
	echo "PSS with $LARGE servers is 20 MB or more."
	status=1
fi
for file in "$T"/*.us "$T"/*.cpu "$T"/*.questions "$T"/*.joins; do
	[[ $file == */part-* ]] || echo "all rounds of $(basename "$file"): $(paste -sd' ' "$file")"
done
FINISHED=1
report_count=-1
exit $status

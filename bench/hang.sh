#!/usr/bin/env bash
# What a hung server costs the others: one of ten servers hangs while 32 clients ask
# for its meetings.  Prints the 99th percentile of joins, and of getMeetingInfo calls,
# to meetings of the other nine, without and with the hang; exit status 1 if one
# grows by more than half.
#
# usage: bench/hang.sh [LINE...]      LINE: one more member of the configuration,
#                                     such as '"max_calls_per_server": 10000,'
#
# What is compared:
# - One run, phases in turn, so that all have the same machine and the same
#   neighbours.  The figures are medians of the rounds: what else the machine does in
#   one phase should not decide.
# - The same other load.  The 32 clients are there in both phases, and ask for the
#   same meetings at the same rate; only the server's silence differs.  Against phases
#   without these clients one would measure what they cost, and not the hang.  As
#   people do, each waits for its answer before it asks again (paced-client's
#   "skip"), ten times a second at most.  Without that pause they would in one case
#   be slowed by the server and in the other by nothing but our refusals.
# - A refusal is cheaper than an answer, so the others may well be faster with the
#   hang than without.  "alone" is what they take without these clients; it is
#   not judged.
# - The measured calls come at a fixed rate and count from when they were due
#   (paced-client.c), or a stall would keep its own evidence from being made.
# - The first second of a hang is not among the phases: until the server's silence is
#   noticed the clients' calls wait for it, on as many threads as there are
#   clients (http_curl.h).  It is measured apart, as the longest call in it.
#
# The configuration: the default threads (32, as many as clients, so that without a
# limit all would be held), down_after at its maximum and no polls, or the server
# would be down after two failures and not be called at all; call_timeout_ms is
# 2 s, so that places are often given up and taken again.  The log's level is that of
# an installation.
. "$(dirname "$0")/../tests/e2e/lib.sh"
begin bench-hang 90
need nginx
PACED_CLIENT=$BUILD/bench/paced-client
[ -x "$PACED_CLIENT" ] || make -s -C "$BUILD" bench/paced-client >&2
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$PACED_CLIENT"
. "$E2E/web.sh"

SECONDS_EACH=${BENCH_SECONDS:-15}
ROUNDS=${BENCH_ROUNDS:-3}
RATE=200
CLIENTS=32

start_sandbox 10
write_config "$T/servers.json" '"down_after": 100,' '"poll_interval_ms": 600000,' \
	'"call_timeout_ms": 2000,' "$@"
FCGI_ADDRESS=unix:$T/gateway.sock
start gateway env TINYSCALE_CONFIG="$T/servers.json" TINYSCALE_LOG=info \
	"$FCGI_PROGRAM" -s "$FCGI_ADDRESS"
must_wait_until "the gateway answers" fcgi_probe "$FCGI_ADDRESS"
start_nginx "$T/gateway.sock"

# Forty meetings, four on each server; those of the first one's server will hang.
for n in {1..40}; do
	create "bench-$n" >/dev/null
done
hung=$(servers_of bench-1)
for n in {1..40}; do
	if [ "$(servers_of "bench-$n")" = "$hung" ]; then
		url getMeetingInfo "meetingID=bench-$n" >>"$T/hammer.paths"
	else
		url join "fullName=Ann&meetingID=bench-$n&role=viewer" >>"$T/join.paths"
		url getMeetingInfo "meetingID=bench-$n" >>"$T/info.paths"
	fi
done
is "$(wc -l <"$T/hammer.paths") $(wc -l <"$T/join.paths")" "4 36" "four meetings on each server"

# percentile PER-MILLE FILE: microseconds
percentile() {
	sort -n "$2" | awk -v p="$1" '{ took[NR] = $1 } END { print took[int((NR - 1) * p / 1000) + 1] }'
}

# measure PHASE SECONDS: joins and calls to the nine others.
measure() {
	local what pids=()
	for what in join info; do
		"$PACED_CLIENT" "$HTTP_PORT" "$T/$what.paths" 16 $RATE "$2" "$T/$what.part" &
		pids+=($!)
	done
	wait_for_all "${pids[@]}"
	for what in join info; do
		cat "$T/$what.part" >>"$T/$what.$1"
		percentile 500 "$T/$what.part" >>"$T/$what.$1.500"
		percentile 990 "$T/$what.part" >>"$T/$what.$1.990"
	done
}

# hammer PHASE SECONDS: the 32 clients, in the background.
hammer() {
	"$PACED_CLIENT" "$HTTP_PORT" "$T/hammer.paths" $CLIENTS $((CLIENTS * 10)) "$2" \
		"$T/hammer.part" skip
	cat "$T/hammer.part" >>"$T/hammer.$1"
}

for ((round = 0; round < ROUNDS; round++)); do
	measure alone "$SECONDS_EACH"

	hammer without $((SECONDS_EACH + 2)) &
	hammering=$!
	sleep 2
	measure without "$SECONDS_EACH"
	wait $hammering

	hammer with $((SECONDS_EACH + 4)) &
	hammering=$!
	sleep 1
	fault "$hung" hang
	measure first 3
	measure with "$SECONDS_EACH"
	wait $hammering
	fault "$hung" none
	sleep 1
done

status=0
printf '%-16s%7s%12s%12s%12s%12s%12s%12s%8s\n' microseconds calls 'p50 alone' 'p50 without' \
	'p50 with' 'p99 alone' 'p99 without' 'p99 with' ratio
for what in join info; do
	# shellcheck disable=SC2046 # numbers
	set -- $(for p in 500 990; do
		for phase in alone without with; do
			percentile 500 "$T/$what.$phase.$p"
		done
	done)
	printf '%-16s%7d%12d%12d%12d%12d%12d%12d%8s\n' \
		"$([ $what = join ] && echo join || echo getMeetingInfo)" \
		"$(wc -l <"$T/$what.with")" "$@" "$(awk "BEGIN { printf \"%.2f\", $6 / $5 }")"
	awk "BEGIN { exit !($6 <= 1.5 * $5) }" || status=1
done
for phase in without with; do
	for what in join info hammer; do
		bad=$(grep -c bad "$T/$what.$phase")
		printf '%s, %s the hang: %d answered well, %d not\n' "$what" "$phase" \
			"$(grep -c good "$T/$what.$phase")" "$bad"
		[ "$what" = hammer ] || [ "$bad" = 0 ] || status=1
	done
done
printf 'the longest call to others while the hang began: %d ms\n' \
	$(($(percentile 1000 <(cat "$T"/{join,info}.first)) / 1000))
printf 'calls refused at once: %d\n' "$(grep -c 'server was not asked' "$LOGS/gateway.log")"
[ $status = 0 ] || echo 'The others are slower by more than half, or were not answered.'
FINISHED=1
exit $status

#!/usr/bin/env bash
# How long getRecordings takes: ten servers with 200 recordings each, that answer after
# 30 ms. The list of all 2,000 may take at most 1.5 times as long as the slowest server
# does by itself, measured in the same run; so may a page of it. What is timed is one
# request of the bare FastCGI client, and of curl, from when it is connected to the end of
# the answer; the programs' own start is not.
#
# usage: bench/recordings.sh [ROUNDS]      (61; after `make` and `make tests/e2e/fcgi-client`)
. "$(dirname "$0")/../tests/e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
SERVERS=10
RECORDINGS=200
DELAY_MS=30
rounds=${1:-61}
E2E_PORT_BASE=${BENCH_PORT_BASE:-20000}
begin bench-recordings 110
need curl sqlite3
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox $SERVERS
write_config "$T/servers.json"
FCGI_ADDRESS=unix:$T/gateway.sock
# The log's level is that of an installation.
start gateway env TINYSCALE_CONFIG="$T/servers.json" TINYSCALE_LOG=info \
	"$FCGI_PROGRAM" -s "$FCGI_ADDRESS"
must_wait_until "the gateway answers" fcgi_probe "$FCGI_ADDRESS"

control "/record?server=0&meetingID=m&n=$((SERVERS * RECORDINGS))&step=1000" >"$T/made"
freeze getRecordings
for ((n = 1; n <= SERVERS; n++)); do
	fault "$n" delay getRecordings $DELAY_MS
done

# Microseconds, a line each.
time_server() { curl -gsS -o /dev/null -w '%{time_total} %{time_connect}\n' "$1" | awk '{ print int(($1 - $2) * 1e6) }'; }
time_gateway() {
	local META
	meta_variables GET "$1"
	"$FCGI_CLIENT" --time --out "$T/answer" "$FCGI_ADDRESS" "${META[@]}" 2>&1
}
ms() { awk '{ printf "%.1f\n", $1 / 1000 }'; }

kinds=(all page)
queries=('' 'offset=500&limit=25')
for k in "${!kinds[@]}"; do
	paths[k]=$(url getRecordings "${queries[k]}")
	time_gateway "${paths[k]}" >"$T/first" # fills the state
done
call() { fcgi_request GET "$(url "$@")"; }
call getRecordings
is "$(grep -o '<recordID>' "$T/body" | sort | uniq -c | awk '{ print $1 }')" $((SERVERS * RECORDINGS)) \
	"the list has all recordings"
for ((n = 1; n <= SERVERS; n++)); do
	slow[n]=$(own_url "$n" getRecordings)
done
for ((i = 0; i < rounds; i++)); do
	time_server "${slow[i % SERVERS + 1]}" >>"$T/server.us"
	for k in "${!kinds[@]}"; do
		time_gateway "${paths[k]}" >>"$T/${kinds[k]}.us"
	done
done
server_us=$(median <"$T/server.us")
echo "# a server by itself: $(ms <<<"$server_us") ms (medians of $rounds)"
for kind in "${kinds[@]}"; do
	us=$(median <"$T/$kind.us")
	echo "# $kind: $(ms <<<"$us") ms; all: $(sort -n "$T/$kind.us" | ms | paste -sd' ')"
	[ $((us * 10)) -le $((server_us * 15)) ]
	ok $? "$kind: takes $((us * 100 / server_us)) % of what a server takes, 150 % at most"
done
finish

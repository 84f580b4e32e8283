#!/usr/bin/env bash
# How long one poll takes: 50 servers with 60 meetings of 20 people each, that answer
# after 100 to 300 ms, the slowest after 300. The round must ask each server once and
# may take at most 1.3 times as long as the slowest server does by itself, measured
# in the same run. What is timed is "tinyscale.cgi --poll" from its start to its
# end: reading 3,000 meetings, writing the mappings, and the program's own start.
#
# usage: bench/poll.sh [ROUNDS]      (5; after `make`)
. "$(dirname "$0")/../tests/e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
SERVERS=50
MEETINGS=60
PEOPLE=20
SLOWEST_MS=300
rounds=${1:-5}
E2E_PORT_BASE=${BENCH_PORT_BASE:-20000}
begin bench-poll 100
need curl sha256sum
need_built "$CGI_PROGRAM"
start_sandbox $SERVERS
write_config "$T/servers.json"

# Signed by one process, for 3,000 take their time. The checksum is that of a file.
mkdir "$T/sign" || exit 1
for ((n = 1; n <= SERVERS; n++)); do
	for ((i = 1; i <= MEETINGS; i++)); do
		printf 'createname=lesson&meetingID=m-%d-%d%s' $n $i "$(server_secret $n)" >"$T/sign/$n-$i"
	done
done
(cd "$T/sign" && find . -type f -printf '%P\0' | xargs -0 sha256sum) |
	while read -r checksum name; do
		n=${name%-*}
		echo "url = $(server_url "$n")/create?name=lesson&meetingID=m-$name&checksum=$checksum"
		echo "output = /dev/null"
		echo "url = http://127.0.0.1:$((PORT0 + 10))/users?server=$n&meetingID=m-$name&users=$PEOPLE"
		echo "output = /dev/null"
	done >"$T/creates"
curl -gsS -K "$T/creates" || exit 1
freeze getMeetings
for ((n = 1; n <= SERVERS; n++)); do
	fault $n delay getMeetings $((100 + (SLOWEST_MS - 100) * (n - 1) / (SERVERS - 1)))
done

# milliseconds COMMAND...: how long it takes.
milliseconds() {
	local begun
	begun=$(now_ms)
	"$@" >/dev/null || exit 1
	echo $(($(now_ms) - begun))
}
poll_round() { TINYSCALE_CONFIG="$T/servers.json" "$CGI_PROGRAM" --poll 2>>"$LOGS/gateway.log"; }
slowest() { curl -gsS "$(own_url $SERVERS getMeetings)"; }

poll_round # the first one maps all meetings, and nothing is in any cache
is "$(sqlite3 "$T/state/state.db" 'SELECT COUNT(*) FROM meeting')" $((SERVERS * MEETINGS)) \
	"the first round has mapped all meetings"
before=$(control "/calls?server=0&count=1")
poll_round
is $(($(control "/calls?server=0&count=1") - before)) $SERVERS "a round asks each server once"
for ((i = 0; i < rounds; i++)); do
	milliseconds slowest >>"$T/slowest.ms"
	milliseconds poll_round >>"$T/poll.ms"
done
slowest_ms=$(median <"$T/slowest.ms")
poll_ms=$(median <"$T/poll.ms")
echo "# slowest server: $slowest_ms ms, a round: $poll_ms ms (medians of $rounds)"
echo "# all rounds: $(paste -sd' ' "$T/poll.ms")"
[ $((poll_ms * 10)) -le $((slowest_ms * 13)) ]
ok $? "a round takes at most 1.3 times as long as the slowest server"
finish

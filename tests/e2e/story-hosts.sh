#!/usr/bin/env bash
# Three gateway hosts with one state in Redis, behind one HAProxy, all by the examples of
# contrib/ha.  They are as one gateway: a meetingID lives on one server, one host polls, an
# operator's command on one holds on all.  A host, or the engine, may go at any time: no call
# fails for it, and none takes more than a quarter of a second longer.
#
# Environment:
#   HOSTS_SECONDS   how long there is load (50): the longer, the more often is the engine
#                   emptied, paused, stopped and full before it goes
#   HOSTS_RATE      calls a second (30; with HOSTS_SECONDS 50)
#   HOSTS_SEED      what the clients decide by (the time; printed)
#   MONDAY_REST_MS  so long after its end a meeting is not created again (3000): the less,
#                   the more begin anew elsewhere while the engine is away
. "$(dirname "$0")/lib.sh"
begin story-hosts 68
need redis-server redis-cli haproxy nginx spawn-fcgi make jq
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
. "$E2E/hosts.sh"
need_built "$CTL_PROGRAM"
INTERVAL_MS=1000
make -s -C "$BUILD" tests/e2e/crowd-client >"$LOGS/make.log" 2>&1
need_built "$BUILD/tests/e2e/crowd-client"

start_sandbox 6
start_engines
write_on_host
for n in 1 2 3; do
	configure_host $n "\"poll_interval_ms\": $INTERVAL_MS,"
	sed -i "s|\"state\": \"[^\"]*\"|\"state\": \"$(state_url)\"|
		s/\"name\": \"server-6\"/&, \"max_joins_per_second\": 30/" "$T/host-$n/servers.json"
	start_host $n
done
start_haproxy

has_reloaded() { [ "$(grep -c 'configuration reloaded' "$LOGS/gateway-$1.log")" -ge 1 ]; }
polls() { control "/calls?server=1&call=getMeetings&count=1"; }
has_polled() { [ "$(polls)" -ge "$1" ]; }
http_code() { curl -gs -o /dev/null -w '%{http_code}' --max-time 5 "$1"; }
health_of_all() {
	local n
	for n in 1 2 3; do
		http_code "$(host_base $n)$API/tinyscale/health"
		echo
	done | paste -sd' '
}

# --- users ----------------------------------------------------------------------------

# Whatever the state asks of the engine, its user may.
needed=$(cd "$TOP/common/adapters/redis" && {
	grep -oh "redis\.p\?call('[A-Z]*'" ./*.c | cut -d"'" -f2
	grep -oh 'STR("[A-Z]*[A-Z]")' ./*.c | cut -d'"' -f2 | grep -vxE 'AUTH|SENTINEL|WITHSCORES|PUBSUB|NUMSUB'
} | tr '[:upper:]' '[:lower:]' | sort -u)
is "$(grep -o '^user tinyscale .*' "$HA/tinyscale.acl" | grep -oE '\+[a-z]+' | tr -d + | sort)" "$needed" \
	"tinyscale's user has the commands that the state uses, and no others"
as_tinyscale() {
	redis-cli -h 127.0.0.11 -p "$ENGINE_PORT" --user tinyscale --pass "$ENGINE_PW-tinyscale" --no-auth-warning "$@"
}
like "$(as_tinyscale FLUSHALL)" "NOPERM*" "… so it cannot empty the engine"
like "$(as_tinyscale GET other:key)" "NOPERM*" "… nor read others' keys"
engine 1 ACL LOG RESET >/dev/null
by_host 1 call getRecordings
by_host 2 call hooks/create "callbackURL=$(printf 'http://127.0.0.1:%d/receiver/hook' $((PORT0 + 10)))"
is "$(result)" SUCCESS "a hook is made on one host"
hook=$(xml hookID)
by_host 3 call hooks/list
like "$(BODY)" "*<hookID>$hook</hookID>*" "… listed on another"
by_host 1 call hooks/destroy "hookID=$hook"
is "$(result)" SUCCESS "… and removed on the third"
control "/record?server=1&meetingID=past&recordID=past-1&startTime=1000" >/dev/null
by_host 2 call publishRecordings "recordID=past-1&publish=false"
by_host 3 call getRecordings
by_host 1 call deleteRecordings "recordID=past-1"
is "$(result)" SUCCESS "a recording is deleted"

# --- one gateway ----------------------------------------------------------------------

wait_until has_polled 2
ok $? "the servers are polled"
first=$(polls)
wait_until has_polled $((first + 1))
timed wait_until has_polled $((first + 6))
within "$TOOK_MS" $((INTERVAL_MS * 7 / 2)) $((INTERVAL_MS * 15)) "by one of the three: five polls take $TOOK_MS ms"

for n in 1 2 3 4 5 6; do fault $n delay create 500; done
path=$(url create "name=one&meetingID=one&$PASSWORDS")
mkdir "$T/one"
pids=()
for ((n = 0; n < 100; n++)); do
	fcgi_background "$path" "$T/one/$n" "$(host_address $((n % 3 + 1)))"
	pids+=($!)
done
wait_for_all "${pids[@]}"
fault 0 none
is "$(count_files '<returncode>SUCCESS</returncode>' "$T/one"/*)" 100 \
	"100 creates of one meeting by three hosts: every client has SUCCESS" ||
	diag "$(grep -ho '<messageKey>[^<]*' "$T/one"/* | sort | uniq -c)"
like "$(servers_of one)" "[1-6]" "… one server has it"
is "$(for n in 1 2 3 4 5 6; do control "/history?server=$n"; done | grep -c ' created one$')" 1 "… once"

by_host 1 create lecture
at=$(server_port "$(servers_of lecture)")
by_host 2 join lecture
like "$(STATUS) $(HEADER Location)" "302 http://127.0.0.1:$at/*" "who created by one host joins by another"

# Forged addresses count for nothing: the client's own is logged.
curl -gs -o /dev/null --interface 127.0.0.9 -H "X-Forwarded-For: 203.0.113.7" "$HTTP_BASE$(url isMeetingRunning "meetingID=lecture&x=address")"
is "$(cat "$LOGS"/gateway-?.log | grep -c 'client=127\.0\.0\.9')" 1 "the client's address is that of who asked HAProxy"
is "$(cat "$LOGS"/gateway-?.log | grep -c '203\.0\.113\.7')" 0 "and not what it claims"

# --- an operator ------------------------------------------------------------------------

state_on() { ctl "$1" servers --json && jq -r '.servers[1].state' <<<"$OUT"; }
state_on_all() { echo "$(state_on 1) $(state_on 2) $(state_on 3)"; }
# The README's commands, but for the names.
mkdir "$T/work"
ln -s "$CTL_PROGRAM" "$T/bin/tinyscalectl"
as_host 1
readme() {
	"$TOP/tests/readme.sh" "Several gateway hosts" | grep "^tinyscalectl $1" | sed 's/bbb2\.example\.org/server-2/' >"$T/commands"
	[ -s "$T/commands" ] && PATH="$T/bin:$PATH" "${ON_HOST[@]}" sh -ex "$T/commands" >"$T/out" 2>&1 </dev/null
}
readme check
like "$(cat "$T/out")" "*server-2*" "tinyscalectl check asks each server"
like "$(cat "$T/out")" "*
state: good,*primary 127.0.0.11:$ENGINE_PORT, 2 replicas,*
hosts: $(host_name 1) (seen *" "… tells what keeps the state, and which hosts use it"
is "$(grep -c 'the state' "$T/out")" 0 "… and has nothing to complain of there"
readme cordon
is "$? $(state_on_all)" "0 cordoned cordoned cordoned" "cordon on one host holds on all"
before=$(control "/calls?server=2&call=create&count=1")
for n in 1 2 3 4 5 6 7 8 9; do by_host $((n % 3 + 1)) create "away-$n"; done
is "$(control "/calls?server=2&call=create&count=1")" "$before" "… and no host creates there"
as_host 2
readme uncordon
is "$? $(state_on_all)" "0 enabled enabled enabled" "uncordon on another"
readme status
like "$(cat "$T/out")" "*state: *redis+sentinel://*hosts: *" "tinyscalectl status names the engine and the hosts"
ctl 3 drain --no-wait server-3
is "$?" 0 "drain on the third"
by_host 1 call getMeetings
before=$(control "/calls?server=3&call=create&count=1")
for n in 1 2 3 4 5 6 7 8 9; do by_host $((n % 3 + 1)) create "drained-$n"; done
is "$(control "/calls?server=3&call=create&count=1")" "$before" "… and no host creates there"
ctl 1 uncordon server-3

# --- slots ----------------------------------------------------------------------------------

slow=''
for ((n = 0; n < 40; n++)); do
	create "slots-$n"
	[ "$(servers_of "slots-$n")" != 6 ] || slow=slots-$n
	[ -z "$slow" ] || break
done
for ((n = 0; n < 90; n++)); do
	url join "fullName=P$n&meetingID=$slow&password=$ATTENDEE_PW"
done >"$T/links"
"$BUILD/tests/e2e/crowd-client" "$HTTP_PORT" person 0 "$T/links" "$T/crowd"
is "$(cut -f5 "$T/crowd" | sort | uniq -c | awk '{ print $1, $2 }')" "90 in" "90 join a server of 30 a second at once"
early=$(awk '{ printf "%.0f\n", $2 + $3 }' "$T/crowd" | sort -n | awk -v step=33 \
	-v first="$(cut -f2 "$T/crowd" | sort -n | head -n 1)" '$1 < first + (NR - 2) * step { n++ } END { print n + 0 }')
is "$early" 0 "… nobody gets in before the time, whichever host it was"
used=$(for n in 1 2 3; do grep -c 'call=join' "$LOGS/gateway-$n.log"; done | awk '$1 > 10' | wc -l)
is "$used" 3 "… and it was all three"

# --- a key that cannot be used ------------------------------------------------------------------

server_health() { ctl 1 servers --json && jq -r ".servers[$(($1 - 1))].health" <<<"$OUT"; }
server_is() { [ "$(server_health "$1")" = "$2" ]; }
engine 1 DEL '{tinyscale}:on:server-4' >/dev/null
engine 1 SET '{tinyscale}:on:server-4' garbage >/dev/null
fault 5 http500 getMeetings
wait_until server_is 5 down
ok $? "one server's mappings cannot be read: the health of the others is known all the same"
is "$(server_health 4)" up "… and its own"
fault 5 none
engine 1 DEL '{tinyscale}:on:server-4' >/dev/null
wait_until server_is 5 up

# --- a host that has an old secret ------------------------------------------------------------

# Its calls and its polls fail, and those of the others do not.
if [ "$HAS_FILES" = 0 ]; then
	skip "a host with an old secret" "all hosts have one name here"
else
	kill_host 3
	sed "s/$(server_secret 2)/old-xyzzy/" "$T/host-1/servers.json" >"$T/old.json"
	cp "$T/host-1/servers.json" "$T/new.json"
	cp "$T/old.json" "$T/host-1/servers.json"
	restart_gateway 1
	seen=''
	for ((n = 0; n < 30; n++)); do
		by_host 1 call getMeetings
		seen+="$(server_health 2) "
		sleep 0.5
	done
	like "$seen" "*suspect*" "one of two hosts has an old secret: its calls fail"
	is "$(grep -c down <<<"$seen")" 0 "… and take no server down that the other one reaches"
	cp "$T/new.json" "$T/host-1/servers.json"
	restart_gateway 1
	start_host 3
fi

# --- a host goes -------------------------------------------------------------------------------

kill_host 3
failed=0
for ((n = 0; n < 30; n++)); do
	create "after-$n"
	[ "$(result)" = SUCCESS ] || failed=$((failed + 1))
	call getMeetingInfo "meetingID=after-$n"
	[ "$(result)" = SUCCESS ] || failed=$((failed + 1))
	join "after-$n"
	[ "$(STATUS)" = 302 ] || failed=$((failed + 1))
done
is "$failed" 0 "a host is gone: no call fails"
wait_until has_polled $(($(polls) + 2))
ok $? "… and the servers are polled"
start_host 3

is "$(engine 1 ACL LOG | grep -A1 '^username' | sort -u | paste -sd' ')" "" "nobody was refused by the engine's ACL"

# What is on the disk is all there, though its user may do little.
by_host 1 create kept
sleep 1.5 # appendfsync
kill_engine 1
start_engine 1
must_wait_until "the engine has its replicas again" replicas 1 2
is "$(engine 1 EXISTS '{tinyscale}:m:kept') $(grep -c NOPERM "$LOGS/engine-1.log")" "1 0" \
	"an engine that is killed and started has what it had a second ago"

# --- what contrib/ha says for later ---------------------------------------------------------------

# ha_readme HEADING: its commands, with the addresses, ports and passwords of this test.
ha_readme() {
	"$TOP/tests/readme.sh" "$1" "$HA/README.md" | sed -e "s|CHANGE-ME|$ENGINE_PW|g; s|OLD|$ENGINE_PW-tinyscale|" \
		-e "s|192\.0\.2\.1|127.0.0.1|g; s|26379|$SENTINEL_PORT|; s|--user admin|-p $ENGINE_PORT &|"
}
ha_readme "Change a password" >"$T/commands"
grep -v "^everywhere '<" "$T/commands" | bash >"$T/out" 2>&1
is "$(sort "$T/out" | uniq -c | awk '{ print $1, $2 }')" "12 OK" "engines and sentinels take another password, too"
for n in 1 2 3; do
	sed -i "s|tinyscale:$ENGINE_PW-tinyscale@|tinyscale:NEW@|" "$T/host-$n/servers.json"
	kill -HUP "$(cat "$T/host-$n/pid")"
	must_wait_until "host $n has the new password" has_reloaded $n
done
grep -v "^everywhere '>" "$T/commands" | bash >"$T/out" 2>&1
is "$(sort "$T/out" | uniq -c | awk '{ print $1, $2 }')" "12 OK" "… and no more the old one"
like "$(as_tinyscale PING 2>&1)" "*WRONGPASS*" "… which is refused"
failed=0
for n in 1 2 3; do
	ctl $n status && by_host $n create "changed-$n" && [ "$(result)" = SUCCESS ] || failed="$failed $OUT"
	restart_gateway $n
	ctl $n status || failed="$failed $OUT"
done
is "$failed" 0 "… and the hosts use the new one"

engine 1 MSET other kept "{tinyscale}:m:a 'b'" gone >/dev/null
[ "$(ha_readme "Empty Redis" | head -n 1 | sh 2>/dev/null | head -n 1)" = 127.0.0.11 ]
ok $? "a sentinel names the primary"
ha_readme "Empty Redis" | tail -n +2 | sh >"$T/out" 2>&1
is "$(engine 1 EXISTS "{tinyscale}:m:a 'b'") $(engine 1 EXISTS other)" "0 1" "tinyscale's keys are gone, and no others"

# --- under load -----------------------------------------------------------------------------------

has_other_primary() {
	local address
	address=$(sentinel 2 get-master-addr-by-name tinyscale | head -n 1)
	[ "$address" != 127.0.0.11 ] && [ "$(engine "${address#127.0.0.1}" ROLE | head -n 1)" = master ]
}
control /reset
engine 1 FLUSHALL >/dev/null
# Seconds after the first call: until when all is well, when the engine goes after the rounds
# of what befalls it otherwise, when a gateway is killed, and the end.
QUIET_S=10
ROUND_S=17
ROUNDS=1
if [ -n "${HOSTS_SECONDS:-}" ]; then
	HOSTS_RATE=${HOSTS_RATE:-50}
	ROUNDS=$(((HOSTS_SECONDS - QUIET_S - 23) / ROUND_S))
	[ "$ROUNDS" -gt 0 ] || ROUNDS=1
fi
GO_S=$((QUIET_S + ROUNDS * ROUND_S))
KILL_S=$((GO_S + 16))
LENGTH_S=$((GO_S + 23))
[ "${HOSTS_SECONDS:-0}" -le "$LENGTH_S" ] || LENGTH_S=$HOSTS_SECONDS
start_client "$LENGTH_S" 150
for ((round = 0; round < ROUNDS; round++)); do
	from=$((QUIET_S + round * ROUND_S))
	at $from
	told "FLUSHALL"
	engine 1 FLUSHALL >/dev/null
	at $((from + 4))
	told "the engine is paused"
	engine 1 CLIENT PAUSE 2000 >/dev/null
	at $((from + 8))
	told "the engine is stopped"
	kill -STOP "${PIDS[engine-1]}"
	sleep 1
	is "$(health_of_all)" "200 200 200" "the engine hangs: every host says that it is well"
	at $((from + 11))
	kill -CONT "${PIDS[engine-1]}"
	at $((from + 14))
	told "the engine is full"
	most=$(engine 1 CONFIG GET maxmemory | tail -n 1)
	engine 1 CONFIG SET maxmemory 1 >/dev/null
	at $((from + 16))
	is "$(health_of_all)" "200 200 200" "the engine is full: every host says that it is well"
	engine 1 CONFIG SET maxmemory "$most" >/dev/null
done
grep -q 'the state cannot be written.*maxmemory is used up' "$LOGS"/gateway-?.log
ok $? "… which was noticed"
at $GO_S
told "the engine is killed, and begins empty"
kill_engine 1
empty_engine 1
is "$(health_of_all)" "200 200 200" "the engine is gone: every host says that it is well"
start_engine 1
at $((GO_S + 5))
told "the engine is killed, and another takes its place"
kill_engine 1
must_wait_until "another engine takes its place" has_other_primary
told "it has"
at $KILL_S
# Those that come wait for the next.
going "a gateway is killed" kill_gateway 2
at $((KILL_S + 3))
# As an upgrade does it: the socket keeps what comes in, and no call fails.
told "the gateways are restarted, one after the other"
for n in 1 2 3; do
	restart_gateway $n
done
told "they are"
wait_for_client

# --- what came of it ---------------------------------------------------------------------------------

# longest FROM TO PERCENT: in milliseconds, of what was due between these seconds.
longest() {
	awk -v from=$((began_ms + $1 * 1000)) -v to=$((began_ms + $2 * 1000)) \
		'$1 >= from && $1 < to { print $3 - $1 }' "$LOGS/client.tsv" | sort -n |
		awk -v p="$3" '{ all[NR] = $1 } END { print all[int((NR - 1) * p / 100) + 1] + 0 }'
}
quiet_ms=$(longest 0 $QUIET_S 100)
diag "quiet: 99% within" \
	"$(longest 0 $QUIET_S 99) ms, all within $quiet_ms ms; then 99% within $(longest $QUIET_S $KILL_S 99) ms," \
	"all within $(longest $QUIET_S $KILL_S 100) ms; room for the machine: $room_ms ms"
within "$(longest $QUIET_S $KILL_S 99)" 0 $(($(longest 0 $QUIET_S 99) + 250 + room_ms)) \
	"99 of 100 calls take at most a quarter of a second longer than in quiet"
judge $((quiet_ms + 1250 + room_ms))
none double "no meetingID was created on a second server"
none unknown "no meeting was answered as unknown while it lived"
# The one longest call of a slow program tells of the machine.
if has_sanitizer "$FCGI_PROGRAM"; then
	skip "no call takes more than a quarter of a second longer than the longest in quiet" \
		"a build with a sanitizer"
else
	within "$(longest $QUIET_S $KILL_S 100)" 0 $((quiet_ms + 250 + room_ms)) \
		"no call takes more than a quarter of a second longer than the longest in quiet"
fi
none late "… nor more than a second besides while a gateway is started anew"
none failed "no call failed"
no_doubles
finish

#!/usr/bin/env bash
# The operator's command beside a gateway that runs: it is 7:50 and a server hangs.  Which
# one, why, and out of rotation with it, without ending a class.
. "$(dirname "$0")/lib.sh"
begin story-ctl 39
need jq script sqlite3
CTL_PROGRAM=${TINYSCALECTL:-$BUILD/ctl/tinyscalectl}
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$CGI_PROGRAM" "$CTL_PROGRAM"
start_sandbox 3
write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 600,' \
	'"public_url": "https://bbb.example.org/bigbluebutton/api",'
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
start_gateway gateway "$FCGI_ADDRESS"

# ctl ARGUMENT...: through a pipe; what it writes is in OUT and ERR, its status in RC.
ctl() {
	OUT=$(env TINYSCALE_CONFIG="$T/servers.json" "$CTL_PROGRAM" "$@" 2>"$T/ctl-errors" | cat
		exit "${PIPESTATUS[0]}")
	RC=$?
	ERR=$(cat "$T/ctl-errors")
	cat "$T/ctl-errors" >>"$LOGS/ctl.log"
}
# on_terminal ARGUMENT...: the same on a terminal.
on_terminal() {
	OUT=$(TERM=xterm TINYSCALE_CONFIG="$T/servers.json" \
		script -qec "$(printf '%q ' "$CTL_PROGRAM" "$@")" /dev/null </dev/null)
	RC=$?
}
# json FILTER: of OUT, by jq.
json() { printf '%s' "$OUT" | jq -c -r "$1" 2>&1; }
# of SERVER KEY: what "status --json" says.
of() {
	ctl status --json
	json ".servers[] | select(.name == \"$1\") | .$2"
}
health_is() { [ "$(of "$1" health)" = "$2" ]; }
polls() { calls 1 getMeetings | wc -l; }

# --- all is well -------------------------------------------------------------------------

for server in 1 2 3; do
	must_wait_until "server-$server is polled" health_is "server-$server" up
done
for n in 1 2 3 4 5 6; do
	create "room-$n"
done
ctl status
is "$RC" 0 "status: all is well"
like "$OUT" "3 servers, 3 up; 6 meetings*" "status: how many servers and meetings"
is "$(printf '%s\n' "$OUT" | awk 'length($0) > 80' | wc -l)" 0 "status: within 80 columns"
[[ $OUT != *$'\033'* ]]
ok $? "status: no colours through a pipe"
on_terminal status
like "$OUT" "*"$'\033'"?32mup*" "status: colours on a terminal"
NO_COLOR=1 on_terminal status
[[ $OUT != *$'\033'* ]]
ok $? "status: none with NO_COLOR"
is "$(ctl meetings; printf '%s\n' "$OUT" | grep -c '^room-')" 6 "meetings: all of them"
on_server=$(servers_of room-1)
ctl where room-1
is "$RC $OUT" "0 server-$on_server" "where: the server that has it"
ctl where nowhere
is "$RC $OUT" "1 " "where: 1 for a meeting that nobody knows"
like "$ERR" "tinyscalectl: *nowhere*" "where: and what is wrong is on stderr"
ctl meetings --json "server-$on_server"
is "$(json '[.meetings[] | select(.meetingID == "room-1")] | length')" 1 "meetings: of one server"

# Time itself is not tested: twenty of them against the gateway's own start.
timed "$FCGI_PROGRAM" -c "$T/servers.json" --check-config >/dev/null
start_ms=$TOOK_MS
many() { for _ in 1 2 3 4 5; do ctl status; done; }
timed many
within "$((TOOK_MS / 5))" 0 $((50 + 3 * start_ms)) "status: soon ($((TOOK_MS / 5)) ms)"

# A meetingID is a stranger's text.
create "evil%C2%9B2J%E2%80%AE"
ctl meetings
[[ $OUT != *$'\302\233'* && $OUT == *'evil\u009b2J\u202e'* ]]
ok $? "meetings: no meetingID steers a terminal"

# --- one hangs -----------------------------------------------------------------------------

fault 1 hang
before=$(polls)
wait_until health_is server-1 down
ok $? "a server hangs: it is down"
within "$(($(polls) - before))" 1 4 "… within its polls"
ctl status
is "$RC" 1 "status: 1 when a server is down"
like "$OUT" "*server-1: down: * polls failed since *" "status: names it, and says why"
[[ $OUT != *server-2:* && $OUT != *server-3:* ]]
ok $? "status: and no other"
on_terminal status
like "$OUT" "*"$'\033'"?31mdown*" "status: in red on a terminal"
ctl poll
is "$RC" 1 "poll: 1 when a server fails"
like "$OUT" "*server-1  no *" "poll: which one"
ctl poll --json
is "$(json '[.servers[] | select(.good)] | length')" 2 "poll: the others are well"
fault 1 none
wait_until health_is server-1 up
ok $? "it is up again"
ctl poll
is "$RC" 0 "poll: 0 when all answer"

# --- cordon: the next create, in the gateway that runs and in the CGI ------------------------

ctl cordon server-2
is "$RC" 0 "cordon"
for n in 1 2 3; do
	create "fcgi-$n"
	[ "$(servers_of "fcgi-$n")" != 2 ] || fail "a create went to the cordoned server"
	REQUEST() { cgi_request "$@"; }
	create "cgi-$n"
	[ "$(servers_of "cgi-$n")" != 2 ] || fail "a create by CGI went to the cordoned server"
	REQUEST() { fcgi_request "$@"; }
done
is "$(servers_of fcgi-3 | wc -w) $(servers_of cgi-3 | wc -w)" "1 1" "cordon: new meetings go elsewhere at once"
ctl explain meetingID=next
like "$OUT" "*server-2 *-  not enabled*" "explain: why not that one"
ctl explain --json meetingID=next
chosen=$(json .chosen)
create next
is "server-$(servers_of next)" "$chosen" "explain: the server that a create then gets"
ctl explain --json meetingID=next
is "$(json .known_on)" "$chosen" "explain: a meeting that is known stays where it is"
kill -HUP "${PIDS[gateway]}"
reloaded() { grep -q 'configuration reloaded' "$LOGS/gateway.log"; }
must_wait_until "the gateway reloads" reloaded
create after-reload
isnt "$(servers_of after-reload)" 2 "cordon: a reload does not undo it"
is "$(of server-2 by_operator)" true "status: who cordoned it"
join "$(ctl meetings --json server-2; json '.meetings[0].meetingID')"
is "$(STATUS)" 302 "cordon: its meetings can be joined"
ctl uncordon server-2
is "$RC $(of server-2 state)" "0 enabled" "uncordon"
ctl cordon server-2 nobody
is "$RC $(of server-2 state)" "1 cordoned" "cordon: a name that is wrong is told, the others are done"
like "$ERR" "*nobody*" "cordon: which one"
ctl uncordon server-2

# --- the file says otherwise ------------------------------------------------------------------

cp "$T/servers.json" "$T/as-it-was.json"
sed 's/"name": "server-3"/&, "state": "cordoned"/' "$T/as-it-was.json" >"$T/servers.json"
ctl status
like "$OUT" "*server-3: cordoned in the configuration*" "the file cordons a server"
ctl enable server-3
is "$(of server-3 state)" enabled "enable: wins over the file"
ctl cordon server-3
cp "$T/as-it-was.json" "$T/servers.json"
is "$(of server-3 state)" cordoned "cordon: stays when the file changes"
ctl enable server-3
is "$(of server-3 state) $(of server-3 by_operator)" "enabled false" "enable: undoes it"

# --- disable ------------------------------------------------------------------------------------

ctl disable server-3
is "$RC" 0 "disable"
like "$ERR" "*meetings that nobody can join*" "disable: warns of the meetings there"
ctl uncordon server-3
is "$RC" 1 "uncordon: not what is disabled"
ctl status
is "$RC" 0 "status: a disabled server is nobody's fault"
ctl enable server-3
is "$RC" 0 "enable"

# --- drain: no join fails -------------------------------------------------------------------------

ctl drain --no-wait server-2
is "$RC" 0 "drain --no-wait"
like "$OUT" "server-2: cordoned; * meetings with * users, 0 recordings in work" "drain --no-wait: what is left"
control "/record?server=2&meetingID=old&recordID=rec-old&state=processing&startTime=1700000000000" >/dev/null
ctl drain --no-wait --json server-2
is "$(json .recordings)" 1 "drain: counts a recording in work"
mapfile -t rooms < <(control "/meetings?server=2" | cut -d' ' -f1)
[ "${#rooms[@]}" -gt 0 ]
ok $? "there are meetings to wait for"
start drain env TINYSCALE_CONFIG="$T/servers.json" "$CTL_PROGRAM" drain server-2
drained() { grep -q 'is empty' "$LOGS/drain.log"; }
failed_joins=0
for room in "${rooms[@]}"; do
	join "$room"
	[ "$(STATUS)" = 302 ] || failed_joins=$((failed_joins + 1))
	create "during-$room"
	[ "$(servers_of "during-$room")" != 2 ] || fail "a create went to a server that is drained"
	is_running drain || fail "drain waits while there are meetings"
	call end "meetingID=$room&password=$MODERATOR_PW"
done
is "$failed_joins" 0 "drain: no join failed while it waited"
no_meetings() { ctl drain --no-wait --json server-2 && [ "$(json .meetings)" = 0 ]; }
must_wait_until "the meetings are over" no_meetings
drained
is $? 1 "drain: waits for the recording"
control "/raw?server=2&call=getRecordings" --data-binary \
	'<response><returncode>SUCCESS</returncode><recordings></recordings></response>' >/dev/null
wait_until drained
ok $? "drain: says that it is empty"
wait "${PIDS[drain]}"
is $? 0 "drain: exits 0 then"
unset 'PIDS[drain]'
is "$(of server-2 state)" cordoned "drain: it stays cordoned"
[ "$(grep -c $'\r' "$LOGS/drain.log")" -eq 0 ]
ok $? "drain: no progress through a pipe"

# On a terminal, and given up by another operator.
ctl uncordon server-2
create wait-1
TERM=xterm TINYSCALE_CONFIG="$T/servers.json" script -qec \
	"$(printf '%q ' "$CTL_PROGRAM" drain server-1)" /dev/null </dev/null >"$T/progress" 2>&1 &
pid=$!
shows_progress() { grep -q '\[\.*\] .* meetings with' "$T/progress"; }
wait_until shows_progress
ok $? "drain: progress on a terminal"
ctl uncordon server-1
wait "$pid"
is $? 1 "drain: 1 when the server is put back into use"

# A server that does not answer is not empty.
fault 3 hang
ctl drain --no-wait --json server-3
is "$(json '"\(.empty) \(.known)"')" "false false" "drain: a server that hangs is not empty"
fault 3 none
ctl enable server-3

# --- url, diff ---------------------------------------------------------------------------------------

ctl url getMeetingInfo "meetingID=room 1&x"
GET "${OUT#https://bbb.example.org}"
is "$(result)" "FAILED notFound" "url: a signed URL, whatever is in its values"
ctl url getMeetings
GET "${OUT#https://bbb.example.org}"
is "$(result)" SUCCESS "url: without parameters"
ctl url --for 8h tinyscale/status
query=${OUT#*\?}
is "${query##*checksum=}" "$(sign tinyscale/status "${query%&checksum=*}" "$ADMIN_SECRET")" "url: --for, signed with admin_secret"
until=$(printf '%s' "$query" | sed -n 's/.*until=\([0-9]*\).*/\1/p')
within $((until - $(date +%s) - 8 * 3600)) -60 1 "url: --for, in seconds since 1970"
printf '%s\n' "${OUT##*checksum=}" >>"$CHECKSUMS"
ctl url --for 8h create
is "$RC" 2 "url: no other call can be made to end"
# Of each byte become three. With the checksum a query may have 64 KiB.
long=$(printf '%5000s' '')
ctl url getMeetings "a=$long" "b=$long" "c=$long" "d=$long"
GET "${OUT#https://bbb.example.org}"
is "$(grep -o '%20' <<<"$OUT" | wc -l) $(result)" "20000 SUCCESS" "url: a query that grows to nearly what the gateway takes is whole"
ctl url getMeetings "a=$long" "b=$long" "c=$long" "d=$long" "e=$long"
is "$RC $OUT" "2 " "url: none of a query that is longer"
like "$ERR" "*larger than the gateway takes*" "url: … and why"

sed 's/800/900/; s/server-1-secret/other-secret/; /"server-3"/d; s/\("name": "server-2"}\),/\1/' \
	"$T/servers.json" >"$T/new.json"
ctl diff --json "$T/new.json"
is "$(json '[.differences[] | "\(.change) \(.server) \(.key)"] | join(", ")')" \
	"changed null poll_interval_ms, changed server-1 secret, removed server-3 null" "diff: what a reload would change"
ctl diff "$T/new.json"
is "$RC" 0 "diff: exits 0"
[[ $OUT != *xyzzy* ]]
ok $? "diff: shows no secret"
like "$OUT" "*server-3: * meetings there would count as unknown*" "diff: what becomes of meetings"
ctl diff "$T/servers.json"
is "$OUT" "no difference" "diff: with itself"
echo '{"servers": [{"hots": 1}]}' >"$T/new.json"
ctl diff "$T/new.json"
is "$RC" 1 "diff: 1 for a file that is no good"
like "$ERR" "*hots*" "diff: with what is wrong"

# --- check ---------------------------------------------------------------------------------------------

# In a sandbox of the network no name is known.
sed 's|https://bbb.example.org|http://127.0.0.1:8000|' "$T/servers.json" >"$T/local.json"
chmod 640 "$T/local.json"
ctl -c "$T/local.json" check
is "$RC" 0 "check: all is well"
is "$(printf '%s\n' "$OUT" | grep -c 'good .* 1,256,384,512 .* [+-][0-9] s$')" 3 "check: algorithms and clocks"
like "$OUT" "*note public_url: 127.0.0.1 has an address that is not public*" "check: public_url is not public"
on_terminal -c "$T/local.json" check
like "$OUT" "*asking 3 servers*"$'\033'"?32mgood*" "check: on a terminal"
fault 1 hang
fault 2 wrong_secret
fault 3 html
ctl -c "$T/local.json" check
is "$RC" 1 "check: 1 when a server fails"
like "$OUT" "*FAIL server-1: no answer within *" "check: one that hangs"
like "$OUT" "*FAIL server-2: it refuses its secret*bbb-conf --secret*" "check: a wrong secret, and what to do"
like "$OUT" "*FAIL server-3: something else answers*" "check: something else answers"
is "$(printf '%s\n' "$OUT" | awk 'length($0) > 80 || / $/' | wc -l)" 0 "check: within 80 columns"
fault 1 refuse
ctl -c "$T/local.json" check --json server-1 server-2
is "$(json '[.servers[] | .result] | join(", ")')" "no connection, wrong secret" "check: those that are named"
ctl -c "$T/local.json" check --nagios
is "$RC" 2 "check --nagios: all fail, critical"
like "$OUT" "TINYSCALE CRITICAL - 0 of 3 servers good; *| failed=3;0;2;0;3" "check --nagios: one line"
fault 3 none
fault 2 none
ctl -c "$T/local.json" check --nagios -w 1 -c 3
is "$RC" 1 "check --nagios: one fails, warning"
like "$OUT" "*| failed=1;0;2;0;3 'server-2'=*ms 'server-3'=*ms" "check --nagios: performance data"
ctl -c "$T/local.json" check --nagios -w 2 -c 3
is "$RC" 0 "check --nagios: fewer than -w"
ctl -c /nowhere.json check --nagios
is "$RC" 3 "check --nagios: unknown without a configuration"
fault 1 none
# release SERVER VERSION: what its version document says.
release() {
	control "/raw?server=$1&call=index" --data-binary \
		"<response><returncode>SUCCESS</returncode><version>2.0</version><bbbVersion>$2</bbbVersion></response>" >/dev/null
}
release 1 3.0.20
release 2 3.0.34
release 3 3.0.35
ctl -c "$T/local.json" check
is "$RC $(grep -c '^FAIL' <<<"$OUT")" "1 3" "check: releases with holes"
like "$OUT" "*FAIL server-1: 3.0.20 * 3.0.21 *: GHSA-*FAIL server-1: 3.0.20 * 3.0.35 *FAIL server-2: 3.0.34 * 3.0.35 *setsecret*" "check: which, and mended by what"
ctl -c "$T/local.json" check --nagios
is "$RC" 1 "check --nagios: a hole is a warning, as the servers answer"
for version in 4.0.0-beta.5 2.7.99 3.0 3.0.x 3.1.0 99999999999999999999.0.0; do
	release 1 "$version"
	ctl -c "$T/local.json" check server-1
	is "$RC" 0 "check: $version is none of them"
done
for server in 1 2 3; do
	control "/raw?server=$server&call=index" -X POST >/dev/null
done
chmod 644 "$T/local.json"
ctl -c "$T/local.json" check
is "$RC" 1 "check: a configuration that everybody can read"
like "$OUT" "*chmod 0640 *" "check: what to do"
chmod 640 "$T/local.json"
sed 's/"admin_secret": "[^"]*"/"admin_secret": "x"/' "$T/local.json" >"$T/weak.json"
chmod 640 "$T/weak.json"
ctl -c "$T/weak.json" check
is "$RC" 0 "check: a secret that is short is unwise"
like "$OUT" "*note admin_secret: shorter than 16 characters*openssl rand*" "check: which, and what to do"

# --- check, status: what keeps the state ----------------------------------------------------------------

chmod 640 "$T/local.json"
ctl -c "$T/local.json" check
like "$OUT" "*
state: good, file $T/state/state.db
*" "check: the file that the state is in"
ctl -c "$T/local.json" check --json
is "$(json '.state | "\(.kind) \(.good) \(.path)"')" "file true $T/state/state.db" "check --json: too"
ctl status
like "$OUT" "*
state: file $T/state/state.db" "status: the file that the state is in"
ctl status --json
is "$(json '.state | "\(.kind) \(.path)"')" "file $T/state/state.db" "status --json: too"
sed "s|$T/state/state.db|none|" "$T/local.json" >"$T/none.json"
chmod 640 "$T/none.json"
ctl -c "$T/none.json" check
like "$RC $OUT" "0 *
state: none
*note \"state\" is \"none\": *name a file*" "check: no state, which costs questions"
sed -i 's|"state":|"placement": "hash", &|' "$T/none.json"
ctl -c "$T/none.json" check
like "$RC $OUT" "0 *
state: none
*" "check: no state, with hashes"
[[ $OUT != *'name a file'* ]]
ok $? "… is how hosts are that share nothing"
ctl -c "$T/none.json" status
is "$RC $OUT" "1 state: none" "status: no state"
[[ $ERR == *'so nothing is known'* && $ERR != *'name a file'* ]]
ok $? "… nor is a file asked for" || diag "$ERR"

ENGINE_PORT=$((PORT0 + 20))
ENGINE_PW=engine-xyzzy
# redis ARGUMENT...: as who may do everything.
redis() {
	timeout "$E2E_DEADLINE" redis-cli -p "$ENGINE_PORT" --user root --pass root-xyzzy --no-auth-warning "$@" 2>&1
}
redis_answers() { [ "$(redis PING)" = PONG ]; }
# start_redis NAME PORT LINE...: with these lines in its configuration.
start_redis() {
	local name=$1 port=$2
	shift 2
	mkdir "$T/$name"
	printf '%s\n' "bind 127.0.0.1" "port $port" "dir $T/$name" 'save ""' "$@" >"$T/$name/conf"
	start "$name" redis-server "$T/$name/conf"
}
# with_state URL [LINE]: engine.json, with that state.
with_state() {
	sed "s|\"state\": \"[^\"]*\"|${2:-}\"state\": \"$1\"|" "$T/local.json" >"$T/engine.json"
	chmod 640 "$T/engine.json"
}
# unusable REASON NAME: so check, status and cordon say.
unusable() {
	ctl -c "$T/engine.json" check
	like "$RC $OUT" "1 *
state: cannot be used, *FAIL the state redis*cannot be used: $1*" "check: $2"
	ctl -c "$T/engine.json" status
	like "$RC $ERR" "1 *the state redis* cannot be read: $1*" "status: $2"
	ctl -c "$T/engine.json" cordon server-1
	like "$RC $ERR" "1 *cannot be written, so nothing was changed: $1*" "cordon: $2"
}
# unwritable REASON NAME
unwritable() {
	ctl -c "$T/engine.json" check
	like "$RC $OUT" "1 *
state: cannot be written, *FAIL the state redis* cannot be written: $1*" "check: $2"
	ctl -c "$T/engine.json" check --nagios
	like "$RC $OUT" "[12] *cannot be written: $1*" "check --nagios: $2"
	ctl -c "$T/engine.json" status
	like "$RC $OUT" "1 *
the state cannot be written: $1*
state: cannot be written, *" "status: $2"
	ctl -c "$T/engine.json" status --json
	like "$RC $(json '"\(.good) \(.state.good) \(.state.problem)"')" "1 false false $1*" "status --json: $2"
}

if command -v redis-server redis-cli >/dev/null && [[ $("$CTL_PROGRAM" --version) == *hiredis* ]]; then
	start_redis engine "$ENGINE_PORT" "user default off" "user root on >root-xyzzy ~* &* +@all" \
		"user tiny on >$ENGINE_PW ~{tinyscale}:* &* +@all"
	must_wait_until "an engine answers" redis_answers
	at=redis://tiny:$ENGINE_PW@127.0.0.1:$ENGINE_PORT
	with_state "$at"
	ctl -c "$T/engine.json" check
	like "$OUT" "*
state: good, redis://127.0.0.1:$ENGINE_PORT/0, *, primary 127.0.0.1:$ENGINE_PORT,*0 replicas, noeviction,*
hosts: none was seen in the last hour
*" "check: what keeps the state, its primary and its hosts"
	is "$(sed -n '/^state:/,/^hosts:/p' <<<"$OUT" | awk 'length($0) > 80 || / $/')" "" "… within 80 columns"
	[[ $OUT != *'FAIL the state'* ]]
	ok $? "… and all is well with it" || diag "$OUT"
	ctl -c "$T/engine.json" check --json
	is "$(json '.state | "\(.kind) \(.good) \(.address) \(.replicas) \(.hosts | length)"')" \
		"redis true 127.0.0.1:$ENGINE_PORT 0 0" "check --json: too; no gateway runs here, and none is seen"
	ctl -c "$T/engine.json" status --json
	is "$(json '.state | "\(.kind) \(.address) \(.url) \(.policy) \(.is_saved)"')" \
		"redis 127.0.0.1:$ENGINE_PORT redis://127.0.0.1:$ENGINE_PORT/0 noeviction false" "status --json: too"

	redis CONFIG SET min-replicas-to-write 1 >/dev/null
	unwritable "too few replicas are connected*" "an engine without its replicas"
	redis CONFIG SET min-replicas-to-write 0 >/dev/null
	redis CONFIG SET maxmemory 1 >/dev/null
	unwritable "its maxmemory is used up*" "an engine that is full"
	redis CONFIG SET maxmemory 0 >/dev/null

	with_state "redis://tiny:wrong-xyzzy@127.0.0.1:$ENGINE_PORT"
	unusable "*it does not take the user and password*" "a wrong password"
	with_state "$at" '"state_prefix": "other", '
	unusable "*ACL*" "a prefix that the user may not use"
	with_state "redis://127.0.0.1:$((ENGINE_PORT + 5))"
	unusable "*Connection refused*" "no engine there"
	start_redis replica $((ENGINE_PORT + 1)) "replicaof 127.0.0.1 $ENGINE_PORT" \
		"masteruser root" "masterauth root-xyzzy"
	printf '%s\n' "bind 127.0.0.1" "port $((ENGINE_PORT + 2))" "dir $T/replica" \
		"sentinel monitor mine 127.0.0.1 $ENGINE_PORT 1" >"$T/replica/sentinel"
	start sentinel redis-server "$T/replica/sentinel" --sentinel
	sentinel_answers() { [ "$(redis-cli -p $((ENGINE_PORT + 2)) PING)" = PONG ]; }
	has_replica() { redis INFO replication | grep -q 'state=online'; }
	must_wait_until "a replica is connected" has_replica
	with_state "redis://127.0.0.1:$((ENGINE_PORT + 1))"
	unusable "*it is a replica*" "a replica's address"
	must_wait_until "a sentinel answers" sentinel_answers
	with_state "redis+sentinel://tiny:$ENGINE_PW@127.0.0.1:$((ENGINE_PORT + 2))/other"
	unusable "*name*" "a name that the sentinels do not know"
	with_state "redis+sentinel://tiny:$ENGINE_PW@127.0.0.1:$((ENGINE_PORT + 2))/mine"
	ctl -c "$T/engine.json" check
	like "$OUT" "*
state: good, redis+sentinel://*primary 127.0.0.1:$ENGINE_PORT, 1 replica,*note only one replica *" \
		"check: sentinels, and one replica for them"
	stop replica
	has_none() { ! has_replica; }
	must_wait_until "it is gone" has_none
	ctl -c "$T/engine.json" check
	like "$OUT" "* 0 replicas,*note no replica of the state's engine is connected*" "check: none"
	stop sentinel
	stop engine
else
	skip "check, status: a state in Redis" "no redis-server, or a build without Redis"
fi

# --- import, export ------------------------------------------------------------------------------------

# As "rake servers:yaml" prints it: Ruby's symbols and numbers (server_sync.rb).
cat >"$T/scalelite.yml" <<-'END'
	---
	:servers:
	  bbb1.example.org:
	    :url: https://bbb1.example.org/bigbluebutton/api
	    :secret: one-xyzzy
	    :load_multiplier: !ruby/object:BigDecimal 18:0.2e1
	    :enabled: true
	  8e3a1c52-0b1f-4b7e-9a51-0f6a2f5f8c11:
	    :url: https://bbb2.example.org/bigbluebutton/api
	    :secret: "two \"xyzzy\""
	    :load_multiplier: 1.0
	    :enabled: false
END
ctl import "$T/scalelite.yml"
is "$RC" 0 "import: what rake servers:yaml prints"
is "$(json '.servers | map("\(.name) \(.host) \(.secret) \(.weight) \(.state)") | join(", ")')" \
	'bbb1.example.org https://bbb1.example.org/bigbluebutton/api one-xyzzy 0.5 null, null https://bbb2.example.org/bigbluebutton/api two "xyzzy" null cordoned' \
	"import: names, weights and states"
printf '%s\n' "$OUT" >"$T/imported.json"
"$FCGI_PROGRAM" -c "$T/imported.json" --check-config >/dev/null 2>&1
ok $? "import: the gateway takes it"
# As servers:sync and servers:addAll read it.
printf 'servers:\n  bbb3.example.org:\n    secret: three-xyzzy\n' >"$T/sync.yml"
ctl import "$T/sync.yml"
is "$(json '.servers[0].host')" https://bbb3.example.org/bigbluebutton/api "import: a URL made of the id"
printf 'servers:\n- url: https://bbb4.example.org\n  secret: four-xyzzy\n  color: red\n- secret: five-xyzzy\n' >"$T/all.yml"
ctl import "$T/all.yml"
is "$RC $(json '.servers | length')" "1 1" "import: 1 when something was left out"
like "$ERR" "*not carried over: color*server 2 is left out: it has no URL*" "import: which is named"
# As "rake servers" prints it.
printf 'id: bbb5\n\turl: https://bbb5.example.org/bigbluebutton/api\n\tsecret: five-xyzzy\n\tdisabled\n\tload: 3.0\n\tload multiplier: 4.0\n\toffline\n' >"$T/listing"
ctl import "$T/listing"
is "$(json '.servers[0] | "\(.name) \(.weight) \(.state)"')" "bbb5 0.25 disabled" "import: what rake servers prints"
ctl import - <<<'[{"host": "https://bbb6.example.org/bigbluebutton/api", "secret": "six-xyzzy"}]'
is "$RC $(json '.servers[0].secret')" "0 six-xyzzy" "import: a list of the original tinyscale"
for text in '' '[' 'servers: 3' '{"servers": {"a": null}}' $'\x01'; do
	ctl import - <<<"$text"
	is "$RC $OUT" "1 " "import: nothing of what is no list of servers"
done

ctl -c "$T/imported.json" export nginx-cluster-proxy
is "$RC $(grep -c '^location /bbb[12]/html5client/ {$' <<<"$OUT")" "0 2" "export: a location for each server"
like "$OUT" "*proxy_pass https://bbb2.example.org/bbb2/html5client/;*" "export: to that server"
if command -v nginx >/dev/null; then
	printf 'events {}\npid %s;\nerror_log %s;\nhttp { access_log off; %s\nserver { listen 127.0.0.1:%d;\n%s\n} }\n' \
		"$T/nginx.pid" "$LOGS/nginx.log" \
		"$(for part in client_body proxy fastcgi uwsgi scgi; do echo "${part}_temp_path $T/nginx-$part;"; done)" \
		"$((PORT0 + 1))" "${OUT//bbb?.example.org/127.0.0.1}" >"$T/nginx.conf"
	nginx -t -q -c "$T/nginx.conf" 2>"$T/nginx-errors"
	ok $? "export: nginx takes it" || diag "$(cat "$T/nginx-errors")"
else
	skip "export: nginx takes it" "nginx is not installed"
fi
ctl export nginx-cluster-proxy
is "$RC" 1 "export: 1 for servers that have no name of their own"

# --- init ----------------------------------------------------------------------------------------------

mkdir "$T/init"
# pasted SERVER [SECRET]: what "bbb-conf --secret" prints there.
pasted() {
	local url
	url=$(server_url "$1")
	printf '\n    URL: %s\n    Secret: %s\n\n    Link to the API-Mate:\n    %s\n\n' \
		"${url%api}" "${2:-$(server_secret "$1")}" \
		"https://mconf.github.io/api-mate/#server=$url&sharedSecret=${2:-$(server_secret "$1")}"
}
ctl -c "$T/init/pasted.json" init < <(pasted 1; pasted 2)
is "$RC" 0 "init: what bbb-conf prints, pasted into a pipe"
is "$(jq -c '[.servers[].secret]' "$T/init/pasted.json")" \
	"[\"$(server_secret 1)\",\"$(server_secret 2)\"]" "init: both servers"
is "$(stat -c %a "$T/init/pasted.json")" 640 "init: for its owner and its group alone"
[[ $(jq -r .secret "$T/init/pasted.json") =~ ^[0-9a-f]{64}$ ]]
ok $? "init: a secret of 32 bytes"
like "$OUT" "*127.0.0.1:$(server_port 1)  *good*127.0.0.1:$(server_port 2)  *good*all is well*" "init: tries each"
[[ $OUT$ERR != *xyzzy* ]]
ok $? "init: repeats no server's secret"
is "$(ls "$T/init")" pasted.json "init: leaves no other file"
before=$(cat "$T/init/pasted.json")
ctl -c "$T/init/pasted.json" init < <(pasted 3)
is "$RC $OUT $(cat "$T/init/pasted.json")" "1  $before" "init: leaves a file alone that is there"
like "$ERR" "*--force*" "init: and says what to do"

ctl -c "$T/init/servers.json" init --base https://gw.example.org \
	--server "$(server_url 1),$(server_secret 1)" --server "$(server_url 3),$(server_secret 3)"
is "$RC" 0 "init --server"
secret=$(jq -r .secret "$T/init/servers.json")
like "$OUT" "*
    https://gw.example.org/bigbluebutton/
*
    $secret
*
  BIGBLUEBUTTON_ENDPOINT=https://gw.example.org/bigbluebutton/api
  BIGBLUEBUTTON_SECRET=$secret
*" "init: prints what Moodle and Greenlight ask for"
is "$("$FCGI_PROGRAM" -c "$T/init/servers.json" --check-config 2>&1 | grep -c warning; exit "${PIPESTATUS[0]}"),$?" \
	"0,0" "init: the gateway takes it without a warning"
GATEWAY_ENVIRONMENT=(TINYSCALE_STATE=none)
GATEWAY_CONFIG=$T/init/servers.json start_gateway gateway-2 "unix:$T/init/gateway.sock"
GATEWAY_ENVIRONMENT=()
query="meetingID=first&name=first"
FCGI_ADDRESS=unix:$T/init/gateway.sock
GET "$API/create?$query&checksum=$(sign create "$query" "$secret")"
is "$(result)" SUCCESS "init: a gateway creates a meeting with it"
[[ $(servers_of first) == [13] ]]
ok $? "init: on one of its servers"
FCGI_ADDRESS=unix:$T/gateway.sock
stop gateway-2

# Where nobody can be asked, what fails is kept.
fault 3 refuse
ctl -c "$T/init/failed.json" init --server "$(server_url 1),$(server_secret 1)" \
	--server "$(server_url 2),wrong-xyzzy-wrong" --server "$(server_url 3),$(server_secret 3)"
is "$RC $(jq '.servers | length' "$T/init/failed.json")" "1 3" "init --server: keeps those that fail, and exits 1"
like "$OUT" "*FAIL 127.0.0.1:$(server_port 2): it refuses its secret*bbb-conf --secret*" "init: a wrong secret, and what to do"
like "$OUT" "*FAIL 127.0.0.1:$(server_port 3): *" "init: a server that is away"
like "$ERR" "*2 of the servers failed and are kept*" "init: which are kept"
[[ $OUT$ERR != *xyzzy* ]]
ok $? "init: repeats no secret that is wrong"
fault 3 none
secret=$(jq -r .secret "$T/init/failed.json")
ctl -c "$T/init/failed.json" init --force --server "$(server_url 1),wrong-xyzzy-wrong" \
	--server "$(server_url 1),$(server_secret 1)"
is "$RC $(jq -r '.servers[].secret' "$T/init/failed.json")" "0 $(server_secret 1)" "init --force: writes anew; the last of one server counts"
isnt "$(jq -r .secret "$T/init/failed.json")" "$secret" "init --force: with another secret"

for given in "nonsense" "bbb1.example.org,xyzzy" "https://bbb1.example.org," "https://bbb1.example.org/x,xyzzy"; do
	ctl -c "$T/init/bad.json" init --server "$(server_url 1),$(server_secret 1)" --server "$given"
	[ "$RC" -ne 0 ] && [ ! -e "$T/init/bad.json" ] && [[ $OUT$ERR != *xyzzy* ]]
	ok $? "init --server $given: nothing is written" || diag "$RC $OUT $ERR"
done
ctl -c "$T/init/bad.json" init <<<"URL: https://bbb1.example.org/bigbluebutton/"
is "$RC $OUT" "1 " "init: a URL without its secret"
like "$ERR" "*no secret came for https://bbb1.example.org/bigbluebutton/*" "init: which one"
ctl -c "$T/init/bad.json" init </dev/null
is "$RC $OUT" "1 " "init: no server"
ctl -c "$T/init/nowhere/servers.json" init --server "$(server_url 1),$(server_secret 1)"
is "$RC $OUT" "1 " "init: no directory for it"
like "$ERR" "*mkdir -p $T/init/nowhere*" "init: what to do"
is "$(find "$T/init" -name '*.json*' | wc -l)" 3 "init: and leaves nothing behind"

if [ "$(id -u)" -eq 0 ]; then
	mkdir "$T/init/group"
	chgrp 65534 "$T/init/group"
	ctl -c "$T/init/group/servers.json" init --server "$(server_url 1),$(server_secret 1)"
	is "$(stat -c '%u %g %a' "$T/init/group/servers.json")" "0 65534 640" "init: root gives the file the directory's group"
else
	skip "init: root gives the file the directory's group" "not root"
fi

# On a terminal it asks.
mkfifo "$T/keyboard"
TERM=xterm script -qec "$(printf '%q ' "$CTL_PROGRAM" -c "$T/init/asked.json" init)" /dev/null \
	<"$T/keyboard" >"$T/screen" 2>&1 &
pid=$!
exec 7>"$T/keyboard"
# shows N PATTERN: lines on the screen.
shows() { [ "$(tr -d '\r' <"$T/screen" | grep -c -- "$2")" -ge "$1" ]; }
must_wait_until "init asks for a server" shows 1 '^URL: '
pasted 1 wrong-secret-xyzzy >&7
must_wait_until "init asks whether to keep a server that fails" shows 1 '^Keep 127.0.0.1:'
echo n >&7
must_wait_until "init asks for another" shows 2 '^URL: '
{
	pasted 1
	pasted 2
} >&7
must_wait_until "init asks for another" shows 1 '^Another server'
server_url 3 >&7
must_wait_until "init asks for its secret" shows 1 '^Secret: '
server_secret 3 >&7
must_wait_until "init asks for another" shows 2 '^Another server'
echo >&7
must_wait_until "init asks for the gateway's address" shows 1 "^The gateway's address"
echo "gw.example.org" >&7
must_wait_until "init asks for an address that is good" shows 2 "^The gateway's address"
echo "https://gw.example.org" >&7
wait "$pid"
is $? 0 "init: on a terminal"
exec 7>&-
is "$(jq -c '[.public_url, .servers[].secret]' "$T/init/asked.json")" \
	"[\"https://gw.example.org\",\"$(server_secret 1)\",\"$(server_secret 2)\",\"$(server_secret 3)\"]" \
	"init: what was answered"

# --- the line itself -----------------------------------------------------------------------------------

ctl
is "$RC" 2 "no command: 2"
like "$ERR" "usage: tinyscalectl*" "no command: how it is used"
for line in bogus "status --bogus" where "where a b" "drain --until" "drain --until 25:00 server-1" \
	"url --for 8 tinyscale/status" "init --server" "init extra" "url create novalue" "explain a=%" "help bogus"; do
	# shellcheck disable=SC2086 # words are meant
	ctl $line
	is "$RC $OUT" "2 " "$line: 2"
	like "$ERR" "tinyscalectl: *" "$line: and why"
done
ctl --help
like "$RC $OUT" "0 usage: tinyscalectl*status*drain*" "--help"
ctl drain --help
like "$RC $OUT" "0 usage: tinyscalectl drain*--until*" "drain --help"
ctl --version
like "$RC $OUT" "0 tinyscalectl [0-9]*
state: SQLite 3.*, *Redis*" "--version: with what the state can be kept in"
is "$("$FCGI_PROGRAM" --version | tail -n +2) $("$FCGI_PROGRAM" --version | head -c 15)" \
	"${OUT#*$'\n'} tinyscale.fcgi " "tinyscale.fcgi --version: the same"
is "$("$CGI_PROGRAM" --version | tail -n +2) $("$CGI_PROGRAM" --version | head -c 14)" \
	"${OUT#*$'\n'} tinyscale.cgi " "tinyscale.cgi --version: the same"
ctl -c /nowhere.json status
is "$RC" 1 "no configuration: 1"
like "$ERR" "*/nowhere.json: no such file*" "no configuration: which"
env TINYSCALE_CONFIG="$T/servers.json" "$CTL_PROGRAM" status >/dev/full 2>"$T/ctl-errors"
is $? 1 "the answer cannot be written: 1"
for command in status servers meetings; do
	TINYSCALE_CONFIG=$T/servers.json timeout 3 "$CTL_PROGRAM" "$command" --json --watch >"$T/watched"
	[ "$(jq -c . <"$T/watched" | wc -l)" -ge 2 ]
	ok $? "$command --watch: answers again"
done

# --- every command, through a pipe and on a terminal ----------------------------------------------------

EVERY=("init --force --server $(server_url 1),$(server_secret 1)" "check" "status" "servers" "meetings"
	"where every-room" "explain" "cordon server-1" "uncordon server-1" "disable server-1"
	"enable server-1" "drain --no-wait server-1" "uncordon server-1" "url getMeetings" "poll"
	"diff $T/servers.json" "import $T/scalelite.yml" "export nginx-cluster-proxy" "help")
is "$(printf '%s\n' "${EVERY[@]%% *}" | sort -u | paste -sd' ')" \
	"$("$CTL_PROGRAM" --help | sed -n 's/^  \([a-z]\+\).*/\1/p' | sort -u | paste -sd' ')" "these are all commands"
cp "$T/servers.json" "$T/every.json"
create every-room
for line in "${EVERY[@]}"; do
	read -ra words <<<"$line"
	config=$T/servers.json
	[ "${words[0]}" != init ] || config=$T/every.json
	ctl -c "$config" "${words[@]}"
	through_pipe=$RC
	[ -n "$OUT" ] && [[ $OUT$ERR != *$'\033'* && $OUT$ERR != *$'\r'* ]]
	ok $? "${words[0]}: plain text through a pipe" || diag "$OUT$ERR"
	on_terminal -c "$config" "${words[@]}"
	is "$RC" "$through_pipe" "${words[0]}: the same status on a terminal"
	[ -n "$OUT" ]
	ok $? "${words[0]}: and something to read"
done

# --- without a state, and for root ----------------------------------------------------------------------

ctl -c "$T/none.json" cordon server-1
is "$RC" 1 "state none: nothing can be kept"
like "$ERR" '*"state" is "none"*' "state none: and it says so"
if [ "$(id -u)" -eq 0 ] && "${AS_NOBODY[@]}" test -x "$T/state"; then
	stop gateway
	delete_state
	own "$T/state"
	ctl cordon server-1
	is "$RC $(stat -c %u "$T/state/state.db")" "0 65534" "root leaves no file of its own beside the gateway's"
else
	skip "root leaves no file of its own beside the gateway's" "not root, or nobody else may enter $T"
fi

finish

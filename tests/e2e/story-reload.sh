#!/usr/bin/env bash
# SIGHUP takes in a new servers.json; a broken one is named and changes nothing.
. "$(dirname "$0")/lib.sh"
begin story-reload 16
need curl sqlite3
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
start_sandbox 2
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# server_line N [NAME]: one element of "servers"; its name ends in N, or in another number.
server_line() {
	echo "{\"host\": \"$(server_url "$1")\", \"secret\": \"$(server_secret "$1")\", \"name\": \"server-${2:-$1}\"}"
}
# configure SECRET SERVERS [LINE]
configure() {
	printf '{"secret": "%s", "state": "%s", %s "servers": [%s]}\n' "$1" "$T/state/state.db" "${3:-}" "$2" \
		>"$T/servers.json"
}
# secret_works SECRET: yet?
secret_works() {
	GET "$(url isMeetingRunning "meetingID=any" "$1")"
	[ "$(result)" = SUCCESS ]
}

configure "$SECRET" "$(server_line 1)"
start_gateway gateway "$FCGI_ADDRESS"
pid=${PIDS[gateway]}
create before
is "$(result) $(servers_of before)" "SUCCESS 1" "one server: it gets the meeting"

configure second-secret-xyzzy "$(server_line 1), $(server_line 2)"
kill -HUP "$pid"
wait_until secret_works second-secret-xyzzy
ok $? "SIGHUP: the new secret works"
secret_works "$SECRET"
is $? 1 "SIGHUP: the old one no longer"
SECRET=second-secret-xyzzy
create after
is "$(result) $(servers_of after)" "SUCCESS 2" "SIGHUP: the new server gets the next meeting"
join before
is "$(STATUS)" 302 "SIGHUP: the meeting from before is still known"

# Two servers change their addresses, after polls that found nothing new on either.  Their
# lists are of one length.
polls() { control "/calls?server=$1&call=getMeetings&count=1"; }
has_polled() { [ "$(polls 1)" -ge "$1" ] && [ "$(polls 2)" -ge "$2" ]; }
for n in 1 2; do
	curl -gs "$(own_url $n create "name=swap&meetingID=swap-$n&$PASSWORDS")" >"$T/created"
	id=$([ $n = 1 ] && echo before || echo after)
	curl -gs "$(own_url $n end "meetingID=$id&password=$MODERATOR_PW")" >"$T/ended"
done
often='"poll_interval_ms": 500,'
are_mapped() { [ "$(mapped_to swap-1) $(mapped_to swap-2)" = "$1 $2" ]; }
configure "$SECRET" "$(server_line 1), $(server_line 2)" "$often"
kill -HUP "$pid"
wait_until are_mapped server-1 server-2 && wait_until has_polled $(($(polls 1) + 4)) $(($(polls 2) + 4))
ok $? "polls find a meeting on each server"
configure "$SECRET" "$(server_line 2 1), $(server_line 1 2)" "$often"
kill -HUP "$pid"
wait_until are_mapped server-2 server-1
ok $? "SIGHUP: servers that have each other's address have each other's meetings"
configure "$SECRET" "$(server_line 1), $(server_line 2)" "$often"
kill -HUP "$pid"
wait_until are_mapped server-1 server-2
ok $? "SIGHUP: and back"
create before

# Under load no request notices.
path=$(url isMeetingRunning "meetingID=before")
mkdir "$T/load"
pids=()
for ((n = 0; n < 60; n++)); do
	fcgi_background "$path" "$T/load/$n"
	pids+=($!)
	[ $((n % 10)) -ne 5 ] || kill -HUP "$pid"
done
wait_for_all "${pids[@]}"
is "$(count_files '<returncode>SUCCESS</returncode>' "$T/load"/*)" 60 "SIGHUP six times under load: no request fails"

log_lines=$(wc -l <"$LOGS/gateway.log")
printf '{"secret": "third-secret-xyzzy", "servers": [{"hots": "http://127.0.0.1:1/", "secret": "x"}]}\n' >"$T/servers.json"
kill -HUP "$pid"
names_problem() { tail -n "+$((log_lines + 1))" "$LOGS/gateway.log" | grep -q hots; }
wait_until names_problem
ok $? "a broken servers.json: the log names the problem"
tail -n "+$((log_lines + 1))" "$LOGS/gateway.log" | grep hots | grep -qw host
ok $? "a broken servers.json: and the key that was probably meant"
create broken
is "$(result)" SUCCESS "a broken servers.json: the old one stays"
TINYSCALE_CONFIG=$T/servers.json "$FCGI_PROGRAM" --check-config >"$T/check" 2>&1
is $? 1 "--check-config: status 1 for the broken one"
grep -q hots "$T/check"
ok $? "--check-config: names the problem"

# What systemd asks before it starts the program: a file with errors is to be told of.
TINYSCALE_CONFIG=$T/servers.json "$FCGI_PROGRAM" --has-servers >"$T/check" 2>&1
is "$? $(cat "$T/check")" "0 " "--has-servers: status 0 for the broken one"
printf '{"secret": "0123456789abcdef", "servers": []}' >"$T/empty.json"
"$FCGI_PROGRAM" -c "$T/empty.json" --has-servers >"$T/check" 2>&1
is "$? $(cat "$T/check")" "1 $T/empty.json: names no server yet" \
	"--has-servers: status 1 for one without servers"

# hang_up: SIGHUP, and until it was looked at what is to be read now.
refusals() { grep -c 'the new configuration is bad' "$LOGS/gateway.log"; }
has_refused() { [ "$(refusals)" -gt "$1" ]; }
hang_up() {
	local before
	before=$(refusals)
	kill -HUP "$pid"
	must_wait_until "SIGHUP is noticed" has_refused "$before"
}

printf '{"secret": ' >"$T/servers.json"
hang_up
create truncated
is "$(result)" SUCCESS "half a servers.json: the old one stays"

rm "$T/servers.json"
hang_up
create missing
is "$(result)" SUCCESS "no servers.json: the old one stays"

configure "$SECRET" "$(server_line 2)"
TINYSCALE_CONFIG=$T/servers.json "$FCGI_PROGRAM" --check-config >"$T/check" 2>&1
is $? 0 "--check-config: status 0 for a good one"

# check_state URL: check a configuration with that state.
check_state() {
	printf '{"secret": "%s", "state": "%s", "servers": [%s]}\n' "$SECRET" "$1" \
		"$(server_line 2)" >"$T/engine.json"
	env -u TINYSCALE_STATE "$FCGI_PROGRAM" -c "$T/engine.json" --check-config >"$T/check" 2>&1
}
check_state redis://user-xyzzy:password-xyzzy@host:0
is "$? $(cat "$T/check")" "1 $T/engine.json: state: the port must be a number from 1 to 65535" \
	"--check-config: what is wrong with the URL of a state in Redis, and not the URL"
check_state redis://user-xyzzy:password-xyzzy@host
rc=$?
[ "$rc" -eq 0 ] || grep -q "state: this build has no Redis support: configure --with-redis" "$T/check"
ok $? "--check-config: a good one, or that this build cannot use it" || diag "$(cat "$T/check")"
grep -q xyzzy "$T/check"
is $? 1 "--check-config: and not the URL"

finish

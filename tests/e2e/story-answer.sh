#!/usr/bin/env bash
# A client has its answer before the gateway does what can wait: before it remembers what
# it learnt, which another program may hold up, and, where only the CGI runs, before it
# polls. What such a poll finds is told to somebody.
. "$(dirname "$0")/lib.sh"
begin story-answer 37
need sqlite3 curl make
need_built "$FCGI_PROGRAM" "$CGI_PROGRAM" "$FCGI_CLIENT"
make -s -C "$BUILD" tests/e2e/log-listener >"$LOGS/make.log" 2>&1
LISTENER=$BUILD/tests/e2e/log-listener
need_built "$LISTENER"
start_sandbox 2
write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 3000,'
cgi_of_our_own
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# --- FastCGI -------------------------------------------------------------------------

# on_one_connection: three requests of which each leaves something to remember; how long
# they take, in ms, is TOOK_MS.
NUMBER=0
on_one_connection() {
	local path requests=() META
	NUMBER=$((NUMBER + 1))
	for path in "$(url getMeetings)" "$(url getRecordings "meetingID=m-$NUMBER")" \
		"$(url getMeetingInfo "meetingID=nowhere-$NUMBER")"; do
		meta_variables GET "$path"
		requests+=(--next --out "$T/answer-${#requests[@]}" "${META[@]}")
	done
	rm -f "$T"/answer-*
	timed "$FCGI_CLIENT" --keep --timeout 90 "${requests[@]:1:2}" "$FCGI_ADDRESS" \
		"${requests[@]:3}" 2>"$T/client-errors"
}

start_gateway gateway "$FCGI_ADDRESS"
quickest 3 on_one_connection
free=$TOOK_MS
hold_state
quickest 3 on_one_connection
within "$TOOK_MS" 0 $((free + 200)) \
	"three requests on one connection while the state is held ($TOOK_MS ms; else $free ms)"
is "$(count_files '<returncode>' "$T"/answer-*)" 3 "and each has its answer"
call getMeetings
kill -TERM "${PIDS[gateway]}"
sleep 0.2
release_state
pid=${PIDS[gateway]}
unset "PIDS[gateway]"
wait "$pid"
is $? 0 "SIGTERM while there is something left to do: the process ends with status 0"

# What was put off is done: nobody is asked again for what is nowhere.  Where something was lost
# while the state was held, that is believed again once the time is over.
write_config "$T/servers.json" '"negative_ttl_ms": 6000,'
start_gateway gateway "$FCGI_ADDRESS"
asked() { control "/calls?server=0&call=getMeetingInfo&count=1"; }
is_remembered() {
	local before
	call getMeetingInfo meetingID=nowhere
	before=$(asked)
	call getMeetingInfo meetingID=nowhere
	[ "$(asked)" = "$before" ]
}
wait_until is_remembered
ok $? "what was put off is remembered"
stop gateway

# --- CGI -------------------------------------------------------------------------------

write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 3000,'
REQUEST() { cgi_request "$@"; }
mkfifo "$T/out" "$T/err"

# piped PATH: as by a web server that waits for the end of both outputs; how long that
# takes, in ms, is TOOK, and the process is PIPED.
piped() {
	local META begun answer errors
	meta_variables GET "$1"
	LAST_REQUEST="GET $1, both outputs to their ends"
	begun=$(now_ms)
	cat "$T/out" >"$T/answer" &
	answer=$!
	cat "$T/err" >"$T/errors" &
	errors=$!
	(CGI_STDERR=$T/err cgi_exec </dev/null >"$T/out") &
	PIPED=$!
	wait $answer $errors
	TOOK=$(($(now_ms) - begun))
	cat "$T/errors" >>"$LOGS/gateway.log"
	take_cgi_answer "$T/answer" "$T/"
}

# is_polling: a request has left a poll behind, POLLER, that is under way; not one that ends
# at once, since another polls.
is_polling() {
	piped "$API"
	POLLER=$(poller)
	sleep 0.5
	FILES=$(readlink "/proc/$POLLER/fd/0" "/proc/$POLLER/fd/1" "/proc/$POLLER/fd/2" | paste -sd' ')
	COPIES=$(find "/proc/$POLLER/fd" -lname "$T/out" -o -lname "$T/err")
	LEFT=$(tr '\0' '\n' <"/proc/$POLLER/environ" | grep -E '^(REQUEST|QUERY|REMOTE|SERVER|HTTP)_')
	SESSION=$(awk '{ print $6 }' "/proc/$POLLER/stat")
	[ -n "$POLLER" ] && [ "$(poller)" = "$POLLER" ]
}
# listed: a list, and how long both outputs took.
listed() {
	piped "$(url getRecordings meetingID=m)"
	# shellcheck disable=SC2034 # quickest reads it
	TOOK_MS=$TOOK
}
quickest 5 listed
free=$TOOK_MS
hold_state
quickest 5 listed
TOOK=$TOOK_MS
is "$(STATUS) $(xml returncode)" "200 SUCCESS" "CGI: a list while the state is held"
# The state is waited for for 250 ms at most; the rest is what a busy machine adds.
within "$TOOK" 0 $((2 * free + 150)) "CGI: both outputs end with the answer ($TOOK ms; else $free ms)"
like "$(cat "$T/errors")" "*call=getRecordings*result=noRecordings*" "CGI: and with its line of the log"
release_state

# A poll that takes three seconds, since the servers hang.
wait_until polls_no_more
fault 0 hang
sleep 1
piped "$API"
within "$TOOK" 0 2900 "CGI: both outputs end though the poll behind has just begun ($TOOK ms)"
wait_until is_polling
is "$FILES" "/dev/null /dev/null /dev/null" "CGI: it keeps none of the three"
is "$COPIES" "" "CGI: nor a copy of them"
is "$SESSION" "$POLLER" "CGI: it has a session of its own"
is "$LEFT" "" \
	"CGI: it knows nothing of the request"
begun=$(now_ms)
GET "$API"
within $(($(now_ms) - begun)) 0 2900 "CGI: nor need the next request wait for it"
wait_until polls_no_more

# Where a web server's log is a file, a poll writes there.  On a busy machine there were two polls
# while the servers hung, by which they are down, which is not told again: they begin anew.
fault 0 none
are_up() {
	GET "$API"
	[ "$(sqlite3 -cmd '.timeout 5000' "$T/state/state.db" \
		"SELECT COUNT(*) FROM server WHERE health = 0 AND failures = 0")" = 2 ]
}
wait_until are_up
wait_until polls_no_more
fault 0 refuse
is_told() {
	GET "$API"
	[ "$(grep -c 'server is down' "$1")" -ge 2 ]
}
wait_until is_told "$LOGS/gateway.log"
ok $? "CGI: servers that are down are told in a log that is a file"

# Else by syslog, where the log-listener hears it: in a /dev of our own.
cat >"$T/with-dev" <<'END'
#!/bin/sh
# usage: with-dev FOLDER COMMAND...: COMMAND, with the log's socket of FOLDER, and of the
# devices those of DEVICES.
dev=$1/dev
shift
mount -t tmpfs none "$dev" || exit 1
for node in ${DEVICES-null zero random urandom}; do
	: >"$dev/$node"
	mount --bind "/dev/$node" "$dev/$node" || exit 1
done
ln -s "${dev%/dev}/log.sock" "$dev/log"
mount --rbind "$dev" /dev || exit 1
exec "$@"
END
chmod 755 "$T/with-dev"
mkdir "$T/dev"
own_mounts=(unshare -m)
[ "$(id -u)" -eq 0 ] || own_mounts=(unshare -rm)
wait_until polls_no_more
fault 0 none
delete_state
if "${own_mounts[@]}" "$T/with-dev" "$T" true 2>"$LOGS/with-dev.log"; then
	start log-listener "$LISTENER" "$T/log.sock"
	must_wait_until "log-listener listens" test -S "$T/log.sock"
	CGI_BEFORE=("${own_mounts[@]}" "$T/with-dev" "$T")
	fault 0 refuse
	is_told_by_syslog() {
		piped "$API"
		[ "$(grep -c 'tinyscale.cgi.*server is down' "$LOGS/log-listener.log")" -ge 2 ]
	}
	wait_until is_told_by_syslog
	ok $? "CGI: servers that are down are told by syslog where the log ends with the answer"
	isnt "$(grep -c 'request id=' "$LOGS/gateway.log")" 0 "CGI: requests are told to the web server"
	is "$(grep -c 'request id=' "$LOGS/log-listener.log")" 0 "CGI: and not by syslog"
	write_config "$T/servers.json"
	wait_until polls_no_more
	fault 0 none
	delete_state
	piped "$API"
	wait_until polls_no_more
	hold_state
	piped "$(url getRecordings meetingID=m)"
	wait_until grep -q "\[$PIPED\]: warn the state cannot be written" "$LOGS/log-listener.log"
	ok $? "CGI: so is what comes up after the answer"
	release_state
	wait_until polls_no_more

	# In many a chroot there is no /dev/null to put in the outputs' place.
	CGI_BEFORE=("${own_mounts[@]}" env DEVICES= "$T/with-dev" "$T")
	fault 0 hang
	delete_state
	piped "$API"
	within "$TOOK" 0 2900 "CGI: both outputs end without a /dev/null ($TOOK ms)"
	CGI_BEFORE=()
	wait_until polls_no_more
else
	skip "CGI: servers that are down are told by syslog" "no mounts of our own"
fi

finish

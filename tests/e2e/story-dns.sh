#!/usr/bin/env bash
# A name server that takes each question and answers none: only what concerns the server whose
# name is asked for waits, and no longer than its timeouts say.
. "$(dirname "$0")/lib.sh"
begin story-dns 80
need perl
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT" "$CGI_PROGRAM"
# A resolv.conf that the gateway alone sees.
printf 'nameserver 127.0.0.2\noptions timeout:5 attempts:3\n' >"$T/resolv.conf"
# shellcheck disable=SC2016 # for that shell
ASKING=(unshare -m sh -c 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"' "$T/resolv.conf")
if ! "${ASKING[@]}" true 2>/dev/null; then
	skip "a name server that is silent" "no resolv.conf of our own, which root may have"
	finish
fi
# shellcheck disable=SC2016 # Perl's
start swallow perl -MIO::Socket::INET -e '$| = 1;
	$s = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.2", LocalPort => 53) or exit 1;
	print "listens\n"; while ($s->recv($d, 512)) { print "asked\n" }'
listens() { grep -q listens "$LOGS/swallow.log" || ! is_running swallow; }
must_wait_until "a name server is there" listens
if ! is_running swallow; then
	skip "a name server that is silent" "port 53 of 127.0.0.2 cannot be had"
	finish
fi
start_sandbox 2
# Server 1 has a name, server 2 an address.
write_config "$T/servers.json" '"poll_interval_ms": 1000,' '"connect_timeout_ms": 1000,' \
	'"allow_private_callbacks": true,'
sed -i "s|http://127.0.0.1:$(server_port 1)|http://bbb.never.test:$(server_port 1)|" "$T/servers.json"
grep -q never.test "$T/servers.json" || fail "the configuration names server 1"
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }
RUN_AS=("${ASKING[@]}")
start_gateway gateway "$FCGI_ADDRESS"

# How long who waits for the name server waits, to compare with.
timed "${ASKING[@]}" getent hosts bbb.never.test
isnt "$?" 0 "nobody knows the name"
unanswered=$TOOK_MS
# in_time WHAT: the command before took less than that.
in_time() { within "$TOOK_MS" 0 "$((unanswered - 1))" "$1"; }

# --- tinyscale.fcgi ------------------------------------------------------------------

timed create first
is "$(result) $(servers_of first)" "SUCCESS 2" "a meeting is created on the other server"
in_time "… in time"
[ "$(grep -c asked "$LOGS/swallow.log")" -gt 0 ]
ok $? "the name server was asked"
timed join first
is "$(STATUS)" 302 "its join"
in_time "… waits for no name"
timed call getMeetings
is "$(xml returncode) $(xml meetingID)" "SUCCESS first" "the list"
in_time "… has what the others answer, in time"
is_down() { grep -q 'server is down: .*server=server-1' "$LOGS/gateway.log"; }
wait_until is_down
ok $? "the server whose name nobody knows is down, after its polls"
is "$(grep -c 'server is \(suspect\|down\): .*server=server-2' "$LOGS/gateway.log")" 0 \
	"and the other is not"
timed create second
is "$(result)" SUCCESS "once it is down a create"
in_time "… waits for no name, either"
# 32 threads, each with a question that nobody answers, would be all of them.
pids=()
for n in {1..40}; do
	fcgi_background "$(url getMeetingInfo "meetingID=none-$n")" "$T/none.$n"
	pids+=($!)
done
timed join first
is "$(STATUS)" 302 "joins go on while others look for what is nowhere"
wait_for_all "${pids[@]}"
is "$(count_files '<returncode>' "$T"/none.*)" 40 "which are answered, too"
timed stop gateway
in_time "it ends without waiting for names"
is "$(grep -c 'stopping: requests in flight' "$LOGS/gateway.log")" 1 "as it was told to"

# --- tinyscale.cgi -------------------------------------------------------------------

delete_state
CGI_BEFORE=("${ASKING[@]}")
timed cgi_request GET "$(url getMeetings)"
is "$(xml returncode)" SUCCESS "a CGI's list"
in_time "… in time"
timed cgi_request GET "$(url create "name=room&meetingID=by-cgi&$PASSWORDS")"
is "$(result) $(servers_of by-cgi)" "SUCCESS 2" "and a create"
in_time "… in time"
CGI_BEFORE=()

finish

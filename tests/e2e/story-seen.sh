#!/usr/bin/env bash
# What the README and the manual say is seen when something is wrong, or changed: under each
# web server without the gateway, with a bad configuration, after a reload; with a server's
# secret that is wrong; and the manual's line for spawn-fcgi works.
. "$(dirname "$0")/lib.sh"
begin story-seen 29
need nginx lighttpd spawn-fcgi
. "$E2E/web.sh"
need_apache proxy proxy_fcgi fcgid
need_built "$FCGI_PROGRAM"
start_sandbox 2
write_config "$T/servers.json"
install_program "$FCGI_PROGRAM"
BIN=$T/bin

works() { is "$(call getMeetings; STATUS) $(result)" "200 SUCCESS noMeetings" "$1"; }
# seen STATUS NAME: so all calls are answered, with a page of HTML. This one has no checksum,
# as lighttpd then writes the whole URL into its error log (gw_backend.c).
is_seen() {
	GET "$API"
	[ "$(STATUS)" = "$1" ] && grep -qi '<html' "$T/body"
}
seen() { ok "$(wait_until is_seen "$1"; echo $?)" "$2"; }
says() { [ "$(grep -c "$2" "$1")" -ge 1 ]; }

# with_json: a change that shows in the log; SAYS_JSON is such a line.
with_json() { write_config "$T/servers.json" '"log_format": "json",'; }
SAYS_JSON='"event":"request"'
answers_in_json() {
	call getMeetings
	says "$1" "$SAYS_JSON"
}

# ---- nginx, and Apache's mod_proxy_fcgi: the gateway is started apart ----------------

# The manual's example: the folder of the socket, and the program.
example_of_manual() {
	awk '/^With spawn-fcgi:/ { on = 1 } on && /^\.Ed/ { exit } on && !/^(\.|With)/' \
		"$TOP/man/tinyscale.fcgi.8" | sed 's/\\e$/\\/'
}
if [ "$(id -u)" = 0 ]; then
	example <(example_of_manual) "s|/run/tinyscale|$T/socket|" \
		"s|/usr/lib/cgi-bin|$BIN|" 's/ -o tinyscale/ -o 65534/' \
		's/\([ug]\) tinyscale/\1 65534/g' 's/U tinyscale/U 65534/' >"$T/spawn.sh" || finish
	own "$T/state"
	chgrp 65534 "$T/servers.json"
	chmod 640 "$T/servers.json"
	TINYSCALE_CONFIG=$T/servers.json sh -ex "$T/spawn.sh" >"$LOGS/spawn.log" 2>&1
	ok $? "the manual's line for spawn-fcgi works"
	PIDS[spawned]=$(sed -n 's/.*PID: \([0-9]*\).*/\1/p' "$LOGS/spawn.log")
	is "$(stat -c '%a %u %G' "$T/socket/tinyscale.sock")" "660 65534 www-data" \
		"its socket is for the web server's group"
	start_nginx "$T/socket/tinyscale.sock"
	works "and the gateway answers through it"
	stop spawned
	chmod 644 "$T/servers.json"
else
	start_nginx "$T/socket/tinyscale.sock"
fi
seen 502 "nginx without the gateway: 502"
stop nginx

# apache WAY MODULES
apache() {
	sed "s|^Define TINYSCALE_FCGID|Define TINYSCALE_$1|" "$TOP/apache-example.conf" \
		>"$T/chosen.conf"
	example "$T/chosen.conf" "s|/run/tinyscale/|$T/socket/|" "s|/var/log/apache2/|$LOGS/|" \
		"s|/usr/lib/cgi-bin/|$BIN/|" "s|/etc/tinyscale/servers.json|$T/servers.json|" \
		>"$T/example.conf" || finish
	write_apache_config "$2" "$T/example.conf"
	if [ "$1" = FCGID ]; then
		echo "FcgidIPCDir $T/apache" >>"$T/apache.conf"
		echo "FcgidProcessTableFile $T/apache/table" >>"$T/apache.conf"
	fi
	start_apache
}
apache PROXY "proxy proxy_fcgi"
seen 503 "Apache's mod_proxy_fcgi without the gateway: 503"
stop apache

# ---- lighttpd, and Apache's mod_fcgid: they start it -----------------------------------

apache FCGID fcgid
works "Apache's mod_fcgid starts it"
with_json
kill -USR1 "${PIDS[apache]}" # apachectl graceful
wait_until answers_in_json "$LOGS/apache-error.log"
ok $? "after a reload of Apache it has the new configuration"
echo '{' >"$T/servers.json"
kill -USR1 "${PIDS[apache]}"
seen 500 "with errors in it: 500"
ok "$(wait_until says "$LOGS/apache-error.log" 'configuration problem='; echo $?)" \
	"and Apache's error log tells"
stop apache

delete_state
write_config "$T/servers.json"
example "$TOP/contrib/lighttpd-example.conf" "s|/usr/lib/cgi-bin/|$BIN/|" \
	"s|/run/lighttpd/|$T/|" "s|/etc/tinyscale/servers.json|$T/servers.json|" \
	"s|/var/log/lighttpd/tinyscale.log|$LOGS/gateway.log|" >"$T/example.conf" || finish
write_lighttpd_config "$T/example.conf"
start_lighttpd
works "lighttpd starts it"
ok "$(says "$LOGS/gateway.log" 'request .*call=getMeetings'; echo $?)" \
	"its log is in the file of the example"
with_json
kill -USR1 "${PIDS[lighttpd]}" # Debian's ExecReload
wait_until answers_in_json "$LOGS/gateway.log"
ok $? "after a reload of lighttpd it has the new configuration"
echo '{' >"$T/servers.json"
# A signal that comes while it still restarts for the one before is lost. And it says 500
# until the program has ended for it.
is_seen_after_reload() {
	local tries
	kill -USR1 "${PIDS[lighttpd]}"
	for ((tries = 0; tries < 20; tries++)); do
		sleep 0.1
		is_seen 503 && return
	done
	return 1
}
ok "$(wait_until is_seen_after_reload; echo $?)" "with errors in it: 503"
ok "$(wait_until says "$LOGS/gateway.log" 'configuration problem='; echo $?)" "and its log tells"
stop lighttpd

# ---- A server's secret is wrong ----------------------------------------------------------

# The one server of the configuration, or one of two.
for SERVER_COUNT in 1 2; do
	delete_state
	write_config "$T/servers.json" '"poll_interval_ms": 300,'
	sed -i 's/"server-1-secret/"wrong-server-1-secret/' "$T/servers.json"
	rm -f "$LOGS/gateway.log"
	start_lighttpd
	wait_until says "$LOGS/gateway.log" \
		'server is down.* server=server-1 .*problem="our checksum is refused"'
	ok $? "a server whose secret is wrong goes down, and the log tells why"
	ok "$(says "$LOGS/gateway.log" 'server refuses our checksum.* server=server-1$'; echo $?)" \
		"and what to look at"
	create "m$SERVER_COUNT"
	if [ $SERVER_COUNT = 1 ]; then
		is "$(result)" "FAILED noServerAvailable" "where it is the only one: noServerAvailable"
	else
		is "$(result) $(servers_of m2)" "SUCCESS 2" "beside another all meetings go to that"
	fi
	stop lighttpd
done

finish

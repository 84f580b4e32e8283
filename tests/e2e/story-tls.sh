#!/usr/bin/env bash
# Servers that speak https, with a certificate of our own making.
. "$(dirname "$0")/lib.sh"
begin story-tls 17
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
need openssl
FCGI_ADDRESS=unix:$T/gateway.sock
REQUEST() { fcgi_request "$@"; }

# make_ca NAME
make_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.pem" \
		-addext basicConstraints=critical,CA:TRUE
}
{
	make_ca right-ca
	make_ca wrong-ca
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 \
		-keyout "$T/server.key" -out "$T/server.csr"
	echo 'subjectAltName=IP:127.0.0.1' >"$T/names"
	openssl x509 -req -in "$T/server.csr" -days 2 -CA "$T/right-ca.pem" -CAkey "$T/right-ca.key" \
		-CAcreateserial -extfile "$T/names" -out "$T/server.pem"
} >"$T/openssl" 2>&1 || diag "$(cat "$T/openssl")"

SERVER_SCHEME=https
start_sandbox 2 --tls "$T/server.pem:$T/server.key"
write_config "$T/servers.json" "\"ca_file\": \"$T/right-ca.pem\"," '"poll_interval_ms": 600000,'
start_gateway gateway "$FCGI_ADDRESS"
pid=${PIDS[gateway]}

create tls
is "$(result)" SUCCESS "create over https, with ca_file"
call getMeetingInfo "meetingID=tls"
is "$(result) $(xml meetingID)" "SUCCESS tls" "getMeetingInfo over https"
join tls
like "$(HEADER Location)" "https://127.0.0.1:*/join\?*" "join leads to https"

# The operator's command tells when certificates end: these were made for two days.
CTL_PROGRAM=${TINYSCALECTL:-$BUILD/ctl/tinyscalectl}
need_built "$CTL_PROGRAM"
chmod 640 "$T/servers.json"
"$CTL_PROGRAM" -c "$T/servers.json" check >"$T/check"
is $? 0 "tinyscalectl check over https"
is "$(grep -cE '^server-[12]  good .* [12] d$' "$T/check")" 2 "check: the days that certificates have left"
grep -q 'note server-1: its certificate ends in [12] days' "$T/check"
ok $? "check: which is soon"

write_config "$T/servers.json" "\"ca_file\": \"$T/wrong-ca.pem\"," '"poll_interval_ms": 600000,' \
	'"negative_ttl_ms": 1,'
log_lines=$(wc -l <"$LOGS/gateway.log")
kill -HUP "$pid"
fails() {
	call getMeetingInfo "meetingID=tls"
	[ "$(xml returncode)" = FAILED ]
}
wait_until fails
is "$(result)" "FAILED serverUnavailable" "with another CA: the meeting's server is unavailable"
tail -n "+$((log_lines + 1))" "$LOGS/gateway.log" | grep -qiE 'certificate|TLS|SSL'
ok $? "with another CA: the log says why"
chmod 640 "$T/servers.json"
"$CTL_PROGRAM" -c "$T/servers.json" check >"$T/check"
is $? 1 "with another CA: tinyscalectl check fails"
grep -q 'FAIL server-1: certificate not accepted' "$T/check"
ok $? "with another CA: and says why"
create tls-new
is "$(xml returncode)" FAILED "with another CA: no new meeting"
is "$(control "/calls?server=0&call=create&count=1")" 1 "with another CA: nothing was sent"

finish

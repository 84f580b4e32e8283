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

# --- certificates that are none ----------------------------------------------------------

# Each of these is shown by a program of its own, which knows no BBB.
stop gateway
delete_state
# issue NAME CA SUBJECTALTNAME BEGIN END: signed by that CA; times as YYYYMMDD.  (Without a
# SUBJECTALTNAME libcurl looks at the CN, which names no server here.)
issue() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-keyout "$T/$1.key" -out "$T/$1.csr"
	printf '%s\n' "${3:+subjectAltName=$3}" basicConstraints=CA:FALSE >"$T/$1.names"
	openssl ca -batch -notext -config "$T/ca.cnf" -cert "$T/$2.pem" -keyfile "$T/$2.key" \
		-in "$T/$1.csr" -out "$T/$1.pem" -extfile "$T/$1.names" \
		-startdate "${4}000000Z" -enddate "${5}000000Z"
}
cat >"$T/ca.cnf" <<END
[ca]
default_ca = one
[one]
database = $T/index.txt
new_certs_dir = $T
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
END
: >"$T/index.txt"
own_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=127.0.0.1" -keyout "$T/$1.key" -out "$T/$1.pem" -addext subjectAltName=IP:127.0.0.1
}
{
	issue good right-ca IP:127.0.0.1 20200101 20900101
	issue expired right-ca IP:127.0.0.1 20200101 20210101
	issue too-early right-ca IP:127.0.0.1 20800101 20900101
	issue other-address right-ca IP:127.0.0.2 20200101 20900101
	issue other-name right-ca DNS:localhost 20200101 20900101
	issue no-name right-ca '' 20200101 20900101
	issue other-ca wrong-ca IP:127.0.0.1 20200101 20900101
	# By a certificate that is itself good, and no CA's.
	issue no-ca good IP:127.0.0.1 20200101 20900101
	cat "$T/good.pem" >>"$T/no-ca.pem"
	own_ca self-signed
	own_ca self-trusted
} >"$T/openssl" 2>&1 || diag "$(cat "$T/openssl")"
cat "$T/right-ca.pem" "$T/self-trusted.pem" >"$T/both-cas.pem"
kinds=(good self-trusted expired too-early other-address other-name no-name other-ca no-ca self-signed)
servers=''
for k in "${!kinds[@]}"; do
	port=$((PORT0 + 20 + k))
	start "${kinds[k]}" openssl s_server -accept "127.0.0.1:$port" -www -key "$T/${kinds[k]}.key" \
		-cert "$T/${kinds[k]}.pem" -cert_chain "$T/${kinds[k]}.pem"
	servers+="${servers:+, }{\"host\": \"https://127.0.0.1:$port\", \"secret\": \"tls-xyzzy\", \"name\": \"${kinds[k]}\"}"
done
printf '{"secret": "%s", "state": "%s", "ca_file": "%s", "poll_interval_ms": 600000, "servers": [%s]}\n' \
	"$SECRET" "$T/state/state.db" "$T/both-cas.pem" "$servers" >"$T/servers.json"
chmod 640 "$T/servers.json"
listens() { timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; }
for k in "${!kinds[@]}"; do
	must_wait_until "${kinds[k]} listens" listens $((PORT0 + 20 + k))
done
start_gateway gateway-2 "$FCGI_ADDRESS"
call getMeetings
for kind in "${kinds[@]}"; do
	told=$(grep -c "server=$kind .*certificate not accepted" "$LOGS/gateway-2.log")
	if [ "$kind" = good ] || [ "$kind" = self-trusted ]; then
		is "$told" 0 "$kind: the certificate is accepted"
		isnt "$(grep -c "is not a BigBlueButton answer server=$kind " "$LOGS/gateway-2.log")" 0 "$kind: and the server asked"
	else
		isnt "$told" 0 "$kind: the certificate is not accepted"
		is "$(grep -c 'GET ' "$LOGS/$kind.log")" 0 "$kind: nothing is sent there"
	fi
done

# Nothing turns that off.
for key in insecure verify verify_tls tls_verify ssl_verify; do
	printf '{"secret": "%s", "%s": false, "servers": [%s]}\n' "$SECRET" $key "$servers" >"$T/servers.json"
	TINYSCALE_CONFIG="$T/servers.json" "$FCGI_PROGRAM" --check-config >"$T/check" 2>&1
	is "$?" 1 "there is no key $key"
done

finish

#!/usr/bin/env bash
# Two gateway hosts and one address, which keepalived moves by the examples of contrib/ha as
# they are: to the other host when the gateway of the one is gone, or the host is shut down or
# hangs, and back.
#
# Each host is a network of its own, with an eth0 that leads to the other's: so none of it is
# seen outside.  That takes root.
. "$(dirname "$0")/lib.sh"
begin story-address 74
need keepalived nginx spawn-fcgi ip nsenter
need_built "$FCGI_PROGRAM"
. "$E2E/hosts.sh"
mkdir "$T/script"
install -m 755 "$HA/check-gateway" "$T/script"
OWN_SCRIPT="mount --bind '$T/script' /usr/local/bin"
if ! unshare -mn sh -c "$OWN_SCRIPT && ip link add eth0 type veth peer name eth1" 2>/dev/null; then
	skip "an address that moves" "no networks of our own, which root may have"
	finish
fi
SERVER_COUNT=2
ADDRESS=192.0.2.10
HEALTH=http://$ADDRESS$API/tinyscale/health

in_host() { IN_HOST=(nsenter -t "${PIDS[net-$1]}" -m -n); }
as_host() {
	in_host "$1"
	ON_HOST=("${IN_HOST[@]}" env "${GATEWAY_ENVIRONMENT[@]}" TINYSCALE_CONFIG="$T/host-$1/servers.json")
}
# on N COMMAND...: there.
on() {
	in_host "$1"
	shift
	"${IN_HOST[@]}" "$@"
}
host_listens() { echo 80; }
host_answers() { on "$1" curl -gs -f -o /dev/null --max-time 5 "http://127.0.0.1$API"; }
has_address() { on "$1" ip -o addr show dev eth0 | grep -qF " $ADDRESS/"; }
# only_on N: it has the address, and the other has not.
only_on() { has_address "$1" && ! has_address $((3 - $1)); }
# is_served N WHAT: the address gets there, and is answered there.
is_served() {
	wait_until only_on "$1"
	ok $? "$2"
	is "$(on "$1" curl -gs --max-time 5 "$HEALTH")" ok "… where it is answered"
}

# --- two networks, joined ---------------------------------------------------------------

for n in 1 2; do
	start "net-$n" unshare -mn sh -c "$OWN_SCRIPT && exec sleep 1000"
done
has_network() { [ "$(readlink "/proc/${PIDS[net-$1]}/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
has_script() { on "$1" test -x /usr/local/bin/check-gateway; }
for n in 1 2; do
	must_wait_until "host $n has a network" has_network $n
	must_wait_until "host $n has check-gateway" has_script $n
done
# By the first of them: where the test itself runs it may make none.
on 1 ip link add eth0 type veth peer name eth0 netns "${PIDS[net-2]}"
ok $? "the hosts are joined"
for n in 1 2; do
	on $n ip link set lo up
	on $n ip addr add "192.0.2.1$n/24" dev eth0
	on $n ip link set eth0 up
done

# --- two gateways -----------------------------------------------------------------------

for n in 1 2; do
	configure_host $n '"placement": "hash",'
	sed -i 's|"state": "[^"]*"|"state": "none"|' "$T/host-$n/servers.json"
	start_host $n
done
cp "$HA/keepalived.conf" "$T/host-1/keepalived.conf"
example "$HA/keepalived.conf" "s/priority 120/priority 100/" >"$T/host-2/keepalived.conf" || finish
start_keepalived() {
	in_host "$1"
	start "keepalived-$1" "${IN_HOST[@]}" keepalived -n -l -D -f "$T/host-$1/keepalived.conf" \
		-p "$T/host-$1/keepalived.pid" -r "$T/host-$1/vrrp.pid" -c "$T/host-$1/checkers.pid"
}

# A redirect, as certbot sets one up, is no answer.
cat >"$T/redirect.conf" <<END
daemon off; pid $T/redirect.pid; error_log $LOGS/redirect.log; events {}
http { access_log off; $(nginx_temp_paths "$T") server { listen 8080; return 301 https://bbb.example.org/; } }
END
in_host 1
start redirect "${IN_HOST[@]}" nginx -e "$LOGS/redirect.log" -c "$T/redirect.conf"
must_wait_until "the redirect is there" on 1 curl -gs -o /dev/null http://127.0.0.1:8080/
check=$(sed -n 's/^ *script "\(.*\)"/\1/p' "$HA/keepalived.conf")
# shellcheck disable=SC2086 # a command and its words
{
	on 1 $check
	is $? 0 "check-gateway: a gateway that is well"
	on 1 ${check/example.org/example.org:8080}
	is $? 1 "… a redirect is none"
	on 1 ${check/example.org/example.org:8081}
	is $? 1 "… nor is nothing"
}
stop redirect

start_keepalived 1
start_keepalived 2

is_served 1 "the host of the higher priority gets the address"
is "$(on 2 curl -gs --max-time 5 "$HEALTH")" ok "… and from the other host"
kill_host 1
is_served 2 "its gateway is gone: the other host gets it"
start_host 1
is_served 1 "the gateway is back, and so is the address"
stop keepalived-1
is_served 2 "the host is shut down: the other gets it"
start_keepalived 1
is_served 1 "the host is back, and so is the address"
kill -STOP -- "-${PIDS[keepalived-1]}"
wait_until has_address 2
ok $? "the host hangs: the other gets the address"
kill -CONT -- "-${PIDS[keepalived-1]}"
is_served 1 "the host goes on, and has the address again"
is "$(cat "$LOGS"/keepalived-?.log | grep -ci 'unknown\|unsafe\|disabling\|insecure')" 0 \
	"keepalived has no complaint of the example"
finish

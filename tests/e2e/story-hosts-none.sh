#!/usr/bin/env bash
# Three gateway hosts that share nothing, placing by the hash: without a state, and with a
# file each.  They choose alike and find each other's meetings by asking, also while one of
# them is killed.
. "$(dirname "$0")/lib.sh"
begin story-hosts-none 69
need haproxy nginx spawn-fcgi make
need_built "$FCGI_PROGRAM" "$FCGI_CLIENT"
. "$E2E/hosts.sh"
start_sandbox 4
write_on_host

# hosts NAME: they serve for so long, and one is killed in the middle.
hosts() {
	start_client 20 80
	at 10
	going "$1: a host is killed" kill_host 2
	wait_for_client
	judge 60000
	none double "$1: no meetingID was created on a second server"
	none unknown "$1: no meeting was answered as unknown while it lived"
	none failed "$1: no call failed"
	no_doubles "$1: "
}

for n in 1 2 3; do
	configure_host $n '"placement": "hash",'
	sed -i 's|"state": "[^"]*"|"state": "none"|' "$T/host-$n/servers.json"
	start_host $n
done
start_haproxy
hosts "no state"

control /reset
for n in 1 3; do
	kill_host $n
done
for n in 1 2 3; do
	configure_host $n '"placement": "hash",' '"poll_interval_ms": 1000,'
	start_host $n
done
wait_until http_get "$API/tinyscale/health"
hosts "a file each"
is "$(find "$T"/host-?/state -name state.db | wc -l)" 3 "a file each: indeed"
finish

# shellcheck shell=bash
#
# Several gateway hosts on one machine: each has a web server, a tinyscale.fcgi that is
# started anew when it dies, a configuration, a log, and files of its own; HAProxy is in
# front of them; and three engines with three sentinels behind them. All by contrib/ha.
# Sourced after lib.sh.
#
# Host N has the address 127.0.0.1N, its web server the port HTTP_PORT there.

HOSTS=3
HA=$TOP/contrib/ha
HTTP_PORT=$PORT0
HTTP_BASE=http://127.0.0.1:$HTTP_PORT
ENGINE_PORT=$((PORT0 + 30))
SENTINEL_PORT=$((PORT0 + 31))
ENGINE_PW=engine-xyzzy
CTL_PROGRAM=${TINYSCALECTL:-$BUILD/ctl/tinyscalectl}

REQUEST() { http_request "$@"; }
host_base() { echo "http://127.0.0.1$1:$HTTP_PORT"; }
host_listens() { echo "127.0.0.1$1:$HTTP_PORT"; }
host_address() { echo "unix:$T/host-$1/socket"; }
# Through one host, and not through HAProxy: by_host N COMMAND...
by_host() {
	local HTTP_BASE
	HTTP_BASE=$(host_base "$1")
	shift
	"$@"
}

# --- engines ------------------------------------------------------------------------

# engine_files N: their configuration, as an administrator makes it.
engine_files() {
	local dir=$T/engine-$1 passwords address="s|192\.0\.2\.1|127.0.0.1|g"
	local bind="s|^bind 127.0.0.11|bind 127.0.0.1$1|" name="s|announce-ip 127.0.0.11|announce-ip 127.0.0.1$1|"
	passwords="s|CHANGE-ME-\([a-z-]*\)|$ENGINE_PW-\1|g"
	mkdir -p "$dir"
	example "$HA/tinyscale.acl" "$passwords" >"$dir/tinyscale.acl" || finish
	example "$HA/redis.conf" "$address" "$passwords" "s|6379|$ENGINE_PORT|" \
		"s|/etc/redis/|$dir/|" "s|/var/lib/redis|$dir|" "s|/run/redis/|$dir/|" \
		"s|/var/log/redis/redis-server.log|$LOGS/engine-$1.log|" >"$dir/redis.conf" || finish
	example "$HA/sentinel.conf" "$address" "$passwords" "s|26379|$SENTINEL_PORT|" \
		"s| 6379| $ENGINE_PORT|" "s|/var/lib/redis|$dir|" "s|/run/sentinel/|$dir/|" \
		"s|/var/log/redis/redis-sentinel.log|$LOGS/sentinel-$1.log|" >"$dir/sentinel.conf" || finish
	sed -i -e "$bind" -e "$name" "$dir/redis.conf" "$dir/sentinel.conf"
	[ "$1" = 1 ] || sed -i 's/^#replicaof/replicaof/' "$dir/redis.conf"
}

# engine N COMMAND...: as the administrator, who may do everything.
engine() {
	local n=$1
	shift
	timeout "$E2E_DEADLINE" redis-cli -h "127.0.0.1$n" -p "$ENGINE_PORT" --user admin --pass "$ENGINE_PW-admin" \
		--no-auth-warning "$@" 2>&1
}
start_engine() {
	start "engine-$1" redis-server "$T/engine-$1/redis.conf"
	must_wait_until "engine $1 answers" engine_answers "$1"
}
engine_answers() { [ "$(engine "$1" PING)" = PONG ]; }
replicas() { [ "$(engine "$1" INFO replication | grep -c 'state=online')" = "$2" ]; }

# start_engines: engine 1 is the primary.
start_engines() {
	local n
	for n in 1 2 3; do
		engine_files "$n"
		start_engine "$n"
	done
	must_wait_until "the engine has its replicas" replicas 1 2
	for n in 1 2 3; do
		start "sentinel-$n" redis-server "$T/engine-$n/sentinel.conf" --sentinel
	done
	must_wait_until "the sentinels know each other" sentinels_agree
}
# sentinel N COMMAND...: as the sentinels themselves.
sentinel() {
	local n=$1
	shift
	redis-cli -h "127.0.0.1$n" -p "$SENTINEL_PORT" --pass "$ENGINE_PW-among-sentinels" \
		--no-auth-warning SENTINEL "$@" 2>&1
}
sentinels_agree() {
	local n
	for n in 1 2 3; do
		[ "$(sentinel "$n" CKQUORUM tinyscale | cut -d' ' -f1-4)" = "OK 3 usable Sentinels." ] || return
	done
}
kill_engine() { kill_now "engine-$1"; }
# empty_engine N: what is on its disk.
empty_engine() { rm -rf "$T/engine-$1"/appendonlydir "$T/engine-$1"/*.rdb; }
state_url() {
	example "$HA/servers.json" "s|CHANGE-ME|$ENGINE_PW|" \
		"s|192\.0\.2\.1\([123]\)|127.0.0.1\1:$SENTINEL_PORT|g" | sed -n 's/.*"state": "\(.*\)",/\1/p'
}

# --- hosts --------------------------------------------------------------------------

# What a host does by a name of its own and in the place that its own files have, which no
# configuration names: over it lies a folder of the host's own.  Where that cannot be had all
# hosts have one name, and there are no such files.
write_on_host() {
	local place
	place=$(sed -n 's|.*BUILT_STATE "\(.*\)/[^/]*"|\1|p' "$BUILD/common/base/built.h")
	cat >"$T/on-host" <<-END
		#!/bin/bash
		files=$T/host-\$1/files
		echo host-\$1 >/proc/sys/kernel/hostname || exit
		shift
		below=$place
		while [ ! -d "\$below" ]; do below=\${below%/*}; done
		mount -t tmpfs tmpfs "\$files" && mkdir "\$files/upper" "\$files/work" &&
			mount -t overlay overlay -o "lowerdir=\$below,upperdir=\$files/upper,workdir=\$files/work" "\$below" &&
			mkdir -p $place
		exec "\$@"
	END
	chmod 755 "$T/on-host"
	HAS_FILES=0
	mkdir -p "$T/host-1/files"
	! unshare -mu "$T/on-host" 1 test -d "$place" 2>/dev/null || HAS_FILES=1
}
host_name() { if [ "$HAS_FILES" = 1 ]; then echo "host-$1"; else uname -n; fi; }
# as_host N: makes IN_HOST the words that begin a command which is that host's, and ON_HOST
# those of one which has its configuration and files, too.
IN_HOST=()
as_host() {
	ON_HOST=(env "${GATEWAY_ENVIRONMENT[@]}" TINYSCALE_CONFIG="$T/host-$1/servers.json" TINYSCALE_LOG=debug)
	[ "$HAS_FILES" = 0 ] || ON_HOST+=(unshare -mu "$T/on-host" "$1")
}
# What start_host gives to tinyscale.fcgi.
HOST_OPTIONS=()
# ctl N ARGUMENT...: tinyscalectl there.
ctl() {
	as_host "$1"
	shift
	OUT=$("${ON_HOST[@]}" "$CTL_PROGRAM" "$@" 2>"$T/ctl-errors")
}

# configure_host N LINE...: all of the sandbox, and these members.
configure_host() {
	local n=$1
	shift
	mkdir -p "$T/host-$n/files" "$T/host-$n/state"
	write_config "$T/host-$n/servers.json" "$@"
	sed -i "s|$T/state/|$T/host-$n/state/|" "$T/host-$n/servers.json"
}

# start_host N: its web server and its gateway, whose socket waits while the gateway is
# started anew, as systemd's does.
start_host() {
	local n=$1 dir=$T/host-$1 user=''
	[ "$(id -u)" -ne 0 ] || user='user root;'
	mkdir -p "$dir/nginx"
	example "$TOP/contrib/nginx-example.conf" "s|/run/tinyscale/tinyscale.sock|$dir/socket|" \
		"s|/var/log/nginx/|$LOGS/|" >"$dir/nginx-example.conf" || finish
	cat >"$dir/nginx.conf" <<-END
		$user
		daemon off;
		worker_processes 1;
		pid $dir/nginx/pid;
		error_log $LOGS/nginx-$n-error.log info;
		events { worker_connections 1024; }
		http {
		    access_log off;
		    $(nginx_temp_paths "$dir/nginx")
		    server {
		        listen $(host_listens "$n");
		        set_real_ip_from 127.0.0.1;
		        real_ip_header X-Forwarded-For;
		        include $dir/nginx-example.conf;
		    }
		}
	END
	cat >"$dir/service" <<-END
		#!/bin/bash
		exec 3<&0 2>>"$LOGS/gateway-$n.log"
		trap 'kill \$!; wait; exit' TERM
		while :; do
			"$FCGI_PROGRAM" ${HOST_OPTIONS[*]} <&3 &
			echo \$! >"$dir/pid"
			wait \$! && continue
			sleep 1 &
			wait \$!
		done
	END
	chmod 755 "$dir/service"
	rm -f "$dir/socket"
	as_host "$n"
	start "host-$n" "${ON_HOST[@]}" spawn-fcgi -n -s "$dir/socket" -M 0666 -- "$dir/service"
	must_wait_until "host $n listens" test -S "$dir/socket"
	start "nginx-$n" "${IN_HOST[@]}" nginx -p "$dir/nginx" -e "$LOGS/nginx-$n-error.log" -c "$dir/nginx.conf"
	must_wait_until "host $n answers" host_answers "$n"
}
host_answers() { curl -gs -f -o /dev/null --max-time 5 "$(host_base "$1")$API"; }

# kill_host N: all of it, at once.
kill_host() {
	local name
	for name in "host-$1" "nginx-$1"; do
		kill -KILL -- "-${PIDS[$name]}"
		wait "${PIDS[$name]}" 2>/dev/null
		unset "PIDS[$name]"
	done
}
# kill_gateway N: which is started again.
kill_gateway() { kill -KILL "$(cat "$T/host-$1/pid")"; }
# restart_gateway N: as systemctl restart does.
restart_gateway() {
	local pid
	pid=$(cat "$T/host-$1/pid")
	kill -TERM "$pid"
	must_wait_until "the gateway of host $1 is another" is_another "$1" "$pid"
	must_wait_until "host $1 answers" host_answers "$1"
}
is_another() { [ "$(cat "$T/host-$1/pid")" != "$2" ]; }

# haproxy_files: its configuration, in front of all hosts; the example has two.
haproxy_files() {
	example "$HA/haproxy.cfg" "s/^    user haproxy/    # &/" "s/^    group haproxy/    # &/" \
		"s|/dev/log local0|stdout format raw local0|" "s|192\.0\.2\.10:80|127.0.0.1:$HTTP_PORT|" \
		"s|192\.0\.2\.1\([123]\):80|127.0.0.1\1:$HTTP_PORT|" \
		'/^    server [a-z]*2 /{p;s/2 /3 /;s/12:/13:/;}' >"$T/haproxy.cfg" || finish
	haproxy -c -q -f "$T/haproxy.cfg" >"$T/haproxy.check" 2>&1
	is "$? $(cat "$T/haproxy.check")" "0 " "HAProxy takes its example"
}
start_haproxy() {
	haproxy_files
	start haproxy haproxy -db -f "$T/haproxy.cfg"
	must_wait_until "HAProxy answers" http_get "$API"
}
http_get() { curl -gs -f -o /dev/null --max-time 5 "$HTTP_BASE$1"; }

# --- a client under way -----------------------------------------------------------------

# start_client SECONDS MEETINGS: monday-client through HAProxy, and a page that HAProxy has
# itself fetched twice a second, by which one sees how busy the machine is.
start_client() {
	local client=$BUILD/tests/e2e/monday-client
	make -s -C "$BUILD" tests/e2e/monday-client >>"$LOGS/make.log" 2>&1
	need_built "$client"
	: >"$T/windows"
	: >"$T/pages"
	began_ms=$(now_ms)
	fetch_pages &
	PIDS[pages]=$!
	start client "$client" "$HTTP_PORT" "$SECRET" "$PASSWORDS" "${HOSTS_RATE:-30}" "$1" "$2" \
		"$LOGS/client.tsv" ${HOSTS_SEED:+"$HOSTS_SEED"}
}
fetch_pages() {
	while :; do
		timed http_get /haproxy-alive
		echo "$TOOK_MS" >>"$T/pages"
		sleep 0.5
	done
}
# at SECONDS: sleeps until so long after the client has begun.
at() {
	local left=$((began_ms + $1 * 1000 - $(now_ms)))
	[ "$left" -le 0 ] || sleep "$((left / 1000)).$(printf %03d $((left % 1000)))"
}
told() { diag "$((($(now_ms) - began_ms) / 1000)) s: $1"; }
# going NAME COMMAND...: something goes, with the calls that are under way there, which may
# fail; no others may.
going() {
	local name=$1 from
	shift
	from=$(now_ms)
	told "$name"
	"$@"
	echo "$from $(now_ms) server $name" >>"$T/windows"
}
wait_for_client() {
	local n
	wait "${PIDS[client]}"
	is $? 0 "the clients come to their end"
	unset "PIDS[client]"
	stop pages
	diag "$(cat "$LOGS/client.log"), $(wc -l <"$LOGS/client.tsv") calls"
	for ((n = 1; n <= SERVER_COUNT; n++)); do
		control "/history?server=$n" | sed "s/^/$n /"
	done | sort -k2,2n -s >"$LOGS/history"
	room_ms=$((3 * $(sort -n "$T/pages" | tail -n 1)))
}

# judge MS: what came of it, by the servers' history; no call may take longer.
judge() {
	rm -rf "$T/judged"
	mkdir "$T/judged"
	touch "$T/judged"/{double,unknown,late,failed,summary}
	awk -v out="$T/judged" -v began="$began_ms" -v after=0 -v slack="$1" -v probe=0 -v call=0 \
		-v create=0 -f "$E2E/monday.awk" pass=windows "$T/windows" pass=history "$LOGS/history" \
		pass=joins "$LOGS/client.tsv" pass=calls "$LOGS/client.tsv"
	sort "$T/judged/summary"
}
# none FILE NAME: passes when nothing was complained of.
none() {
	[ ! -s "$T/judged/$1" ]
	ok $? "$2" || sort -n "$T/judged/$1" | head -n 10 | sed 's/^/#   /'
}
# no_doubles: as the servers have them now.
no_doubles() {
	local n
	is "$(for ((n = 1; n <= SERVER_COUNT; n++)); do
		control "/meetings?server=$n" | cut -d' ' -f1
	done | sort | uniq -d | paste -sd' ')" "" "${1:-}no meeting is on two servers"
}

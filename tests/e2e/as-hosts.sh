# shellcheck shell=bash
#
# In place of one gateway, or two: three hosts with a configuration each, HAProxy in front,
# and one Redis, so that a script's cases are those of hosts.  A script
#
#     . "$(dirname "$0")/lib.sh"
#     begin story-NAME-hosts NUMBER
#     . "$E2E/as-hosts.sh"
#     stands_for gateway 1 2 3
#     . "$E2E/story-NAME.sh"
#
# runs story-NAME: its verbs of lib.sh that start gateways, ask them and look at their state
# are those below.  What hosts cannot have that script skips itself (HAS_STATE_FILE).
#
# Environment:
#   E2E_AS_HOSTS   1: with a sanitizer, too, which makes a dozen programs slow; there
#                  story-hosts runs these paths in less time

if [ -z "${E2E_AS_HOSTS:-}" ] && has_sanitizer "$FCGI_PROGRAM"; then
	skip "three hosts in place of one gateway" "a build with a sanitizer, and no E2E_AS_HOSTS"
	finish
fi
need redis-server redis-cli haproxy nginx spawn-fcgi
# shellcheck source=tests/e2e/hosts.sh
. "$E2E/hosts.sh"
HAS_STATE_FILE=0
ENGINE=redis://:$ENGINE_PW@127.0.0.11:$ENGINE_PORT/0
declare -A STANDS_FOR=() HOST_PIDS=()

# stands_for NAME HOST...: these are started, stopped and killed as the gateway NAME is.
stands_for() {
	local name=$1
	shift
	STANDS_FOR[$name]=$*
}

# --- gateways -----------------------------------------------------------------------

# rename FUNCTION: what lib.sh has by that name is lib_FUNCTION from now on.
rename() {
	eval "lib_$(declare -f "$1")"
}
rename write_config
rename stop
rename is_running
rename kill_now

# All hosts have the same, each in a file of its own, and so has the CGI.
write_config() {
	local n
	lib_write_config "$@"
	sed -i "s|\"state\": \"[^\"]*\"|\"state\": \"$ENGINE\"|" "$1"
	for n in 1 2 3; do
		mkdir -p "$T/host-$n/files"
		cp "$1" "$T/host-$n/servers.json"
	done
}

start_gateway() {
	local name=$1 n
	shift 2
	HOST_OPTIONS=("$@")
	for n in ${STANDS_FOR[$name]}; do
		start_host "$n"
		HOST_PIDS[$n]=$(cat "$T/host-$n/pid")
	done
	# Anew, for it takes all to be well then.
	lib_stop haproxy
	start haproxy haproxy -db -f "$T/haproxy.cfg"
	must_wait_until "HAProxy answers for $name" http_get "$API"
}
stop() {
	local n
	for n in ${STANDS_FOR[$1]:-}; do
		lib_stop "host-$n"
		lib_stop "nginx-$n"
	done
	lib_stop "$1"
}
kill_now() {
	local n
	[ -n "${STANDS_FOR[$1]:-}" ] || lib_kill_now "$1"
	for n in ${STANDS_FOR[$1]:-}; do
		kill_host "$n"
	done
}
# None of them was started anew.
is_running() {
	local n
	[ -n "${STANDS_FOR[$1]:-}" ] || lib_is_running "$1" || return
	for n in ${STANDS_FOR[$1]:-}; do
		[ "$(cat "$T/host-$n/pid")" = "${HOST_PIDS[$n]}" ] && is_alive "${HOST_PIDS[$n]}" || return
	done
}

# All calls go to HAProxy, whatever the gateway's address.
fcgi_request() { http_request "$@"; }
fcgi_background() {
	curl -gsS -i --path-as-is --max-time 90 -o "$2" "$HTTP_BASE$1" 2>>"$T/client-errors" &
}

# --- the state ----------------------------------------------------------------------

redis() {
	redis-cli -h 127.0.0.11 -p "$ENGINE_PORT" --pass "$ENGINE_PW" --no-auth-warning "$@" 2>&1
}
redis_answers() { [ "$(redis PING)" = PONG ]; }
start_redis() {
	start engine redis-server --bind 127.0.0.11 --port "$ENGINE_PORT" --requirepass "$ENGINE_PW" \
		--dir "$T/engine" --appendonly no --save '' --maxmemory-policy noeviction
	must_wait_until "the engine answers" redis_answers
}
delete_state() { redis FLUSHALL >"$T/redis.out"; }

# Every key there is, and those that there may be.
GARBAGE="local all = redis.call('KEYS', '*')
	for name in string.gmatch('version born whole engine servers changed absent:known m:known', '%S+') do
		all[#all + 1] = '{tinyscale}:' .. name
	end
	for i, key in ipairs(all) do
		redis.call('DEL', key)
		if i % 2 == 0 then redis.call('SADD', key, 'garbage') else redis.call('SET', key, ARGV[1]) end
	end"

damage_state() {
	case $1 in
	deleted) delete_state ;;
	overwritten) redis EVAL "$GARBAGE" 0 "$(head -c 3000 /dev/urandom | base64)" >"$T/redis.out" ;;
	# There something else answers: a web server.
	replaced)
		lib_kill_now engine
		mkdir -p "$T/imposter"
		cat >"$T/imposter/nginx.conf" <<-END
			daemon off;
			pid $T/imposter/pid;
			error_log $LOGS/imposter-error.log;
			events { }
			http {
			    access_log off;
			    $(nginx_temp_paths "$T/imposter")
			    server { listen 127.0.0.11:$ENGINE_PORT; return 200 "no state"; }
			}
		END
		start imposter nginx -p "$T/imposter" -e "$LOGS/imposter-error.log" -c "$T/imposter/nginx.conf"
		;;
	unwritable) redis CONFIG SET maxmemory 1 >"$T/redis.out" ;;
	esac
}
repair_state() {
	lib_stop imposter
	lib_is_running engine || start_redis
	redis CONFIG SET maxmemory 0 >"$T/redis.out"
	delete_state
}

mapped_to() { redis --raw GET "{tinyscale}:m:$1" | sed -n 2p; }
# Behind the version: health, what the operator wants, failures (facts.c).
known_of() { redis --raw HGET '{tinyscale}:servers' "server-$1" | awk '{ print $2, $4 }'; }

mkdir "$T/engine"
start_redis
write_on_host
haproxy_files

# shellcheck shell=bash
#
# Starting nginx, lighttpd and Apache with our example configurations: each in
# the temporary folder, on a loopback port, as whoever runs the tests. Sourced
# after lib.sh.

. "$E2E/fail2ban.sh"

HTTP_PORT=$PORT0
# shellcheck disable=SC2034
HTTP_BASE=http://127.0.0.1:$HTTP_PORT

# start_nginx SOCKET: contrib/nginx-example.conf in front of a socket.
start_nginx() {
	local user=''
	# As root, nginx would otherwise become a user who may not open the socket.
	[ "$(id -u)" -ne 0 ] || user='user root;'
	example "$TOP/contrib/nginx-example.conf" \
		"s|/run/tinyscale/tinyscale.sock|$1|" \
		"s|/var/log/nginx/|$LOGS/|" >"$T/nginx-example.conf" || finish
	mkdir -p "$T/nginx"
	cat >"$T/nginx.conf" <<-END
		$user
		daemon off;
		worker_processes 2;
		pid $T/nginx/pid;
		error_log $LOGS/nginx-error.log info;
		events { worker_connections 1024; }
		http {
		    access_log $LOGS/nginx-access.log;
		    $(nginx_temp_paths "$T/nginx")
		    server {
		        listen 127.0.0.1:$HTTP_PORT;
		        include $T/nginx-example.conf;
		    }
		}
	END
	start nginx nginx -p "$T/nginx" -e "$LOGS/nginx-error.log" -c "$T/nginx.conf"
	must_wait_until "nginx answers" http_probe
}

# write_lighttpd_config EXAMPLE: the settings around one of our examples, whose
# paths the caller has replaced. As Debian's, they have set http-parseopts before.
write_lighttpd_config() {
	mkdir -p "$T/lighttpd/root" "$T/lighttpd/uploads"
	cat >"$T/lighttpd.conf" <<-END
		server.bind = "127.0.0.1"
		server.port = $HTTP_PORT
		server.document-root = "$T/lighttpd/root"
		server.upload-dirs = ( "$T/lighttpd/uploads" )
		server.pid-file = "$T/lighttpd/pid"
		server.errorlog = "$LOGS/lighttpd-error.log"
		server.modules += ( "mod_accesslog" )
		accesslog.filename = "$LOGS/lighttpd-access.log"
		accesslog.format = "%h %t \"%m %U\" %>s"
		server.http-parseopts = (
		    "header-strict" => "enable", "url-ctrls-reject" => "enable",
		    "url-normalize-required" => "enable",
		)
		include "$1"
	END
}

# check_lighttpd_example EXAMPLE: the settings of the system's own lighttpd.conf take it.
check_lighttpd_example() {
	local file=/etc/lighttpd/lighttpd.conf
	if ! grep -q '^include.*conf-enabled' "$file" 2>/dev/null; then
		skip "the system's lighttpd.conf takes the example" "there is none that includes examples"
		return
	fi
	# The user it names may not look into the temporary folder.
	sed "s|^include.*conf-enabled.*|include \"$1\"|; /^server\.\(user\|group\)name/d" "$file" \
		>"$T/system-lighttpd.conf"
	is "$(lighttpd -tt -f "$T/system-lighttpd.conf" 2>&1)" "" \
		"the system's lighttpd.conf takes the example"
}

start_lighttpd() {
	start lighttpd env "${KEPT_ENVIRONMENT[@]}" lighttpd -D -f "$T/lighttpd.conf"
	must_wait_until "lighttpd answers" http_probe
}

APACHE_MODULES=${APACHE_MODULES:-/usr/lib/apache2/modules}

# write_apache_config MODULES INCLUDE: the settings around an example. MODULES
# are the names of those that the variant needs.
write_apache_config() {
	local module
	mkdir -p "$T/apache/root"
	own "$T/apache" "$T/state"
	{
		for module in mpm_event authz_core authz_host unixd mime alias env setenvif \
			log_config dir reqtimeout $1; do
			# Some are part of the program itself, depending on who built it.
			[ ! -f "$APACHE_MODULES/mod_$module.so" ] ||
				echo "LoadModule ${module}_module $APACHE_MODULES/mod_$module.so"
		done
		[ "$(id -u)" -ne 0 ] || printf 'User #65534\nGroup #65534\n'
		cat <<-END
			ServerRoot $T/apache
			ServerName gateway.example
			Listen 127.0.0.1:$HTTP_PORT
			PidFile $T/apache/pid
			DefaultRuntimeDir $T/apache
			Mutex file:$T/apache default
			DocumentRoot $T/apache/root
			ErrorLog $LOGS/apache-error.log
			LogLevel info
			TypesConfig /dev/null
			LogFormat "%h \"%r\" %>s" usual
			CustomLog $LOGS/apache-access.log usual env=!tinyscale
			<VirtualHost 127.0.0.1:$HTTP_PORT>
			Include $2
			</VirtualHost>
		END
	} >"$T/apache.conf"
}

start_apache() {
	start apache env "${KEPT_ENVIRONMENT[@]}" apache2 -DFOREGROUND -f "$T/apache.conf"
	must_wait_until "Apache answers" http_probe
}

# need_apache MODULE...
need_apache() {
	local module
	need apache2
	for module; do
		[ -f "$APACHE_MODULES/mod_$module.so" ] || skip_all "Apache's mod_$module is not installed"
	done
}

# install_program FILE: a copy that the web server's user can reach.
install_program() {
	need_built "$1"
	install -m 755 "$1" "$T/bin/"
}

# poll_is_told FILE: where only the CGI runs, a request does not wait for the poll that it
# leaves behind, and what the poll finds is told in FILE.
poll_is_told() {
	local begun
	write_config "$T/servers.json" '"poll_interval_ms": 800,' '"probe_timeout_ms": 3000,'
	delete_state
	fault 0 hang
	begun=$(now_ms)
	GET "$API"
	within $(($(now_ms) - begun)) 0 2900 "a request does not wait for the poll behind it"
	begun=$(now_ms)
	GET "$API"
	within $(($(now_ms) - begun)) 0 2900 "nor does the next"
	fault 0 refuse
	wait_until is_told "$1"
	ok $? "servers that are down are told in the web server's log"
	fault 0 none
}
is_told() {
	GET "$API"
	[ "$(grep -c 'server is down' "$1")" -ge 3 ]
}

# The verbs of a door that speaks HTTP.
REQUEST() { http_request "$@"; }
POST_GET() { http_post_get "$@"; }
# shellcheck disable=SC2034
# A body whose length is not known before its end.
POST_CHUNKED() {
	LAST_REQUEST="POST $1, chunked"
	curl -gsS --path-as-is --max-time 90 -o "$T/body" -D "$T/raw-headers" \
		-H "Content-Type: $2" -H "Transfer-Encoding: chunked" --data-binary "@$3" \
		"$HTTP_BASE$1" 2>"$T/curl-errors" || diag "$(cat "$T/curl-errors")"
	take_http_headers
}

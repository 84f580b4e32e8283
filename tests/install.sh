# shellcheck shell=bash
# Installs what run and check need.  Sourced by both, in bash.
#
# install_missing USE...  installs the Debian packages of those uses that are
# missing.  Not root: prints the one line that an administrator has to run, and
# ends the script.

# use, package, and how to tell that it is there: a command, or pc:MODULE for
# pkg-config, or a file.
packages='
build autoconf autoreconf
build automake automake
build gcc gcc
build make make
build pkg-config pkg-config
build libfcgi-dev pc:fcgi
build libcurl4-openssl-dev pc:libcurl
build libjson-c-dev pc:json-c
build libssl-dev pc:libcrypto
build libexpat1-dev pc:expat
build libsqlite3-dev pc:sqlite3
build libjwt-dev pc:libjwt
build libmicrohttpd-dev pc:libmicrohttpd
run lighttpd /usr/sbin/lighttpd
run jq jq
run ca-certificates /etc/ssl/certs/ca-certificates.crt
run curl curl
run openssl openssl
check clang clang
check libxml2-dev pc:libxml-2.0
check clang-format clang-format
check lighttpd /usr/sbin/lighttpd
check nginx-light /usr/sbin/nginx
check apache2 /usr/sbin/apache2
check libapache2-mod-fcgid /usr/lib/apache2/modules/mod_fcgid.so
check spawn-fcgi spawn-fcgi
check fail2ban fail2ban-regex
check curl curl
check openssl openssl
check sqlite3 sqlite3
check mandoc mandoc
check valgrind valgrind
check procps pgrep
check util-linux setpriv
check git git
check nodejs node
check npm npm
'

is_there() {
	case $1 in
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# What configure found out before a package was installed is out of date.
installed=''

install_missing() {
	local use package probe missing='' policy=/usr/sbin/policy-rc.d status

	while read -r use package probe; do
		case " $* " in
		*" $use "*) ;;
		*) continue ;;
		esac
		is_there "$probe" || missing="$missing $package"
	done <<<"$(printf '%s' "$packages" | grep .)"
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		printf '%s: some packages are missing; run this, then start me again:\n' "$0" >&2
		printf '  sudo apt-get install -y --no-install-recommends%s\n' "$missing" >&2
		exit 1
	fi
	printf 'installing:%s\n' "$missing"
	# The web servers are wanted as programs, not as running services.
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
	else
		policy=''
	fi
	apt-get update -q >/dev/null
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		$missing >/dev/null
	status=$?
	[ -z "$policy" ] || rm -f "$policy"
	# Nor is this machine to be guarded from its next boot on.
	case " $missing " in
	*' fail2ban '*)
		deb-systemd-helper disable fail2ban.service
		update-rc.d fail2ban disable
		;;
	esac >/dev/null 2>&1
	installed=yes
	if [ $status != 0 ]; then
		printf '%s: apt-get could not install:%s\n' "$0" "$missing" >&2
		exit 1
	fi
}

# fetch_promtool DIR: puts promtool into DIR where it is not installed. It comes with
# Prometheus, which is a service that its package has started at each boot; so the program
# alone is taken out of the package, which whoever may download.
fetch_promtool() {
	local dir=$1 place
	if command -v promtool >/dev/null || [ -x "$dir/promtool" ]; then
		return 0
	fi
	place=$(mktemp -d) || return
	mkdir -p "$dir"
	(
		cd "$place" || exit
		download() { apt-get download -q -o APT::Sandbox::User=root prometheus; }
		if ! download && [ "$(id -u)" = 0 ]; then
			apt-get update -q && download
		fi
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool &&
			mv usr/bin/promtool "$dir/"
	) >"$place.log" 2>&1
	[ -x "$dir/promtool" ] || {
		printf '%s: promtool cannot be had:\n' "$0" >&2
		tail -n 5 "$place.log" >&2
	}
	rm -rf "$place" "$place.log"
	[ -x "$dir/promtool" ]
}

# build_here DIR [CONFIGURE-ARGUMENT...]: build the tree in DIR.
build_here() {
	local dir=$1
	shift
	(
		cd "$dir" || exit 1
		if [ ! -e configure ] || [ configure.ac -nt configure ]; then
			autoreconf -fi
		fi && if [ ! -e Makefile ] || [ configure -nt Makefile ] || [ -n "$installed" ]; then
			./configure "$@"
		fi && make -j"$(nproc)"
	) >"$dir/build.log" 2>&1 || {
		tail -n 30 "$dir/build.log" >&2
		printf '%s: the build failed; all of it is in %s\n' "$0" "$dir/build.log" >&2
		return 1
	}
}

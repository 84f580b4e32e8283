# shellcheck shell=bash disable=SC2154
# Installs what run and check need, and builds.  Sourced by both, in bash, with $top, the
# source tree.
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
build libyaml-dev pc:yaml-0.1
build libhiredis-dev pc:hiredis
build zlib1g-dev pc:zlib
build libmicrohttpd-dev pc:libmicrohttpd
run lighttpd /usr/sbin/lighttpd
run jq jq
run ca-certificates /etc/ssl/certs/ca-certificates.crt
run curl curl
run openssl openssl
check clang clang
check libxml2-dev pc:libxml-2.0
check libxml2-utils xmllint
check clang-format clang-format
check shellcheck shellcheck
check clang-tidy clang-tidy
check cppcheck cppcheck
check lighttpd /usr/sbin/lighttpd
check nginx-light /usr/sbin/nginx
check apache2 /usr/sbin/apache2
check libapache2-mod-fcgid /usr/lib/apache2/modules/mod_fcgid.so
check spawn-fcgi spawn-fcgi
check fail2ban fail2ban-regex
check redis-server /usr/bin/redis-server
check redis-tools redis-cli
check haproxy /usr/sbin/haproxy
check keepalived /usr/sbin/keepalived
check curl curl
check openssl openssl
check sqlite3 sqlite3
check mandoc mandoc
check valgrind valgrind
check procps pgrep
check iproute2 ip
check util-linux setpriv
check git git
check nodejs node
check npm npm
bench wrk wrk
bench jq jq
bench nginx-light /usr/sbin/nginx
bench lighttpd /usr/sbin/lighttpd
bench sqlite3 sqlite3
bench curl curl
chroot debootstrap debootstrap
package debootstrap debootstrap
package libmicrohttpd-dev pc:libmicrohttpd
package curl curl
'

is_there() {
	case $1 in
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# The services of packages above, which are wanted as programs only.
services='lighttpd nginx apache2 apache-htcacheclean fail2ban redis-server haproxy keepalived'

# What configure found out before a package was installed is out of date.
installed=''

# progress WHAT LOG COMMAND...: says WHAT, runs the command with its output in LOG, and
# tells what it is at: each second on a terminal, each ten seconds elsewhere.  The status
# is the command's.
progress() {
	local what=$1 log=$2 begun=$SECONDS status ticker
	shift 2
	printf '%s ...\n' "$what"
	: >"$log" || return 1
	(
		trap 'kill $nap; exit' TERM
		while kill -0 $$ 2>/dev/null; do
			sleep 1 &
			nap=$!
			wait $nap
			line=$(tail -c 400 "$log" | tr '\r' '\n' | grep -a '[^[:space:]]' | tail -n 1 |
				tr -cd '[:print:]')
			if [ -t 1 ]; then
				printf '\r\033[K  %d s: %.60s' $((SECONDS - begun)) "$line"
			elif [ $(((SECONDS - begun) % 10)) = 0 ]; then
				printf '  %d s: %.100s\n' $((SECONDS - begun)) "$line"
			fi
		done
	) &
	ticker=$!
	# In the foreground, so that Ctrl-C reaches it.
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	kill $ticker
	wait $ticker 2>/dev/null
	[ ! -t 1 ] || printf '\r\033[K'
	return $status
}

# Is that service's package installed?
has_service() {
	[ -e "/lib/systemd/system/$1.service" ] || [ -e "/etc/init.d/$1" ]
}

# Without their services: invoke-rc.d asks policy-rc.d whether it may start one.
apt_get_quietly() (
	policy=/usr/sbin/policy-rc.d
	trap 'exit 1' HUP INT TERM
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q && apt-get install -y -q --no-install-recommends "$@"
)

# Keep the services of those packages from starting at the next boot.
disable_services() {
	local service
	for service; do
		has_service "$service" || continue
		# The one knows the links of systemd, the other those of init.
		deb-systemd-helper disable "$service.service" >/dev/null 2>&1
		update-rc.d "$service" disable >/dev/null 2>&1
		printf 'the service %s is not enabled: nothing starts at the next boot\n' "$service"
	done
}

install_missing() {
	local use package probe missing='' absent='' service log

	while read -r use package probe; do
		case " $* " in
		*" $use "*) ;;
		*) continue ;;
		esac
		is_there "$probe" || missing="$missing $package"
	done <<<"$(printf '%s' "$packages" | grep .)"
	[ -n "$missing" ] || return 0
	for service in $services; do
		has_service "$service" || absent="$absent $service"
	done
	if [ "$(id -u)" != 0 ]; then
		printf '%s: some packages are missing; run this, then start me again:\n' "$0" >&2
		printf '  sudo apt-get update && sudo apt-get install -y --no-install-recommends%s' \
			"$missing" >&2
		for service in $absent; do
			case $missing in
			*" $service"*) printf ' && sudo systemctl disable --now %s' "$service" >&2 ;;
			esac
		done
		printf '\n' >&2
		case $missing in
		*lighttpd* | *nginx* | *apache2* | *fail2ban* | *redis* | *haproxy* | *keepalived*)
			printf '%s\n' "The services among them are used as programs only:" \
				"the end of the line keeps them from starting." >&2
			;;
		esac
		exit 1
	fi
	printf 'these packages are missing:%s\n' "$missing"
	log=$(mktemp "${TMPDIR:-/tmp}/tinyscale-apt.XXXXXX") || exit 1
	# shellcheck disable=SC2086 # a list of words
	if ! progress "installing them with apt-get" "$log" apt_get_quietly $missing; then
		tail -n 20 "$log" >&2
		printf '%s: apt-get could not install:%s\n' "$0" "$missing" >&2
		printf 'all that it said is in %s\n' "$log" >&2
		exit 1
	fi
	rm -f "$log"
	installed=yes
	# shellcheck disable=SC2086 # a list of words
	disable_services $absent
}

# ---- Builds ----------------------------------------------------------------------

# Set $builds, where copies of the sources are built, so that what is built in the tree
# itself, to be installed, is never touched: build/ in the tree, or a folder of the
# user's own where the tree is another's.
find_builds() {
	builds=$top/build
	if [ ! -O "$top" ] || ! mkdir -p "$builds" 2>/dev/null || [ ! -O "$builds" ]; then
		builds=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/tinyscale-build
		if ! mkdir -p "$builds"; then
			printf '%s: %s is not yours, and %s cannot be made\n' "$0" "$top" "$builds" >&2
			exit 1
		fi
		printf '%s is not yours; building in %s\n' "$top" "$builds"
	fi
}

# fetch_promtool DIR: puts promtool into DIR where it is not installed. In Debian 12 it comes
# with Prometheus, which is a service that its package has started at each boot; in Debian 13
# it has a package of its own. The program alone is taken out, which whoever may download.
fetch_promtool() {
	local dir=$1 place
	if command -v promtool >/dev/null || [ -x "$dir/promtool" ]; then
		return 0
	fi
	place=$(mktemp -d) || return
	mkdir -p "$dir"
	(
		cd "$place" || exit
		get() { apt-get download -q -o APT::Sandbox::User=root "$1"; }
		download() { get promtool || get prometheus; }
		if ! download && [ "$(id -u)" = 0 ]; then
			apt-get update -q && download
		fi
		dpkg-deb --fsys-tarfile ./*.deb | tar -x ./usr/bin/promtool &&
			mv usr/bin/promtool "$dir/"
	) >"$place.log" 2>&1
	[ -x "$dir/promtool" ] || {
		printf '%s: promtool cannot be had:\n' "$0" >&2
		tail -n 5 "$place.log" >&2
	}
	rm -rf "$place" "$place.log"
	[ -x "$dir/promtool" ]
}

# list_sources: the files of the tree, without what a build leaves there, by their paths,
# each ended by NUL.  As .gitignore says, but git need not be there, nor know the tree.
list_sources() (
	cd "$top" || exit 1
	find . \( -name .git -o -name .deps -o -name autom4te.cache -o -name node_modules \
		-o -path './tests/e2e/logs' -o -path './tests/e2e/npm-modules' \
		-o -path './build*' -o -path './tinyscale-[0-9]*' \) -prune -o -type f \
		! -name '*.o' ! -name '*.a' ! -name '*.so' ! -name '*.log' ! -name '*.trs' \
		! -name .dirstamp ! -path './configure' ! -path './configure~' \
		! -path './config.*' ! -path './aclocal.m4' ! -path './Makefile' \
		! -path './Makefile.in' ! -path './common/base/built.h' \
		! -path './cgi/tinyscale.cgi' ! -path './fcgi/tinyscale.fcgi' \
		! -path './ctl/tinyscalectl' \
		! -path './sandbox/bbb-sandbox' ! -path './bench/paced-client' \
		! -path './bench/quick-servers' ! -path './bench/null-fcgi' ! -path './bench/null-cgi' \
		! -path './bench/engine-cost' ! -path './bench/simulate/simulate' \
		! -path './tests/api/driver' ! -path './tests/api/short_driver' ! -path './tests/e2e/fcgi-client' \
		! -path './tests/e2e/monday-client' ! -path './tests/e2e/crowd-client' ! -path './tests/e2e/log-listener' \
		\( ! -path './tests/unit/test_*' -o -name '*.[ch]' -o -name '*.sh' \) \
		\( ! -path './tests/fuzz/fuzz_*' -o -name '*.[ch]' \) -print0
)

# copy_of NAME: the sources in $builds/NAME, for another build; sets $copy.
copy_of() {
	copy=$builds/$1
	mkdir -p "$copy" || return 1
	touch "$copy/.sources" || return 1
	list_sources | LC_ALL=C sort -z >"$copy/.sources.new" || return 1
	# What has gone from the tree goes from the copy.
	LC_ALL=C comm -z -23 "$copy/.sources" "$copy/.sources.new" |
		(cd "$copy" && xargs -0 rm -f)
	(cd "$top" && xargs -0 cp --parents --preserve=mode,timestamps -t "$copy") \
		<"$copy/.sources.new" || return 1
	mv "$copy/.sources.new" "$copy/.sources"
}

# make_in DIR [CONFIGURE-ARGUMENT...]: configure there if that is due, and make all, or what
# $goals names.
make_in() (
	cd "$1" || exit 1
	shift
	if [ ! -e configure ] || [ configure.ac -nt configure ]; then
		autoreconf -fi || exit 1
	fi
	if [ ! -e Makefile ] || [ configure -nt Makefile ] || [ -n "$installed" ] ||
		[ "$*" != "$(cat config.args 2>/dev/null || printf '%s' "$*")" ]; then
		[ ! -e config.args ] || [ "$*" = "$(cat config.args)" ] || make -s clean
		./configure "$@" || exit 1
	fi
	printf '%s' "$*" >config.args
	# shellcheck disable=SC2086 # a list of words
	make -j"$(nproc)" ${goals:-}
)

# build_here DIR [CONFIGURE-ARGUMENT...]: build the tree in DIR.  One at a time.
build_here() {
	local dir=$1
	(
		if ! flock -n 9; then
			printf 'another build is under way in %s; waiting for it ...\n' "$dir"
			flock 9
		fi
		progress "building in $dir" "$dir/build.log" make_in "$@" 9>&-
	) 9>"$dir/build.lock" || {
		tail -n 30 "$dir/build.log" >&2
		printf '%s: the build failed; all of it is in %s\n' "$0" "$dir/build.log" >&2
		return 1
	}
}

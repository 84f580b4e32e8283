#!/usr/bin/env bash
# The README's "Install", line by line, on a bare Debian in a chroot, behind nginx, lighttpd
# and Apache; then its "Uninstall".  For root, with debootstrap; needs a network for the
# packages, and none for the rest, which runs in a network of its own.  TAP.
#
# usage: tests/chroot.sh BUILDS RELEASE
#
# BUILDS/release holds a build, whose stand-in for BigBlueButton is used; the bare system is
# kept in BUILDS, and what all commands said in BUILDS/chroot-RELEASE.log.
#
# systemd does not run in a chroot, so systemctl is replaced by the few things that it does
# here; all else is the README's.
# shellcheck disable=SC2016,SC2028 # what is quoted is for the chroot
set -u
shopt -s lastpipe # what reads from a pipe counts its checks here
builds=$1
release=$2
top=$(cd "$(dirname "$0")/.." && pwd)
base=$builds/chroot-$release.base
root=$builds/chroot-$release
log=$root.log

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
if [ "${CHROOT_INSIDE:-}" = '' ]; then
	[ "$(id -u)" = 0 ] || skip_all "only root can make a chroot"
	command -v debootstrap >/dev/null || skip_all "debootstrap is not installed"
	: >"$log"
	if [ ! -e "$base/etc/debian_version" ]; then
		rm -rf "$base.new"
		debootstrap --variant=minbase "$release" "$base.new" >>"$log" 2>&1 || {
			rm -rf "$base.new"
			skip_all "debootstrap cannot make $release here; see $log"
		}
		mv "$base.new" "$base"
	fi
	rm -rf "$root"
	cp -a "$base" "$root"
	# What is mounted goes, and what is started ends, with the namespaces.
	CHROOT_INSIDE=1 unshare --mount --mount-proc --pid --fork --kill-child "$0" "$@"
	status=$?
	rm -rf "$root"
	exit $status
fi

# shellcheck source=tests/report.sh
. "$top/tests/report.sh"
# ok STATUS NAME
ok() {
	check "$1" "$2"
	[ "$1" = 0 ] || tail -n 15 "$log" | cut -c1-300 | sed 's/^/# /'
}

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/root/tinyscale"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# shellcheck source=tests/install.sh
. "$top/tests/install.sh"
list_sources | (cd "$top" && xargs -0 cp --parents -p -t "$root/root/tinyscale")

readme() { "$top/tests/readme.sh" "$1"; }
# The packages, and all else.
packages() { sed -n '/^apt-get/ { :more; p; /\\$/ { n; b more } }'; }
commands() { sed '/^apt-get/ { :more; /\\$/ { N; b more }; d }'; }

# inside NAME PREFIX...: the commands on standard input, in the tree in the chroot; each
# must succeed.
inside() {
	local name=$1
	shift
	printf '\n---- %s\n' "$name" >>"$log"
	cat >"$root/root/commands"
	"$@" chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root DEBIAN_FRONTEND=noninteractive \
		sh -exc 'cd /root/tinyscale && . /root/commands' >>"$log" 2>&1 </dev/null
	ok $? "$name"
}

printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
{
	# One who types these answers "yes".
	echo 'alias apt-get="apt-get -y -q --no-install-recommends"'
	readme '1. Build' | packages
	echo 'apt-get install curl nginx-light lighttpd apache2 libapache2-mod-fcgid'
} | inside "$release: the packages of \"Build\"" env
readme '1. Build' | commands | inside "$release: \"Build\"" env

# A network of our own, with the stand-ins, by the descriptor of a process in it.
unshare --net sh -c 'ip link set lo up && exec "$@"' - "$builds/release/sandbox/bbb-sandbox" \
	--control 9000 --server '9001:secret of bbb1' --server '9002:secret of bbb2' \
	>"$root/root/sandbox.out" 2>&1 &
sandbox=$!
for _ in $(seq 100); do
	grep -q '^ready' "$root/root/sandbox.out" && break
	sleep 0.1
done
offline=(nsenter -t "$sandbox" -n)

cat >"$root/usr/local/bin/systemctl" <<'END'
#!/bin/sh
# What systemd would do, as far as the README asks for it.
fcgi=/usr/lib/cgi-bin/tinyscale.fcgi
case $* in
daemon-reload) ;;
"enable --now tinyscale" | "start tinyscale")
	test -x "$(sed -n 's/^ExecStart=//p' /etc/systemd/system/tinyscale.service)" || exit 1
	install -d -o tinyscale -g tinyscale -m 0750 /var/lib/tinyscale
	install -d -o tinyscale -g www-data -m 0750 /run/tinyscale
	setpriv --reuid=tinyscale --regid=tinyscale --clear-groups $fcgi --check-config || exit 1
	setpriv --reuid=tinyscale --regid=tinyscale --clear-groups \
		env TINYSCALE_CONFIG=/etc/tinyscale/servers.json \
		$fcgi -s unix:/run/tinyscale/tinyscale.sock 2>/root/gateway.log &
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -S /run/tinyscale/tinyscale.sock ] && break
		sleep 0.5
	done
	chgrp www-data /run/tinyscale/tinyscale.sock
	;;
"disable --now tinyscale" | "stop tinyscale")
	kill $(pidof tinyscale.fcgi) 2>/dev/null
	while pidof tinyscale.fcgi; do sleep 0.1; done
	;;
"reload nginx") nginx ;;
"restart lighttpd")
	install -d -o www-data -g www-data /run/lighttpd
	lighttpd -f /etc/lighttpd/lighttpd.conf
	;;
"restart apache2") apachectl start ;;
*)
	echo "systemctl: $*?" >&2
	exit 1
	;;
esac
END
chmod 755 "$root/usr/local/bin/systemctl"

{
	readme '2. `servers.json`'
	echo "cat >/etc/tinyscale/servers.json <<'JSON'"
	awk '/^###? / { here = /servers\.json/ } /^```json/ { on = here; next } /^```/ { on = 0 } on' "$top/README.md" |
		sed 's|https://bbb\([12]\)\.example\.org|http://127.0.0.1:900\1|'
	echo JSON
} | inside "\"servers.json\"" "${offline[@]}"
readme '3. Who may read and write' | inside "\"Who may read and write\"" "${offline[@]}"

# tries NAME STOP: what "Try it" says works, then STOP.
tries() {
	{
		readme '5. Try it' | sed -e 's|https://bbb\.example\.org|http://localhost|' \
			-e "s|the one in servers.json|choose a long one, for Moodle and the others|" \
			-e 's/^\(bbb [a-z].*\|curl .*\)$/{ \1; } >\&3/'
	} | sed '1i exec 3>/root/said' | inside "\"Try it\" behind $1" "${offline[@]}"
	cat "$root/root/said" >>"$log"
	[ "$(grep -o '<returncode>SUCCESS' "$root/root/said" | wc -l)" = 5 ] &&
		grep -qE '(^|>)ok' "$root/root/said"
	ok $? "and all that it asks for is answered"
	echo "$2; sleep 1" | inside "$1 stops" "${offline[@]}"
}

# lighttpd starts the program itself.
readme lighttpd | inside "\"lighttpd\"" "${offline[@]}"
tries lighttpd 'kill $(pidof lighttpd)'

# The line that goes into the <VirtualHost> is no command.
{
	readme Apache | grep -v '^Include'
	echo "sed -i 's|</VirtualHost>|Include /etc/apache2/tinyscale.conf\\n&|'" \
		"/etc/apache2/sites-available/000-default.conf"
	sed -n 's/^| `TINYSCALE_FCGID`.*\(`a2enmod [^`]*`\).*/\1/p' "$top/README.md" | tr -d '`'
	sed -n 's/^Then `\(apachectl configtest && systemctl restart apache2\)`.*/\1/p' \
		"$top/README.md"
} | inside "\"Apache\"" "${offline[@]}"
tries Apache 'apachectl stop'

readme "systemd (for nginx and Apache's mod_proxy_fcgi)" | inside "\"systemd\"" "${offline[@]}"
{
	readme nginx | grep -v '^include'
	echo "sed -i 's|^\\tserver_name _;|&\\n$(readme nginx | grep '^include')|'" \
		"/etc/nginx/sites-available/default"
	sed -n 's/^then `\(nginx -t && systemctl reload nginx\)`.*/\1/p' "$top/README.md"
} | inside "\"nginx\"" "${offline[@]}"
tries nginx 'kill $(pidof -s nginx)'

# The way back ends with all stopped, as it goes on with another version.
readme Upgrade | inside "\"Upgrade\"" "${offline[@]}"
[ -z "$(find "$root/var/lib/tinyscale" -name 'state.db*')" ]
ok $? "and the way back leaves no state"

# What systemd started goes first, as the README says.
{
	readme Uninstall | grep -v '^make\|^rm -rf'
	readme Uninstall | grep '^make\|^rm -rf'
} | inside "\"Uninstall\"" "${offline[@]}"
left=$(find "$root/usr/lib/cgi-bin" "$root/usr/local" "$root/etc/tinyscale" \
	"$root/var/lib/tinyscale" -name '*tinyscale*' 2>/dev/null | grep -v '/share/man/man.\?$')
echo "left: $left" >>"$log"
[ -z "$left" ]
ok $? "nothing of tinyscale is left"

kill "$sandbox"
finish

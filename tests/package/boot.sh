# shellcheck shell=bash disable=SC2154,SC2034 # the names are of run
# systemd itself, as the first process of namespaces of its own, in the chroot where the
# package is installed: sourced by run. What the units do is seen here, and nowhere else.

# start_systemd: sets $booted, its process, and $within, what runs a command there; false
# where there are no control groups for it.
start_systemd() {
	local groups tries=100
	groups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
	group=$groups/tinyscale-boot-$$-$release
	[ -n "$groups" ] && mkdir "$group" 2>>"$log" || return
	# shellcheck disable=SC2016 # for that shell
	sh -c 'echo $$ >"$2/cgroup.procs" && exec unshare --mount --pid --net --uts --ipc --cgroup \
		--fork --kill-child sh -ec "$1" - "$3"' - '
		cd "$1"
		mount --make-rprivate /
		mount --bind "$1" "$1"
		cd "$1"
		mount -t proc proc proc
		mount -t sysfs -o ro sysfs sys
		mount -t tmpfs tmpfs sys/fs/cgroup
		mount -t cgroup2 cgroup2 sys/fs/cgroup
		mount -t tmpfs -o mode=755 tmpfs dev
		for name in null zero full random urandom tty; do
			: >"dev/$name"
			mount --bind "/dev/$name" "dev/$name"
		done
		ln -s /proc/self/fd dev/fd
		mkdir dev/pts dev/shm dev/mqueue dev/hugepages
		mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
		ln -s pts/ptmx dev/ptmx
		mount -t tmpfs -o mode=755 tmpfs run
		mount -t tmpfs tmpfs tmp
		ip link set lo up
		mkdir run/old
		pivot_root . run/old
		umount -l run/old
		exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			/lib/systemd/systemd --log-target=journal --show-status=no' \
		"$group" "$root" >>"$log" 2>&1 </dev/null &
	booting=$!
	until booted=$(pgrep -P "$booting") && [ "$(cat "/proc/$booted/comm")" = systemd ] &&
		within=(nsenter -t "$booted" -a -r -w) &&
		"${within[@]}" systemctl is-active multi-user.target >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries != 0 ] && kill -0 "$booting" 2>/dev/null || return
		sleep 0.3
	done
}
stop_systemd() {
	kill -KILL "$booted" 2>>"$log"
	wait "$booting" 2>>"$log"
	sleep 0.5
	find "$group" -depth -type d -exec rmdir {} \; 2>>"$log"
}

# unit_states: of the service and the socket, as systemd says.
unit_states() {
	"${within[@]}" systemctl is-active tinyscale.service tinyscale.socket | tr '\n' ' '
}
# starts STATUS NAME: the command of README and postinst.
starts() {
	printf '\n---- systemctl start tinyscale: %s\n' "$2" >>"$log"
	"${within[@]}" systemctl start tinyscale >>"$log" 2>&1
	is $? "$1" "$release: systemd: $2"
}
# touches: somebody connects to the socket, as a web server does.
touches() {
	"${within[@]}" curl -s --max-time 1 --unix-socket /run/tinyscale/tinyscale.sock http://x \
		>/dev/null 2>&1
}

boot() {
	local config=$root/etc/tinyscale/servers.json before
	stop_all
	cp -p "$config" "$config.good"
	# As the package made it.
	sed -i '/"host"/d' "$config"
	if ! start_systemd; then
		ok 1 "$release: systemd starts"
		cp -p "$config.good" "$config"
		return
	fi
	is "$("${within[@]}" systemctl is-enabled tinyscale)" enabled \
		"$release: systemd: the service is enabled at once"
	is "$(unit_states)" "inactive inactive " \
		"$release: systemd: and is skipped at boot while no server is named"
	starts 0 "a start without servers is skipped"
	for _ in $(seq 30); do touches; done
	is "$(unit_states)" "inactive inactive " "$release: systemd: and nothing is left of it"
	is "$("${within[@]}" systemctl list-units --failed --plain --no-legend 'tinyscale*' 'nginx*')" "" \
		"$release: systemd: nothing has failed"
	"${within[@]}" journalctl -u tinyscale | grep -q 'servers.json: names no server yet'
	ok $? "$release: systemd: the journal says why"

	sed 's/"host"/"hots"/' "$config.good" >"$config"
	starts 1 "a configuration with errors is refused"
	for _ in $(seq 40); do
		[ "$("${within[@]}" systemctl is-failed tinyscale)" != failed ] || break
		sleep 0.3
	done
	is "$("${within[@]}" systemctl is-failed tinyscale)" failed "$release: systemd: and is red"
	"${within[@]}" journalctl -u tinyscale | grep -q 'hots: unknown key; did you mean "host"'
	ok $? "$release: systemd: the journal names the error"

	cp -p "$config.good" "$config"
	sleep 10 # systemd starts a service five times in ten seconds, and no more
	starts 0 "one command starts it once servers are named"
	is "$(unit_states)" "active active " "$release: systemd: with its socket"
	is "$("${within[@]}" systemctl list-units --failed --plain --no-legend 'tinyscale*')" "" \
		"$release: systemd: nothing is red any more"
	before=$("${within[@]}" stat -c %i /run/tinyscale/tinyscale.sock)
	"${within[@]}" systemctl restart tinyscale >>"$log" 2>&1
	is "$("${within[@]}" stat -c %i /run/tinyscale/tinyscale.sock) $(unit_states)" \
		"$before active active " "$release: systemd: a restart keeps the socket"
	"${within[@]}" systemctl stop tinyscale >>"$log" 2>&1
	is "$(unit_states)" "inactive inactive " "$release: systemd: a stop takes the socket along"
	"${within[@]}" journalctl --no-pager -u tinyscale.service -u tinyscale.socket >>"$log" 2>&1
	stop_systemd
	rm "$config.good"
	start_units
	"${offline[@]}" chroot "$root" nginx >>"$log" 2>&1
}

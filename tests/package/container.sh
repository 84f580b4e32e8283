# shellcheck shell=bash disable=SC2154,SC2034 # the names are of run
# The steps of contrib/container/Containerfile, in a chroot in place of an image: sourced by
# run. No registry is asked; FROM is the bare release, and what a container's engine does
# (the user, the read-only root, the mounts) is done by hand.

containers=$top/contrib/container
image=$builds/package-container.root

# steps: the Containerfile's instructions, one a line.
steps() {
	sed -e '/^#/d;/^$/d' -e ':more' -e '/\\$/ { N; s/\\\n[ \t]*/ /; b more' -e '}' \
		"$containers/Containerfile"
}
# value INSTRUCTION: the rest of its line; what is a list of JSON, as words.
value() { steps | sed -n "s/^$1 //p" | tail -n 1 | tr -d '[]",'; }

# build_image: COPY and RUN.
build_image() {
	local step rest
	steps >"$builds/package-container.steps"
	while read -r step rest <&9; do
		case $step in
		COPY)
			# shellcheck disable=SC2086 # a list of words
			set -- $rest
			case $1 in
			tinyscale_*) cp "$debs"/tinyscale_*.deb "$image$2" ;;
			*) cp "$containers/$1" "$image$2" ;;
			esac
			ok $? "container: COPY $rest"
			;;
		RUN) run_in "$image" "container: RUN ${rest:0:40} ..." "$rest" ;;
		FROM | USER | EXPOSE | VOLUME | ENTRYPOINT | HEALTHCHECK | STOPSIGNAL) ;;
		*) ok 1 "container: this test knows the step $step" ;;
		esac
	done 9<"$builds/package-container.steps"
}

# start_container: as an engine does it with --read-only --tmpfs /tmp --volume ...
# --cap-drop all; $entry is its first process.
start_container() {
	local user
	user=$(value USER)
	# shellcheck disable=SC2016 # for that shell
	"${offline[@]}" unshare --mount sh -ec '
		mount --rbind "$1" "$1"
		mount -o remount,bind,ro "$1"
		mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
		mount -t tmpfs -o "uid=${2%:*},gid=${2#*:},mode=0750" tmpfs "$1$4"
		exec chroot "$1" setpriv --reuid="${2%:*}" --regid="${2#*:}" --clear-groups \
			--no-new-privs --bounding-set=-all --inh-caps=-all env -i \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$3"' \
		- "$image" "$user" "$(value ENTRYPOINT)" "$(value VOLUME)" >>"$log" 2>&1 </dev/null &
	entry=$!
}

# container: on the release that FROM names.
container() {
	local from=debian:$release-slim root=$image port=8080 health
	[ "$(value FROM)" = "$from" ] || return 0
	printf '\n---- container\n' >>"$log"
	unpack "$image" && enter "$image"
	build_image
	printf '{\n    "secret": "%s",\n    "servers": [\n    ]\n}\n' 0123456789abcdef \
		>"$image/etc/tinyscale/servers.json"
	configure_servers
	chown 0:900 "$image/etc/tinyscale/servers.json"
	chmod 0640 "$image/etc/tinyscale/servers.json"

	start_container
	health=$(value 'HEALTHCHECK CMD')
	for _ in $(seq 100); do
		# shellcheck disable=SC2086 # a list of words
		"${offline[@]}" chroot "$image" $health >>"$log" 2>&1 && break
		sleep 0.1
	done
	# shellcheck disable=SC2086 # a list of words
	"${offline[@]}" chroot "$image" $health >>"$log" 2>&1
	ok $? "$release: container: it is healthy"
	meeting=fifth
	serves container
	is "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p; s/^CapEff:\t//p' "/proc/$entry/status" |
		tr '\n' ' ')" "900 0000000000000000 " "$release: container: no root, no capabilities"
	nsenter -t "$entry" -m chroot "$image" touch /var/lib/touched >>"$log" 2>&1
	is $? 1 "$release: container: and its root is read-only"
	kill -TERM "$entry"
	wait "$entry"
	is $? 0 "$release: container: SIGTERM ends it well"
	leave "$image"
	[ -n "$keep" ] || rm -rf "$image"
}

#!/usr/bin/env bash
# The first hour: ./run, then what the README says under "Build", in the same tree, then
# ./run again; ports that are taken; another configuration; the tree of another user; the
# tarball; and nothing is left when it is over.
. "$(dirname "$0")/lib.sh"
begin story-run 23
if has_sanitizer "$FCGI_PROGRAM"; then
	FINISHED=1
	echo "1..0 # SKIP ./run makes a build of its own, without sanitizers"
	exit 0
fi
need lighttpd curl jq autoreconf make
# ./run builds, beside other tests; what it builds need not be fast.
E2E_DEADLINE=$((10 * E2E_DEADLINE))
export CFLAGS=-O0
unset TINYSCALE_CONFIG TINYSCALE_STATE TINYSCALE_SECRET MAKEFLAGS MAKELEVEL MFLAGS
export TMPDIR=$T

# A tree as it is cloned.
top=$TOP
builds=$T
. "$TOP/tests/install.sh"
copy_of tree
TREE=$copy
rm "$TREE/.sources"

# ---- Before anything is built ------------------------------------------------------

# ends STATUS WORDS ARGUMENT...: so ./run ends, saying that.
ends() {
	local status=$1 words=$2
	shift 2
	"$TREE/run" "$@" >"$T/out" 2>&1
	is "$? $(grep -cF -e "$words" "$T/out")" "$status 1" "./run $*: $words"
}
ends 0 'usage: ./run' --help
ends 0 'usage: ./run' -h
ends 2 'there is no option --port' --port
ends 2 '-p needs a port' -p
ends 2 '"80a" is no port' -p 80a
ends 2 '"100000" is no port' -p 100000
ends 2 'from 1 to 65531' -p 65532
ends 2 'from 1 to 65531' -p 0
ends 2 'one file is enough' a b
ends 1 'nowhere.json cannot be read' nowhere.json

SERVER_COUNT=0
start_sandbox 1
ends 1 "listens on port $((PORT0 + 10)) $((PORT0 + 11));" -p $((PORT0 + 8))
ends 1 "listens on port $((PORT0 + 11));" -p $((PORT0 + 11)) "$TOP/README.md"
stop sandbox
ok "$([ ! -e "$TREE/build" ])$?" "and nothing was built for that"

# ---- ./run ---------------------------------------------------------------------------

is_told_something() { [ -s "$LOGS/$1.log" ]; }
# run NAME PORT: until it prints its URLs, which go to $T/printed: they are signed, and
# secrets.sh must not find them in a log.
run() {
	start "$1" "$TREE/run" -p "$2"
	timed must_wait_until "./run says something" is_told_something "$1"
	SAID_MS=$TOOK_MS
	timed must_wait_until "./run prints its URLs" \
		grep -q '^getMeetings: ' "$LOGS/$1.log"
	mv "$LOGS/$1.log" "$T/printed"
}
printed() { sed -n "s/^$1: *//p" "$T/printed"; }

run run "$PORT0"
pid=${PIDS[run]}
within "$SAID_MS" 0 $((TOOK_MS / 4)) "it says what it is at long before it is done"
like "$(head -n 1 "$T/printed")" "building in $TREE/build/run ..." "and that is the build"
ok "$([ ! -e "$TREE/Makefile" ])$?" "the tree itself is not configured"
is "$(printed address)" "http://127.0.0.1:$PORT0/bigbluebutton/api" "the address"
curl -gs "$(printed create)" >"$T/body"
is "$(result)" SUCCESS "the create it prints"
curl -gs "$(printed getMeetings)" >"$T/body"
is "$(xml meetingID)" demo "the getMeetings it prints"
query='name=Demo&meetingID=demo&attendeePW=ap&moderatorPW=mp&welcome=a%0D%0Ab'
sum=$(printf '%s' "create$query$(printed secret)" | sha256sum | cut -d' ' -f1)
curl -gs "$(printed address)/create?$query&checksum=$sum" >"$T/body"
is "$(result)" "SUCCESS duplicateWarning" "a create with a welcome of two lines"
curl -gsL "$(printed join)" >"$T/page"
server=$(sed -n 's/.*Server \([0-9]*\), port \([0-9]*\).*/\1 \2/p' "$T/page" | head -n 1)
is "$server" "1 $((PORT0 + 2))" "the join it prints leads to the server that has the meeting"
if command -v chromium >/dev/null; then
	timeout 300 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$T/chromium" --dump-dom "$(printed join)" >"$T/page" 2>"$T/chromium.log"
	like "$(tr '\n' ' ' <"$T/page")" "*Moderator*Server 1, port $((PORT0 + 2))*" \
		"and so it does in a browser"
else
	skip "the join in a browser" "chromium is not installed"
fi
for name in servers.json state.db lighttpd.conf socket; do
	is "$(curl -gs -o "$T/body" -w '%{http_code}' "http://127.0.0.1:$PORT0/$name")" 404 \
		"its file $name is not served"
done
ends 1 "listens on port $PORT0 $((PORT0 + 1)) $((PORT0 + 2))" -p "$PORT0"
is "$(grep -c '^address' "$T/out")" 0 "the second ./run prints no URLs of the first"

# over NAME: it ends, and nothing that it started is left.
over() {
	local pid=${PIDS[$1]} one remaining=0
	pgrep -s "$pid" >"$T/session"
	unset "PIDS[$1]"
	kill -TERM "$pid"
	wait "$pid"
	is $? 0 "./run ends with status 0"
	while read -r one; do
		! is_alive "$one" || remaining="$remaining $(tr '\0' ' ' <"/proc/$one/cmdline")"
	done <"$T/session"
	is "$remaining" 0 "and nothing that it started is left"
	is "$(find "$T" -maxdepth 1 -name 'tinyscale.*' | wc -l)" 0 "no file either"
}
over run

# ---- The README's installation, in the same tree ---------------------------------------

# Without what only root can do on a machine that others use, and into our folder.
readme() { "$TOP/tests/readme.sh" "$1"; }
readme '1. Build' | sed -e '/^apt-get update/d' -e '/^apt-get/,/[^\\]$/d' -e "s|/usr/|$T/usr/|g" \
	-e "s|=/etc|=$T/etc|" -e "s|=/var|=$T/var|" >"$T/install"
is "$(grep -c '^\(autoreconf\|./configure\|make\|make install\)\b' "$T/install")" 4 \
	"the README has four commands to build and install"
(cd "$TREE" && timed sh -ex "$T/install") >"$LOGS/install.log" 2>&1
ok $? "they work"
# built_paths PROGRAM: where it looks for its configuration and its state.
built_paths() {
	"$1" --check-config 2>&1 | sed 's/: .*//'
	grep -aoE '[^[:cntrl:]]*/lib/tinyscale/state\.db' "$1" | sort -u
}
BIN=$T/usr/lib/cgi-bin
for program in tinyscale.fcgi tinyscale.cgi; do
	is "$(built_paths "$BIN/$program" | paste -sd' ')" \
		"$T/etc/tinyscale/servers.json $T/var/lib/tinyscale/state.db" \
		"$program has the paths that configure was told"
done

(cd "$TREE" && readme Uninstall | grep '^make' | sed "s|/usr/|$T/usr/|" | sh -ex) \
	>"$LOGS/uninstall.log" 2>&1
is "$? $(find "$T/usr" ! -type d)" "0 " "and what it says under Uninstall leaves no file"

run again "$PORT0"
curl -gs "$(printed create)" >"$T/body"
is "$(result)" SUCCESS "./run works after the installation, too"
over again

# ---- Configured anew ---------------------------------------------------------------------

(cd "$TREE" && ./configure --prefix="$T/opt" --sysconfdir="$T/opt/etc" && make &&
	make install) >"$LOGS/anew.log" 2>&1
ok $? "the tree is configured with other paths and installed"
is "$(built_paths "$T/opt/libexec/tinyscale/tinyscale.fcgi" | paste -sd' ')" \
	"$T/opt/etc/tinyscale/servers.json $T/opt/var/lib/tinyscale/state.db" \
	"what is installed then has those"
is "$(grep -c '^  CC .*xml' "$LOGS/anew.log")" 0 "and only what names them was compiled again"
make -C "$TREE" >"$T/out" 2>&1
is "$(grep -c '^  \(CC\|CCLD\) ' "$T/out")" 0 "a further make compiles nothing"

# ---- The tarball, the clone of another ------------------------------------------------------

make -C "$TREE" dist >"$LOGS/dist.log" 2>&1
ok $? "make dist"
is "$(grep -c '^PASS' "$LOGS/dist.log")" 0 "runs no tests"
mkdir "$T/unpacked"
tar -xf "$TREE"/tinyscale-*.tar.gz -C "$T/unpacked" --strip-components=1
for name in . ../unpacked; do
	(cd "$TREE/$name" && top=$PWD && list_sources | tr '\0' '\n' | sort)
done | grep -v '^\./\(tinyscale-.*gz$\|\.git\|\.ci/\)' | sort | uniq -u >"$T/differ"
is "$(cat "$T/differ")" "" "the tarball has what the tree has"
if [ "$(id -u)" = 0 ]; then
	chown -R 65534:65534 "$T/unpacked"
	cp -r "$T/unpacked" "$T/other"
	XDG_CACHE_HOME=$T/cache "$T/unpacked/check" style >"$T/out" 2>&1
	is "$? $(sed -n "s|^$T/unpacked is not yours; ||p" "$T/out")" \
		"0 building in $T/cache/tinyscale-build" "./check works in another user's tarball"
	ok "$([ ! -e "$T/unpacked/build" ])$?" "and writes nothing there"
else
	skip "./check in another user's tarball" "for root only"
	skip "and writes nothing there" "for root only"
fi

finish

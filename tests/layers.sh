#!/bin/sh
# Each file of common/ includes only what stands below it (common/LAYERS), and
# each outside library is seen in one file only.  TAP; run from anywhere.
# TINYSCALE_SRCDIR names the source tree when it is not the script's parent.

srcdir=${TINYSCALE_SRCDIR:-$(dirname "$0")/..}
cd "$srcdir" || exit 1
n=0
status=0

# report NAME VIOLATIONS: one check, passed when there are none.
report() {
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/#   /'
		status=1
	fi
}

# common/FILE: LINE of each quoted include, checked by one small program:
# first LAYERS, then all the files.
violations=$(awk '
	function base(path) { sub(/.*\//, "", path); sub(/\.[ch]$/, "", path); return path }
	FILENAME == "common/LAYERS" {
		if ($0 !~ /^#/)
			for (i = 2; i <= NF; i++) { layer[$i] = $1 + 0; place[$i] = ++count }
		next
	}
	FNR == 1 {
		me = base(FILENAME)
		if (!(me in layer))
			print FILENAME ": not named in common/LAYERS"
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, part, "\"")
		you = base(part[2])
		at = FILENAME ":" FNR ": "
		if (!(me in layer) || you == me)
			next
		if (you == "banned") {   # the last include of any .c file
			if (FILENAME ~ /\.h$/)
				print at "banned.h is for .c files only"
			next
		}
		if (part[2] ~ /\//)
			print at part[2] " is outside common/"
		else if (!(you in layer))
			print at part[2] " is not named in common/LAYERS"
		else if (layer[you] > layer[me])
			print at me " (layer " layer[me] ") includes " you " (layer " layer[you] ")"
		else if (layer[you] == layer[me] && place[you] > place[me])
			print at me " includes " you ", which stands behind it in layer " layer[me]
		else if (layer[me] == 5 && layer[you] == 4)
			print at "the adapter " me " sees the core (" you ")"
	}
' common/LAYERS common/*.[ch])
report "common/ includes only lower layers" "$violations"

missing=$(sed '/^#/d' common/LAYERS | awk '{ for (i = 2; i <= NF; i++) print $i }' |
	while read -r module; do
		[ -e "common/$module.c" ] || [ -e "common/$module.h" ] ||
			echo "common/LAYERS: there is no module $module"
	done)
report "every module of LAYERS is there" "$missing"

# is_one_of FILE PATTERNS: does one of the patterns, words, fit?
is_one_of() {
	set -f
	for pattern in $2; do
		# shellcheck disable=SC2254 # a pattern is meant
		case $1 in $pattern) set +f; return 0 ;; esac
	done
	set +f
	return 1
}

# only WHAT HEADERS FILES: the headers (an extended expression) are included by
# the files (shell patterns of paths, words) and by nothing else.
only() {
	found=
	for file in common/*.[ch] fcgi/*.[ch] cgi/*.[ch] ctl/*.[ch]; do
		[ -e "$file" ] || continue
		is_one_of "$file" "$3" && continue
		lines=$(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)[>\"]" "$file") &&
			found="$found$(printf '%s\n' "$lines" | sed "s|^|$file:|")
"
	done
	report "$1" "$(printf '%s' "$found")"
}

only 'libfcgi is seen in fcgi/ only' '(fastcgi/)?(fcgi[a-z_]*|fastcgi)\.h' 'fcgi/*'
only 'SQLite is seen in store_sqlite.c and sqlite_file.c only' 'sqlite3[a-z]*\.h' \
	'common/*sqlite*.c'
only 'Expat is seen in xml.c only' 'expat[a-z_]*\.h' 'common/xml.c'
only 'OpenSSL is seen in checksum.c only' 'openssl/.*' 'common/checksum.c'
only 'json-c is seen in config*.c only' '(json-c/)?json[a-z_-]*\.h|json-c/.*' 'common/config*.c'
only 'libcurl is seen in http_curl, transfer and curl_functions only' \
	'curl/.*|curl_functions\.h|transfer\.h' \
	'common/http_curl.c common/transfer.[ch] common/curl_functions.[ch]'

only 'libjwt is seen in token.c only' 'jwt\.h' 'common/token.c'

doors=$(for file in fcgi/*.[ch] cgi/*.[ch]; do
	[ -e "$file" ] || continue
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"(store_|call|reply|relay|xml|query|placement|checksum)' "$file" |
		sed "s|^|$file:|"
done)
report 'the doors hold no balancer knowledge' "$doors"

echo "1..$n"
exit $status

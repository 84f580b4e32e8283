#!/bin/sh
# The folders of common/ are its layers, and each outside library is seen in one
# place.  TAP; run from anywhere.  TINYSCALE_SRCDIR names the source tree when it is not
# the script's parent.

srcdir=${TINYSCALE_SRCDIR:-$(dirname "$0")/..}
cd "$srcdir" || exit 1
# shellcheck source=/dev/null
. tests/report.sh

# The layers, from the base up.  A file includes its own folder and those before it in
# this list; adapters and core, upkeep, calls never see each other.  What lies in common/
# itself (app) sees all.
layers='base formats model config ports core upkeep calls adapters'

# sources FOLDER...: their C files.
sources() {
	find "$@" -name '*.[ch]' | LC_ALL=C sort
}

# FILE:LINE:INCLUDED of each quoted include in the folders.
includes() {
	sources "$@" | while read -r file; do
		sed -nE '/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/{=;p;}' "$file" |
			sed -E 'N; s/\n[^"]*"/:/; s/".*//' | sed "s|^|$file:|"
	done
}

ours=$(includes common)
violations=$(printf '%s\n' "$ours" | awk -F: -v layers="$layers" '
	# The layer of a path below common/: its first folder; "" for app.
	function layer(path) { return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "" }
	# Its whole folder: adapters do not see those beside them, but what all share.
	function folder(path) { sub(/\/?[^\/]*$/, "", path); return path }
	BEGIN { for (n = split(layers, name, " "); n > 0; n--) place[name[n]] = n }
	{
		at = $1 ":" $2 ": "
		me = $1
		sub(/^common\//, "", me)
		if ($3 != "base/built.h" && system("test -e common/" $3) != 0)
			print at "\"" $3 "\" is no path below common/"
		else if (layer(me) == "" || folder(me) == folder($3))
			next
		else if (layer(me) == "adapters" && folder($3) == "adapters")
			next
		else if (layer($3) == "")
			print at layer(me) " sees " $3
		else if (place[layer($3)] >= place[layer(me)])
			print at layer(me) " sees " $3 ", which is no layer below it"
		else if (layer(me) == "adapters" && place[layer($3)] >= place["core"])
			print at "an adapter sees the core: " $3
	}')
report 'a file includes its own folder and those before it' "$violations"

strangers=$(for folder in common/*/; do
	case " $layers " in
	*" $(basename "$folder") "*) ;;
	*) echo "$folder is no layer" ;;
	esac
done
for layer in $layers; do
	[ -d "common/$layer" ] || echo "there is no common/$layer"
done)
report 'each folder is a layer' "$strangers"

# A module is a source with its header.
circles=$(printf '%s\n' "$ours" | sed -E 's|^common/||; s/:[0-9]+:/ /; s/\.[ch]( \|$)/\1/g' |
	awk '$1 != $2' | tsort 2>&1 >/dev/null)
report 'no modules include each other in a circle' "$circles"

# only WHAT HEADERS FILES: the headers (an extended expression) are included by
# the files (a shell pattern of paths) and by nothing else.
only() {
	found=$(sources common fcgi cgi ctl | while read -r file; do
		# shellcheck disable=SC2254 # a pattern is meant
		case $file in $3) continue ;; esac
		grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)[>\"]" "$file" |
			sed "s|^|$file:|"
	done)
	report "$1" "$found"
}

only 'libfcgi is seen in fcgi/ only' '(fastcgi/)?(fcgi[a-z_]*|fastcgi)\.h' 'fcgi/*'
only 'SQLite is seen in adapters/sqlite/ only' 'sqlite3[a-z]*\.h' 'common/adapters/sqlite/*'
only 'hiredis and zlib are seen in adapters/redis/ only' '(hiredis/.*|hiredis|zlib)\.h' \
	'common/adapters/redis/*'
only 'libcurl is seen in adapters/curl/ only' 'curl/.*|adapters/curl/(functions|transfer|failure)\.h' \
	'common/adapters/curl/*'
only 'json-c is seen in config/ only' '(json-c/)?json[a-z_-]*\.h|json-c/.*' 'common/config/*'
only 'Expat is seen in xml.c only' 'expat[a-z_]*\.h' 'common/formats/xml.c'
only 'OpenSSL is seen in checksum.c only' 'openssl/.*' 'common/formats/checksum.c'
only 'libyaml is seen in import.c only' 'yaml\.h' 'ctl/import.c'
only 'libjwt is seen in jwt.c only' 'jwt\.h' 'common/formats/jwt.c'

doors=$(includes fcgi cgi |
	grep -vE ':(app\.h|base/[a-z_]+\.h|formats/(cgi|request|response)\.h|[a-z_]+\.h)$')
report 'the doors hold no balancer knowledge' "$doors"

commands=$(includes ctl |
	grep -vE ':(app\.h|(base|formats|model|ports|core|upkeep)/[a-z_]+\.h|config/config(_diff|_warnings)?\.h|[a-z_]+\.h)$')
report 'the command sees no adapter, and of config/ no parts' "$commands"

# shellcheck disable=SC2016 # backticks are meant
# Words of the picture in HACKING.md, and the modules; built.h is made by make.
picture=$(sed -n '/^## The picture/,/^\*\*/ { /^```/,/^```/p }' HACKING.md | tr -c 'a-z_\n' ' ')
missing=$(sources common fcgi | sed 's|.*/||; s|\.[ch]$||' | grep -v '^built$' | sort -u | while read -r module; do
	case " $(printf '%s' "$picture" | tr '\n' ' ') " in
	*" $module "*) ;;
	*) echo "HACKING.md's picture has no $module" ;;
	esac
done)
report 'each module is in the picture' "$missing"

finish

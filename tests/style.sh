#!/bin/sh
# The tree keeps to its style, the C files to what clang-format 14 and .clang-format
# say, and how long lines, functions and files may be.  TAP; run from anywhere.

cd "$(dirname "$0")/.." || exit 1
files=$(git ls-files '*.c' '*.h' 2>/dev/null)
[ -n "$files" ] || files=$(find . -path './build*' -prune -o -name '*.[ch]' ! -name built.h -print)
# shellcheck source=/dev/null
. tests/report.sh

# Functions and files that may be longer, as they were when this was written.
# A line: a name, then why.  What no longer needs its line fails here too.
long_functions='
test_cgi.c:test_body test tables
test_cgi.c:test_header test tables
test_config.c:test_every_key one key after the other
test_placement_exclusions.c:test_exclusions test tables
test_query.c:test_parse test tables
test_server.c:test_transitions test tables
test_xml.c:test_documents test tables
test_xml.c:test_lists test tables
test_xml_unsound.c:test_unsound_items test tables
test_xml_unsound.c:test_forbidden test tables
test_xml_unsound.c:test_floods test tables
'
long_files='
'

# unexcused NAMES-AND-SIZES EXCUSES: the lines of the first whose name is none of
# the second's, and what of the second is not needed.
unexcused() {
	printf '%s\n@\n%s\n' "$2" "$1" | awk '
		/^@$/ { excuses_end = 1; next }
		NF == 0 { next }
		!excuses_end { excused[$1] = 1; next }
		{
			name = $1
			sub(/.*\//, "", name)
			if (name in excused)
				needed[name] = 1
			else
				print $0
		}
		END {
			for (name in excused)
				if (!(name in needed))
					print "tests/style.sh: " name " needs no exception"
		}'
}

# ---- clang-format ---------------------------------------------------------------

format=
for name in clang-format-14 clang-format; do
	case $("$name" --version 2>/dev/null) in
	*"version 14."*)
		format=$name
		break
		;;
	esac
done
if [ -z "$format" ] && command -v clang-format >/dev/null; then
	# Another release of Debian: another version formats otherwise.
	skip 'clang-format finds nothing to change' 'version 14 is not at hand'
elif [ -z "$format" ]; then
	report 'clang-format finds nothing to change' \
		'clang-format 14 is missing: apt-get install clang-format'
else
	# shellcheck disable=SC2086 # a list of words
	report 'clang-format finds nothing to change' \
		"$("$format" --dry-run -Werror $files 2>&1 | grep ': error: ')"
fi

# ---- Banned functions --------------------------------------------------------------

# They know no end of what they write to, hide errors, keep what they return to themselves, or
# ask a shell.
banned='gets|strcpy|stpcpy|strcat|strncpy|strncat|v?sprintf|strtok|ato[filq]|ato(ll|f)|gmtime'
banned="$banned|localtime|ctime|asctime|alloca|system|popen|s?rand|tmpnam|tempnam|mktemp"
banned="$banned|[sf]?scanf|gethostbyname|setjmp|longjmp"
# shellcheck disable=SC2086 # a list of words
report 'no banned function in the programs' \
	"$(printf '%s\n' $files | grep -E '^(\./)?(common|fcgi|cgi|ctl|sandbox)/' |
		xargs grep -nE "(^|[^a-zA-Z0-9_>.])($banned)\(")"

# ---- shellcheck -----------------------------------------------------------------

# Left out: functions and variables that another file or a trap uses (2317, 2034), files that
# are sourced by a name that is made (1091), functions called with words and without (2119).
scripts=$(git ls-files 2>/dev/null | grep -v '\.[ch]$' | xargs grep -lE '^#!.*sh$' 2>/dev/null)
case $(shellcheck --version 2>/dev/null) in
*'version: 0.9.'*)
	# shellcheck disable=SC2086 # a list of words
	report 'shellcheck finds nothing' \
		"$(printf '%s\n' $scripts | xargs -n 8 -P "$(nproc)" \
			shellcheck -x -S style -f gcc -e SC2317,SC2034,SC1091,SC2119)"
	;;
*) skip 'shellcheck finds nothing' 'version 0.9 is not at hand' ;;
esac

# ---- Copies -----------------------------------------------------------------------

# ./run and ./check build in copies, where git need not be at hand.
of_git=$(git ls-files -co --exclude-standard 2>/dev/null | LC_ALL=C sort)
if [ -n "$of_git" ]; then
	of_copies=$(mktemp)
	# shellcheck disable=SC2016 # bash expands it
	bash -c 'top=$PWD; . tests/install.sh; list_sources' | tr '\0' '\n' | sed 's|^\./||' |
		LC_ALL=C sort >"$of_copies"
	report 'copies are made of the files that git has' \
		"$(printf '%s\n' "$of_git" | diff - "$of_copies")"
	rm -f "$of_copies"
fi

# ---- Sizes ------------------------------------------------------------------------

# Bytes 0x80 to 0xbf continue a character.
report 'no line is longer than 96 columns' "$(for file in $files; do
	expand -t 8 "$file" | LC_ALL=C tr -d '\200-\277' |
		LC_ALL=C awk -v file="$file" 'length($0) > 96 { print file ":" FNR ": " length($0) }'
done)"

# Return types have a line of their own, so a function begins with its name in
# column 0, and its braces stand there too.
functions=$(for file in $files; do
	awk -v file="$file" '
		/^[A-Za-z_][A-Za-z_0-9]*\(/ { name = $0; sub(/\(.*/, "", name) }
		/^\{/ { start = FNR }
		/^\}/ && start {
			if (FNR - start - 1 > 80)
				print file ":" name " " FNR - start - 1
			start = 0
		}' "$file"
done)
report 'no function is longer than 80 lines' "$(unexcused "$functions" "$long_functions")"

# shellcheck disable=SC2086 # a list of words
report 'no file is longer than 700 lines' "$(unexcused "$(wc -l $files |
	awk '$1 > 700 && $2 != "total" { print $2, $1 }')" "$long_files")"

# ---- Words ------------------------------------------------------------------------

# shellcheck disable=SC2086 # a list of words
report 'sizeof has brackets' "$(grep -nE '\<sizeof [a-z_*]' $files)"
# shellcheck disable=SC2086 # a list of words
report 'conditions do not compare with NULL' \
	"$(grep -nE '\<(if|while) \([a-z_][][a-z_0-9.>-]* [!=]= NULL\)' $files)"

# Two scripts may run at once.
report "each end-to-end script has ports of its own" \
	"$(sed -nE 's/^begin [^ ]+ ([0-9]+).*/\1/p' tests/e2e/*.sh | sort | uniq -d)"

finish

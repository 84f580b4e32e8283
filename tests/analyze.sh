#!/bin/sh
# What clang-tidy (.clang-tidy) and cppcheck say about the programs.  TAP.
#
# usage: tests/analyze.sh [--advice] BUILD
#
# BUILD has common/base/built.h.  With --advice: what gcc's -fanalyzer says, and how often; that
# is no TAP, and never a failure, since most of it is wrong.
cd "$(dirname "$0")/.." || exit 1
advice=
if [ "$1" = --advice ]; then
	advice=yes
	shift
fi
build=$1
# shellcheck source=tests/report.sh
. tests/report.sh
files=$(git ls-files 'common/*.c' 'fcgi/*.c' 'cgi/*.c' 'ctl/*.c' 'sandbox/*.c' 2>/dev/null)
[ -n "$files" ] || files=$(find common fcgi cgi ctl sandbox -name '*.c')

# advise FILE...: it is run by a real compilation only.
advise() {
	printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} gcc -std=gnu11 -fanalyzer -D_GNU_SOURCE \
		'-DPACKAGE_VERSION="0"' -iquote common -iquote fcgi -iquote ctl \
		-iquote "$build/common" -c -o /dev/null {} 2>&1 | grep -E '(warning|error): ' | sort -u
}
if [ -n "$advice" ]; then
	# shellcheck disable=SC2046,SC2086 # lists of words
	said=$(advise $(printf '%s\n' $files | grep -v '^sandbox/'))
	[ -z "$said" ] || printf '%s\n' "$said"
	printf '%s warnings of gcc -fanalyzer, to be judged\n' "$(printf '%s' "$said" | grep -c .)"
	exit 0
fi

# tidy FILE...
tidy() {
	printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} clang-tidy -quiet {} -- -std=c11 -D_GNU_SOURCE \
		'-DPACKAGE_VERSION="0"' -iquote common -iquote fcgi -iquote ctl -iquote sandbox \
		-iquote "$build/common" 2>/dev/null | grep -E '(warning|error): ' | sort -u
}
# Its parser does not know "a ?: b" (internalAstError).
check_all() {
	cppcheck -q -j "$(nproc)" --std=c11 --inline-suppr --enable=warning,portability,performance \
		--suppress=internalAstError --suppress=missingInclude -D_GNU_SOURCE -Icommon -Ifcgi \
		-Ictl -Isandbox "$@" 2>&1 |
		grep -E '^[a-z].*: (error|warning|portability|performance): '
}

# Those of Debian 12: each release finds something else.
# shellcheck disable=SC2086 # a list of words
case $(clang-tidy --version 2>/dev/null) in
*'version 14.'*) report 'clang-tidy finds nothing' "$(tidy $files)" ;;
*) skip 'clang-tidy finds nothing' 'version 14 is not at hand' ;;
esac
# shellcheck disable=SC2086 # a list of words
case $(cppcheck --version 2>/dev/null) in
*' 2.10'*) report 'cppcheck finds nothing' "$(check_all $files)" ;;
*) skip 'cppcheck finds nothing' 'version 2.10 is not at hand' ;;
esac

finish

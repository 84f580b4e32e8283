#!/bin/sh
# Every header of common/ compiles alone, and twice in a row.  TAP; uses
# ${CC:-gcc}, $CPPFLAGS and $CFLAGS.

srcdir=${TINYSCALE_SRCDIR:-$(dirname "$0")/..}
cd "$srcdir" || exit 1
# shellcheck source=/dev/null
. tests/report.sh
CC=${CC:-gcc}

# compile NAME: the C source on stdin compiles.
compile() {
	# shellcheck disable=SC2086 # the flags are words
	output=$($CC $CPPFLAGS $CFLAGS -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes -Werror \
		-iquote common -fsyntax-only -x c - 2>&1)
	check $? "$1"
	[ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/#   /'
}

for header in common/*.h common/*/*.h common/*/*/*.h; do
	name=${header#common/}
	case $name in
	adapters/redis/*) pkg-config --exists hiredis || continue ;;
	esac
	compile "$name alone" <<-END
		#include "$name"
		extern int not_empty;
	END
	compile "$name twice" <<-END
		#include "$name"
		#include "$name"
		extern int not_empty;
	END
done

finish

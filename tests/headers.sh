#!/bin/sh
# Every header of common/ compiles alone, and twice in a row.  TAP; uses
# ${CC:-gcc}, $CPPFLAGS and $CFLAGS.

srcdir=${TINYSCALE_SRCDIR:-$(dirname "$0")/..}
cd "$srcdir" || exit 1
CC=${CC:-gcc}
n=0
status=0

# check NAME: compile the C source on stdin.
check() {
	n=$((n + 1))
	# shellcheck disable=SC2086 # the flags are words
	if output=$($CC $CPPFLAGS $CFLAGS -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes -Werror \
		-iquote common -fsyntax-only -x c - 2>&1); then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$output" | sed 's/^/#   /'
		status=1
	fi
}

for header in common/*.h common/*/*.h common/*/*/*.h; do
	name=${header#common/}
	check "$name alone" <<-END
		#include "$name"
		extern int not_empty;
	END
	check "$name twice" <<-END
		#include "$name"
		#include "$name"
		extern int not_empty;
	END
done

echo "1..$n"
exit $status

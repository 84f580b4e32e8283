#!/bin/sh
# The commands of README.md, or another FILE, for the tests that run them.
#
#	readme.sh                   the headings that have commands below them, in their order
#	readme.sh HEADING [FILE]    the lines of the indented code blocks below that heading,
#	                            their indentation taken off
set -eu
awk -v wanted="${1:-}" '
	/^```/ { fenced = !fenced }
	fenced { next }
	/^#/ { heading = $0; sub(/^#+ /, "", heading) }
	!/^    / { next }
	wanted == "" && heading != last { print heading; last = heading }
	wanted != "" && heading == wanted { sub(/^ +/, ""); print }
' "${2:-$(dirname "$0")/../README.md}"

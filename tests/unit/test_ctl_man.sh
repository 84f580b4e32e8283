#!/bin/sh
# The commands of tinyscalectl, their arguments and options are the same in the table, in
# the manual page and in what shells completed by.  The manual has for each command a line
# ".It Cm NAME" with its arguments: what is left without the macros is compared.
#
# usage: test_ctl_man.sh [PATH-OF-tinyscalectl]

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/../report.sh"
man=$here/../../man/tinyscalectl.8
program=${1:-}
for place in ctl/tinyscalectl "$here/../../ctl/tinyscalectl"; do
	[ -n "$program" ] || [ ! -x "$place" ] || program=$place
done
if [ -z "$program" ]; then
	echo "Bail out! tinyscalectl is not built; name it as the first argument"
	exit 1
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
show() { sed 's/^/# /' "$1"; }

# A command stands two columns in, and its arguments or summary follow.
"$program" help | sed -n 's/^  \([a-z][a-z]*\)\( .*\|\)$/\1/p' | sort >"$tmp/names"
[ "$(wc -l <"$tmp/names")" -gt 9 ]
check $? "the program has its commands"

while read -r name; do
	"$program" help "$name" | sed -n '1s/.*tinyscalectl //p'
done <"$tmp/names" | tr -d '[]' >"$tmp/program"
awk '/^\.Sh/ { inside = /COMMANDS/ } inside && /^\.It Cm/' "$man" |
	sed 's/^\.It Cm //; s/ \(Op\|Oo\|Oc\|Ar\|Cm\)\>//g; s/ Fl -/ --/g; s/ Fl \([a-z]\)/ -\1/g
		s/ \.\.\./.../g' | sort >"$tmp/manual"
sort "$tmp/program" >"$tmp/program.sorted"
diff "$tmp/program.sorted" "$tmp/manual" >"$tmp/diff"
check $? "the manual has all commands, with their arguments"
show "$tmp/diff"

# The options that each command's help explains are those of its first line.
while read -r name; do
	"$program" help "$name" >"$tmp/help"
	sed 1q "$tmp/help" | grep -oE -e ' \[?--?[a-z-]+' | tr -d ' [' | sort >"$tmp/line"
	sed 1d "$tmp/help" | sed -n 's/^  \(--*[a-z-]*\).*/\1/p' | sort >"$tmp/told"
	diff "$tmp/line" "$tmp/told" >"$tmp/diff"
	check $? "help $name: its line and its options agree"
	show "$tmp/diff"
	awk 'length($0) > 80' "$tmp/help" >"$tmp/long"
	[ ! -s "$tmp/long" ]
	check $? "help $name: within 80 columns"
	show "$tmp/long"
done <"$tmp/names"
# The default configuration may have a long path.
"$program" help | awk 'length($0) > 80 && !/\/servers\.json\)$/' >"$tmp/long"
[ ! -s "$tmp/long" ]
check $? "help: within 80 columns"

# What bash completes, as bash itself finds it.
if command -v bash >/dev/null; then
	"$program" completion bash >"$tmp/bash"
	# completed WORDS...: what may take the place of the last.
	completed() {
		bash -c '. "$1"; shift; COMP_WORDS=(tinyscalectl "$@"); COMP_CWORD=$#
			_tinyscalectl 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' bash "$tmp/bash" "$@" | sort
	}
	completed '' >"$tmp/words"
	diff "$tmp/names" "$tmp/words" >"$tmp/diff"
	check $? "bash completes the commands"
	show "$tmp/diff"
	while read -r name; do
		{
			sed -n "s/^$name\>//p" "$tmp/program" | grep -oE -e ' --?[a-z-]+' | tr -d ' '
			echo --help
		} | sort >"$tmp/wanted"
		completed "$name" - >"$tmp/words"
		diff "$tmp/wanted" "$tmp/words" >"$tmp/diff"
		check $? "bash completes the options of $name"
		show "$tmp/diff"
	done <"$tmp/names"
	[ "$(completed -c /x st)" = status ]
	check $? "bash completes a command behind -c"
fi

"$program" completion zsh >"$tmp/zsh"
sed -n "s/^		'\([a-z]*\):.*/\1/p" "$tmp/zsh" | sort | diff "$tmp/names" - >"$tmp/diff"
check $? "zsh completes the commands"
show "$tmp/diff"
sed -n 's/^	\([a-z]*\)) _arguments.*/\1/p' "$tmp/zsh" | sort | diff "$tmp/names" - >"$tmp/diff"
check $? "zsh completes the arguments of each"
show "$tmp/diff"
if command -v zsh >/dev/null; then
	zsh -n "$tmp/zsh"
	check $? "zsh reads it"
fi

if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning "$man" >"$tmp/lint" 2>&1
	check $? "mandoc has nothing to say of the manual"
	show "$tmp/lint"
fi

finish

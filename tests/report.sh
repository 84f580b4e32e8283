# shellcheck shell=sh
# TAP for the shell tests: sourced by them.
#
#	report NAME VIOLATIONS   a check that passes when there are no violations, and else
#	                         shows them
#	check STATUS NAME        a check that passes when STATUS is 0
#	skip NAME WHY            a check that cannot be made here
#	finish                   the plan, and the exit: 1 when a check failed

report_count=0
report_failed=0

check() {
	report_count=$((report_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $report_count - $2"
	else
		echo "not ok $report_count - $2"
		report_failed=1
	fi
}

report() {
	[ -z "$2" ]
	check $? "$1"
	[ -z "$2" ] || printf '%s\n' "$2" | sed 's/^/#   /'
}

skip() {
	check 0 "$1 # SKIP $2"
}

finish() {
	echo "1..$report_count"
	exit $report_failed
}

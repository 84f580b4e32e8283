# shellcheck shell=bash
#
# What our filter for fail2ban finds in a log. Sourced after lib.sh.

# banned_by FILE: the addresses for which fail2ban, by our filter, would count a failure
# in each line of FILE, sorted, on one line.
banned_by() {
	fail2ban-regex -c "$T/fail2ban" -o '<ip>' "$1" "$TOP/contrib/fail2ban/filter.d/tinyscale.conf" \
		2>>"$T/fail2ban-errors" | sort | paste -sd' '
}

# filter_reads FILE NAME: our filter finds each line of a checksum failure in the log.
filter_reads() {
	local lines
	lines=$(grep -Ec 'checksum failure("| id=)' "$1")
	if ! command -v fail2ban-regex >/dev/null; then
		skip "$2" "fail2ban is not installed"
		return
	fi
	within "$lines" 1 1000000 "$2: there are some"
	is "$(banned_by "$1" | wc -w)" "$lines" "$2"
}

# What story-monday.sh makes of the servers' history and the clients' log.
#
# usage: awk -f monday.awk -v out=FOLDER -v began=MS -v after=MS -v slack=MS
#            -v probe=MS -v call=MS -v create=MS
#            pass=windows WINDOWS pass=history HISTORY pass=joins LOG pass=calls LOG
#
# WINDOWS has lines "FROM TO KIND NAME"; HISTORY "SERVER MS created|ended MEETINGID", in
# order of time; LOG is monday-client's.  FOLDER gets the files double, unknown, late,
# failed, a line for each complaint, which begins with milliseconds since began, and
# the file summary.
BEGIN {
	FS = "[ \t]"
	limit["create"] = probe + create + slack
	limit["join"] = limit["getMeetings"] = probe + slack
	limit["getMeetingInfo"] = limit["isMeetingRunning"] = limit["end"] = probe + call + slack
}

function complain(what, ms, line) {
	printf "%d\t%s\n", ms - began, line >(out "/" what)
}

# The servers that a meeting lives on.
function lives_on(id, server, found) {
	for (server = 1; server <= 10; server++)
		if (alive[id, server])
			found = found (found ? " and " : "") server
	return found
}

# The lifetime of a meeting that lasts from one moment to the other, or 0.  Within one
# millisecond nobody knows what was first.
function lifetime(id, from, to, i) {
	for (i = 1; i <= lives[id]; i++)
		if (born[id, i] < from && (!died[id, i] || died[id, i] > to))
			return i
	return 0
}

# Whether a server was at fault meanwhile, or shortly before.
function is_excused(from, to, i) {
	for (i = 1; i <= windows; i++)
		if (from <= window_to[i] + after && to >= window_from[i])
			return 1
	return 0
}

pass == "windows" && $3 == "server" {
	window_from[++windows] = $1
	window_to[windows] = $2
}

pass == "history" && $3 == "created" {
	other = lives_on($4)
	if (other)
		complain("double", $2, $4 " is created on " $1 " and lives on " other)
	alive[$4, $1] = ++lives[$4]
	born[$4, lives[$4]] = $2
}

pass == "history" && $3 == "ended" {
	died[$4, alive[$4, $1]] = $2
	alive[$4, $1] = 0
}

# Since when somebody is in a meeting.
pass == "joins" && $4 == "join" && $7 == "joined" {
	i = lifetime($5, $2, $8)
	if (i && (!joined[$5, i] || $8 < joined[$5, i]))
		joined[$5, i] = $8
}

pass == "calls" {
	took = $3 - $1
	i = lifetime($5, $2, $8)
	is_unknown = $7 == "notFound" || $7 == "invalidMeetingIdentifier" || $7 == "meetingNotFound"
	is_empty = $7 == "false" && joined[$5, i] && joined[$5, i] <= $2
	if (i && (is_unknown || is_empty))
		complain("unknown", $1, $4 " " $5 " " $7 " at " $8 - began)
	if (took > limit[$4])
		complain("late", $1, $4 " " $5 " " $7 " after " took " ms")
	if (!is_unknown && $7 !~ /^(ok|joined|true|false)$/ && !is_excused($1, $8))
		complain("failed", $1, $4 " " $5 " " $6 " " $7 " after " took " ms")
	if (took > longest[$4])
		longest[$4] = took
	calls[$4]++
	total[$4] += took
}

END {
	for (name in calls)
		printf "# %-17s %5d calls, mean %d ms, longest %d ms, allowed %d ms\n", name,
			calls[name], total[name] / calls[name], longest[name], limit[name] >(out "/summary")
}

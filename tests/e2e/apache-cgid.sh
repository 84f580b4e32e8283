#!/usr/bin/env bash
# Apache's mod_cgid: by ScriptAlias, and then as on shared hosting, by .htaccess.
. "$(dirname "$0")/lib.sh"
begin apache-cgid 9
. "$E2E/web.sh"
need_apache cgid
start_sandbox 3
write_config "$T/servers.json"
install_program "$CGI_PROGRAM"
example "$TOP/apache-example.conf" \
	's|^Define TINYSCALE_FCGID|Define TINYSCALE_CGI|' \
	"s|/usr/lib/cgi-bin/|$T/bin/|" \
	"s|/etc/tinyscale/servers.json|$T/servers.json|" \
	"s|/var/log/apache2/|$LOGS/|" \
	's|TINYSCALE_LOG info|TINYSCALE_LOG debug|' >"$T/example.conf" || finish
write_apache_config cgid "$T/example.conf"
echo "ScriptSock $T/apache/cgid" >>"$T/apache.conf"
start_apache

RESTART() { delete_state; }

. "$E2E/body.sh"

poll_is_told "$LOGS/apache-error.log"
filter_reads "$LOGS/apache-error.log" "fail2ban finds each checksum failure in the log"

# What is done after the answer is done, though Apache then ends the process.
write_config "$T/servers.json" '"negative_ttl_ms": 60000,'
delete_state
asked() { control "/calls?server=0&call=getMeetingInfo&count=1"; }
is_remembered() {
	local before
	NUMBER=$((${NUMBER:-0} + 1))
	hold_state
	call getMeetingInfo "meetingID=nowhere-$NUMBER"
	sleep 0.05
	release_state
	sleep 0.3
	before=$(asked)
	call getMeetingInfo "meetingID=nowhere-$NUMBER"
	[ "$(asked)" = "$before" ]
}
if command -v sqlite3 >/dev/null; then
	call getMeetings
	wait_until is_remembered
	ok $? "what is put off outlives the answer"
else
	skip "what is put off outlives the answer" "sqlite3 is not installed"
fi

# mod_cgi, which waits for the end of standard error as well.
if [ -f "$APACHE_MODULES/mod_cgi.so" ] && [ -f "$APACHE_MODULES/mod_mpm_prefork.so" ]; then
	stop apache
	write_apache_config cgi "$T/example.conf"
	sed -i 's/mpm_event/mpm_prefork/g' "$T/apache.conf"
	start_apache
	behaviour_held_state
else
	skip "the same by mod_cgi" "it is not installed"
fi

# The same program in a web space, with nothing but a .htaccess.
stop apache
folder=$T/apache/root/bigbluebutton
mkdir -p "$folder"
install -m 755 "$CGI_PROGRAM" "$folder/api"
example "$TOP/contrib/htaccess-example" \
	"s|/home/you/tinyscale/servers.json|$T/servers.json|" >"$folder/.htaccess" || finish
echo "not for anybody's eyes" >"$folder/notes.txt"
cat >"$T/hosting.conf" <<END
SetEnvIf Request_URI "^/+bigbluebutton/+api" tinyscale
<Directory $T/apache/root>
    AllowOverride FileInfo AuthConfig Limit Options=ExecCGI
    Require all granted
</Directory>
END
write_apache_config cgid "$T/hosting.conf"
echo "ScriptSock $T/apache/cgid" >>"$T/apache.conf"
start_apache

GET "$API"
is "$(xml version)" 2.0 "htaccess-example: the index"
GET "$API/"
is "$(xml version)" 2.0 "htaccess-example: the index with a slash"
create htaccess "welcome=a%2fb%61+c"
is "$(result)" "SUCCESS" "htaccess-example: create"
join htaccess
is "$(STATUS)" 302 "htaccess-example: join"
call getMeetings
like "$(xml_all meetingID)" "*htaccess*" "htaccess-example: getMeetings"
GET /bigbluebutton/notes.txt
is "$(STATUS)" 403 "htaccess-example: nothing else is served from there"

finish

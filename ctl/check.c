/*
 * check: the configuration, the files, and every server live; and what to do.
 *
 * A server is asked for its version document, which needs no secret, and isMeetingRunning,
 * signed with each of its secrets and then by each algorithm.  Nothing of it counts for the
 * gateway's picture of the server's health.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "commands.h"
#include "config/config.h"
#include "core/relay_secret.h"
#include "ctl.h"
#include "formats/checksum.h"
#include "formats/ip.h"
#include "formats/url.h"
#include "formats/xml.h"
#include "ports/http.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What of an answer to these small questions is read. */
#define ANSWER_BYTES ((size_t)1 << 20)

/* From when on a clock is wrong, a server slow, and a certificate soon at its end. */
#define CLOCK_SECONDS 30
#define SLOW_MS 1000
#define CERTIFICATE_DAYS 14

/* The exit status of a Nagios plugin (Nagios plugin development guidelines). */
enum nagios { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

/* Something to do. */
struct finding {
	bool is_failure; /* else it may well stay so */
	const char *what, *what_to_do;
};

struct checked {
	const struct server *server;
	struct http_call version, *secrets; /* one question for each secret */
	struct http_call algorithms[CHECKSUM_ALGORITHMS];
	bool is_signed[CHECKSUM_ALGORITHMS]; /* was that question asked? */
	const char *good_secret;             /* that it took, or NULL */
	bool is_good;
	const char *verdict; /* in a word or two */
};

struct checking {
	struct ctl *ctl;
	const struct config *config;
	int64_t begin_ms; /* when the servers were asked */
	struct checked *servers;
	size_t n;
	struct finding *findings;
	size_t n_findings, capacity;
	size_t n_failures; /* … of servers and all else */
	size_t n_failed_servers;
};

static void
find(struct checking *checking, bool is_failure, const char *what, const char *what_to_do)
{
	checking->findings = arena_room(checking->ctl->arena, checking->findings,
	    sizeof(*checking->findings), checking->n_findings, 1, &checking->capacity);
	checking->findings[checking->n_findings++] = (struct finding){ is_failure, what,
		what_to_do };
	checking->n_failures += is_failure;
}

/* ---- Files ------------------------- */

/* Is the directory on a network file system, where SQLite's WAL does not work
 * (statfs(2); sqlite.org/wal.html)? */
static bool
is_remote(const char *directory)
{
	struct statfs facts;

	if (statfs(directory, &facts) != 0)
		return false;
	unsigned long type = (unsigned long)facts.f_type & 0xffffffff;
	return type == 0x6969 || type == 0xff534d42 || type == 0xfe534d42 || type == 0x517b;
}

static void
check_state(struct checking *checking)
{
	struct arena *arena = checking->ctl->arena;
	const char *path = checking->config->state;

	if (!path) {
		find(checking, false, "\"state\" is \"none\": every call asks all servers",
		    "name a file, if there is a place to write");
		return;
	}
	const char *slash = strrchr(path, '/');
	const char *directory = slash == path ? "/" :
	    slash ? str_copy(arena, (struct str){ path, (size_t)(slash - path) }) :
	            ".";
	struct stat facts;
	if (stat(directory, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
		find(checking, true,
		    str_printf(arena, "%s, for the state, is not there", directory),
		    str_printf(arena, "install -d -m 0750 -o USER %s, USER being the gateway's",
		        directory));
		return;
	}
	if (facts.st_mode & S_IWOTH && !(facts.st_mode & S_ISVTX))
		find(checking, true, str_printf(arena, "everybody can write to %s", directory),
		    str_printf(arena, "chmod o-w %s", directory));
	if (is_remote(directory))
		find(checking, true,
		    str_printf(arena, "%s is on a network file system", directory),
		    "put the state on a disk of this host: SQLite needs shared memory");
	struct server_facts *known = arena_alloc(arena,
	    (checking->config->n_servers + 1) * sizeof(*known));
	if (!ctl_open_state(checking->ctl) ||
	    checking->ctl->api.store->verbs->servers_get(checking->ctl->api.store,
	        checking->config->servers, checking->config->n_servers, known,
	        NULL) != STORE_OK)
		find(checking, true, str_printf(arena, "the state %s cannot be used", path),
		    "its directory must be writable for the gateway's user, and for you");
}

static void
check_config_file(struct checking *checking)
{
	struct arena *arena = checking->ctl->arena;
	const char *path = config_path(checking->ctl->config_path);
	struct stat facts;

	if (stat(path, &facts) == 0 && facts.st_mode & S_IRWXO)
		find(checking, true,
		    str_printf(arena, "everybody can read the secrets in %s", path),
		    str_printf(arena, "chmod 0640 %s, its group being the gateway's", path));
}

/* ---- public_url ------------------------- */

/* Has one of the addresses of that host no place in the public Internet?  -1: it has none. */
static int
has_private_address(const char *host)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return -1;
	int found = 0;
	for (const struct addrinfo *one = list; one; one = one->ai_next)
		found = found || !ip_is_public(one->ai_addr);
	freeaddrinfo(list);
	return found;
}

static void
check_public_url(struct checking *checking)
{
	struct arena *arena = checking->ctl->arena;
	const char *text = checking->config->public_url;
	struct url url;

	if (!text || url_parse(str_from(text), &url)) {
		if (!text)
			find(checking, false, "\"public_url\" is not set",
			    "set it, so that callbacks reach the gateway whatever clients call "
			    "it");
		return;
	}
	/* "[::1]:8000", "host:8000", "host" */
	struct str host = str_from(url.authority);
	if (host.len > 0 && host.data[0] == '[')
		host = str_part(host, 1, str_find(host, STR("]"), 0) - 1);
	else
		host.len = str_find(host, STR(":"), 0) < host.len ?
		    str_find(host, STR(":"), 0) :
		    host.len;
	const char *name = str_copy(arena, host);
	int is_private = has_private_address(name);
	if (is_private < 0)
		find(checking, true, str_printf(arena, "public_url: %s has no address", name),
		    "servers cannot call back: correct it, or the name server");
	/* BBB 3.0 refuses them (bbb-common-web, CallbackUrlService and the like). */
	else if (is_private && !checking->config->callbacks_pass)
		find(checking, false,
		    str_printf(arena, "public_url: %s has an address that is not public", name),
		    "BigBlueButton 3.0 and later send no callbacks there");
}

/* ---- Servers: asking ------------------------- */

static void
prepare(struct checking *checking, const struct server *server, const char *url,
    struct http_call *call)
{
	(void)checking;
	*call = (struct http_call){
		.server = server->name,
		.method = "GET",
		.url = url,
		.max_answer_bytes = ANSWER_BYTES,
		.at_once = true,
	};
}

/* A question that every server answers and none has to work for. */
static void
prepare_signed(struct checking *checking, const struct server *server, const char *secret,
    enum checksum_algorithm algorithm, struct http_call *call)
{
	static const char name[] = "isMeetingRunning", query[] = "meetingID=tinyscale-check";
	char checksum[CHECKSUM_HEX_SIZE];

	checksum_make(algorithm, STR("isMeetingRunning"), STR("meetingID=tinyscale-check"),
	    str_from(secret), checksum);
	prepare(checking, server,
	    str_printf(checking->ctl->arena, "%s/%s?%s&checksum=%s", server->base, name, query,
	        checksum),
	    call);
}

/* Run the calls, which are in different places, in one batch. */
static void
run(struct checking *checking, struct http_call **calls, size_t n)
{
	struct arena *arena = checking->ctl->arena;
	struct http_batch batch = {
		.calls = arena_alloc(arena, (n + 1) * sizeof(*batch.calls)),
		.n = n,
		.timeout_ms = checking->config->call_timeout_ms,
	};

	for (size_t i = 0; i < n; i++)
		batch.calls[i] = *calls[i];
	checking->ctl->api.http->run(checking->ctl->api.http, arena, &batch);
	for (size_t i = 0; i < n; i++)
		*calls[i] = batch.calls[i];
}

/* Is it an answer of BBB's that says SUCCESS? */
static bool
is_success(struct checking *checking, const struct http_call *call)
{
	struct xml_field fields[] = { { .name = "returncode" } };

	return call->result == HTTP_ANSWERED && call->status == 200 &&
	    xml_read(checking->ctl->arena, call->answer, fields, 1, NULL) == XML_SOUND &&
	    str_is(fields[0].text, "SUCCESS");
}

/* First the version and the secrets, then, with one that is good, the algorithms. */
static void
ask(struct checking *checking)
{
	struct arena *arena = checking->ctl->arena;
	struct http_call **calls = arena_alloc(arena,
	    checking->n * (LIMIT_SERVER_SECRETS + CHECKSUM_ALGORITHMS + 1) * sizeof(*calls));
	size_t n = 0;

	for (size_t i = 0; i < checking->n; i++) {
		struct checked *checked = &checking->servers[i];
		const struct server *server = checked->server;

		prepare(checking, server, server->base, &checked->version);
		checked->version.wants_certificate = true;
		calls[n++] = &checked->version;
		checked->secrets = arena_alloc(arena,
		    server->n_secrets * sizeof(*checked->secrets));
		for (size_t k = 0; k < server->n_secrets; k++) {
			prepare_signed(checking, server, server->secrets[k], server->algorithm,
			    &checked->secrets[k]);
			calls[n++] = &checked->secrets[k];
		}
	}
	run(checking, calls, n);
	n = 0;
	for (size_t i = 0; i < checking->n; i++) {
		struct checked *checked = &checking->servers[i];

		for (size_t k = checked->server->n_secrets; k > 0; k--)
			if (is_success(checking, &checked->secrets[k - 1]))
				checked->good_secret = checked->server->secrets[k - 1];
		for (size_t k = 0; k < CHECKSUM_ALGORITHMS && checked->good_secret; k++) {
			prepare_signed(checking, checked->server, checked->good_secret,
			    (enum checksum_algorithm)k, &checked->algorithms[k]);
			checked->is_signed[k] = true;
			calls[n++] = &checked->algorithms[k];
		}
	}
	run(checking, calls, n);
}

/* ---- Servers: judging ------------------------- */

static bool
is_https(const struct server *server)
{
	return strncmp(server->base, "https:", strlen("https:")) == 0;
}

static void
fail(struct checking *checking, struct checked *checked, const char *verdict, const char *what,
    const char *what_to_do)
{
	checked->verdict = verdict;
	find(checking, true,
	    str_printf(checking->ctl->arena, "%s: %s", checked->server->name, what),
	    what_to_do);
	checking->n_failed_servers++;
}

/* What is wrong with a server that took no question. */
static void
judge_failed(struct checking *checking, struct checked *checked)
{
	struct arena *arena = checking->ctl->arena;
	const struct server *server = checked->server;
	const struct http_call *call = &checked->secrets[0];

	if (call->result == HTTP_UNREACHABLE)
		fail(checking, checked, "no connection", call->problem,
		    is_https(server) ?
		        "is it on, its address and certificate right, and this "
		        "host let through its firewall?" :
		        "is it on, its address right, and this host let through "
		        "its firewall?");
	else if (call->result == HTTP_TIMEOUT)
		fail(checking, checked, "no answer",
		    str_printf(arena, "no answer within %lld ms",
		        (long long)checking->config->call_timeout_ms),
		    "\"bbb-conf --status\" there; \"systemctl restart bbb-web\" if it hangs");
	else if (call->result != HTTP_ANSWERED)
		fail(checking, checked, "broken answer", call->problem,
		    "look into the log of its web server");
	else if (relay_secret_is_refused(arena, call))
		fail(checking, checked, "wrong secret",
		    str_printf(arena, "it refuses %s, signed by %s",
		        server->n_secrets > 1 ? "each of its secrets" : "its secret",
		        checksum_algorithm_name(server->algorithm)),
		    "\"bbb-conf --secret\" there; or it wants another checksum_algorithm");
	else
		fail(checking, checked, "not BigBlueButton",
		    str_printf(arena, "something else answers, with status %d", call->status),
		    "is its URL right? \"systemctl status bbb-web nginx\" there");
}

static const char *
algorithms_of(struct checking *checking, const struct checked *checked)
{
	const char *all = "";

	for (size_t k = 0; k < CHECKSUM_ALGORITHMS; k++)
		if (checked->is_signed[k] && is_success(checking, &checked->algorithms[k]))
			all = str_printf(checking->ctl->arena, "%s%s%s", all, *all ? "," : "",
			    checksum_algorithm_name((enum checksum_algorithm)k) +
			        strlen("sha"));
	return all;
}

/* By how many seconds the server's clock is ahead, as far as an answer's second tells. */
static int64_t
clock_ahead(const struct checking *checking, const struct checked *checked)
{
	int64_t answered_ms = checking->begin_ms + checked->version.elapsed_ms;

	return checked->version.date_s > 0 ? checked->version.date_s - answered_ms / 1000 : 0;
}

/* What may stay so, of a server that answers. */
static void
judge_good(struct checking *checking, struct checked *checked)
{
	struct arena *arena = checking->ctl->arena;
	const char *name = checked->server->name;
	int64_t ahead = clock_ahead(checking, checked);
	int64_t left = checked->version.certificate_s - checking->begin_ms / 1000;

	checked->is_good = true;
	checked->verdict = "good";
	if (llabs(ahead) > CLOCK_SECONDS)
		find(checking, false,
		    str_printf(arena, "%s: its clock is %lld s %s this host's", name,
		        llabs(ahead), ahead > 0 ? "ahead of" : "behind"),
		    "let chrony or systemd-timesyncd set both");
	if (checked->version.certificate_s > 0 && left < CERTIFICATE_DAYS * 86400)
		find(checking, false,
		    str_printf(arena, "%s: its certificate ends in %lld days", name,
		        (long long)(left / 86400)),
		    "renew it: \"certbot renew\" there, if that made it");
	if (checked->secrets[0].elapsed_ms > SLOW_MS)
		find(checking, false,
		    str_printf(arena, "%s: it took %lld ms for a small question", name,
		        (long long)checked->secrets[0].elapsed_ms),
		    "look at its load, and at the network between");
	if (checked->good_secret != checked->server->secrets[0])
		find(checking, false,
		    str_printf(arena, "%s: the first of its secrets is no longer right", name),
		    "take it out of the configuration");
}

/* ---- Writing ------------------------- */

static const struct table_column columns[] = {
	{ "name", "SERVER", false, 12 },
	{ "result", "RESULT", false, 0 },
	{ "good", NULL, false, 0 },
	{ "latency_ms", "MS", true, 0 },
	{ "version", "VERSION", false, 6 },
	{ "algorithms", "SHA", false, 0 },
	{ "clock_ahead_s", "CLOCK", true, 0 },
	{ "certificate_days", "TLS", true, 0 },
};

static const char *
version_of(struct checking *checking, const struct checked *checked)
{
	struct xml_field fields[] = { { .name = "bbbVersion" } };

	if (checked->version.result != HTTP_ANSWERED ||
	    xml_read(checking->ctl->arena, checked->version.answer, fields, 1, NULL) !=
	        XML_SOUND ||
	    fields[0].text.len == 0)
		return NULL;
	return str_copy(checking->ctl->arena, fields[0].text);
}

static void
fill(struct checking *checking, struct table *table)
{
	struct arena *arena = checking->ctl->arena;

	for (size_t i = 0; i < checking->n; i++) {
		const struct checked *checked = &checking->servers[i];
		long long ahead = (long long)clock_ahead(checking, checked);
		long long days =
		    (long long)(checked->version.certificate_s - checking->begin_ms / 1000) /
		    86400;

		table_text(table, checked->server->name);
		table_text(table, checked->verdict);
		table_colour(table, checked->is_good ? TABLE_GREEN : TABLE_RED);
		table_bool(table, checked->is_good);
		table_number(table, checked->secrets[0].elapsed_ms);
		table_text(table, version_of(checking, checked));
		table_text(table, algorithms_of(checking, checked));
		if (checked->version.date_s > 0)
			table_cell(table, str_printf(arena, "%+lld s", ahead),
			    str_printf(arena, "%lld", ahead));
		else
			table_text(table, NULL);
		if (checked->version.certificate_s > 0)
			table_cell(table, str_printf(arena, "%lld d", days),
			    str_printf(arena, "%lld", days));
		else
			table_text(table, NULL);
	}
}

static void
write_json(struct checking *checking, const struct table *table, struct buf *out)
{
	buf_printf(out,
	    "{\"good\":%s,\"servers\":", checking->n_failures == 0 ? "true" : "false");
	table_write_json(table, out);
	buf_text(out, ",\"findings\":[");
	for (size_t i = 0; i < checking->n_findings; i++) {
		const struct finding *finding = &checking->findings[i];

		buf_printf(out, "%s{\"failure\":%s,\"what\":", i > 0 ? "," : "",
		    finding->is_failure ? "true" : "false");
		text_json(out, str_from(finding->what));
		buf_text(out, ",\"what_to_do\":");
		text_json(out, str_from(finding->what_to_do));
		buf_char(out, '}');
	}
	buf_text(out, "]}\n");
}

static void
write_table(struct checking *checking, const struct table *table, struct buf *out)
{
	struct ctl *ctl = checking->ctl;

	table_write(table, out, ctl->in_colour);
	for (size_t i = 0; i < checking->n_findings; i++) {
		const struct finding *finding = &checking->findings[i];

		buf_printf(out, "%s%s %s\n     %s\n", i == 0 ? "\n" : "",
		    finding->is_failure ? "FAIL" : "note",
		    ctl_plain(ctl, str_from(finding->what)),
		    ctl_plain(ctl, str_from(finding->what_to_do)));
	}
	if (checking->n_findings == 0)
		buf_text(out, "\nall is well\n");
}

/* ---- Nagios ------------------------- */

/* One line: the state, what is wrong first, and performance data. */
static int
write_nagios(struct checking *checking, int64_t warning, int64_t critical, struct buf *out)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL" };
	struct ctl *ctl = checking->ctl;
	int64_t failed = (int64_t)checking->n_failed_servers;
	bool is_all_else_good = checking->n_failures == checking->n_failed_servers;
	enum nagios state = failed >= critical ?
	    NAGIOS_CRITICAL :
	    failed >= warning || !is_all_else_good ?
	    NAGIOS_WARNING :
	    NAGIOS_OK;

	buf_printf(out, "TINYSCALE %s - %zu of %zu servers good", words[state],
	    checking->n - checking->n_failed_servers, checking->n);
	for (size_t i = 0; i < checking->n_findings; i++)
		if (checking->findings[i].is_failure) {
			/* "|" begins the performance data. */
			const char *what = ctl_plain(ctl, str_from(checking->findings[i].what));
			const char *before = "; ";

			for (; *what; what++) {
				buf_text(out, before);
				before = "";
				buf_char(out, *what == '|' ? '/' : *what);
			}
		}
	buf_printf(out, " | failed=%lld;%lld;%lld;0;%zu", (long long)failed,
	    (long long)warning - 1, (long long)critical - 1, checking->n);
	for (size_t i = 0; i < checking->n; i++)
		if (checking->servers[i].is_good)
			buf_printf(out, " '%s'=%lldms", checking->servers[i].server->name,
			    (long long)checking->servers[i].secrets[0].elapsed_ms);
	buf_char(out, '\n');
	return (int)state;
}

/* A threshold of --nagios: so many failing servers.  False, which was written, where it is
 * none. */
static bool
read_threshold(const struct ctl *ctl, enum option option, int64_t *threshold)
{
	const char *given = ctl_option(ctl, option);

	if (!given || str_to_int(str_from(given), 1, LIMIT_SERVERS, threshold) == 0)
		return true;
	ctl_complain("-w and -c take a number of servers, from 1 on");
	return false;
}

/* ---- The command ------------------------- */

/* Those that the line names, else all that are in use by the configuration. */
static bool
choose_servers(struct checking *checking)
{
	struct ctl *ctl = checking->ctl;
	const struct config *config = checking->config;

	checking->servers = arena_alloc(ctl->arena,
	    (config->n_servers + ctl->n_words) * sizeof(*checking->servers));
	for (size_t i = 0; i < ctl->n_words; i++) {
		const struct server *server = ctl_server(ctl, ctl->words[i]);

		if (!server)
			return false;
		checking->servers[checking->n++].server = server;
	}
	for (size_t i = 0; i < config->n_servers && ctl->n_words == 0; i++)
		if (config->servers[i].state != SERVER_DISABLED)
			checking->servers[checking->n++].server = &config->servers[i];
	return true;
}

static void
check_all(struct checking *checking)
{
	check_config_file(checking);
	check_public_url(checking);
	check_state(checking);
	bool is_shown = checking->ctl->is_terminal && !ctl_has(checking->ctl, OPTION_JSON) &&
	    !ctl_has(checking->ctl, OPTION_NAGIOS);
	if (is_shown) {
		printf("asking %zu servers ...", checking->n);
		fflush(stdout);
	}
	checking->begin_ms = ctl_now_ms();
	ask(checking);
	if (is_shown)
		fputs("\r\033[K", stdout);
	for (size_t i = 0; i < checking->n; i++) {
		if (checking->servers[i].good_secret)
			judge_good(checking, &checking->servers[i]);
		else
			judge_failed(checking, &checking->servers[i]);
	}
}

int
command_check(struct ctl *ctl)
{
	bool is_nagios = ctl_has(ctl, OPTION_NAGIOS);
	int status_bad = is_nagios ? (int)NAGIOS_UNKNOWN : (int)CTL_WRONG;
	struct checking checking = { .ctl = ctl };
	int64_t warning = 1, critical = 0;
	struct table table;
	struct buf out;

	if (!read_threshold(ctl, OPTION_WARNING, &warning) ||
	    !read_threshold(ctl, OPTION_CRITICAL, &critical))
		return is_nagios ? (int)NAGIOS_UNKNOWN : (int)CTL_USAGE;
	if (!ctl_open_config(ctl) || !ctl_open_http(ctl)) {
		if (is_nagios)
			fputs("TINYSCALE UNKNOWN - the configuration is bad\n", stdout);
		return status_bad;
	}
	checking.config = ctl->api.config;
	if (!choose_servers(&checking))
		return status_bad;
	check_all(&checking);
	if (critical == 0)
		critical = checking.n > 0 ? (int64_t)checking.n : 1;
	ctl_begin(&out);
	int status = checking.n_failures > 0 ? CTL_WRONG : CTL_GOOD;
	table_init(&table, ctl->arena, columns, COUNT(columns));
	fill(&checking, &table);
	if (is_nagios)
		status = write_nagios(&checking, warning, critical, &out);
	else if (ctl_has(ctl, OPTION_JSON))
		write_json(&checking, &table, &out);
	else
		write_table(&checking, &table, &out);
	ctl_write(&out);
	return status;
}

/*
 * check: the configuration, the files, and every server live; and what to do.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "commands.h"
#include "config/config.h"
#include "config/config_warnings.h"
#include "ctl.h"
#include "formats/ip.h"
#include "formats/state_url.h"
#include "formats/url.h"
#include "probe.h"
#include "state.h"
#include "text.h"

/* The exit status of a Nagios plugin (Nagios plugin development guidelines). */
enum nagios { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

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

/* Where the files are that only this host has; with a file of SQLite's it is one of them.
 * False where there is no such place. */
static bool
check_directory(struct probe *probe)
{
	struct arena *arena = probe->ctl->arena;
	const char *path = probe->config->state_files;
	bool has_engine = probe->config->state_url;
	const char *slash = strrchr(path, '/');
	const char *directory = slash == path ? "/" :
	    slash ? str_copy(arena, (struct str){ path, (size_t)(slash - path) }) :
	            ".";
	struct stat facts;
	if (stat(directory, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
		probe_find(probe, true,
		    str_printf(arena, "%s, for the %s, is not there", directory,
		        has_engine ? "counters" : "state"),
		    str_printf(arena, "install -d -m 0750 -o USER %s, USER being the gateway's",
		        directory));
		return false;
	}
	if (facts.st_mode & S_IWOTH && !(facts.st_mode & S_ISVTX))
		probe_find(probe, true,
		    str_printf(arena, "everybody can write to %s", directory),
		    str_printf(arena, "chmod o-w %s", directory));
	if (!has_engine && stat(path, &facts) == 0 && S_ISREG(facts.st_mode) &&
	    facts.st_mode & S_IRWXO)
		probe_find(probe, true,
		    str_printf(arena, "everybody can read the state %s", path),
		    str_printf(arena, "chmod o= %s, or have its owner run this", path));
	if (is_remote(directory))
		probe_find(probe, true,
		    str_printf(arena, "%s is on a network file system", directory),
		    has_engine ?
		        "have it on a disk of this host: its counters and locks are there" :
		        "put the state on a disk of this host: SQLite needs shared memory");
	return true;
}

/* How many stand by to take the place of an engine whose sentinels have one. */
static void
check_replicas(struct probe *probe, long replicas)
{
	if (probe->config->state_url->kind != STATE_URL_SENTINEL || replicas >= 2)
		return;
	probe_find(probe, false,
	    replicas == 0 ? "no replica of the state's engine is connected" :
	                    "only one replica of the state's engine is connected",
	    replicas == 0 ? "look at the others: if this one goes, none takes its place" :
	                    "look at the others: after the next loss none may take writes");
}

/* What is unwise about an engine that holds the state. */
static void
check_engine(struct probe *probe)
{
	struct arena *arena = probe->ctl->arena;
	struct store *store = probe->ctl->api.store;
	struct store_description engine;

	if (store->verbs->describe(store, arena, &engine) != STORE_OK)
		return;
	if (engine.is_of_bbb)
		probe_find(probe, true, "the state is in the Redis of a BigBlueButton server",
		    "have one of its own: that server empties its Redis when it is restarted");
	if (engine.policy[0] != '\0' && strcmp(engine.policy, "noeviction") != 0)
		probe_find(probe, true,
		    str_printf(arena,
		        "the state's engine forgets keys when its memory is used "
		        "up (%s)",
		        engine.policy),
		    "\"maxmemory-policy noeviction\" in its redis.conf");
	if (!engine.is_saved)
		probe_find(probe, false,
		    "the state's engine has no append-only file: restarts lose writes",
		    "\"appendonly yes\" in its redis.conf");
	if (engine.most_bytes > 0 && engine.used_bytes > engine.most_bytes / 10 * 8)
		probe_find(probe, false, "the state's engine has used up most of its maxmemory",
		    "raise it in its redis.conf");
	check_replicas(probe, engine.replicas);
	if (engine.behind_bytes > (int64_t)1 << 20)
		probe_find(probe, false,
		    str_printf(arena, "a replica of the state is %lld bytes behind",
		        (long long)engine.behind_bytes),
		    "look at its load, and at the network between");
}

/* Can the state be written?  It is tried with a meetingID that no client has, for the shortest
 * time. */
static bool
can_write(struct probe *probe)
{
	struct store *store = probe->ctl->api.store;

	return store->verbs->absent_put(store, STR("tinyscale-check"), ctl_now_ms(), 1) !=
	    STORE_FAILED;
}

/* The state fails in that way: "cannot be used". */
static void
fail_state(struct probe *probe, const char *verdict, const char *advice_for_engine)
{
	struct ctl *ctl = probe->ctl;
	const char *state = probe->config->state;
	const char *advice = !state ?
	    advice_for_engine :
	    access(state, R_OK | W_OK) == 0 ?
	    ctl_state_advice(ctl) :
	    "its directory must be writable for the gateway's user, "
	    "and for you";

	probe->state_verdict = verdict;
	probe->state_problem = ctl_state_reason(ctl);
	probe_find(probe, true,
	    str_printf(ctl->arena, "the state %s %s: %s", probe->config->state_text, verdict,
	        probe->state_problem),
	    advice);
}

static void
check_state(struct probe *probe)
{
	const struct config *config = probe->config;

	if (!config_has_state(config)) {
		/* With hashes it is meant, by hosts that share nothing. */
		if (config->placement != PLACEMENT_HASH)
			probe_find(probe, false,
			    "\"state\" is \"none\": every call asks all servers",
			    "name a file, if there is a place to write");
		return;
	}
	probe->state_verdict = "good";
	if (!check_directory(probe) && config->state) {
		probe->state_verdict = "cannot be used";
		probe->state_problem = "its directory is not there";
		return;
	}
	struct server_facts *known = arena_alloc(probe->ctl->arena,
	    (config->n_servers + 1) * sizeof(*known));
	if (!ctl_open_state(probe->ctl))
		return;
	struct store *store = probe->ctl->api.store;
	if (store->verbs->servers_get(store, config->servers, config->n_servers, known, NULL) !=
	    STORE_OK) {
		fail_state(probe, "cannot be used", ctl_state_advice(probe->ctl));
		return;
	}
	if (!can_write(probe))
		fail_state(probe, "cannot be written",
		    "until then new meetings go by their hash, and no command can change it");
	check_engine(probe);
}

/* What is unwise in the configuration; the file's own mode was looked at before. */
static void
take_warning(void *context, const char *what, const char *advice, bool is_mode)
{
	struct probe *probe = context;
	struct arena *arena = probe->ctl->arena;

	if (!is_mode)
		probe_find(probe, false, str_copy(arena, str_from(what)),
		    str_copy(arena, str_from(advice)));
}

static void
check_config_file(struct probe *probe)
{
	struct arena *arena = probe->ctl->arena;
	const char *path = config_path(probe->ctl->config_path);
	struct stat facts;

	if (stat(path, &facts) == 0 && facts.st_mode & S_IRWXO)
		probe_find(probe, true,
		    str_printf(arena, "everybody can read the secrets in %s", path),
		    str_printf(arena, "chmod 0640 %s, its group being the gateway's", path));
	config_warnings_find(probe->config, path, take_warning, probe);
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
check_public_url(struct probe *probe)
{
	struct arena *arena = probe->ctl->arena;
	const char *text = probe->config->public_url;
	struct url url;

	if (!text || url_parse(str_from(text), &url)) {
		if (!text)
			probe_find(probe, false, "\"public_url\" is not set",
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
		probe_find(probe, true,
		    str_printf(arena, "public_url: %s has no address", name),
		    "servers cannot call back: correct it, or the name server");
	/* BBB 3.0 refuses them (bbb-common-web, CallbackUrlService and the like). */
	else if (is_private && !probe->config->callbacks_pass)
		probe_find(probe, false,
		    str_printf(arena, "public_url: %s has an address that is not public", name),
		    "BigBlueButton 3.0 and later send no callbacks there");
}

/* ---- Writing ------------------------- */

static void
write_text(struct probe *probe, const struct table *table, struct buf *out)
{
	table_write(table, out, probe->ctl->in_colour);
	buf_char(out, '\n');
	state_write(probe->ctl, probe->state_verdict, out);
	probe_write_findings(probe, out);
}

static void
write_json(struct probe *probe, const struct table *table, struct buf *out)
{
	buf_printf(out, "{\"good\":%s,\"servers\":", probe->n_failures == 0 ? "true" : "false");
	table_write_json(table, out);
	buf_text(out, ",\"state\":");
	state_write_json(probe->ctl, probe->state_problem, out);
	buf_text(out, ",\"findings\":[");
	for (size_t i = 0; i < probe->n_findings; i++) {
		const struct finding *finding = &probe->findings[i];

		buf_printf(out, "%s{\"failure\":%s,\"what\":", i > 0 ? "," : "",
		    finding->is_failure ? "true" : "false");
		text_json(out, str_from(finding->what));
		buf_text(out, ",\"what_to_do\":");
		text_json(out, str_from(finding->what_to_do));
		buf_char(out, '}');
	}
	buf_text(out, "]}\n");
}

/* ---- Nagios ------------------------- */

/* One line: the state, what is wrong first, and performance data. */
static int
write_nagios(struct probe *probe, int64_t warning, int64_t critical, struct buf *out)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL" };
	struct ctl *ctl = probe->ctl;
	int64_t failed = (int64_t)probe->n_failed_servers;
	bool is_all_else_good = probe->n_failures == probe->n_failed_servers;
	enum nagios state = failed >= critical ?
	    NAGIOS_CRITICAL :
	    failed >= warning || !is_all_else_good ?
	    NAGIOS_WARNING :
	    NAGIOS_OK;

	buf_printf(out, "TINYSCALE %s - %zu of %zu servers good", words[state],
	    probe->n - probe->n_failed_servers, probe->n);
	for (size_t i = 0; i < probe->n_findings; i++)
		if (probe->findings[i].is_failure) {
			/* "|" begins the performance data. */
			const char *what = ctl_plain(ctl, str_from(probe->findings[i].what));
			const char *before = "; ";

			for (; *what; what++) {
				buf_text(out, before);
				before = "";
				buf_char(out, *what == '|' ? '/' : *what);
			}
		}
	buf_printf(out, " | failed=%lld;%lld;%lld;0;%zu", (long long)failed,
	    (long long)warning - 1, (long long)critical - 1, probe->n);
	for (size_t i = 0; i < probe->n; i++)
		if (probe->servers[i].is_good)
			buf_printf(out, " '%s'=%lldms", probe->servers[i].server->name,
			    (long long)probe->servers[i].secrets[0].elapsed_ms);
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
choose_servers(struct probe *probe)
{
	struct ctl *ctl = probe->ctl;
	const struct config *config = probe->config;

	probe->servers = arena_alloc(ctl->arena,
	    (config->n_servers + ctl->n_words) * sizeof(*probe->servers));
	for (size_t i = 0; i < ctl->n_words; i++) {
		const struct server *server = ctl_server(ctl, ctl->words[i]);

		if (!server)
			return false;
		probe->servers[probe->n++].server = server;
	}
	for (size_t i = 0; i < config->n_servers && ctl->n_words == 0; i++)
		if (config->servers[i].state != SERVER_DISABLED)
			probe->servers[probe->n++].server = &config->servers[i];
	return true;
}

static void
check_all(struct probe *probe)
{
	check_config_file(probe);
	check_public_url(probe);
	check_state(probe);
	probe_servers(probe);
}

int
command_check(struct ctl *ctl)
{
	bool is_nagios = ctl_has(ctl, OPTION_NAGIOS);
	int status_bad = is_nagios ? (int)NAGIOS_UNKNOWN : (int)CTL_WRONG;
	struct probe probe = { .ctl = ctl };
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
	probe.config = ctl->api.config;
	if (!choose_servers(&probe))
		return status_bad;
	check_all(&probe);
	if (critical == 0)
		critical = probe.n > 0 ? (int64_t)probe.n : 1;
	ctl_begin(&out);
	int status = probe.n_failures > 0 ? CTL_WRONG : CTL_GOOD;
	probe_fill(&probe, &table);
	if (is_nagios)
		status = write_nagios(&probe, warning, critical, &out);
	else if (ctl_has(ctl, OPTION_JSON))
		write_json(&probe, &table, &out);
	else
		write_text(&probe, &table, &out);
	ctl_write(&out);
	return status;
}

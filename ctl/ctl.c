#include "ctl.h"

#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "config/config.h"
#include "core/health.h"
#include "formats/query.h"
#include "formats/request.h"
#include "text.h"

/* 100,000 meetings in JSON fit in. */
#define ANSWER_BYTES ((size_t)256 << 20)
#define PROBLEMS_BYTES ((size_t)1 << 20)

/* Between two answers of --watch. */
#define WATCH_PAUSE_MS 2000

/* ---- The line ------------------------- */

const char *
ctl_option(const struct ctl *ctl, enum option option)
{
	const char *value = NULL;

	for (size_t i = 0; i < ctl->n_given; i++)
		if (ctl->given[i].option == option)
			value = ctl->given[i].value;
	return value;
}

bool
ctl_has(const struct ctl *ctl, enum option option)
{
	return ctl_option(ctl, option);
}

/* ---- What is opened ------------------------- */

bool
ctl_open_config(struct ctl *ctl)
{
	struct buf problems;

	if (ctl->api.config)
		return true;
	buf_init(&problems, PROBLEMS_BYTES);
	ctl->api.config = config_load(ctl->config_path, &problems);
	if (!ctl->api.config)
		fputs(problems.data ?: "", stderr);
	buf_free(&problems);
	return ctl->api.config;
}

void
ctl_become_owner(const char *path)
{
	struct stat owner;

	if (geteuid() != 0)
		return;
	if (stat(path, &owner) != 0) {
		const char *slash = strrchr(path, '/');
		char directory[4096];

		snprintf(directory, sizeof(directory), "%.*s",
		    slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
		if (stat(directory, &owner) != 0)
			return;
	}
	if (owner.st_uid == 0)
		return;
	if (setgroups(0, NULL) != 0 || setgid(owner.st_gid) != 0 || setuid(owner.st_uid) != 0)
		ctl_complain("cannot become the owner of %s: %m", path);
}

bool
ctl_open_state(struct ctl *ctl)
{
	if (!ctl_open_config(ctl))
		return false;
	if (ctl->api.store)
		return true;
	if (!config_has_state(ctl->api.config)) {
		/* With hashes that is meant, by hosts that share nothing. */
		ctl_complain("\"state\" is \"none\" in %s, so nothing is known%s",
		    config_path(ctl->config_path),
		    ctl->api.config->placement == PLACEMENT_HASH ? "" : ": name a file there");
		return false;
	}
	ctl_become_owner(ctl->api.config->state_files);
	ctl->api.store = app_open_store(ctl->api.config);
	return true;
}

const char *
ctl_state_reason(const struct ctl *ctl)
{
	struct store *store = ctl->api.store;

	return store->verbs->problem(store, ctl->arena) ?: "others change it all the time";
}

const char *
ctl_state_advice(const struct ctl *ctl)
{
	const struct config *config = ctl->api.config;

	if (config->state_url)
		return "see that it runs, lets this host in, and is as \"state\" says";
	/* Then it is not for want of rights. */
	if (config->state && access(config->state, R_OK | W_OK) == 0)
		return "see that it is tinyscale's, or name another file in \"state\"; and "
		       "that its disk has room";
	return "be root, or the user that runs the gateway";
}

void
ctl_complain_of_state(const struct ctl *ctl, const char *what)
{
	ctl_complain("the state %s %s: %s; %s", ctl->api.config->state_text, what,
	    ctl_state_reason(ctl), ctl_state_advice(ctl));
}

bool
ctl_open_http(struct ctl *ctl)
{
	if (!ctl_open_config(ctl))
		return false;
	if (!ctl->api.http)
		ctl->api.http = app_open_http(ctl->api.config, HTTP_CURL_INLINE, 1);
	return ctl->api.http;
}

void
ctl_close(struct ctl *ctl)
{
	if (ctl->api.http)
		ctl->api.http->close(ctl->api.http);
	if (ctl->api.store)
		ctl->api.store->verbs->close(ctl->api.store);
	/* It was loaded here, and is nobody's to change meanwhile. */
	config_free((struct config *)(uintptr_t)ctl->api.config);
	ctl->api = (struct api){ 0 };
}

/* ---- What the library is asked ------------------------- */

int64_t
ctl_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

struct call *
ctl_call(struct ctl *ctl, const char *name, struct str query)
{
	struct request *request = arena_alloc(ctl->arena, sizeof(*request));
	struct call *call = arena_alloc(ctl->arena, sizeof(*call));
	uint64_t nonce = 0;

	if (getrandom(&nonce, sizeof(nonce), GRND_NONBLOCK) < 0)
		nonce = (uint64_t)ctl_now_ms();
	request->method = "GET";
	request->now_ms = ctl_now_ms();
	request->nonce = nonce;
	*call = (struct call){
		.config = ctl->api.config,
		.store = ctl->api.store,
		.http = ctl->api.http,
		.arena = ctl->arena,
		.request = request,
		.response = arena_alloc(ctl->arena, sizeof(*call->response)),
		.name = name,
		.method = "GET",
		.query = query,
	};
	query_parse(ctl->arena, query, &call->parameters);
	return call;
}

struct server_facts *
ctl_facts(struct ctl *ctl, bool *can_write)
{
	const struct config *config = ctl->api.config;
	struct server_facts *facts = arena_alloc(ctl->arena,
	    (config->n_servers + 1) * sizeof(*facts));
	int64_t whole_ms;
	enum store_result result = ctl->api.store->verbs->servers_get(ctl->api.store,
	    config->servers, config->n_servers, facts, &whole_ms);

	/* What is only not known to be whole, as just after a loss, tells no problem. */
	if (can_write)
		*can_write = whole_ms < INT64_MAX ||
		    !ctl->api.store->verbs->problem(ctl->api.store, ctl->arena);
	if (result == STORE_OK)
		return facts;
	ctl_complain_of_state(ctl, "cannot be read");
	return NULL;
}

const struct server *
ctl_server(const struct ctl *ctl, const char *name)
{
	const struct config *config = ctl->api.config;
	const struct server *server = config_server_find(config, name);

	if (server)
		return server;
	ctl_complain("no server is called %s; \"tinyscalectl servers\" names all",
	    ctl_plain(ctl, str_from(name)));
	return NULL;
}

const struct server *
ctl_named_server(struct ctl *ctl)
{
	return ctl_open_state(ctl) ? ctl_server(ctl, ctl->words[0]) : NULL;
}

/* ---- What is written ------------------------- */

void
ctl_begin(struct buf *out)
{
	buf_init(out, ANSWER_BYTES);
}

void
ctl_write(struct buf *out)
{
	if (buf_failed(out))
		ctl_complain("the answer is larger than %zu bytes", out->max);
	else if (out->len > 0)
		fwrite(out->data, 1, out->len, stdout);
	buf_free(out);
}

void
ctl_complain(const char *format, ...)
{
	va_list args;

	fputs("tinyscalectl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const char *
ctl_plain(const struct ctl *ctl, struct str text)
{
	struct buf buf;

	ctl_begin(&buf);
	text_plain(&buf, text);
	return buf_take(&buf, ctl->arena).data;
}

int
ctl_show(struct ctl *ctl, int (*show)(struct ctl *ctl, struct buf *out))
{
	bool is_watched = ctl_has(ctl, OPTION_WATCH);
	bool in_place = is_watched && ctl->is_terminal && !ctl_has(ctl, OPTION_JSON);

	for (;;) {
		struct buf out;

		ctl_begin(&out);
		/* Home, and clear what was below. */
		buf_text(&out, in_place ? "\033[H\033[J" : "");
		int status = show(ctl, &out);
		if (is_watched && !in_place && !ctl_has(ctl, OPTION_JSON))
			buf_char(&out, '\n');
		ctl_write(&out);
		if (!is_watched || fflush(stdout) != 0)
			return status;
		arena_reset(ctl->arena);
		clock_sleep_ms(WATCH_PAUSE_MS);
	}
}

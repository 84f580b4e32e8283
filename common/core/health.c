#include "core/health.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"

/* How often a write is tried anew whose facts another changed meanwhile. */
#define TRIES 5

struct server_rules
health_rules(const struct config *config)
{
	return (struct server_rules){
		.down_after = config->down_after,
		.up_after = config->up_after,
		.poll_interval_ms = config->poll_interval_ms,
	};
}

/* Take what was read for what it is worth. */
static struct server_facts *
believe(struct call *call, struct server_facts *facts)
{
	const struct server_rules rules = health_rules(call->config);

	for (size_t i = 0; i < call->config->n_servers; i++)
		server_believe(&facts[i], &rules, call->request->now_ms);
	return call->facts = facts;
}

static struct server_facts *
facts_of_all(const struct call *call)
{
	return arena_alloc(call->arena,
	    (call->config->n_servers + 1) * sizeof(struct server_facts));
}

struct server_facts *
health_read_anew(struct call *call)
{
	const struct config *config = call->config;
	struct server_facts *facts = facts_of_all(call);

	/* When that fails the facts are those of healthy servers. */
	call->store->verbs->servers_get(call->store, config->servers, config->n_servers, facts,
	    &call->whole_ms);
	return believe(call, facts);
}

enum store_result
health_read_picture(struct call *call, const struct str *meeting_ids,
    struct store_history *histories, size_t n)
{
	const struct config *config = call->config;
	struct server_facts *facts = facts_of_all(call);
	enum store_result result = call->store->verbs->picture_get(call->store, config->servers,
	    config->n_servers, facts, &call->whole_ms, meeting_ids, histories, n);

	believe(call, facts);
	return result;
}

struct server_facts *
health_facts(struct call *call)
{
	return call->facts ? call->facts : health_read_anew(call);
}

bool
health_is_complete(struct call *call)
{
	const struct config *config = call->config;
	const struct server_facts *facts = health_facts(call);
	int64_t now_ms = call->request->now_ms;

	for (size_t i = 0; i < config->n_servers; i++) {
		if (!server_is_usable(&config->servers[i], &facts[i]))
			continue;
		if (facts[i].good_ms <= call->whole_ms || facts[i].good_ms > now_ms ||
		    now_ms - facts[i].good_ms > 2 * config->poll_interval_ms)
			return false;
	}
	return true;
}

/* ---- Changes ---------------------------------------------------------------------- */

void
health_log(const struct server *server, const struct server_facts *before,
    const struct server_facts *after, const char *call_name, const char *problem,
    int64_t now_ms)
{
	if (before->health == after->health)
		return;
	char polls[32], seconds[32];
	snprintf(polls, sizeof(polls), "%d", after->failures);
	snprintf(seconds, sizeof(seconds), "%.1f", (double)(now_ms - after->failing_ms) / 1000);
	switch (after->health) {
	case SERVER_UP:
		log_info("server is up again", "server", server->name);
		break;
	case SERVER_SUSPECT:
		log_warn("server is suspect: no new meetings until it answers a poll", "server",
		    server->name, "call", call_name, "problem", problem);
		break;
	case SERVER_DOWN:
		log_error(
		    "server is down: its meetings count as unknown and are placed "
		    "anew",
		    "server", server->name, "polls_failed", polls, "in_seconds", seconds,
		    "problem", problem);
		break;
	}
}

/* The facts of the server that the request has read, or NULL. */
static const struct server_facts *
facts_at_hand(const struct call *call, const struct server *server)
{
	if (call->facts)
		return &call->facts[server - call->config->servers];
	return call->is_mapped && call->server == server ? &call->meeting_facts : NULL;
}

/* ---- Changing facts ----------------------------------------------------------- */

void
health_write(struct call *call, struct health_write *writes, size_t n, health_apply *apply,
    const void *context)
{
	const struct store_verbs *verbs = call->store->verbs;
	const struct server_rules rules = health_rules(call->config);
	/* Facts of one server are read alone, and those of several with all others'. */
	const struct server *servers = n == 1 ? writes->server : call->config->servers;
	size_t n_servers = n == 1 ? 1 : call->config->n_servers;
	struct server_facts *facts = arena_alloc(call->arena, n_servers * sizeof(*facts));
	struct store_server *sets = arena_alloc(call->arena, (n + 1) * sizeof(*sets));
	struct event *events = arena_alloc(call->arena, (n + 1) * sizeof(*events));
	struct health_write **at = arena_alloc(call->arena, (n + 1) * sizeof(*at));

	for (size_t i = 0; i < n; i++)
		at[i] = &writes[i];
	for (int tries = TRIES; tries > 0 && n > 0; tries--) {
		if (verbs->servers_get(call->store, servers, n_servers, facts, NULL) !=
		    STORE_OK)
			return;
		size_t n_sets = 0;
		for (size_t i = 0; i < n; i++) {
			struct health_write *write = at[i];
			struct store_server *set = &sets[n_sets];
			struct event *event = &events[n_sets];

			write->before = facts[write->server - servers];
			*set = (struct store_server){ .name = write->server->name,
				.facts = write->before };
			if (!apply(call, context, (size_t)(write - writes), &set->facts))
				continue;
			if (event_find(write->server, &write->before, &set->facts, &rules,
			        call->request->now_ms, event))
				set->event = event;
			at[n_sets++] = write;
		}
		if (n_sets == 0 || verbs->servers_set(call->store, sets, n_sets) != STORE_OK)
			return;
		n = 0;
		for (size_t i = 0; i < n_sets; i++) {
			at[i]->is_done = sets[i].result == STORE_OK;
			at[i]->after = sets[i].facts;
			if (!at[i]->is_done)
				at[n++] = at[i];
		}
	}
}

/* What a request's own contact with a server tells of it. */
struct change {
	enum { CHANGE_CONTACT, CHANGE_CREATE, CHANGE_SECRET } kind;
	enum contact contact;
	bool is_good;     /* of a create … */
	uint64_t meeting; /* … of which meeting */
	int secret_at;
};

/* A health_apply of a change. */
static bool
apply_change(const struct call *call, const void *context, size_t i, struct server_facts *facts)
{
	const struct change *change = context;
	const struct server_rules rules = health_rules(call->config);
	int64_t now_ms = call->request->now_ms;

	(void)i; /* there is one */
	switch (change->kind) {
	case CHANGE_CONTACT:
		return server_contact(facts, change->contact, &rules, now_ms,
		    call->request->nonce);
	case CHANGE_CREATE:
		return server_create(facts, change->is_good, change->meeting, &rules, now_ms);
	case CHANGE_SECRET:
		break;
	}
	bool is_new = facts->secret_at != change->secret_at;
	facts->secret_at = change->secret_at;
	return is_new;
}

/* Write the change down, unless it is none by what is at hand. */
static bool
write_change(struct call *call, const struct change *change, struct health_write *write)
{
	const struct server_facts *known = facts_at_hand(call, write->server);

	if (known) {
		struct server_facts facts = *known;

		if (!apply_change(call, change, 0, &facts))
			return false;
	}
	health_write(call, write, 1, apply_change, change);
	return write->is_done;
}

void
health_contact(struct call *call, const struct server *server, enum contact contact,
    const char *call_name, const char *problem)
{
	const struct change change = { .kind = CHANGE_CONTACT, .contact = contact };
	struct health_write write = { .server = server };

	if (write_change(call, &change, &write))
		health_log(server, &write.before, &write.after, call_name, problem,
		    call->request->now_ms);
}

void
health_create(struct call *call, const struct server *server, bool good)
{
	const struct server_rules rules = health_rules(call->config);
	const struct change change = {
		.kind = CHANGE_CREATE,
		.is_good = good,
		.meeting = str_hash(call->meeting_id),
	};
	struct health_write write = { .server = server };

	if (!write_change(call, &change, &write))
		return;
	if (good) {
		if (server_fails_creates(&write.before, &rules))
			log_info("server creates meetings again", "server", server->name);
		return;
	}
	char failed[32];
	snprintf(failed, sizeof(failed), "%d", write.after.create_failures);
	if (server_fails_creates(&write.after, &rules))
		log_error(
		    "server fails to create meetings, though it answers its polls: no "
		    "new meetings for a poll interval",
		    "server", server->name, "creates_failed", failed);
}

size_t
health_secret(const struct call *call, const struct server *server)
{
	const struct server_facts *facts = facts_at_hand(call, server);

	return facts && facts->secret_at > 0 && (size_t)facts->secret_at < server->n_secrets ?
	    (size_t)facts->secret_at :
	    0;
}

void
health_remember_secret(struct call *call, const struct server *server, size_t at)
{
	const struct change change = { .kind = CHANGE_SECRET, .secret_at = (int)at };
	struct health_write write = { .server = server };

	write_change(call, &change, &write);
}

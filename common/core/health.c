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
health_read_picture(struct call *call, struct store_history *history)
{
	const struct config *config = call->config;
	struct server_facts *facts = facts_of_all(call);
	enum store_result result = call->store->verbs->picture_get(call->store, config->servers,
	    config->n_servers, facts, &call->whole_ms, call->meeting_id, history);

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

/* A change of a server's facts: applied to what is known, until it is written. */
struct change {
	enum { CHANGE_CONTACT, CHANGE_CREATE, CHANGE_SECRET } kind;
	enum contact contact;
	bool is_good;     /* of a create … */
	uint64_t meeting; /* … of which meeting */
	int secret_at;
};

static bool
apply(const struct call *call, const struct change *change, struct server_facts *facts)
{
	const struct server_rules rules = health_rules(call->config);
	int64_t now_ms = call->request->now_ms;

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

/* Write the change down.  True with the facts before and after it, if it was one. */
static bool
write_change(struct call *call, const struct server *server, const struct change *change,
    struct server_facts *before, struct server_facts *after)
{
	const struct store_verbs *verbs = call->store->verbs;
	const struct server_facts *known = facts_at_hand(call, server);
	const struct server_rules rules = health_rules(call->config);

	if (known) {
		*after = *known;
		if (!apply(call, change, after))
			return false;
	}
	for (int i = 0; i < TRIES; i++) {
		if (verbs->servers_get(call->store, server, 1, before, NULL) != STORE_OK)
			return false;
		struct store_server set = { .name = server->name, .facts = *before };
		struct event event;

		if (!apply(call, change, &set.facts))
			return false;
		if (event_find(server, before, &set.facts, &rules, call->request->now_ms,
		        &event))
			set.event = &event;
		if (verbs->servers_set(call->store, &set, 1) != STORE_OK)
			return false;
		if (set.result == STORE_OK) {
			*after = set.facts;
			return true;
		}
	}
	return false;
}

void
health_contact(struct call *call, const struct server *server, enum contact contact,
    const char *call_name, const char *problem)
{
	const struct change change = { .kind = CHANGE_CONTACT, .contact = contact };
	struct server_facts before, after;

	if (write_change(call, server, &change, &before, &after))
		health_log(server, &before, &after, call_name, problem, call->request->now_ms);
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
	struct server_facts before, after;

	if (!write_change(call, server, &change, &before, &after))
		return;
	if (good) {
		if (server_fails_creates(&before, &rules))
			log_info("server creates meetings again", "server", server->name);
		return;
	}
	char failed[32];
	snprintf(failed, sizeof(failed), "%d", after.create_failures);
	if (server_fails_creates(&after, &rules))
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
	struct server_facts before, after;

	write_change(call, server, &change, &before, &after);
}

/*
 * cordon, uncordon, enable, disable: the operator's state of a server, which is kept in the
 * gateway's state, counts at once, and wins over the configuration until it is undone.
 */
#include "cordon.h"

#include <string.h>

#include "base/arena.h"
#include "commands.h"
#include "config/config.h"
#include "core/health.h"
#include "ctl.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How often the state is written anew, when the gateway changed it meanwhile. */
#define TRIES 50

bool
cordon_set(struct ctl *ctl, const struct server *server, enum server_state state,
    struct server_facts *before)
{
	const struct store_verbs *verbs = ctl->api.store->verbs;
	const struct server_rules rules = health_rules(ctl->api.config);

	for (int i = 0; i < TRIES; i++) {
		if (verbs->servers_get(ctl->api.store, server, 1, before, NULL) != STORE_OK)
			break;
		struct store_server set = { .name = server->name, .facts = *before };
		struct event event;

		set.facts.operator_state = state;
		/* What the configuration says anyway needs no operator; but a cordon of
		 * a server that the file cordons stays when the file changes. */
		set.facts.has_operator_state = state != SERVER_ENABLED ||
		    server->state != SERVER_ENABLED;
		if (event_find(server, before, &set.facts, &rules, ctl_now_ms(), &event))
			set.event = &event;
		if (verbs->servers_set(ctl->api.store, &set, 1) != STORE_OK)
			break;
		if (set.result == STORE_OK)
			return true;
	}
	ctl_complain_of_state(ctl, "cannot be written, so nothing was changed");
	return false;
}

/* ---- The commands ------------------------- */

static const struct table_column columns[] = {
	{ "name", "SERVER", false, 12 },
	{ "before", NULL, false, 0 },
	{ "state", "STATE", false, 0 },
	{ "by_operator", NULL, false, 0 },
	{ "meetings", "MEETINGS", true, 0 },
	{ "users", "USERS", true, 0 },
};

/* May the server be set to that state by a command of that name?  What is wrong is
 * written. */
static bool
is_allowed(const struct server *server, const struct server_facts *facts, bool is_uncordon)
{
	if (!is_uncordon || server_state_of(server, facts) != SERVER_DISABLED)
		return true;
	ctl_complain(
	    "%s is disabled, not cordoned: \"tinyscalectl enable %s\" puts it back "
	    "into use",
	    server->name, server->name);
	return false;
}

/* Set each server that the line names. */
static int
set_named(struct ctl *ctl, enum server_state state, bool is_uncordon)
{
	struct table table;
	struct buf out;
	int status = CTL_GOOD;

	if (!ctl_open_state(ctl))
		return CTL_WRONG;
	table_init(&table, ctl->arena, columns, COUNT(columns));
	for (size_t i = 0; i < ctl->n_words; i++) {
		const struct server *server = ctl_server(ctl, ctl->words[i]);
		struct server_facts facts;

		if (!server) {
			status = CTL_WRONG;
			continue;
		}
		if (ctl->api.store->verbs->servers_get(ctl->api.store, server, 1, &facts,
		        NULL) == STORE_OK &&
		    !is_allowed(server, &facts, is_uncordon)) {
			status = CTL_WRONG;
			continue;
		}
		if (!cordon_set(ctl, server, state, &facts)) {
			status = CTL_WRONG;
			break;
		}
		table_text(&table, server->name);
		table_text(&table, server_state_name(server_state_of(server, &facts)));
		table_text(&table, server_state_name(state));
		table_bool(&table, state != SERVER_ENABLED || server->state != state);
		table_number(&table, facts.meetings);
		table_number(&table, facts.users);
		if (state == SERVER_DISABLED && facts.meetings > 0)
			ctl_complain(
			    "%s has %ld meetings that nobody can join or end now; "
			    "\"tinyscalectl drain %s\" would have waited for them",
			    server->name, facts.meetings, server->name);
	}
	ctl_begin(&out);
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_text(&out, "{\"servers\":");
		table_write_json(&table, &out);
		buf_text(&out, "}\n");
	} else if (table_rows(&table) > 0) {
		table_write(&table, &out, ctl->in_colour);
	}
	ctl_write(&out);
	return status;
}

int
command_cordon(struct ctl *ctl)
{
	return set_named(ctl, SERVER_CORDONED, false);
}

int
command_uncordon(struct ctl *ctl)
{
	return set_named(ctl, SERVER_ENABLED, true);
}

int
command_enable(struct ctl *ctl)
{
	return set_named(ctl, SERVER_ENABLED, false);
}

int
command_disable(struct ctl *ctl)
{
	return set_named(ctl, SERVER_DISABLED, false);
}

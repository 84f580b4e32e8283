/*
 * poll: ask all servers once, as the gateway does in its turn.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "commands.h"
#include "config/config.h"
#include "ctl.h"
#include "upkeep/poll.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* For how many rounds of questions it is tried, while another process polls. */
#define ROUNDS 3

#define PAUSE_MS 100

static const struct table_column columns[] = {
	{ "name", "SERVER", false, 12 },
	{ "good", "ANSWERED", false, 0 },
	{ "health", "HEALTH", false, 0 },
	{ "meetings", "MEETINGS", true, 0 },
	{ "users", "USERS", true, 0 },
	{ "failed_polls", "FAILED POLLS", true, 0 },
};

/* Was every server in use asked since then?  Another process may have done it. */
static bool
is_done(const struct config *config, const struct server_facts *facts, int64_t since_ms)
{
	for (size_t i = 0; i < config->n_servers; i++)
		if (server_state_of(&config->servers[i], &facts[i]) != SERVER_DISABLED &&
		    facts[i].polled_ms < since_ms)
			return false;
	return true;
}

int
command_poll(struct ctl *ctl)
{
	int64_t begin_ms = ctl_now_ms();
	const struct server_facts *facts;
	struct table table;
	struct buf out;

	if (!ctl_open_state(ctl) || !ctl_open_http(ctl))
		return CTL_WRONG;
	const struct config *config = ctl->api.config;
	for (;;) {
		const struct call *call = ctl_call(ctl, "getMeetings", STR(""));

		poll_run(&ctl->api, ctl->arena, call->request->now_ms, call->request->nonce,
		    true);
		if (!(facts = ctl_facts(ctl, NULL)))
			return CTL_WRONG;
		if (is_done(config, facts, begin_ms))
			break;
		if (ctl_now_ms() - begin_ms > ROUNDS * config->probe_timeout_ms + 1000) {
			ctl_complain(
			    "another process polls all the time, or the state %s "
			    "cannot be written",
			    config->state_text);
			return CTL_WRONG;
		}
		arena_reset(ctl->arena);
		clock_sleep_ms(PAUSE_MS);
	}
	table_init(&table, ctl->arena, columns, COUNT(columns));
	bool is_good = true;
	for (size_t i = 0; i < config->n_servers; i++) {
		if (server_state_of(&config->servers[i], &facts[i]) == SERVER_DISABLED)
			continue;
		bool answered = facts[i].failures == 0;

		is_good = is_good && answered;
		table_text(&table, config->servers[i].name);
		table_bool(&table, answered);
		table_colour(&table, answered ? TABLE_GREEN : TABLE_RED);
		table_text(&table, server_health_name(facts[i].health));
		table_number(&table, facts[i].meetings);
		table_number(&table, facts[i].users);
		table_number(&table, facts[i].failures);
	}
	ctl_begin(&out);
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_text(&out, "{\"servers\":");
		table_write_json(&table, &out);
		buf_text(&out, "}\n");
	} else {
		table_write(&table, &out, ctl->in_colour);
	}
	ctl_write(&out);
	return is_good ? CTL_GOOD : CTL_WRONG;
}

#include "model/server.h"

static const char *const state_names[] = { "enabled", "cordoned", "disabled" };

static const char *const health_names[] = { "up", "suspect", "down" };

/* Enough for any down_after, and far from overflowing. */
#define COUNTED_MAX 1000000

/* How long after a failure the server is polled. */
static int64_t
retry_delay_ms(int failures, int64_t poll_interval_ms, uint64_t nonce)
{
	int64_t most_ms = 6 * poll_interval_ms, delay_ms = poll_interval_ms / 4;

	for (; failures > 1 && delay_ms < most_ms; failures--)
		delay_ms *= 2;
	if (delay_ms > most_ms)
		delay_ms = most_ms;
	return delay_ms - delay_ms / 10 + delay_ms * (int64_t)(nonce % 201) / 1000;
}

static void
note_failed_poll(struct server_facts *facts, const struct server_rules *rules, int64_t now_ms,
    uint64_t nonce)
{
	if (facts->failures == 0 || facts->failing_ms > now_ms)
		facts->failing_ms = now_ms;
	if (facts->failures < COUNTED_MAX)
		facts->failures++;
	int64_t decided_ms = facts->failing_ms +
	    (rules->down_after - 1) * rules->poll_interval_ms;
	if (facts->failures >= rules->down_after && now_ms >= decided_ms)
		facts->health = SERVER_DOWN;
	else if (facts->health == SERVER_UP)
		facts->health = SERVER_SUSPECT;
	facts->next_poll_ms = now_ms +
	    retry_delay_ms(facts->failures, rules->poll_interval_ms, nonce);
	if (facts->health != SERVER_DOWN && decided_ms > now_ms &&
	    decided_ms < facts->next_poll_ms)
		facts->next_poll_ms = decided_ms;
}

void
server_contact(struct server_facts *facts, enum contact contact,
    const struct server_rules *rules, int64_t now_ms, uint64_t nonce)
{
	switch (contact) {
	case CONTACT_CALL_GOOD:
		/* How long a server has been down says when it is polled next. */
		if (facts->health != SERVER_DOWN)
			facts->failures = 0;
		return;
	case CONTACT_CALL_FAILED:
		facts->successes = 0;
		if (facts->health != SERVER_UP)
			return;
		facts->health = SERVER_SUSPECT;
		facts->next_poll_ms = now_ms +
		    retry_delay_ms(1, rules->poll_interval_ms, nonce);
		return;
	case CONTACT_POLL_GOOD:
		facts->failures = 0;
		if (facts->health == SERVER_UP || ++facts->successes < rules->up_after)
			return;
		if (facts->health == SERVER_DOWN)
			facts->since_ms = now_ms;
		facts->health = SERVER_UP;
		facts->successes = 0;
		return;
	case CONTACT_POLL_FAILED:
		facts->successes = 0;
		note_failed_poll(facts, rules, now_ms, nonce);
		return;
	}
}

const char *
server_health_name(enum server_health health)
{
	return health_names[health];
}

enum server_state
server_state_of(const struct server *server, const struct server_facts *facts)
{
	return facts->has_operator_state ? facts->operator_state : server->state;
}

bool
server_is_usable(const struct server *server, const struct server_facts *facts)
{
	return server_state_of(server, facts) != SERVER_DISABLED &&
	    facts->health != SERVER_DOWN;
}

bool
server_takes_meetings(const struct server *server, const struct server_facts *facts)
{
	return server_state_of(server, facts) == SERVER_ENABLED && facts->health == SERVER_UP;
}

const char *
server_state_name(enum server_state state)
{
	return state_names[state];
}

int
server_state_find(struct str name, enum server_state *state)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(*state_names); i++) {
		if (str_is(name, state_names[i])) {
			*state = (enum server_state)i;
			return 0;
		}
	}
	return -1;
}

#include "model/server.h"

#include <string.h>

static const char *const state_names[] = { "enabled", "cordoned", "disabled" };

static const char *const health_names[] = { "up", "suspect", "down" };

/* Enough for any down_after, and far from overflowing. */
#define COUNTED_MAX 1000000

/* What is known of a server's health is believed for so many intervals; polls of one
 * that is down come more often than that. */
#define BELIEVED_INTERVALS 6
#define RETRY_INTERVALS_MOST 5

/* How often a server is asked for its version. */
#define RELEASE_INTERVAL_MS (INT64_C(3600) * 1000)

/* How long after a failure the server is polled. */
static int64_t
retry_delay_ms(int failures, int64_t poll_interval_ms, uint64_t nonce)
{
	int64_t most_ms = RETRY_INTERVALS_MOST * poll_interval_ms;
	int64_t delay_ms = poll_interval_ms / 4;

	for (; failures > 1 && delay_ms < most_ms; failures--)
		delay_ms *= 2;
	if (delay_ms > most_ms)
		delay_ms = most_ms;
	return delay_ms - delay_ms / 10 + delay_ms * (int64_t)(nonce % 201) / 1000;
}

static void
note_good_poll(struct server_facts *facts, const struct server_rules *rules, int64_t now_ms)
{
	facts->failures = 0;
	facts->good_ms = now_ms;
	facts->next_poll_ms = now_ms + rules->poll_interval_ms;
	if (facts->since_ms == 0)
		facts->since_ms = now_ms;
	if (facts->health == SERVER_UP || ++facts->successes < rules->up_after)
		return;
	if (facts->health == SERVER_DOWN)
		facts->since_ms = facts->back_ms = now_ms;
	facts->health = SERVER_UP;
	facts->successes = 0;
}

static void
note_failed_poll(struct server_facts *facts, const struct server_rules *rules, int64_t now_ms,
    uint64_t nonce)
{
	facts->successes = 0;
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

bool
server_contact(struct server_facts *facts, enum contact contact,
    const struct server_rules *rules, int64_t now_ms, uint64_t nonce)
{
	switch (contact) {
	case CONTACT_CALL_GOOD:
		/* How long a server has been down says when it is polled next. */
		if (facts->health == SERVER_DOWN || facts->failures == 0)
			return false;
		facts->failures = 0;
		return true;
	case CONTACT_CALL_FAILED:
		if (facts->health != SERVER_UP && facts->successes == 0)
			return false;
		facts->successes = 0;
		if (facts->health == SERVER_UP) {
			facts->health = SERVER_SUSPECT;
			facts->told_ms = now_ms;
			facts->next_poll_ms = now_ms +
			    retry_delay_ms(1, rules->poll_interval_ms, nonce);
		}
		return true;
	case CONTACT_POLL_GOOD:
		facts->told_ms = facts->polled_ms = now_ms;
		note_good_poll(facts, rules, now_ms);
		return true;
	case CONTACT_POLL_FAILED:
		facts->told_ms = facts->polled_ms = now_ms;
		note_failed_poll(facts, rules, now_ms, nonce);
		return true;
	}
	return false;
}

bool
server_create(struct server_facts *facts, bool good, uint64_t meeting,
    const struct server_rules *rules, int64_t now_ms)
{
	if (good) {
		if (facts->create_failures == 0)
			return false;
		facts->create_failures = 0;
		facts->held_ms = 0;
		return true;
	}
	/* One meeting that cannot be created may be the client's fault. */
	if (facts->create_failures > 0 && facts->create_failed == meeting)
		return false;
	if (facts->create_failures < COUNTED_MAX)
		facts->create_failures++;
	facts->create_failed = meeting;
	if (facts->create_failures >= rules->down_after)
		facts->held_ms = now_ms + rules->poll_interval_ms;
	return true;
}

bool
server_fails_creates(const struct server_facts *facts, const struct server_rules *rules)
{
	return facts->create_failures >= rules->down_after;
}

bool
server_is_due(const struct server_facts *facts, int64_t now_ms)
{
	return facts->next_poll_ms <= now_ms || facts->polled_ms > now_ms ||
	    facts->told_ms > now_ms;
}

bool
server_release_is_due(const struct server_facts *facts, int64_t now_ms)
{
	return facts->release_ms <= now_ms - RELEASE_INTERVAL_MS ||
	    facts->release_ms < facts->back_ms || facts->release_ms > now_ms;
}

void
server_release_set(struct server_facts *facts, struct str release, int64_t now_ms)
{
	facts->release_ms = now_ms;
	memset(facts->release, 0, sizeof(facts->release));
	if (release.len >= sizeof(facts->release))
		return;
	for (size_t i = 0; i < release.len; i++) {
		char c = release.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		        (c >= '0' && c <= '9') || (c != '\0' && strchr(".-+~_:", c))))
			return;
	}
	if (release.len > 0)
		memcpy(facts->release, release.data, release.len);
}

bool
server_is_forgotten(const struct server_facts *facts, int64_t now_ms)
{
	int64_t since_ms = now_ms - SERVER_KEEP_MS;

	return !facts->has_operator_state && facts->polled_ms < since_ms &&
	    facts->next_poll_ms < since_ms && facts->told_ms < since_ms &&
	    facts->reserved_ms < since_ms;
}

bool
server_is_polled(const struct server_facts *facts, const struct server_rules *rules,
    int64_t now_ms)
{
	int64_t age_ms = now_ms - facts->polled_ms;

	return age_ms >= 0 && age_ms <= BELIEVED_INTERVALS * rules->poll_interval_ms;
}

void
server_believe(struct server_facts *facts, const struct server_rules *rules, int64_t now_ms)
{
	int64_t age_ms = now_ms - facts->told_ms;

	if (age_ms <= BELIEVED_INTERVALS * rules->poll_interval_ms && age_ms >= 0)
		return;
	facts->health = SERVER_UP;
	facts->failures = facts->successes = 0;
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
	return server_state_of(server, facts) == SERVER_ENABLED && facts->health != SERVER_DOWN;
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

/*
 * One server: what ends of creates do, when it is polled, and for how long what is known of
 * it is believed.
 */
#include "model/server.h"

#include <limits.h>
#include <stdint.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1700000000000)
#define INTERVAL INT64_C(10000)

#define UP SERVER_UP
#define SUSPECT SERVER_SUSPECT
#define DOWN SERVER_DOWN

/* ---- Creates ----------------------------------------------------------- */

static void
test_creates(void)
{
	/* Meetings as letters: upper case for a create that was good. */
	static const struct {
		const char *creates;
		int64_t down_after;
		int failures;
		bool is_held, fails;
		const char *what;
	} rows[] = {
		{ "", 2, 0, false, false, "none" },
		{ "a", 2, 1, false, false, "one that fails" },
		{ "aaaa", 2, 1, false, false, "one meeting again and again" },
		{ "ab", 2, 2, true, true, "two meetings" },
		{ "aab", 2, 2, true, true, "two, one of them twice" },
		{ "aAb", 2, 1, false, false, "a good one in between" },
		{ "aBa", 2, 1, false, false, "another's good one" },
		{ "abC", 2, 0, false, false, "a good one ends it" },
		{ "abCd", 2, 1, false, false, "and the row begins anew" },
		{ "ab", 3, 2, false, false, "two of three" },
		{ "abc", 3, 3, true, true, "three of three" },
		{ "a", 1, 1, true, true, "one of one" },
		{ "abcdefgh", 2, 8, true, true, "many" },
		{ "ABC", 2, 0, false, false, "good ones" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct server_rules rules = { rows[i].down_after, 1, INTERVAL };
		struct server_facts facts = { .health = SUSPECT, .successes = 3, .users = 4 };
		int64_t now_ms = NOW;
		int wrong = 0;

		for (const char *c = rows[i].creates; *c != '\0'; c++, now_ms += 1000) {
			struct server_facts before = facts;
			bool good = *c >= 'A' && *c <= 'Z';
			bool changed = server_create(&facts, good, (uint64_t)(*c | 0x20) - 'a',
			    &rules, now_ms);

			wrong += changed != (memcmp(&before, &facts, sizeof(facts)) != 0);
		}
		is_int(facts.failures, 0, "creates: %s (%s, down after %d)", rows[i].what,
		    rows[i].creates, (int)rows[i].down_after);
		is_int(facts.create_failures, rows[i].failures, "… so many in a row");
		is_int(facts.held_ms, rows[i].is_held ? now_ms - 1000 + INTERVAL : 0,
		    "… held back for an interval since the last");
		is_int(server_fails_creates(&facts, &rules), rows[i].fails, "… creates fail");
		is_int(wrong, 0, "… and whether anything changed");
		ok(facts.health == SUSPECT && facts.successes == 3 && facts.users == 4,
		    "… health is another thing");
	}
	/* The count stays below what would overflow. */
	const struct server_rules rules = { 2, 1, INTERVAL };
	struct server_facts facts = { .create_failures = INT_MAX - 1 };
	for (uint64_t meeting = 1; meeting < 10; meeting++)
		server_create(&facts, false, meeting, &rules, NOW);
	ok(facts.create_failures > 1000, "creates: very many");
	ok(server_fails_creates(&facts, &rules), "… fail");
}

/* ---- Trust ------------------------------------------------------------- */

static void
test_due(void)
{
	static const struct {
		int64_t next_poll_ms, polled_ms, told_ms;
		bool is_due;
		const char *what;
	} rows[] = {
		{ 0, 0, 0, true, "one that was never polled" },
		{ NOW, NOW - INTERVAL, NOW - INTERVAL, true, "its time has come" },
		{ NOW - 1, NOW - INTERVAL, NOW - INTERVAL, true, "and gone" },
		{ NOW + 1, NOW - INTERVAL, NOW - INTERVAL, false, "not yet" },
		{ NOW + INTERVAL, NOW, NOW, false, "it was polled just now" },
		{ NOW + INTERVAL, NOW + 1, NOW + 1, true,
		    "in the future, by a clock set back" },
		{ NOW + 3600000, NOW + 3590000, NOW + 3590000, true, "far in the future" },
		{ NOW + 3602500, NOW - 1000, NOW + 3600000, true,
		    "a call failed in the future" },
		{ NOW + 2500, NOW - 1000, NOW, false, "a call failed just now" },
		{ NOW + 50 * INTERVAL, NOW, NOW, false, "as late as it may be" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct server_facts facts = {
			.next_poll_ms = rows[i].next_poll_ms,
			.polled_ms = rows[i].polled_ms,
			.told_ms = rows[i].told_ms,
		};

		is_int(server_is_due(&facts, NOW), rows[i].is_due, "due: %s", rows[i].what);
	}
}

static void
test_believe(void)
{
	static const struct {
		enum server_health health;
		int64_t age_ms;
		enum server_health believed;
	} rows[] = {
		{ DOWN, 0, DOWN },
		{ DOWN, INTERVAL, DOWN },
		{ DOWN, 5 * INTERVAL + INTERVAL / 2, DOWN }, /* the longest between polls */
		{ DOWN, 6 * INTERVAL, DOWN },
		{ DOWN, 6 * INTERVAL + 1, UP },
		{ DOWN, 3600000, UP },
		{ DOWN, NOW, UP },
		{ DOWN, -1, UP },
		{ DOWN, -3600000, UP },
		{ SUSPECT, 0, SUSPECT },
		{ SUSPECT, 6 * INTERVAL, SUSPECT },
		{ SUSPECT, 6 * INTERVAL + 1, UP },
		{ SUSPECT, -1, UP },
		{ UP, 0, UP },
		{ UP, 3600000, UP },
	};
	const struct server_rules rules = { 2, 2, INTERVAL };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct server_facts facts = {
			.health = rows[i].health,
			.told_ms = NOW - rows[i].age_ms,
			.users = 7,
			.next_poll_ms = 8,
			.has_operator_state = true,
			.operator_state = SERVER_DISABLED,
		};

		server_believe(&facts, &rules, NOW);
		is_int(facts.health, rows[i].believed, "%s, told %lld ms ago",
		    server_health_name(rows[i].health), (long long)rows[i].age_ms);
		ok(facts.users == 7 && facts.next_poll_ms == 8 && facts.has_operator_state &&
		        facts.operator_state == SERVER_DISABLED,
		    "… which is all that changes");
	}

	/* What is not believed does not count with what comes then. */
	struct server_facts facts = {
		.health = DOWN,
		.failures = 5,
		.failing_ms = NOW - 3600000,
		.told_ms = NOW - 3000000,
	};
	server_believe(&facts, &rules, NOW);
	server_contact(&facts, CONTACT_POLL_FAILED, &rules, NOW, 0);
	is_int(facts.health, SUSPECT, "a failed poll, and the row before is an hour old");
	server_contact(&facts, CONTACT_POLL_FAILED, &rules, NOW + INTERVAL, 0);
	is_int(facts.health, DOWN, "… a second one");
	facts = (struct server_facts){ .health = SUSPECT, .successes = 1, .told_ms = 1 };
	server_believe(&facts, &rules, NOW);
	server_contact(&facts, CONTACT_POLL_FAILED, &rules, NOW, 0);
	server_contact(&facts, CONTACT_POLL_GOOD, &rules, NOW, 0);
	is_int(facts.health, SUSPECT, "a good poll, and the one before is an hour old");
}

/* Polled as its facts say, a server that is down is believed to be without a gap. */
static void
test_believed_throughout(void)
{
	for (uint64_t nonce = 0; nonce <= 200; nonce += 50) {
		const struct server_rules rules = { 3, 2, INTERVAL };
		struct server_facts facts = {
			.health = DOWN,
			.told_ms = NOW,
			.next_poll_ms = NOW,
		};
		int gaps = 0;

		for (int i = 0; i < 20; i++) {
			int64_t now_ms = facts.next_poll_ms;

			server_believe(&facts, &rules, now_ms);
			gaps += facts.health != DOWN;
			server_contact(&facts, CONTACT_POLL_FAILED, &rules, now_ms, nonce);
		}
		is_int(gaps, 0, "down, polled when it is due (nonce %d): believed all the time",
		    (int)nonce);
	}
}

int
main(void)
{
	test_creates();
	test_due();
	test_believe();
	test_believed_throughout();
	return done_testing();
}

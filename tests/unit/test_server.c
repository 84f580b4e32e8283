/*
 * One server: what each contact does to its health, when it is polled next
 * after a failure, and what may be sent there.
 */
#include "server.h"

#include <limits.h>
#include <stdint.h>

#include "../tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1700000000000)
#define INTERVAL INT64_C(10000)

#define UP SERVER_UP
#define SUSPECT SERVER_SUSPECT
#define DOWN SERVER_DOWN

/* ---- Health ------------------------------------------------------------ */

struct standing {
	enum server_health health;
	int failures, successes;
};

/* One contact each. */
static void
test_transitions(void)
{
	static const struct {
		struct standing from;
		bool good;
		int down_after, up_after;
		struct standing to;
	} rows[] = {
		/* Up: good ones change nothing, whatever the rules. */
		{{UP, 0, 0}, true, 1, 1, {UP, 0, 0}},
		{{UP, 0, 0}, true, 1, 2, {UP, 0, 0}},
		{{UP, 0, 0}, true, 2, 1, {UP, 0, 0}},
		{{UP, 0, 0}, true, 2, 2, {UP, 0, 0}},
		{{UP, 0, 0}, true, 3, 1, {UP, 0, 0}},
		{{UP, 0, 0}, true, 3, 2, {UP, 0, 0}},
		/* Up: the first failure. */
		{{UP, 0, 0}, false, 1, 1, {DOWN, 1, 0}},
		{{UP, 0, 0}, false, 1, 2, {DOWN, 1, 0}},
		{{UP, 0, 0}, false, 2, 1, {SUSPECT, 1, 0}},
		{{UP, 0, 0}, false, 2, 2, {SUSPECT, 1, 0}},
		{{UP, 0, 0}, false, 3, 1, {SUSPECT, 1, 0}},
		{{UP, 0, 0}, false, 3, 2, {SUSPECT, 1, 0}},
		/* Suspect: further failures. */
		{{SUSPECT, 1, 0}, false, 1, 1, {DOWN, 2, 0}}, /* down_after was lowered */
		{{SUSPECT, 1, 0}, false, 2, 1, {DOWN, 2, 0}},
		{{SUSPECT, 1, 0}, false, 2, 2, {DOWN, 2, 0}},
		{{SUSPECT, 1, 0}, false, 3, 1, {SUSPECT, 2, 0}},
		{{SUSPECT, 1, 0}, false, 3, 2, {SUSPECT, 2, 0}},
		{{SUSPECT, 2, 0}, false, 3, 1, {DOWN, 3, 0}},
		{{SUSPECT, 2, 0}, false, 3, 2, {DOWN, 3, 0}},
		/* Suspect: good ones. */
		{{SUSPECT, 1, 0}, true, 2, 1, {UP, 0, 0}},
		{{SUSPECT, 1, 0}, true, 3, 1, {UP, 0, 0}},
		{{SUSPECT, 2, 0}, true, 3, 1, {UP, 0, 0}},
		{{SUSPECT, 1, 0}, true, 2, 2, {SUSPECT, 0, 1}},
		{{SUSPECT, 2, 0}, true, 3, 2, {SUSPECT, 0, 1}},
		{{SUSPECT, 0, 1}, true, 2, 2, {UP, 0, 0}},
		{{SUSPECT, 0, 1}, true, 3, 2, {UP, 0, 0}},
		{{SUSPECT, 0, 1}, true, 2, 1, {UP, 0, 0}},    /* up_after was lowered */
		/* Suspect: a failure in between. */
		{{SUSPECT, 0, 1}, false, 2, 2, {SUSPECT, 1, 0}},
		{{SUSPECT, 0, 1}, false, 3, 2, {SUSPECT, 1, 0}},
		{{SUSPECT, 0, 1}, false, 1, 2, {DOWN, 1, 0}},
		/* Down: further failures. */
		{{DOWN, 1, 0}, false, 1, 1, {DOWN, 2, 0}},
		{{DOWN, 2, 0}, false, 2, 1, {DOWN, 3, 0}},
		{{DOWN, 3, 0}, false, 3, 2, {DOWN, 4, 0}},
		{{DOWN, 1, 0}, false, 3, 1, {DOWN, 2, 0}},    /* down_after was raised */
		/* Down: good ones. */
		{{DOWN, 1, 0}, true, 1, 1, {UP, 0, 0}},
		{{DOWN, 2, 0}, true, 2, 1, {UP, 0, 0}},
		{{DOWN, 9, 0}, true, 3, 1, {UP, 0, 0}},
		{{DOWN, 1, 0}, true, 1, 2, {DOWN, 0, 1}},
		{{DOWN, 2, 0}, true, 2, 2, {DOWN, 0, 1}},
		{{DOWN, 9, 0}, true, 3, 2, {DOWN, 0, 1}},
		{{DOWN, 0, 1}, true, 1, 2, {UP, 0, 0}},
		{{DOWN, 0, 1}, true, 2, 2, {UP, 0, 0}},
		{{DOWN, 0, 1}, true, 3, 2, {UP, 0, 0}},
		{{DOWN, 0, 1}, true, 2, 1, {UP, 0, 0}},
		/* Down: a failure in between does not make it merely suspect. */
		{{DOWN, 0, 1}, false, 1, 2, {DOWN, 1, 0}},
		{{DOWN, 0, 1}, false, 2, 2, {DOWN, 1, 0}},
		{{DOWN, 0, 1}, false, 3, 2, {DOWN, 1, 0}},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct server_rules rules = {rows[i].down_after, rows[i].up_after, INTERVAL};
		struct server_facts facts = {
			.health = rows[i].from.health,
			.has_operator_state = true, .operator_state = SERVER_CORDONED,
			.failures = rows[i].from.failures, .successes = rows[i].from.successes,
			.probe_ms = 7, .users = 11, .meetings = 13, .turn = 0.5,
		};

		server_contact(&facts, rows[i].good, &rules, NOW, i);
		ok(facts.health == rows[i].to.health && facts.failures == rows[i].to.failures &&
			facts.successes == rows[i].to.successes,
			"row %zu: %s %d/%d, %s, down after %d, up after %d: %s %d/%d, got %s %d/%d", i,
			server_health_name(rows[i].from.health), rows[i].from.failures,
			rows[i].from.successes, rows[i].good ? "good" : "bad", rows[i].down_after,
			rows[i].up_after, server_health_name(rows[i].to.health), rows[i].to.failures,
			rows[i].to.successes, server_health_name(facts.health), facts.failures,
			facts.successes);
		ok(rows[i].good ? facts.probe_ms == 7 : facts.probe_ms > NOW,
			"… and the next poll is %s", rows[i].good ? "as it was" : "to come");
		ok(facts.has_operator_state && facts.operator_state == SERVER_CORDONED &&
			facts.users == 11 && facts.meetings == 13 && facts.turn >= 0.5 &&
			facts.turn <= 0.5, "… and nothing else is touched");
	}
}

/* Many contacts in a row: "+" a good one, "-" a bad one. */
static void
test_walks(void)
{
	static const struct {
		int down_after, up_after;
		const char *contacts, *healths; /* up, suspect, down after each */
	} rows[] = {
		{1, 1, "-+-+", "dudu"},
		{2, 1, "--+", "sdu"},
		{2, 1, "-+-+-+--", "susususd"},
		{2, 2, "-++--++", "ssusddu"},
		{3, 1, "---+", "ssdu"},
		{3, 1, "--+--+---", "ssussussd"},
		{3, 2, "--+--+---", "ssssssssd"},
		{2, 2, "--+-+-+-++", "sddddddddu"},
		{3, 2, "----+-+-++-", "ssdddddddus"},
		{1, 2, "-+-++", "ddddu"},
		{2, 3, "--++-+++", "sddddddu"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct server_rules rules = {rows[i].down_after, rows[i].up_after, INTERVAL};
		struct server_facts facts = {.health = SERVER_UP};
		char got[32] = "";

		for (size_t k = 0; rows[i].contacts[k] != '\0'; k++) {
			server_contact(&facts, rows[i].contacts[k] == '+', &rules, NOW, k);
			got[k] = server_health_name(facts.health)[0];
		}
		is_str(got, rows[i].healths, "down after %d, up after %d: %s", rows[i].down_after,
			rows[i].up_after, rows[i].contacts);
		ok(!facts.has_operator_state, "… and no operator's state comes from it");
	}
}

static void
test_operator_state(void)
{
	for (int state = SERVER_ENABLED; state <= SERVER_DISABLED; state++) {
		const struct server_rules rules = {2, 2, INTERVAL};
		struct server_facts facts = {.has_operator_state = true,
			.operator_state = (enum server_state)state};
		bool same = true;

		for (int i = 0; i < 8; i++) {
			server_contact(&facts, i >= 4, &rules, NOW, 0);
			same &= facts.has_operator_state && (int)facts.operator_state == state;
		}
		ok(same && facts.health == SERVER_UP, "%s by the operator: down, up, and still so",
			server_state_name((enum server_state)state));
	}
}

/* ---- The next poll ----------------------------------------------------- */

static int64_t
delay_after(int failures, int64_t interval_ms, uint64_t nonce)
{
	const struct server_rules rules = {2, 1, interval_ms};
	struct server_facts facts = {.health = failures > 1 ? SERVER_DOWN : SERVER_UP,
		.failures = failures - 1, .probe_ms = 1};

	server_contact(&facts, false, &rules, NOW, nonce);
	return facts.probe_ms - NOW;
}

static void
test_delay(void)
{
	static const int64_t intervals[] = {1000, 10000, 60000, INT64_C(24) * 3600 * 1000};
	static const int quarters[] = {1, 2, 4, 8, 16, 24, 24, 24, 24};
	static const uint64_t nonces[] = {0, 1, 99, 100, 101, 199, 200, 201, 202, 401, 402,
		UINT64_C(1) << 32, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1, UINT64_MAX - 1, UINT64_MAX};

	for (size_t i = 0; i < COUNT(intervals); i++) {
		for (size_t k = 0; k < COUNT(quarters); k++) {
			int64_t middle = intervals[i] / 4 * quarters[k], least = INT64_MAX, most = 0;
			int outside = 0;

			for (size_t n = 0; n < COUNT(nonces) + 1000; n++) {
				uint64_t nonce = n < COUNT(nonces) ? nonces[n] :
					(n + 1) * UINT64_C(0x9e3779b97f4a7c15);
				int64_t delay = delay_after((int)k + 1, intervals[i], nonce);
				outside += delay < middle - middle / 10 || delay > middle + middle / 10;
				least = delay < least ? delay : least;
				most = delay > most ? delay : most;
			}
			is_int(outside, 0, "every %lld ms, failure %zu: within a tenth of %lld ms",
				(long long)intervals[i], k + 1, (long long)middle);
			ok(least <= middle - middle / 11 && most >= middle + middle / 11,
				"… and spread over it (%lld to %lld)", (long long)least, (long long)most);
		}
	}
	is_int(delay_after(1, 10000, 100), 2500, "the middle of the first");
	is_int(delay_after(1, 10000, 0), 2250, "its beginning");
	is_int(delay_after(1, 10000, 200), 2750, "its end");

	/* Intervals so short that quarters and tenths of them are nothing. */
	for (int64_t interval = 1; interval <= 50; interval++) {
		int bad = 0;
		for (int failures = 1; failures <= 12; failures++)
			for (uint64_t nonce = 0; nonce < 402; nonce++) {
				int64_t delay = delay_after(failures, interval, nonce);
				bad += delay < 0 || delay > 6 * interval + 6 * interval / 10 + 1; /* rounding */
			}
		is_int(bad, 0, "every %d ms: never in the past, never beyond six intervals and a tenth",
			(int)interval);
	}
}

static void
test_delay_in_a_row(void)
{
	const struct server_rules rules = {3, 1, INTERVAL};
	struct server_facts facts = {.health = SERVER_UP};
	int64_t now_ms = NOW, expected = INTERVAL / 4;
	int outside = 0, past = 0;

	for (int i = 0; i < 20; i++) {
		server_contact(&facts, false, &rules, now_ms, 100);
		outside += facts.probe_ms - now_ms != expected;
		past += facts.probe_ms < now_ms;
		now_ms = facts.probe_ms;
		expected = expected * 2 > 6 * INTERVAL ? 6 * INTERVAL : expected * 2;
	}
	is_int(outside, 0, "20 failures: a quarter, doubled each time, six intervals in the end");
	is_int(past, 0, "… and never in the past");
	int64_t probe_ms = facts.probe_ms;
	server_contact(&facts, true, &rules, now_ms, 100);
	is_int(facts.probe_ms, probe_ms, "a good contact leaves the next poll");
	server_contact(&facts, true, &rules, now_ms, 0);
	is_int(facts.probe_ms, probe_ms, "… and the next one, too");
	server_contact(&facts, false, &rules, now_ms, 100);
	is_int(facts.probe_ms - now_ms, INTERVAL / 4, "the next failure begins with a quarter again");
	server_contact(&facts, false, &rules, 5, 100);
	is_int(facts.probe_ms, 5 + INTERVAL / 2, "a clock that was set back counts");
}

static void
test_huge_counts(void)
{
	static const int counts[] = {31, 32, 33, 62, 63, 64, 65, 999999, 1000000, 1000001,
		INT_MAX - 1, INT_MAX};
	const struct server_rules rules = {100, 1, INTERVAL};

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct server_facts facts = {.health = SERVER_DOWN, .failures = counts[i]};

		for (int k = 0; k < 3; k++)
			server_contact(&facts, false, &rules, NOW, 100);
		ok(facts.failures >= 31 && facts.failures >= (counts[i] < 1000000 ? counts[i] : 1000000),
			"%d failures and more: %d", counts[i], facts.failures);
		is_int(facts.health, SERVER_DOWN, "… it is down");
		is_int(facts.probe_ms - NOW, 6 * INTERVAL, "… polled after six intervals");
		server_contact(&facts, true, &rules, NOW, 100);
		ok(facts.failures == 0 && facts.health == SERVER_UP, "… and one good contact ends it");
	}

	struct server_facts facts = {.health = SERVER_UP};
	for (int k = 0; k < 1000100; k++)
		server_contact(&facts, false, &rules, NOW, 100);
	ok(facts.failures >= 1000000 && facts.failures <= 1000100 && facts.health == SERVER_DOWN,
		"a million failures, one by one");
	for (int k = 0; k < 1000; k++)
		server_contact(&facts, true, &rules, NOW, 100);
	ok(facts.failures == 0 && facts.successes == 0 && facts.health == SERVER_UP,
		"a thousand good contacts of one that is up are not counted");
}

/* ---- What may be sent there -------------------------------------------- */

static void
test_use(void)
{
	for (int configured = SERVER_ENABLED; configured <= SERVER_DISABLED; configured++) {
		for (int operator = -1; operator <= SERVER_DISABLED; operator++) {
			for (int health = SERVER_UP; health <= SERVER_DOWN; health++) {
				struct server server = {.name = "a", .state = (enum server_state)configured};
				struct server_facts facts = {.health = (enum server_health)health,
					.has_operator_state = operator >= 0,
					/* Without has_operator_state it means nothing. */
					.operator_state = operator >= 0 ? (enum server_state)operator :
						(enum server_state)((configured + 1) % 3)};
				int counts = operator >= 0 ? operator : configured;

				diag("%s, by the operator: %s, %s",
					server_state_name((enum server_state)configured), operator < 0 ? "-" :
					server_state_name((enum server_state)operator),
					server_health_name((enum server_health)health));
				is_int(server_state_of(&server, &facts), counts, "the state that counts");
				is_int(server_is_usable(&server, &facts),
					counts != SERVER_DISABLED && health != SERVER_DOWN, "… usable");
				is_int(server_takes_meetings(&server, &facts),
					counts == SERVER_ENABLED && health == SERVER_UP, "… takes meetings");
			}
		}
	}
}

static void
test_names(void)
{
	static const char *const states[] = {"enabled", "cordoned", "disabled"};
	static const char *const healths[] = {"up", "suspect", "down"};
	static const char *const wrong[] = {"", "Enabled", "enable", "enabledd", " enabled", "up"};
	enum server_state state;

	for (int i = 0; i < 3; i++) {
		is_str(server_health_name((enum server_health)i), healths[i], "health %d", i);
		is_str(server_state_name((enum server_state)i), states[i], "state %d", i);
		ok(server_state_find(str_from(states[i]), &state) == 0 && (int)state == i,
			"%s is found", states[i]);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		state = SERVER_CORDONED;
		ok(server_state_find(str_from(wrong[i]), &state) == -1 && state == SERVER_CORDONED,
			"\"%s\" is no state", wrong[i]);
	}
}

int
main(void)
{
	test_transitions();
	test_walks();
	test_operator_state();
	test_delay();
	test_delay_in_a_row();
	test_huge_counts();
	test_use();
	test_names();
	return done_testing();
}

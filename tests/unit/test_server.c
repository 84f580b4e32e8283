/*
 * One server: what each contact does to its health, when it is polled next, and what may
 * be sent there.
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

/* ---- Health ------------------------------------------------------------ */

/* A contact as the tables write it: "+" and "-" are polls, "g" and "f" calls. */
static enum contact
contact_of(char letter)
{
	return letter == '+' ? CONTACT_POLL_GOOD :
	    letter == '-'    ? CONTACT_POLL_FAILED :
	    letter == 'g'    ? CONTACT_CALL_GOOD :
	                       CONTACT_CALL_FAILED;
}

struct standing {
	enum server_health health;
	int failures, successes;
	int failing_s; /* for how many seconds the row of failures has lasted */
};

/* One contact each, polls every ten seconds. */
static void
test_transitions(void)
{
	static const struct {
		struct standing from;
		char contact;
		int down_after, up_after;
		struct standing to;
	} rows[] = {
		/* Up: good ones change nothing, whatever the rules. */
		{ { UP, 0, 0, 0 }, '+', 1, 1, { UP, 0, 0, 0 } },
		{ { UP, 0, 0, 0 }, '+', 2, 2, { UP, 0, 0, 0 } },
		{ { UP, 0, 0, 0 }, 'g', 1, 1, { UP, 0, 0, 0 } },
		{ { UP, 0, 0, 0 }, 'g', 2, 2, { UP, 0, 0, 0 } },
		/* Up: the first failure. */
		{ { UP, 0, 0, 0 }, '-', 1, 1, { DOWN, 1, 0, 0 } },
		{ { UP, 0, 0, 0 }, '-', 2, 1, { SUSPECT, 1, 0, 0 } },
		{ { UP, 0, 0, 0 }, '-', 3, 2, { SUSPECT, 1, 0, 0 } },
		{ { UP, 0, 0, 0 }, 'f', 1, 1,
		    { SUSPECT, 0, 0, 0 } }, /* a call alone, never down */
		{ { UP, 0, 0, 0 }, 'f', 2, 1, { SUSPECT, 0, 0, 0 } },
		/* Suspect: further failed polls; how far apart are the first and the last? */
		{ { SUSPECT, 1, 0, 0 }, '-', 2, 1, { SUSPECT, 2, 0, 0 } },
		{ { SUSPECT, 1, 0, 9 }, '-', 2, 1, { SUSPECT, 2, 0, 9 } },
		{ { SUSPECT, 1, 0, 10 }, '-', 2, 1, { DOWN, 2, 0, 10 } },
		{ { SUSPECT, 1, 0, 3600 }, '-', 2, 2, { DOWN, 2, 0, 3600 } },
		{ { SUSPECT, 7, 0, 9 }, '-', 2, 1, { SUSPECT, 8, 0, 9 } },
		{ { SUSPECT, 1, 0, 20 }, '-', 3, 1, { SUSPECT, 2, 0, 20 } },
		{ { SUSPECT, 2, 0, 19 }, '-', 3, 1, { SUSPECT, 3, 0, 19 } },
		{ { SUSPECT, 2, 0, 20 }, '-', 3, 1, { DOWN, 3, 0, 20 } },
		{ { SUSPECT, 1, 0, 0 }, '-', 1, 1,
		    { DOWN, 2, 0, 0 } }, /* down_after was lowered */
		/* A row that began in the future: the clock was set back, it begins now. */
		{ { SUSPECT, 1, 0, -1 }, '-', 2, 1, { SUSPECT, 2, 0, 0 } },
		{ { SUSPECT, 5, 0, -3600 }, '-', 2, 1, { SUSPECT, 6, 0, 0 } },
		{ { SUSPECT, 5, 0, -3600 }, '-', 1, 1, { DOWN, 6, 0, 0 } },
		/* Suspect by a call: the row of polls has not begun. */
		{ { SUSPECT, 0, 0, 3600 }, '-', 2, 1, { SUSPECT, 1, 0, 0 } },
		/* Suspect: calls never take it down, however many fail. */
		{ { SUSPECT, 0, 0, 0 }, 'f', 2, 1, { SUSPECT, 0, 0, 0 } },
		{ { SUSPECT, 1, 0, 10 }, 'f', 2, 1, { SUSPECT, 1, 0, 10 } },
		{ { SUSPECT, 2, 0, 3600 }, 'f', 1, 1, { SUSPECT, 2, 0, 3600 } },
		/* Suspect: good polls. */
		{ { SUSPECT, 1, 0, 0 }, '+', 2, 1, { UP, 0, 0, 0 } },
		{ { SUSPECT, 0, 0, 0 }, '+', 2, 1, { UP, 0, 0, 0 } },
		{ { SUSPECT, 2, 0, 0 }, '+', 3, 2, { SUSPECT, 0, 1, 0 } },
		{ { SUSPECT, 0, 1, 0 }, '+', 3, 2, { UP, 0, 0, 0 } },
		{ { SUSPECT, 0, 1, 0 }, '+', 2, 1, { UP, 0, 0, 0 } }, /* up_after was lowered */
		/* Suspect: a good call shows that it lives, and no more. */
		{ { SUSPECT, 1, 0, 9 }, 'g', 2, 1, { SUSPECT, 0, 0, 9 } },
		{ { SUSPECT, 0, 1, 0 }, 'g', 2, 2, { SUSPECT, 0, 1, 0 } },
		/* Suspect: a failure in between. */
		{ { SUSPECT, 0, 1, 0 }, '-', 3, 2, { SUSPECT, 1, 0, 0 } },
		{ { SUSPECT, 0, 1, 0 }, 'f', 3, 2, { SUSPECT, 0, 0, 0 } },
		/* Down: further failures. */
		{ { DOWN, 1, 0, 0 }, '-', 1, 1, { DOWN, 2, 0, 0 } },
		{ { DOWN, 3, 0, 30 }, '-', 3, 2, { DOWN, 4, 0, 30 } },
		{ { DOWN, 1, 0, 0 }, '-', 3, 1, { DOWN, 2, 0, 0 } }, /* down_after was raised */
		{ { DOWN, 3, 0, 30 }, 'f', 3, 2, { DOWN, 3, 0, 30 } },
		{ { DOWN, 3, 0, -30 }, '-', 3, 2, { DOWN, 4, 0, 0 } },
		/* Down: good polls. */
		{ { DOWN, 2, 0, 0 }, '+', 2, 1, { UP, 0, 0, 0 } },
		{ { DOWN, 9, 0, 0 }, '+', 3, 2, { DOWN, 0, 1, 0 } },
		{ { DOWN, 0, 1, 0 }, '+', 3, 2, { UP, 0, 0, 0 } },
		/* Down: the end of a call that was under way is nothing. */
		{ { DOWN, 2, 0, 10 }, 'g', 2, 1, { DOWN, 2, 0, 10 } },
		/* Down: a failure in between does not make it merely suspect. */
		{ { DOWN, 0, 1, 0 }, '-', 3, 2, { DOWN, 1, 0, 0 } },
		{ { DOWN, 0, 1, 0 }, 'f', 3, 2, { DOWN, 0, 0, 0 } },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct server_rules rules = { rows[i].down_after, rows[i].up_after,
			INTERVAL };
		struct server_facts facts = {
			.health = rows[i].from.health,
			.has_operator_state = true,
			.operator_state = SERVER_CORDONED,
			.failures = rows[i].from.failures,
			.successes = rows[i].from.successes,
			.failing_ms = NOW - rows[i].from.failing_s * INT64_C(1000),
			.told_ms = 1,
			.polled_ms = 2,
			.good_ms = 3,
			.since_ms = 4,
			.back_ms = 5,
			.next_poll_ms = 7,
			.create_failures = 8,
			.create_failed = 9,
			.held_ms = 10,
			.users = 11,
			.meetings = 13,
			.reserved = 14,
			.reserved_ms = 15,
			.turn = 0.5,
			.secret_at = 6,
			.release = "3.0.7",
			.release_ms = 16,
		};
		const struct server_facts before = facts;
		char letter = rows[i].contact;
		bool is_poll = letter == '+' || letter == '-';
		bool is_told = is_poll || (letter == 'f' && rows[i].from.health == UP);
		bool is_back = rows[i].from.health == DOWN && rows[i].to.health == UP;

		bool changed = server_contact(&facts, contact_of(letter), &rules, NOW, i);
		ok(facts.health == rows[i].to.health && facts.failures == rows[i].to.failures &&
		        facts.successes == rows[i].to.successes,
		    "row %zu: %s %d/%d for %d s, %c, down after %d, up after %d: %s %d/%d, got "
		    "%s %d/%d",
		    i, server_health_name(rows[i].from.health), rows[i].from.failures,
		    rows[i].from.successes, rows[i].from.failing_s, letter, rows[i].down_after,
		    rows[i].up_after, server_health_name(rows[i].to.health),
		    rows[i].to.failures, rows[i].to.successes, server_health_name(facts.health),
		    facts.failures, facts.successes);
		ok(facts.failures == 0 || facts.failing_ms == NOW - rows[i].to.failing_s * 1000,
		    "… and when the row began");
		if (letter == '+')
			is_int(facts.next_poll_ms, NOW + INTERVAL,
			    "… polled after the interval");
		else
			ok(is_told ? facts.next_poll_ms > NOW : facts.next_poll_ms == 7,
			    "… and the next poll");
		is_int(facts.told_ms, is_told ? NOW : 1, "… when it told");
		is_int(facts.polled_ms, is_poll ? NOW : 2, "… was polled");
		is_int(facts.good_ms, letter == '+' ? NOW : 3, "… and well");
		ok(facts.since_ms == (is_back ? NOW : 4) &&
		        facts.back_ms == (is_back ? NOW : 5),
		    "… since when it is in use");
		is_int(changed, is_poll || memcmp(&facts, &before, sizeof(facts)) != 0,
		    "… and whether anything changed");
		ok(facts.has_operator_state && facts.operator_state == SERVER_CORDONED &&
		        facts.users == 11 && facts.meetings == 13 && facts.reserved >= 14 &&
		        facts.reserved <= 14 && facts.reserved_ms == 15 && facts.turn >= 0.5 &&
		        facts.turn <= 0.5 && facts.create_failures == 8 &&
		        facts.create_failed == 9 && facts.held_ms == 10 &&
		        facts.secret_at == 6 && strcmp(facts.release, "3.0.7") == 0 &&
		        facts.release_ms == 16,
		    "… and nothing else is touched");
	}
}

/* Many contacts in a row, each so many seconds after the one before. */
static void
test_walks(void)
{
	static const struct {
		int down_after, up_after;
		const char *contacts, *healths; /* up, suspect, down after each */
		int seconds[12];
		const char *what;
	} rows[] = {
		{ 2, 1, "ffffffff", "ssssssss", { 0, 0, 0, 0, 60, 60, 60, 60 }, "calls alone" },
		{ 2, 1, "ff+", "ssu", { 0, 0, 1 }, "a web server's reload" },
		{ 2, 1, "-f-f-", "sssss", { 0, 0, 2, 0, 3 }, "half a minute it is not" },
		{ 2, 1, "----", "sssd", { 0, 2, 5, 3 },
		    "polls that come sooner while in doubt" },
		{ 2, 1, "-g---", "ssssd", { 0, 5, 5, 5, 5 }, "alive in between" },
		{ 2, 1, "-+-+-+--", "susususd", { 0, 10, 10, 10, 10, 10, 10, 10 },
		    "every other poll" },
		{ 2, 2, "-++--++", "ssusddu", { 0, 10, 10, 10, 10, 10, 10 }, "up after two" },
		{ 3, 1, "---+", "ssdu", { 0, 10, 10, 10 }, "down after three" },
		{ 3, 2, "--+--+---", "ssssssssd", { 0, 9, 9, 9, 9, 9, 10, 10, 10 },
		    "never three" },
		{ 1, 2, "-+-++", "ddddu", { 0, 1, 1, 1, 1 }, "down at once" },
		{ 1, 1, "fff-", "sssd", { 0, 1, 1, 1 }, "down at once, but not by calls" },
		{ 2, 1, "---", "sss", { 0, 9, -3600 }, "the clock is set back" },
		{ 2, 1, "----", "sssd", { 0, 9, -3600, 10 }, "… and goes on" },
		{ 2, 3, "--++-+++", "sddddddu", { 0, 10, 1, 1, 1, 1, 1, 1 }, "up after three" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct server_rules rules = { rows[i].down_after, rows[i].up_after,
			INTERVAL };
		struct server_facts facts = { .health = SERVER_UP };
		int64_t now_ms = NOW;
		char got[32] = "";

		for (size_t k = 0; rows[i].contacts[k] != '\0'; k++) {
			now_ms += rows[i].seconds[k] * INT64_C(1000);
			server_contact(&facts, contact_of(rows[i].contacts[k]), &rules, now_ms,
			    k);
			got[k] = server_health_name(facts.health)[0];
		}
		is_str(got, rows[i].healths, "%s: down after %d, up after %d: %s", rows[i].what,
		    rows[i].down_after, rows[i].up_after, rows[i].contacts);
		ok(!facts.has_operator_state, "… and no operator's state comes from it");
	}
}

static void
test_operator_state(void)
{
	for (int state = SERVER_ENABLED; state <= SERVER_DISABLED; state++) {
		const struct server_rules rules = { 2, 2, INTERVAL };
		struct server_facts facts = {
			.has_operator_state = true,
			.operator_state = (enum server_state)state,
		};
		bool same = true;

		for (int i = 0; i < 8; i++) {
			server_contact(&facts, contact_of("-f-g-f++"[i]), &rules,
			    NOW + i * INTERVAL, 0);
			same &= facts.has_operator_state && (int)facts.operator_state == state;
		}
		ok(same && facts.health == SERVER_UP,
		    "%s by the operator: down, up, and still so",
		    server_state_name((enum server_state)state));
	}
}

/* A server is in use since its first good poll, or since it came back from being down. */
static void
test_since(void)
{
	const struct server_rules rules = { 2, 1, INTERVAL };
	struct server_facts facts = { .health = UP };

	server_contact(&facts, CONTACT_CALL_GOOD, &rules, NOW - 3000, 0);
	server_contact(&facts, CONTACT_POLL_FAILED, &rules, NOW - 2000, 0);
	is_int(facts.since_ms, 0, "one that was never polled well is not in use");
	server_contact(&facts, CONTACT_POLL_GOOD, &rules, NOW - 1000, 0);
	ok(facts.since_ms == NOW - 1000 && facts.back_ms == 0,
	    "it is since then, and never was down");
	facts = (struct server_facts){ .health = DOWN };
	server_contact(&facts, CONTACT_POLL_GOOD, &rules, NOW - 1000, 0);
	ok(facts.since_ms == NOW - 1000 && facts.back_ms == NOW - 1000,
	    "one that was down before it was ever up is back, too");

	facts = (struct server_facts){ .health = SUSPECT, .since_ms = 5 };

	server_contact(&facts, CONTACT_POLL_GOOD, &rules, NOW, 0);
	is_int(facts.since_ms, 5, "one that was suspect has been in use all the while");
	facts.health = DOWN;
	server_contact(&facts, CONTACT_CALL_GOOD, &rules, NOW, 0);
	is_int(facts.since_ms, 5, "a call does not bring one back that is down");
	server_contact(&facts, CONTACT_POLL_GOOD, &rules, NOW, 0);
	is_int(facts.since_ms, NOW, "a good poll does");
}

/* ---- The next poll ----------------------------------------------------- */

/* How long after that failed poll of a server that is down the next one comes. */
static int64_t
delay_after(int failures, int64_t interval_ms, uint64_t nonce)
{
	const struct server_rules rules = { 2, 1, interval_ms };
	struct server_facts facts = {
		.health = SERVER_DOWN,
		.failures = failures - 1,
		.failing_ms = 1,
		.next_poll_ms = 1,
	};

	server_contact(&facts, CONTACT_POLL_FAILED, &rules, NOW, nonce);
	return facts.next_poll_ms - NOW;
}

static void
test_delay(void)
{
	static const int64_t intervals[] = { 1000, 10000, 60000, INT64_C(24) * 3600 * 1000 };
	static const int quarters[] = { 1, 2, 4, 8, 16, 20, 20, 20, 20 };
	static const uint64_t nonces[] = { 0, 1, 99, 100, 101, 199, 200, 201, 202, 401, 402,
		UINT64_C(1) << 32, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1, UINT64_MAX - 1,
		UINT64_MAX };

	for (size_t i = 0; i < COUNT(intervals); i++) {
		for (size_t k = 0; k < COUNT(quarters); k++) {
			int64_t middle = intervals[i] / 4 * quarters[k], least = INT64_MAX,
			        most = 0;
			int outside = 0;

			for (size_t n = 0; n < COUNT(nonces) + 1000; n++) {
				uint64_t nonce = n < COUNT(nonces) ?
				    nonces[n] :
				    (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
				int64_t delay = delay_after((int)k + 1, intervals[i], nonce);
				outside += delay < middle - middle / 10 ||
				    delay > middle + middle / 10;
				least = delay < least ? delay : least;
				most = delay > most ? delay : most;
			}
			is_int(outside, 0,
			    "every %lld ms, failure %zu: within a tenth of %lld ms",
			    (long long)intervals[i], k + 1, (long long)middle);
			ok(least <= middle - middle / 11 && most >= middle + middle / 11,
			    "… and spread over it (%lld to %lld)", (long long)least,
			    (long long)most);
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
				bad += delay < 0 ||
				    delay > 5 * interval + 5 * interval / 10 + 1; /* rounding */
			}
		is_int(bad, 0,
		    "every %d ms: never in the past, never beyond five intervals and a tenth",
		    (int)interval);
	}
}

/* A server fails from one moment on, and is polled when its facts say so. */
static void
test_delay_in_a_row(void)
{
	static const struct {
		int down_after;
		int polls,
		    last_ms; /* when it is down: so many failed polls, the last so late */
	} rows[] = {
		{ 1, 1, 0 },
		{ 2, 4, 10000 },
		{ 3, 5, 20000 },
		{ 4, 5, 30000 },
		{ 5, 6, 40000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct server_rules rules = { rows[i].down_after, 1, INTERVAL };
		struct server_facts facts = { .health = SERVER_UP };
		int64_t now_ms = NOW;

		server_contact(&facts, CONTACT_POLL_FAILED, &rules, now_ms, 100);
		int polls = 1;
		while (facts.health != DOWN && polls++ < 50) {
			now_ms = facts.next_poll_ms;
			server_contact(&facts, CONTACT_POLL_FAILED, &rules, now_ms, 100);
		}
		is_int(polls, rows[i].polls, "down after %d: polls that fail until then",
		    rows[i].down_after);
		is_int(now_ms - NOW, rows[i].last_ms, "… in the shortest time that is sure");
	}

	const struct server_rules rules = { 2, 1, INTERVAL };
	struct server_facts facts = { .health = SERVER_DOWN, .failing_ms = 1 };
	int64_t now_ms = NOW, expected = INTERVAL / 4;
	int outside = 0, past = 0;

	for (int i = 0; i < 20; i++) {
		server_contact(&facts, CONTACT_POLL_FAILED, &rules, now_ms, 100);
		outside += facts.next_poll_ms - now_ms != expected;
		past += facts.next_poll_ms < now_ms;
		now_ms = facts.next_poll_ms;
		expected = expected * 2 > 5 * INTERVAL ? 5 * INTERVAL : expected * 2;
	}
	is_int(outside, 0,
	    "20 failures: a quarter, doubled each time, five intervals in the end");
	is_int(past, 0, "… and never in the past");
	server_contact(&facts, CONTACT_POLL_GOOD, &rules, now_ms, 100);
	is_int(facts.next_poll_ms - now_ms, INTERVAL, "after a good poll the next is regular");
	server_contact(&facts, CONTACT_POLL_FAILED, &rules, now_ms, 100);
	is_int(facts.next_poll_ms - now_ms, INTERVAL / 4,
	    "the next failure begins with a quarter again");
	server_contact(&facts, CONTACT_POLL_FAILED, &rules, 5, 100);
	is_int(facts.next_poll_ms, 5 + INTERVAL / 2, "a clock that was set back counts");
	facts = (struct server_facts){ .health = SERVER_UP };
	server_contact(&facts, CONTACT_CALL_FAILED, &rules, NOW, 100);
	is_int(facts.next_poll_ms - NOW, INTERVAL / 4,
	    "after a failed call the poll comes soon");
	server_contact(&facts, CONTACT_CALL_FAILED, &rules, NOW + 2000, 100);
	is_int(facts.next_poll_ms - NOW, INTERVAL / 4, "… and further ones do not put it off");
}

static void
test_huge_counts(void)
{
	static const int counts[] = { 31, 32, 33, 62, 63, 64, 65, 999999, 1000000, 1000001,
		INT_MAX - 1, INT_MAX };
	const struct server_rules rules = { 100, 1, INTERVAL };

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct server_facts facts = { .health = SERVER_DOWN, .failures = counts[i] };

		for (int k = 0; k < 3; k++)
			server_contact(&facts, CONTACT_POLL_FAILED, &rules, NOW, 100);
		ok(facts.failures >= 31 &&
		        facts.failures >= (counts[i] < 1000000 ? counts[i] : 1000000),
		    "%d failures and more: %d", counts[i], facts.failures);
		is_int(facts.health, SERVER_DOWN, "… it is down");
		is_int(facts.next_poll_ms - NOW, 5 * INTERVAL, "… polled after five intervals");
		server_contact(&facts, CONTACT_POLL_GOOD, &rules, NOW, 100);
		ok(facts.failures == 0 && facts.health == SERVER_UP,
		    "… and one good poll ends it");
	}

	struct server_facts facts = { .health = SERVER_UP };
	for (int k = 0; k < 1000100; k++)
		server_contact(&facts, CONTACT_POLL_FAILED, &rules, NOW + k * INTERVAL, 100);
	ok(facts.failures >= 1000000 && facts.failures <= 1000100 &&
	        facts.health == SERVER_DOWN,
	    "a million failures, one by one");
	for (int k = 0; k < 1000; k++)
		server_contact(&facts, CONTACT_POLL_GOOD, &rules, NOW, 100);
	ok(facts.failures == 0 && facts.successes == 0 && facts.health == SERVER_UP,
	    "a thousand good polls of one that is up are not counted");
}

/* ---- What may be sent there -------------------------------------------- */

static void
test_use(void)
{
	for (int configured = SERVER_ENABLED; configured <= SERVER_DISABLED; configured++) {
		for (int operator= - 1; operator<= SERVER_DISABLED; operator++) {
			for (int health = SERVER_UP; health <= SERVER_DOWN; health++) {
				struct server server = {
					.name = "a",
					.state = (enum server_state)configured,
				};
				struct server_facts facts = {
					.health = (enum server_health)health,
					.has_operator_state = operator>= 0,
					/* Without has_operator_state it means nothing. */
					.operator_state = operator>= 0 ?
					(enum server_state)
					operator: (enum server_state)((configured + 1) % 3), };
				int counts = operator>= 0 ? operator: configured;

				diag("%s, by the operator: %s, %s",
				    server_state_name((enum server_state)configured),
				    operator<0 ?
				        "-" :
				        server_state_name((enum server_state) operator),
				    server_health_name((enum server_health)health));
				is_int(server_state_of(&server, &facts), counts,
				    "the state that counts");
				is_int(server_is_usable(&server, &facts),
				    counts != SERVER_DISABLED && health != SERVER_DOWN,
				    "… usable");
				is_int(server_takes_meetings(&server, &facts),
				    counts == SERVER_ENABLED && health != SERVER_DOWN,
				    "… takes meetings");
			}
		}
	}
}

static void
test_names(void)
{
	static const char *const states[] = { "enabled", "cordoned", "disabled" };
	static const char *const healths[] = { "up", "suspect", "down" };
	static const char *const wrong[] = { "", "Enabled", "enable", "enabledd", " enabled",
		"up" };
	enum server_state state;

	for (int i = 0; i < 3; i++) {
		is_str(server_health_name((enum server_health)i), healths[i], "health %d", i);
		is_str(server_state_name((enum server_state)i), states[i], "state %d", i);
		ok(server_state_find(str_from(states[i]), &state) == 0 && (int)state == i,
		    "%s is found", states[i]);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		state = SERVER_CORDONED;
		ok(server_state_find(str_from(wrong[i]), &state) == -1 &&
		        state == SERVER_CORDONED,
		    "\"%s\" is no state", wrong[i]);
	}
}

int
main(void)
{
	test_transitions();
	test_walks();
	test_operator_state();
	test_since();
	test_delay();
	test_delay_in_a_row();
	test_huge_counts();
	test_use();
	test_names();
	return done_testing();
}

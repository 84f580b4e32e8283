/*
 * What a poll does to the mappings of its server: which meetings are found, counted and
 * gone, each rule and its edges in time.
 */
#include "model/reconcile.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1700000000000)
#define ASKED (NOW - 300)
#define TIMEOUT INT64_C(60000)
#define INTERVAL INT64_C(10000)
#define SPARE MEETING_CREATE_SPARE_MS
#define HOUR (INT64_C(3600) * 1000)
#define LONG_AGO (NOW - 5 * HOUR)

static const struct reconcile_rules rules = { TIMEOUT, INTERVAL };
static struct arena *arena;

static struct reconcile_poll
poll_of(const struct polled *meetings, size_t n)
{
	return (struct reconcile_poll){ "a", meetings, n, true, ASKED, NOW };
}

static size_t
run(const struct reconcile_poll *poll, const struct mapped *mapped, size_t n,
    struct reconcile_change **changes)
{
	return reconcile(arena, poll, mapped, n, &rules, changes);
}

/* ---- A mapping whose meeting the poll does not show ------------------------------- */

/* What comes of one mapping: "stays" or "gone". */
static const char *
fate(const struct meeting *meeting, bool is_complete, const struct polled *shown, size_t n)
{
	struct mapped mapped = { STR("m"), *meeting };
	struct reconcile_poll poll = poll_of(shown, n);

	poll.is_complete = is_complete;
	struct reconcile_change *changes = NULL;
	for (size_t i = 0, k = run(&poll, &mapped, 1, &changes); i < k; i++)
		if (str_is(changes[i].meeting_id, "m"))
			return changes[i].reason == RECONCILE_GONE && !changes[i].to &&
			        changes[i].from == &mapped.meeting ?
			    "gone" :
			    "changed";
	return "stays";
}

static void
test_not_shown(void)
{
	static const struct {
		int64_t create_ms, seen_ms;
		bool is_ending;
		const char *fate;
		const char *what;
	} rows[] = {
		/* Seen by a poll: it ended. */
		{ LONG_AGO, NOW - INTERVAL, false, "gone", "seen at the last poll" },
		{ LONG_AGO, NOW - 2 * HOUR, false, "gone", "seen hours ago" },
		{ NOW - 30000, NOW - INTERVAL, false, "gone", "made and seen this minute" },
		/* Never seen: its create may be under way. */
		{ NOW - 30000, 0, false, "stays", "made half a minute ago, not yet seen" },
		{ NOW - TIMEOUT, 0, false, "stays", "as long ago as a create may last" },
		{ NOW - TIMEOUT - INTERVAL + 1, 0, false, "stays",
		    "and one interval, just so" },
		{ NOW - TIMEOUT - INTERVAL, 0, false, "gone", "and one interval" },
		{ LONG_AGO, 0, false, "gone", "never seen in hours" },
		/* A create after the question, or just before it: the list cannot show it. */
		{ ASKED, NOW - INTERVAL, false, "stays", "created again with the question" },
		{ ASKED + 1, NOW - INTERVAL, false, "stays", "created again after it" },
		{ NOW + 200, NOW - INTERVAL, false, "stays", "by a request that is younger" },
		{ ASKED - 1, NOW - INTERVAL, false, "stays", "created again just before it" },
		{ ASKED - SPARE + 1, NOW - INTERVAL, false, "stays", "seconds before it" },
		{ ASKED - SPARE, NOW - INTERVAL, false, "gone", "too many seconds before it" },
		{ ASKED - SPARE - 1, NOW - INTERVAL, false, "gone", "and one more" },
		/* Another than a poll saw it after the question. */
		{ LONG_AGO, ASKED + 1, false, "stays", "seen since the question" },
		{ LONG_AGO, ASKED, false, "gone", "seen by an equal question" },
		{ LONG_AGO, NOW + TIMEOUT, false, "stays",
		    "seen by a request that is younger" },
		{ LONG_AGO, NOW + TIMEOUT + 1, false, "gone", "seen in the future" },
		{ LONG_AGO, ASKED + 1, true, "gone", "seen since the question, and ended" },
		/* An end succeeded. */
		{ LONG_AGO, NOW - INTERVAL, true, "gone", "ended" },
		{ NOW - 30000, 0, true, "gone", "ended before a poll has seen it" },
		{ ASKED - 1, 0, true, "gone", "made, and ended, just before the question" },
		{ ASKED - 1, NOW - INTERVAL, true, "gone", "created again, and ended" },
		{ ASKED, 0, true, "stays", "made and ended since the question" },
		{ NOW, NOW - INTERVAL, true, "stays", "created again since the question" },
		/* The clock was set back. */
		{ NOW + TIMEOUT, NOW - INTERVAL, false, "stays", "as far ahead as may be" },
		{ NOW + TIMEOUT + 1, NOW - INTERVAL, false, "gone", "made in the future" },
		{ NOW + HOUR, NOW + HOUR, false, "gone", "made and seen in the future" },
		{ NOW + HOUR, 0, false, "gone", "made in the future, never seen" },
		{ NOW + TIMEOUT + 1, 0, true, "gone", "made in the future, and ended" },
	};
	static const struct polled others[] = {
		{ STR("l"), 5, false },
		{ STR("n"), 5, false },
		{ STR("mm"), 5, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meeting meeting = {
			.server = "a",
			.version = 3,
			.claimed_ms = LONG_AGO,
			.create_ms = rows[i].create_ms,
			.seen_ms = rows[i].seen_ms,
			.is_ending = rows[i].is_ending,
		};

		is_str(fate(&meeting, true, NULL, 0), rows[i].fate, "not shown: %s",
		    rows[i].what);
		is_str(fate(&meeting, true, others, COUNT(others)), rows[i].fate,
		    "… among others");
		is_str(fate(&meeting, false, others, COUNT(others)), "stays",
		    "… in a list that is not complete");
	}
}

/* The poll took long: what counts is when it was asked. */
static void
test_long_poll(void)
{
	struct meeting meeting = { .server = "a", .seen_ms = NOW - 3 * INTERVAL };
	struct mapped mapped = { STR("m"), meeting };

	mapped.meeting.create_ms = NOW - 20000;
	struct reconcile_poll poll = { "a", NULL, 0, true, NOW - 20000, NOW };
	struct reconcile_change *changes;
	is_int(run(&poll, &mapped, 1, &changes), 0,
	    "asked 20 s ago: a meeting that was created again then stays");
	mapped.meeting.create_ms = NOW - 20000 - SPARE;
	is_int(run(&poll, &mapped, 1, &changes), 1, "… one of before goes");
	poll.asked_ms = NOW;
	mapped.meeting.create_ms = NOW;
	is_int(run(&poll, &mapped, 1, &changes), 0, "asked now: one of now stays");
}

/* ---- A mapping whose meeting the poll shows ---------------------------------------- */

static void
test_shown(void)
{
	static const struct {
		struct meeting from;
		long users;
		bool is_room;
		bool changes;
		long peak; /* then */
		const char *what;
	} rows[] = {
		{ { .seen_ms = NOW - INTERVAL, .users = 7, .peak = 9 }, 7, false, false, 9,
		    "the same people as before" },
		{ { .seen_ms = NOW - HOUR + 1, .users = 7, .peak = 9 }, 7, false, false, 9,
		    "nearly an hour long" },
		{ { .seen_ms = NOW, .users = 0, .peak = 0 }, 0, false, false, 0,
		    "nobody, as just now" },
		{ { .seen_ms = NOW - HOUR, .users = 7, .peak = 9 }, 7, false, true, 9,
		    "for an hour" },
		{ { .seen_ms = LONG_AGO, .users = 7, .peak = 9 }, 7, false, true, 9,
		    "for longer" },
		{ { .seen_ms = 0, .users = 0 }, 0, false, true, 0, "for the first time" },
		{ { .seen_ms = NOW - INTERVAL, .users = 7, .peak = 9 }, 8, false, true, 9,
		    "one has come" },
		{ { .seen_ms = NOW - INTERVAL, .users = 7, .peak = 9 }, 12, false, true, 12,
		    "more than ever are there" },
		{ { .seen_ms = NOW - INTERVAL, .users = 7, .peak = 9 }, 0, false, true, 9,
		    "all have left" },
		{ { .seen_ms = NOW + 1, .users = 7, .peak = 9 }, 7, false, true, 9,
		    "seen in the future: the clock was set back" },
		{ { .seen_ms = NOW + HOUR, .users = 7, .peak = 9 }, 7, false, true, 9,
		    "seen far in the future" },
		{ { .seen_ms = NOW - INTERVAL, .users = 7, .peak = 3 }, 5, false, true, 5,
		    "more than the most" },
		{ { .seen_ms = NOW - INTERVAL, .users = 3, .peak = 3 }, 4, true, true, 4,
		    "a room that is mapped" },
		{ { .seen_ms = NOW - INTERVAL, .users = 3, .peak = 3 }, 3, true, false, 3,
		    "a room that is mapped, as before" },
		{ { .seen_ms = NOW - INTERVAL, .users = 3, .peak = 3, .is_ending = true }, 3,
		    false, false, 3, "one that was ended, and runs yet" },
		{ { .seen_ms = 0, .users = 0, .is_ending = true }, 2, false, true, 2,
		    "one that was ended, seen for the first time" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int complete = 0; complete < 2; complete++) {
			struct polled shown = { STR("m"), rows[i].users, rows[i].is_room };
			struct mapped mapped = { STR("m"), rows[i].from };
			struct reconcile_poll poll = poll_of(&shown, 1);

			poll.is_complete = complete;
			mapped.meeting.server = "a";
			mapped.meeting.version = 4;
			mapped.meeting.claimed_ms = 11;
			mapped.meeting.create_ms = 12;
			mapped.meeting.seats = 13;
			mapped.meeting.copy = "b";
			struct reconcile_change *changes;
			size_t n = run(&poll, &mapped, 1, &changes);
			is_int(n, rows[i].changes, "shown: %s (complete: %d)", rows[i].what,
			    complete);
			if (n == 0)
				continue;
			const struct meeting *to = changes->to;
			ok(changes->reason == RECONCILE_COUNTED &&
			        str_is(changes->meeting_id, "m") &&
			        changes->from == &mapped.meeting,
			    "… is counted");
			ok(to && to->seen_ms == NOW && to->users == rows[i].users,
			    "… with the people of now");
			is_int(to->peak, rows[i].peak, "… and the most of all times");
			ok(strcmp(to->server, "a") == 0 && to->claimed_ms == 11 &&
			        to->create_ms == 12 && to->seats == 13 &&
			        strcmp(to->copy, "b") == 0 &&
			        to->is_ending == rows[i].from.is_ending,
			    "… and all else as it was");
		}
	}
}

/* ---- What is not mapped --------------------------------------------------------------- */

static void
test_found(void)
{
	static const struct {
		struct polled shown;
		bool is_found;
		const char *what;
	} rows[] = {
		{ { STR("m"), 5, false }, true, "a meeting with people" },
		{ { STR("m"), 0, false }, true, "an empty one" },
		{ { STR(""), 1, false }, true, "one without an ID to speak of" },
		{ { STR("m\0x"), 1, false }, true, "one with a NUL in its ID" },
		{ { STR("room"), 5, true }, false, "a breakout room" },
		{ { STR("other room"), 0, true }, false, "an empty one" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int complete = 0; complete < 2; complete++) {
			struct reconcile_poll poll = poll_of(&rows[i].shown, 1);

			poll.is_complete = complete;
			struct reconcile_change *changes;
			size_t n = run(&poll, NULL, 0, &changes);
			is_int(n, rows[i].is_found, "not mapped: %s (complete: %d)",
			    rows[i].what, complete);
			if (n == 0)
				continue;
			const struct meeting *to = changes->to;
			ok(changes->reason == RECONCILE_FOUND && !changes->from &&
			        str_equal(changes->meeting_id, rows[i].shown.meeting_id),
			    "… is found");
			ok(to && strcmp(to->server, "a") == 0 && to->claimed_ms == NOW &&
			        to->create_ms == NOW && to->seen_ms == NOW &&
			        to->users == rows[i].shown.users &&
			        to->peak == rows[i].shown.users && to->seats == 0 &&
			        !to->is_ending && (!to->copy || to->copy[0] == '\0'),
			    "… and mapped as of now, with who is there and no seats");
		}
	}
}

/* ---- Lists ----------------------------------------------------------------------------- */

/* The changes as a text: "+m" found, "=m" counted, "-m" gone. */
static const char *
text_of(const struct reconcile_change *changes, size_t n)
{
	const char *text = "";

	for (size_t i = 0; i < n; i++)
		text = str_printf(arena, "%s%s%c%.*s", text, i > 0 ? " " : "",
		    changes[i].reason == RECONCILE_FOUND ?
		        '+' :
		        changes[i].reason == RECONCILE_COUNTED ?
		        '=' :
		        '-',
		    STR_ARG(changes[i].meeting_id));
	return text;
}

static void
test_lists(void)
{
	static const struct meeting seen = {
		.server = "a",
		.seen_ms = NOW - INTERVAL,
		.users = 1,
	};
	static const struct meeting fresh = { .server = "a", .create_ms = NOW - 1000 };
	const struct mapped mapped[] = {
		{ STR("kept"), seen },
		{ STR("ended"), seen },
		{ STR("fresh"), fresh },
		{ STR("counted"), seen },
		{ STR("also ended"), seen },
		{ STR("mapped room"), seen },
	};
	static const struct polled shown[] = {
		{ STR("new"), 3, false },
		{ STR("counted"), 2, false },
		{ STR("room"), 1, true },
		{ STR("kept"), 1, false },
		{ STR("mapped room"), 1, true },
		{ STR("another"), 0, false },
	};
	struct reconcile_poll poll = poll_of(shown, COUNT(shown));
	struct reconcile_change *changes;

	size_t n = run(&poll, mapped, COUNT(mapped), &changes);
	is_str(text_of(changes, n), "-ended =counted -also ended +another +new", "all at once");
	poll.is_complete = false;
	n = run(&poll, mapped, COUNT(mapped), &changes);
	is_str(text_of(changes, n), "=counted +another +new",
	    "… of a list that is not complete");
	poll = poll_of(NULL, 0);
	n = run(&poll, mapped, COUNT(mapped), &changes);
	is_str(text_of(changes, n), "-kept -ended -counted -also ended -mapped room",
	    "… of an empty list");
	poll.is_complete = false;
	is_int(run(&poll, mapped, COUNT(mapped), &changes), 0, "… that is not complete");
	is_int(run(&poll, NULL, 0, &changes), 0, "nothing is mapped, nothing runs");
}

/* A meeting that is listed twice is one; the first counts. */
static void
test_duplicates(void)
{
	static const struct meeting seen = {
		.server = "a",
		.seen_ms = NOW - INTERVAL,
		.users = 4,
	};
	static const struct {
		struct polled shown[4];
		bool is_mapped;
		const char *changes;
		long users;
		const char *what;
	} rows[] = {
		{ { { STR("m"), 4, false }, { STR("m"), 4, false }, { STR("m"), 4, false },
		      { STR("m"), 4, false } },
		    true, "", 0, "four times as it was" },
		{ { { STR("m"), 5, false }, { STR("m"), 4, false }, { STR("m"), 9, false },
		      { STR("m"), 0, false } },
		    true, "=m", 5, "four times with other people" },
		{ { { STR("m"), 5, false }, { STR("m"), 4, false }, { STR("m"), 9, false },
		      { STR("m"), 0, false } },
		    false, "+m", 5, "not mapped" },
		{ { { STR("x"), 1, false }, { STR("m"), 7, false }, { STR("x"), 2, false },
		      { STR("m"), 8, false } },
		    false, "+m +x", 7, "two, by turns" },
		{ { { STR("m"), 7, false }, { STR("m"), 8, true }, { STR("m"), 8, true },
		      { STR("m"), 8, true } },
		    false, "+m", 7, "a meeting, and then a room" },
		{ { { STR("m"), 8, true }, { STR("m"), 7, false }, { STR("m"), 7, false },
		      { STR("m"), 7, false } },
		    false, "", 0, "a room, and then a meeting" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mapped mapped = { STR("m"), seen };
		struct reconcile_poll poll = poll_of(rows[i].shown, 4);
		struct reconcile_change *changes;
		size_t n = run(&poll, &mapped, rows[i].is_mapped, &changes);

		is_str(text_of(changes, n), rows[i].changes, "listed more than once: %s",
		    rows[i].what);
		if (n > 0)
			is_int(changes->to->users, rows[i].users,
			    "… with the people of the first");
	}
}

/* IDs that are alike, and many of them. */
static void
test_many(void)
{
	enum { MANY = 3000 };
	struct polled *shown = arena_alloc(arena, MANY * sizeof(*shown));
	struct mapped *mapped = arena_alloc(arena, MANY * sizeof(*mapped));

	/* 0 to 1999 are mapped, 1000 to 2999 run; every tenth of them has other people. */
	for (int i = 0; i < MANY; i++) {
		int k = (int)(i * INT64_C(7919) % MANY);

		shown[i] = (struct polled){ str_from(str_printf(arena, "m%d", k + 1000)),
			k % 10 == 0, false };
		mapped[i] = (struct mapped){ str_from(str_printf(arena, "m%d", i)),
			{ .server = "a", .seen_ms = ASKED - 1 } };
	}
	struct reconcile_poll poll = poll_of(shown, MANY);
	struct reconcile_change *changes;
	size_t n = run(&poll, mapped, 2000, &changes);
	size_t counts[3] = { 0 }, wrong = 0;
	for (size_t i = 0; i < n; i++) {
		counts[changes[i].reason]++;
		int64_t id = -1;
		str_to_int(str_part(changes[i].meeting_id, 1, 9), 0, 9999, &id);
		wrong += changes[i].reason == RECONCILE_FOUND ?
		    id < 2000 :
		    changes[i].reason == RECONCILE_GONE ?
		    id >= 1000 :
		    id < 1000 || id >= 2000 || id % 10;
	}
	is_int(counts[RECONCILE_FOUND], 2000, "many: as many are found");
	is_int(counts[RECONCILE_COUNTED], 100, "… counted");
	is_int(counts[RECONCILE_GONE], 1000, "… and gone");
	is_int(wrong, 0, "… as should be, and no other");
}

static void
test_leftover(void)
{
	static const struct {
		int64_t claimed_ms, failing_ms, back_ms;
		bool is_leftover;
		const char *what;
	} rows[] = {
		{ 5000, 0, 0, false, "it never failed" },
		{ 5000, 4000, 0, false, "it failed, and never was down" },
		{ 5000, 4000, 4999, false,
		    "it was back before the meeting was placed elsewhere" },
		{ 5000, 4000, 5000, false, "… at that moment" },
		{ 5000, 4000, 5001, true, "… after it" },
		{ 5000, 5000, 6000, true, "it failed since that moment" },
		{ 5000, 5001, 6000, false, "it failed only after it" },
		{ 5000, 1000, NOW, true, "… and was down for long" },
		{ 5000, 7000, 6000, false, "it was back after it, and fails again since then" },
		{ 0, 0, 0, false, "nothing is known of either" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meeting mapping = { .server = "b", .claimed_ms = rows[i].claimed_ms };
		struct server_facts facts = {
			.failing_ms = rows[i].failing_ms,
			.back_ms = rows[i].back_ms,
		};

		is_int(reconcile_is_leftover(&mapping, &facts), rows[i].is_leftover,
		    "leftover: %s", rows[i].what);
	}
}

int
main(void)
{
	arena = arena_new();
	test_not_shown();
	test_long_poll();
	test_shown();
	test_found();
	test_lists();
	test_duplicates();
	test_many();
	test_leftover();
	arena_free(arena);
	return done_testing();
}

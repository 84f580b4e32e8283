/*
 * A meeting's mapping: is it in the making, is another create to be noted, and how BBB
 * writes numbers.
 */
#include "model/meeting.h"

#include <stdint.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SPARE MEETING_CREATE_SPARE_MS

static void
test_new(void)
{
	static const struct {
		int64_t create_ms, now_ms, timeout_ms;
		bool is_new;
		const char *what;
	} rows[] = {
		{ 1000, 1000, 500, true, "at once" },
		{ 1000, 1499, 500, true, "just before the time is over" },
		{ 1000, 1500, 500, false, "when it is over" },
		{ 1000, 9999, 500, false, "later" },
		{ 1000, 999, 500, true, "made by a request that began a moment later" },
		{ 1000, 501, 500, true, "… as much later as can be" },
		{ 1000, 500, 500, false, "made in the future" },
		{ 1000, 1000, 0, false, "no time at all" },
		{ 0, INT64_C(1700000000000), 60000, false, "never created" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meeting meeting = { .server = "a", .create_ms = rows[i].create_ms };

		is_int(meeting_is_new(&meeting, rows[i].now_ms, rows[i].timeout_ms),
		    rows[i].is_new, "new: %s", rows[i].what);
		meeting.seen_ms = rows[i].now_ms;
		is_int(meeting_is_new(&meeting, rows[i].now_ms, rows[i].timeout_ms), false,
		    "… not when a poll has shown it");
		meeting.seen_ms = 1;
		is_int(meeting_is_new(&meeting, rows[i].now_ms, rows[i].timeout_ms), false,
		    "… ever");
		meeting.seen_ms = 0;
		meeting.is_ending = true;
		is_int(meeting_is_new(&meeting, rows[i].now_ms, rows[i].timeout_ms), false,
		    "… nor when it was ended");
	}
}

static void
test_under_way(void)
{
	static const struct {
		int64_t age_ms, seen_ms;
		bool is_ending, may_be;
		const char *what;
	} rows[] = {
		{ 0, 0, false, true, "made now" },
		{ 59999, 0, false, true, "as long as a create may last" },
		{ 60000, 0, false, false, "longer" },
		{ 0, 1, false, true, "seen, and created anew now" },
		{ SPARE - 1, 1, false, true, "… some seconds ago" },
		{ SPARE, 1, false, false, "… too many seconds ago" },
		{ 59999, 1, false, false, "… nearly a minute ago" },
		{ 1 - SPARE, 1, false, true, "… by a request that is younger" },
		{ -SPARE, 1, false, false, "… in the future" },
		{ 0, 0, true, false, "made now, and ended" },
		{ 0, 1, true, false, "created anew now, and ended" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meeting meeting = {
			.create_ms = INT64_C(1700000000000) - rows[i].age_ms,
			.seen_ms = rows[i].seen_ms,
			.is_ending = rows[i].is_ending,
		};

		is_int(meeting_may_be_under_way(&meeting, INT64_C(1700000000000), 60000),
		    rows[i].may_be, "a create may be under way: %s", rows[i].what);
	}
}

/* What is known of a mapping, from a time at which the state lost something on. */
static void
test_in_doubt(void)
{
	enum { LOST = 100000 };
	static const struct {
		int64_t create_ms, seen_ms, good_ms;
		bool is_in_doubt;
		const char *what;
	} rows[] = {
		{ LOST - 1, 0, 0, true, "made before, and never seen" },
		{ LOST, 0, 0, true, "… in that moment" },
		{ LOST + 1, 0, 0, false, "… after it" },
		{ LOST - 60000, 0, LOST + 90000, true, "… whatever polls there were" },
		{ LOST - 60000, LOST - 50000, LOST, true, "seen before" },
		{ LOST - 60000, LOST - 50000, LOST + 1, false,
		    "… and its server polled since" },
		{ LOST - 1, LOST - 50000, LOST + 1, true, "created anew just before the poll" },
		{ LOST - 1, LOST - 50000, LOST + SPARE - 2, true, "… as long as it may last" },
		{ LOST - 1, LOST - 50000, LOST + SPARE - 1, false, "… longer" },
		{ LOST + 1, LOST - 50000, 0, false, "created anew after it" },
		{ LOST - 60000, LOST, 0, true, "seen in that moment" },
		{ LOST - 60000, LOST + 1, 0, false, "seen after it" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meeting meeting = {
			.create_ms = rows[i].create_ms,
			.seen_ms = rows[i].seen_ms,
		};

		is_int(meeting_is_in_doubt(&meeting, rows[i].good_ms, LOST),
		    rows[i].is_in_doubt, "in doubt: %s", rows[i].what);
		is_int(meeting_is_in_doubt(&meeting, rows[i].good_ms, INT64_MAX), true,
		    "… while the state cannot be used");
		if (rows[i].create_ms > 0)
			is_int(meeting_is_in_doubt(&meeting, rows[i].good_ms, 0), false,
			    "… where nothing was ever lost");
	}
}

static void
test_note(void)
{
	static const struct {
		int64_t age_ms;
		bool is_ending, wants_note;
		const char *what;
	} rows[] = {
		{ 0, false, false, "of now" },
		{ SPARE - 1, false, false, "of some seconds ago" },
		{ SPARE, false, true, "of too many seconds ago" },
		{ 3600000, false, true, "of an hour ago" },
		{ 1 - SPARE, false, false, "of a request that is younger" },
		{ -SPARE, false, true, "of the future" },
		{ 0, true, true, "of now, and then it was ended" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meeting meeting = {
			.create_ms = INT64_C(1700000000000) - rows[i].age_ms,
			.is_ending = rows[i].is_ending,
		};

		is_int(meeting_wants_note(&meeting, INT64_C(1700000000000)), rows[i].wants_note,
		    "a create is noted beside one %s", rows[i].what);
	}
}

static void
test_number(void)
{
	static const struct {
		struct str text;
		long number;
	} rows[] = {
		{ STR("0"), 0 },
		{ STR("7"), 7 },
		{ STR("007"), 7 },
		{ STR("999"), 999 },
		{ STR("1,234"), 1234 },
		{ STR("1.234"), 1234 },
		{ STR("1 234"), 1234 },
		{ STR("1\xc2\xa0\x32\x33\x34"), 1234 },
		{ STR("1\xe2\x80\xaf\x32\x33\x34"), 1234 },
		{ STR("1'234'567"), 1234567 },
		{ STR(" 12\n"), 12 },
		{ STR(""), 0 },
		{ { NULL, 0 }, 0 },
		{ STR("many"), 0 },
		{ STR("-"), 0 },
		{ { "123", 2 }, 12 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(meeting_number(rows[i].text), rows[i].number, "number: \"%.*s\"",
		    STR_ARG(rows[i].text));
	long number = meeting_number(STR("99999999999999999999999999999999"));
	ok(number >= 100000000 && number <= 1000000000, "number: too many for any server: %ld",
	    number);
}

int
main(void)
{
	test_new();
	test_under_way();
	test_in_doubt();
	test_note();
	test_number();
	return done_testing();
}

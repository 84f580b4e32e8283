/*
 * Join pacing: slots, what becomes of who has one, and what three hundred at once do.
 */
#include "model/pacing.h"

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1700000000000)

static void
test_step(void)
{
	static const struct {
		int64_t per_second, step_us;
	} rows[] = { { 1, 1000000 }, { 3, 333334 }, { 10, 100000 }, { 20, 50000 },
		{ 30, 33334 }, { 1000, 1000 } };

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(pacing_step_us(rows[i].per_second), rows[i].step_us, "%lld a second",
		    (long long)rows[i].per_second);
}

/* Slots that are taken one after the other from one server. */
static void
test_take(void)
{
	static const struct {
		int64_t now_ms, step_us;
		int64_t slot_us; /* from NOW on */
		const char *what;
	} rows[] = {
		{ 0, 50000, 0, "the first is let in at once" },
		{ 0, 50000, 50000, "one at the same time a step later" },
		{ 0, 50000, 100000, "the third two" },
		{ 149, 50000, 150000, "one that comes before its time has a little to wait" },
		{ 200, 50000, 200000, "in time, none" },
		{ 10000, 50000, 10000000, "after a pause nothing is owed" },
		{ 10000, 50000, 10050000, "nor saved" },
		{ 9000, 50000, 10100000, "a request that is older waits its turn" },
		{ 10000, 333334, 10150000, "at a lower rate what was taken before counts" },
		{ 10000, 333334, 10483334, "and then the lower rate" },
		{ 10000, 1000, 10816668, "at a higher one, too" },
		{ 10000, 1000, 10817668, "… and then the higher" },
		{ 5000, 50000, 10818668, "five seconds back is a request that waited" },
		{ -1, 50000, -1000, "more is a clock that was set back: begin anew" },
		{ -1, 50000, 49000, "and go on" },
		{ 86400000, 50000, INT64_C(86400000000), "a clock that is set forward" },
		{ 0, 50000, 0, "and back" },
	};
	struct pacing pacing = { 0 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pacing_slot slot = pacing_take(&pacing, NOW + rows[i].now_ms,
		    rows[i].step_us);
		is_int(slot.at_us - NOW * 1000, rows[i].slot_us, "slot %zu: %s", i,
		    rows[i].what);
		is_int(slot.taken_ms, NOW + rows[i].now_ms, "… taken now");
	}
}

/* How long a line is believed. */
static void
test_longest(void)
{
	struct pacing pacing = { (NOW + PACING_LONGEST_MS) * 1000, NOW };

	is_int(pacing_take(&pacing, NOW, 1).at_us, (NOW + PACING_LONGEST_MS) * 1000,
	    "the longest line");
	is_int(pacing_take(&pacing, NOW, 1).at_us, NOW * 1000, "a longer one is none");
	pacing = (struct pacing){ INT64_MAX / 4, 0 };
	is_int(pacing_take(&pacing, NOW, 1).at_us, NOW * 1000, "nor what a damaged file has");
}

static void
test_good(void)
{
	static const struct {
		int64_t at_ms, taken_ms; /* from NOW on */
		bool is_good;
		const char *what;
	} rows[] = {
		{ 0, -5000, true, "it is time" },
		{ 60000, -5000, true, "before" },
		{ PACING_LONGEST_MS, 0, true, "long before" },
		{ PACING_LONGEST_MS + 1, 0, false, "longer than any line" },
		{ -PACING_LATE_MS, -200000, true, "late" },
		{ -PACING_LATE_MS - 1, -200000, false, "too late" },
		{ 10000, PACING_AHEAD_MS, true, "taken by a request that came later" },
		{ 10000, PACING_AHEAD_MS + 1, false, "taken before the clock was set back" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pacing_slot slot = { (NOW + rows[i].at_ms) * 1000,
			NOW + rows[i].taken_ms };
		is_int(pacing_is_good(slot, NOW), rows[i].is_good, "a slot is good? %s",
		    rows[i].what);
	}
	ok(!pacing_is_good((struct pacing_slot){ INT64_MAX, INT64_MAX }, NOW), "… of no time");
	ok(!pacing_is_good((struct pacing_slot){ INT64_MIN, INT64_MIN }, NOW), "… nor that");
}

static void
test_judge(void)
{
	static const struct {
		int64_t slot_us; /* from NOW on */
		bool is_person;
		int64_t wait_ms;
		int refresh_s;
		int64_t ahead;
		const char *what;
	} rows[] = {
		{ 0, true, 0, 0, 0, "now" },
		{ -100000000, true, 0, 0, 0, "past" },
		{ 1, true, 1, 0, 0, "hardly a wait" },
		{ 50000, true, 50, 0, 1, "one is before" },
		{ 50001, false, 51, 0, 1, "never early" },
		{ 2000000, false, 2000, 0, 40, "the longest that a program waits" },
		{ 2000001, false, 2000, 0, 40, "it waits no longer" },
		{ 2000001, true, 2001, 0, 40, "but a person does" },
		{ 3000000, true, 3000, 0, 60, "the longest that a person waits" },
		{ 3000001, true, 0, 1, 60, "longer: a person comes back" },
		{ 3999000, true, 0, 1, 79, "three seconds before the slot" },
		{ 4000000, true, 0, 2, 80, "two seconds before" },
		{ 15000000, true, 0, 13, 300, "the last of three hundred" },
		{ 15000000, false, 2000, 0, 300, "… a program" },
		{ INT64_C(3600000000), true, 0, 3598, 72000, "an hour" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pacing_slot slot = { NOW * 1000 + rows[i].slot_us, NOW };
		struct pacing_verdict verdict = pacing_judge(slot, NOW, 50000,
		    rows[i].is_person);
		is_int(verdict.wait_ms, rows[i].wait_ms, "%s: waits here", rows[i].what);
		is_int(verdict.refresh_s, rows[i].refresh_s, "… comes back");
		is_int(verdict.ahead, rows[i].ahead, "… behind so many");
	}
}

static void
test_roughly(void)
{
	static const int64_t rows[][2] = { { 0, 0 }, { 2, 2 }, { 19, 19 }, { 20, 20 },
		{ 24, 20 }, { 25, 30 }, { 99, 100 }, { 100, 100 }, { 124, 100 }, { 125, 150 },
		{ 299, 300 } };

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(pacing_roughly(rows[i][0]), rows[i][1], "%lld, roughly",
		    (long long)rows[i][0]);
}

/* Three hundred people at once, whose browsers come back when they are told to: each is let
 * in, in the order in which they came, and in no second more than the rate. */
static void
test_crowd(int64_t per_second)
{
	enum { PEOPLE = 300 };
	static int64_t in_ms[PEOPLE];
	const int64_t step_us = pacing_step_us(per_second);
	struct pacing pacing = { 0 };
	int pages = 0;

	for (int i = 0; i < PEOPLE; i++) {
		struct pacing_slot slot = pacing_take(&pacing, NOW, step_us);
		struct pacing_verdict verdict = pacing_judge(slot, NOW, step_us, true);
		int64_t now_ms = NOW;
		while (verdict.refresh_s > 0) {
			pages++;
			now_ms += verdict.refresh_s * INT64_C(1000) + i % 90;
			if (!pacing_is_good(slot, now_ms))
				slot = pacing_take(&pacing, now_ms, step_us);
			verdict = pacing_judge(slot, now_ms, step_us, true);
		}
		in_ms[i] = now_ms + verdict.wait_ms;
	}
	int disordered = 0;
	int64_t most = 0;
	for (int i = 0; i < PEOPLE; i++) {
		int64_t n = 1;
		while (i + n < PEOPLE && in_ms[i + n] - in_ms[i] < 1000)
			n++;
		most = n > most ? n : most;
		disordered += i > 0 && in_ms[i] < in_ms[i - 1];
	}
	is_int(disordered, 0, "300 people, %lld a second: in their order",
	    (long long)per_second);
	ok(most <= per_second + 1, "… in no second more than that (%lld)", (long long)most);
	is_int((in_ms[PEOPLE - 1] - NOW) / 1000, (PEOPLE - 1) / per_second, "… all are in");
	ok(pages > 0 && pages < PEOPLE, "… who waits long sees one page (%d)", pages);
}

int
main(void)
{
	test_step();
	test_take();
	test_longest();
	test_good();
	test_judge();
	test_roughly();
	test_crowd(10);
	test_crowd(20);
	test_crowd(33);
	return done_testing();
}

/*
 * Load: seats to be reserved, how a reservation fades, the slow start, and the
 * running median of how large meetings are.
 */
#include "model/load.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1700000000000)

static bool
is_near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void
test_seats(void)
{
	static const struct {
		long asked, last_peak;
		double typical;
		long seats;
		const char *what;
	} rows[] = {
		{ 0, 0, 0, LOAD_SEATS_UNKNOWN, "nothing is known" },
		{ 30, 0, 0, 30, "asked for" },
		{ 30, 12, 20, 30, "what is asked for comes first" },
		{ 1, 12, 20, 1, "… even one" },
		{ LOAD_SEATS_MOST, 12, 20, LOAD_SEATS_MOST, "… even the most" },
		{ LOAD_SEATS_MOST + 1, 12, 20, 12, "more than the most is no answer" },
		{ LONG_MAX, 12, 20, 12, "… nor are all there can be" },
		{ 0, 12, 20, 12, "0 is none, so last time's" },
		{ -5, 12, 20, 12, "nor is less" },
		{ LONG_MIN, 12, 20, 12, "… as little as can be" },
		{ 0, 1, 20, 1, "last time one came" },
		{ 0, LOAD_SEATS_MOST + 1, 20, LOAD_SEATS_MOST,
		    "last time more than the most came" },
		{ 0, LONG_MAX, 20, LOAD_SEATS_MOST, "… as many as there can be" },
		{ 0, 0, 20, 20, "last time nobody came, so what is typical" },
		{ 0, -1, 20, 20, "… or less than nobody" },
		{ 0, 0, 20.4, 20, "what is typical is rounded" },
		{ 0, 0, 20.5, 21, "… up, too" },
		{ 0, 0, 0.2, 1, "at least one" },
		{ 0, 0, 1e9, LOAD_SEATS_MOST, "at most the most" },
		{ 0, 0, INFINITY, LOAD_SEATS_MOST, "typical without end" },
		{ 0, 0, -INFINITY, LOAD_SEATS_UNKNOWN, "… below all" },
		{ 0, 0, -3, LOAD_SEATS_UNKNOWN, "less than nothing is typical" },
		{ 0, 0, NAN, LOAD_SEATS_UNKNOWN, "what is typical is no number" },
		{ 0, 12, NAN, 12, "… which is not needed" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(load_seats(rows[i].asked, rows[i].last_peak, rows[i].typical),
		    rows[i].seats, "seats: %s", rows[i].what);
}

static void
test_reserved(void)
{
	static const struct {
		long seats, users;
		int64_t age_ms;
		double reserved;
		const char *what;
	} rows[] = {
		{ 30, 0, 0, 30, "all at first" },
		{ 30, 10, 0, 20, "what is taken is no longer reserved" },
		{ 30, 29, 0, 1, "one is left" },
		{ 30, 30, 0, 0, "all came" },
		{ 30, 31, 0, 0, "more came" },
		{ 30, 0, LOAD_RESERVATION_MS / 3, 20, "a third of the time is over" },
		{ 30, 15, LOAD_RESERVATION_MS / 3, 10, "… and half came" },
		{ 30, 0, LOAD_RESERVATION_MS / 2, 15, "half of the time is over" },
		{ 30, 0, LOAD_RESERVATION_MS, 0, "the time is over" },
		{ 30, 0, LOAD_RESERVATION_MS + 1, 0, "… and more" },
		{ 30, 0, INT64_MAX, 0, "… for ever" },
		{ 30, 0, -1, 30, "reserved by one who came later and was faster" },
		{ 30, 0, 1 - LOAD_RESERVATION_MS, 30, "… by as much as can be" },
		{ 30, 0, -LOAD_RESERVATION_MS, 0, "the clock was set back" },
		{ 30, 0, INT64_MIN, 0, "… as far as it goes" },
		{ 0, 0, 0, 0, "none reserved" },
		{ -5, 0, 0, 0, "less than none" },
		{ LOAD_SEATS_MOST, 0, 0, LOAD_SEATS_MOST, "the most" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		double got = load_reserved(rows[i].seats, rows[i].users, rows[i].age_ms);

		ok(is_near(got, rows[i].reserved), "reserved, %s: %g", rows[i].what, got);
	}
	double before = 31;
	bool fades = true;
	for (int64_t age_ms = 0; age_ms < LOAD_RESERVATION_MS; age_ms += 1000) {
		double now = load_reserved(30, 0, age_ms);

		fades &= now < before && now > 0;
		before = now;
	}
	ok(fades && before < 0.1, "reserved: it fades evenly and to nothing");
}

/* What is reserved on a server as a whole. */
static void
test_fade(void)
{
	static const struct {
		double reserved;
		int64_t age_ms;
		double left;
		const char *what;
	} rows[] = {
		{ 30, 0, 30, "all at first" },
		{ 30, LOAD_RESERVATION_MS / 3, 20, "a third of the time is over" },
		{ 30.5, LOAD_RESERVATION_MS / 2, 15.25, "half of it" },
		{ 30, LOAD_RESERVATION_MS - 1, 30.0 / LOAD_RESERVATION_MS, "nearly all" },
		{ 30, LOAD_RESERVATION_MS, 0, "all of it" },
		{ 30, INT64_MAX, 0, "long over" },
		{ 30, -1, 30, "counted by one who came later and was faster" },
		{ 30, -LOAD_RESERVATION_MS, 0, "the clock was set back" },
		{ 30, INT64_MIN, 0, "… as far as it goes" },
		{ 0, 0, 0, "none" },
		{ -5, 0, 0, "less than none" },
		{ NAN, 0, 0, "no number" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct server_facts facts = {
			.reserved = rows[i].reserved,
			.reserved_ms = NOW,
		};
		double got = load_fade(rows[i].reserved, rows[i].age_ms);

		ok(is_near(got, rows[i].left), "fade, %s: %g", rows[i].what, got);
		if (rows[i].age_ms > -NOW && rows[i].age_ms < NOW)
			ok(is_near(load_reserved_now(&facts, NOW + rows[i].age_ms), got),
			    "… of a server, too");
	}
}

static void
test_reserve(void)
{
	struct server_facts facts = { .users = 7, .turn = 1.5 };
	int64_t half_ms = NOW + LOAD_RESERVATION_MS / 2;

	load_reserve(&facts, 40, NOW);
	ok(is_near(facts.reserved, 40) && facts.reserved_ms == NOW && facts.meetings == 1,
	    "a meeting is placed: its seats are reserved, and it counts");
	load_reserve(&facts, 20, NOW);
	ok(is_near(load_reserved_now(&facts, NOW), 60) && facts.meetings == 2,
	    "… another: they add up");
	load_reserve(&facts, 10, half_ms);
	ok(is_near(load_reserved_now(&facts, half_ms), 40) && facts.meetings == 3,
	    "… a third, when the others have faded by half");
	load_release(&facts, 15, half_ms);
	ok(is_near(load_reserved_now(&facts, half_ms), 25) && facts.meetings == 2,
	    "one goes: its seats are free");
	load_release(&facts, 100, half_ms);
	ok(is_near(load_reserved_now(&facts, half_ms), 0) && facts.meetings == 1,
	    "one goes of whose seats most had faded: never less than none");
	load_release(&facts, 0, half_ms);
	load_release(&facts, 0, half_ms);
	is_int(facts.meetings, 0, "more go than there were: never less than none");
	ok(facts.users == 7 && facts.turn >= 1.5 && facts.turn <= 1.5 && facts.version == 0,
	    "… and all else is as it was");

	/* Long idle, and with a clock that was set back, what is old is nothing. */
	facts = (struct server_facts){ .reserved = 50, .reserved_ms = NOW };
	load_reserve(&facts, 5, NOW + 2 * LOAD_RESERVATION_MS);
	ok(is_near(facts.reserved, 5), "what has faded is gone");
	load_reserve(&facts, 5, NOW);
	ok(is_near(facts.reserved, 5) && facts.reserved_ms == NOW,
	    "what was reserved in the future, too");
	load_reserve(&facts, 5, NOW - 1000);
	ok(is_near(facts.reserved, 10), "… but not what another did while this one waited");
	facts = (struct server_facts){ .reserved = -3, .reserved_ms = NOW };
	load_release(&facts, 5, NOW);
	ok(is_near(facts.reserved, 0), "less than none is none");
	load_reserve(&facts, LOAD_SEATS_MOST, NOW);
	ok(is_near(facts.reserved, LOAD_SEATS_MOST), "the most");
}

/* However often it is counted anew, what nobody uses fades. */
static void
test_reserve_often(void)
{
	struct server_facts facts = { 0 };

	load_reserve(&facts, 1000, NOW);
	double before = 1001;
	bool fades = true;
	for (int64_t ms = 1000; ms <= 2 * LOAD_RESERVATION_MS; ms += 1000) {
		load_reserve(&facts, 0, NOW + ms);
		load_release(&facts, 0, NOW + ms);
		fades &= facts.reserved < before;
		before = facts.reserved;
	}
	ok(fades && before < 1000 / 7.0, "counted anew each second, it fades: %.1f", before);
	is_int(facts.meetings, 1, "… and meetings are not lost");
}

static void
test_slow_start(void)
{
	static const struct {
		int64_t up_ms;
		double factor;
		const char *what;
	} rows[] = {
		{ 0, LOAD_SLOW_START_FACTOR, "at first" },
		{ LOAD_SLOW_START_MS / 2, (LOAD_SLOW_START_FACTOR + 1) / 2, "half-way" },
		{ LOAD_SLOW_START_MS, 1, "when it is over" },
		{ LOAD_SLOW_START_MS + 1, 1, "after it" },
		{ INT64_MAX, 1, "long after" },
		{ -1, LOAD_SLOW_START_FACTOR, "a start in the near future" },
		{ -LOAD_SLOW_START_MS, 1, "the clock was set back" },
		{ INT64_MIN, 1, "… as far as it goes" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		double got = load_slow_start(rows[i].up_ms);

		ok(is_near(got, rows[i].factor), "slow start, %s: %g", rows[i].what, got);
	}
	double before = LOAD_SLOW_START_FACTOR + 1;
	bool falls = true;
	for (int64_t up_ms = 0; up_ms <= LOAD_SLOW_START_MS; up_ms += 1000) {
		falls &= load_slow_start(up_ms) < before;
		before = load_slow_start(up_ms);
	}
	ok(falls, "slow start: it falls evenly");
}

static void
test_typical_step(void)
{
	static const struct {
		double typical;
		long peak;
		double next;
		const char *what;
	} rows[] = {
		{ 0, 30, 30, "the first is typical" },
		{ -5, 30, 30, "less than nothing is none yet" },
		{ NAN, 30, 30, "nor is what is no number" },
		{ -INFINITY, 30, 30, "… or below all" },
		{ INFINITY, 30, 30, "… or without end" },
		{ 100, 300, 105, "a twentieth up" },
		{ 100, 101, 101, "no further than the meeting" },
		{ 100, 105, 105, "… a step away" },
		{ 100, 100, 100, "just as many" },
		{ 100, 20, 95, "a twentieth down" },
		{ 100, 96, 96, "no further than the meeting" },
		{ 4, 30, 4.5, "half a person at least, up" },
		{ 4, 1, 3.5, "… and down" },
		{ 1.2, 1, 1, "not below who came" },
		{ 1, LONG_MAX, 1.5, "one for all the world" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		double got = load_typical_next(rows[i].typical, rows[i].peak);

		ok(is_near(got, rows[i].next), "typical, %s: %g", rows[i].what, got);
	}

	double typical = 20;
	for (int i = 0; i < 100000; i++)
		typical = load_typical_next(typical, i % 2 ? LONG_MAX : 1);
	ok(isfinite(typical) && typical >= 1, "typical: the oddest meetings leave a number");
}

/* splitmix64: uniform in (0, 1), the same every time. */
static double
chance(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
}

static int
compare_long(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Sizes as they are, mostly small and a few very large (Pareto: half of all have
 * more than the median, one in a hundred more than twenty times the least).  The
 * estimate wanders around the median, for it follows as fast as it does: it is its
 * mean that has to agree, and it must never be far away.
 */
static void
test_typical_median(void)
{
	enum { MEETINGS = 20000, BEFORE = 200 };
	static const struct {
		double least, shape, first;
		const char *what;
	} rows[] = {
		{ 12, 1.5, 0, "begun with nothing" },
		{ 12, 1.5, 500, "begun far above" },
		{ 12, 1.5, 1, "begun far below" },
		{ 40, 1.5, 0, "large meetings" },
		{ 6, 1.2, 0, "small meetings, and a heavier tail" },
	};
	static long sizes[MEETINGS], sorted[MEETINGS];

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			uint64_t state = seed;
			double typical = rows[i].first;

			for (size_t k = 0; k < MEETINGS; k++) {
				double size = rows[i].least *
				    pow(chance(&state), -1 / rows[i].shape);

				sorted[k] = sizes[k] = lround(fmin(size, 300));
			}
			qsort(sorted, MEETINGS, sizeof(*sorted), compare_long);
			double median = (double)sorted[MEETINGS / 2];
			double sum = 0, least = 1e9, most = 0;
			for (size_t k = 0; k < MEETINGS; k++) {
				typical = load_typical_next(typical, sizes[k]);
				if (k < BEFORE)
					continue;
				sum += typical;
				least = fmin(least, typical);
				most = fmax(most, typical);
			}
			double mean = sum / (MEETINGS - BEFORE);
			ok(fabs(mean - median) <= 0.15 * median,
			    "typical, %s, seed %d: %.1f in the mean, the median is %.0f",
			    rows[i].what, (int)seed, mean, median);
			ok(least >= median / 2 && most <= median * 2,
			    "… never below %.1f or above %.1f", least, most);
		}
	}
}

static void
test_typical_odd(void)
{
	double typical = 0;

	for (int i = 0; i < 100; i++)
		typical = load_typical_next(typical, 18 + i % 5);
	ok(typical >= 18 && typical <= 22, "typical: a hundred classes: %.1f", typical);
	double before = typical;
	typical = load_typical_next(typical, 5000);
	ok(typical <= before * 1.05 + 1e-9, "… one of 5000 does little: %.1f", typical);
	for (int i = 0; i < 5; i++)
		typical = load_typical_next(typical, 18 + i);
	ok(typical >= 18 && typical <= 22, "… and is forgotten: %.1f", typical);

	/* All of them are smaller from now on: a day later that is known. */
	for (int i = 0; i < 100; i++)
		typical = load_typical_next(typical, 4 + i % 3);
	ok(typical >= 4 && typical <= 6, "typical: it follows: %.1f", typical);
}

int
main(void)
{
	test_seats();
	test_reserved();
	test_fade();
	test_reserve();
	test_reserve_often();
	test_slow_start();
	test_typical_step();
	test_typical_median();
	test_typical_odd();
	return done_testing();
}

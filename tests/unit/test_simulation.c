/*
 * A day, simulated: does least-loaded keep the servers alike?  Only the pure functions
 * are at work (placement_choose, load_*), with no store, no server and no clock but a
 * number.
 *
 * 2000 meetings of 45 to 90 minutes.  Five of six begin within minutes of a full
 * hour, the others at any time; people come over ten minutes.  The sizes are
 * log-normal: few small ones, many of the usual size, and a long tail.  20 servers
 * are polled every ten seconds; placement knows no more than the last poll told and the
 * seats that creates have reserved since, by how many each meetingID had the day before (up
 * to a fifth more or less than usual, as today) or, without history, by what
 * was typical so far.
 *
 * Measured is the load (users / weight) of the fullest server at the moment it is the
 * fullest of the whole day, over the mean load of all servers at that moment.  It
 * is taken as the mean of forty different days, since one day's is luck as well: the
 * largest lecture of an hour may be the last to begin.  1.25 is what we hold
 * ourselves to.  For the same reason least-loaded is better than the plain ways on nearly
 * all days only: on 99 of 100, where 200 were tried.
 *
 * What nobody can do better: "all-knowing" is least-loaded with the final size of every
 * meeting known at its create.  It does not know either who comes next and when
 * meetings end, and nothing moves a meeting once it is placed; so where single meetings
 * have half of what a server bears on average, it does not keep within 1.25 either.
 *
 * "test_simulation --all" prints the figures of each day.
 */
#include <math.h>
#include <stdint.h>

#include "model/load.h"
#include "model/placement.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MEETINGS 2000
#define SERVERS 20
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define ARRIVAL_MS (10 * MINUTE)
#define FIRST_LESSON (8 * HOUR) /* the clock begins at midnight */
#define SIZE_MOST 300
#define DAYS 40

/* ---- Chance, the same every time ---------------------------------------- */

static uint64_t chance_state;

/* splitmix64: uniform in (0, 1). */
static double
chance(void)
{
	uint64_t z = chance_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
}

/* Normal, mean 0 and deviation 1 (Box and Muller). */
static double
chance_normal(void)
{
	double radius = sqrt(-2 * log(chance()));

	return radius * cos(6.283185307179586 * chance());
}

static double
between(double low, double high)
{
	return low + (high - low) * chance();
}

/* ---- The day ------------------------------------------------------------- */

/* Where the day is spent. */
struct kind {
	const char *name;
	double median, deviation; /* of sizes, the latter of their logarithm */
	int hours;
};

struct lesson {
	int64_t begin_ms, end_ms;
	long size;      /* so many come today … */
	long yesterday; /* … and came the day before */
	/* As placed: */
	size_t server;
	long seats;
	long polled;    /* users, at the last poll */
	bool has_ended; /* as that poll told */
};

static struct lesson lessons[MEETINGS];

static int
compare_lessons(const void *a, const void *b)
{
	const struct lesson *x = a, *y = b;

	return x->begin_ms < y->begin_ms ? -1 : x->begin_ms > y->begin_ms;
}

static void
make_day(const struct kind *kind, uint64_t seed)
{
	double hours = (double)kind->hours;

	chance_state = seed;
	for (size_t i = 0; i < MEETINGS; i++) {
		struct lesson *lesson = &lessons[i];
		double usual = kind->median * exp(kind->deviation * chance_normal());
		double begin = chance() < 5.0 / 6 ?
		    FIRST_LESSON + floor(between(0, hours)) * HOUR + between(-5, 3) * MINUTE :
		    FIRST_LESSON + between(0, hours) * HOUR;

		usual = fmin(fmax(usual, 2), SIZE_MOST);
		*lesson = (struct lesson){
			.begin_ms = (int64_t)begin,
			.size = lround(fmin(usual * between(0.8, 1.2), SIZE_MOST)),
			.yesterday = lround(fmin(usual * between(0.8, 1.2), SIZE_MOST)),
		};
		lesson->end_ms = lesson->begin_ms + (int64_t)(between(45, 90) * MINUTE);
	}
	qsort(lessons, MEETINGS, sizeof(*lessons), compare_lessons);
}

/* How many are there?  Most come at the beginning. */
static long
users_at(const struct lesson *lesson, int64_t now_ms)
{
	double x = (double)(now_ms - lesson->begin_ms) / ARRIVAL_MS;

	if (now_ms >= lesson->end_ms || x <= 0)
		return 0;
	return x >= 1 ? lesson->size : lround((double)lesson->size * (1 - (1 - x) * (1 - x)));
}

/* ---- Placing it ------------------------------------------------------------ */

enum way { WAY_LOAD, WAY_NO_HISTORY, WAY_KNOWING, WAY_COUNT, WAY_ROUND_ROBIN, WAYS };

static const char *const way_names[WAYS] = { "least-loaded", "without history", "all-knowing",
	"count of meetings", "round-robin" };

static struct server servers[SERVERS];
static struct placement_candidate candidates[SERVERS];

static void
make_servers(bool unequal)
{
	static char names[SERVERS][8];

	for (size_t i = 0; i < SERVERS; i++) {
		snprintf(names[i], sizeof(names[i]), "s%zu", i);
		servers[i] = (struct server){
			.name = names[i],
			.max_meetings = -1,
			.max_users = -1,
			.weight = !unequal ? 1 :
			    i < 5          ? 2 :
			    i < 15         ? 1 :
			                     0.5,
		};
		candidates[i] = (struct placement_candidate){
			.server = &servers[i],
			.facts.since_ms = 1,
		};
	}
}

/* What a poll finds of a placed lesson. */
static void
count_lesson(enum way way, const struct lesson *lesson, int64_t now_ms,
    struct server_facts *facts)
{
	switch (way) {
	case WAY_LOAD:
	case WAY_NO_HISTORY:
		facts->users += lesson->polled;
		facts->reserved += load_reserved(lesson->seats, lesson->polled,
		    now_ms - lesson->begin_ms);
		break;
	case WAY_KNOWING:
		facts->users += lesson->size;
		break;
	case WAY_COUNT:
		facts->users++;
		break;
	case WAY_ROUND_ROBIN:
	case WAYS:
		break;
	}
}

/* What a create adds to it, until the next poll. */
static void
add_lesson(enum way way, const struct lesson *lesson, struct server_facts *facts)
{
	if (way == WAY_LOAD || way == WAY_NO_HISTORY)
		load_reserve(facts, lesson->seats, lesson->begin_ms);
	else
		count_lesson(way, lesson, lesson->begin_ms, facts);
}

static long
seats_for(enum way way, const struct lesson *lesson, double typical)
{
	switch (way) {
	case WAY_LOAD:
		return load_seats(0, lesson->yesterday, typical);
	case WAY_NO_HISTORY:
		return load_seats(0, 0, typical);
	case WAY_KNOWING:
		return lesson->size;
	case WAY_COUNT:
	case WAY_ROUND_ROBIN:
	case WAYS:
		break;
	}
	return 1;
}

/* Place one lesson. */
static void
place(enum way way, struct lesson *lesson, double typical)
{
	struct placement placement = {
		.meeting_id = STR("m"),
		.candidates = candidates,
		.n = SERVERS,
		.now_ms = lesson->begin_ms,
		.rules = { .down_after = 2, .up_after = 1, .poll_interval_ms = 10 * SECOND },
		.policy = way == WAY_ROUND_ROBIN ?
		    PLACEMENT_ROUND_ROBIN :
		    PLACEMENT_LEAST_LOADED,
	};

	placement.seats = lesson->seats = seats_for(way, lesson, typical);
	struct placement_candidate *chosen = placement_choose(&placement);
	lesson->server = (size_t)(chosen - candidates);
	lesson->polled = 0;
	lesson->has_ended = false;
	add_lesson(way, lesson, &chosen->facts);
}

/* Poll all servers: what is known of them is counted anew.  Returns all users. */
static double
poll_servers(enum way way, struct lesson *of, size_t n, int64_t now_ms, double *typical,
    double load[SERVERS])
{
	for (size_t i = 0; i < SERVERS; i++) {
		load[i] = 0;
		candidates[i].facts.users = 0;
		candidates[i].facts.reserved = 0;
		candidates[i].facts.reserved_ms = now_ms;
	}
	double users = 0;
	for (struct lesson *lesson = of; lesson < of + n; lesson++) {
		if (lesson->has_ended)
			continue;
		lesson->polled = users_at(lesson, now_ms);
		users += (double)lesson->polled;
		load[lesson->server] += (double)lesson->polled / servers[lesson->server].weight;
		if (now_ms >= lesson->end_ms) {
			lesson->has_ended = true;
			*typical = load_typical_next(*typical, lesson->size);
		} else {
			count_lesson(way, lesson, now_ms, &candidates[lesson->server].facts);
		}
	}
	return users;
}

/* The fullest server's load when it is fullest, over the mean at that moment. */
static double
run_day(enum way way, int64_t poll_ms)
{
	double weights = 0;

	for (size_t i = 0; i < SERVERS; i++) {
		weights += servers[i].weight;
		candidates[i].facts = (struct server_facts){ .since_ms = 1 };
	}
	double typical = 0, fullest = 0, ratio = 0;
	size_t placed = 0, first = 0;
	for (int64_t now_ms = FIRST_LESSON - HOUR; first < MEETINGS; now_ms += poll_ms) {
		/* The creates since the last poll, then the poll. */
		for (; placed < MEETINGS && lessons[placed].begin_ms <= now_ms; placed++)
			place(way, &lessons[placed], typical);
		double load[SERVERS];
		double users = poll_servers(way, &lessons[first], placed - first, now_ms,
		    &typical, load);
		while (first < placed && lessons[first].has_ended)
			first++;
		for (size_t i = 0; i < SERVERS; i++) {
			if (load[i] > fullest) {
				fullest = load[i];
				ratio = fullest * weights / users;
			}
		}
	}
	return ratio;
}

/* ---- What must come of it ---------------------------------------------------- */

static bool prints_all;

/* All ways over the same days: the mean of each, and on how many days least-loaded was
 * better than by count and in turn. */
static int
run_days(const struct kind *kind, bool unequal, int64_t poll_ms, double mean[WAYS])
{
	double ratio[WAYS];

	for (int way = 0; way < WAYS; way++)
		mean[way] = 0;
	double most[WAYS] = { 0 };
	int better = 0;
	for (uint64_t seed = 1; seed <= DAYS; seed++) {
		make_day(kind, seed);
		for (int way = 0; way < WAYS; way++) {
			make_servers(unequal);
			ratio[way] = run_day((enum way)way, poll_ms);
			mean[way] += ratio[way] / DAYS;
			most[way] = fmax(most[way], ratio[way]);
			if (prints_all)
				diag("  day %2d, %-17s %.3f", (int)seed, way_names[way],
				    ratio[way]);
		}
		better += ratio[WAY_LOAD] < ratio[WAY_COUNT] &&
		    ratio[WAY_LOAD] < ratio[WAY_ROUND_ROBIN];
	}
	diag("%s, %s servers, polled every %d s:", kind->name, unequal ? "unequal" : "equal",
	    (int)(poll_ms / SECOND));
	for (int way = 0; way < WAYS; way++)
		diag("  %-17s %.3f in the mean of %d days, %.3f on the worst", way_names[way],
		    mean[way], DAYS, most[way]);
	return better;
}

int
main(int argc, char **argv)
{
	static const struct kind school = { "a school", 22, 0.6, 6 };
	static const struct kind university = { "a university", 18, 1, 6 };
	static const struct {
		const struct kind *kind;
		bool unequal;
		int64_t poll_ms;
		bool can_be_met; /* … 1.25: lectures of 300 are too much for equal servers */
	} rows[] = {
		{ &school, false, 10 * SECOND, true },
		{ &school, false, 30 * SECOND, true },
		{ &school, true, 10 * SECOND, true },
		{ &university, false, 10 * SECOND, false },
		{ &university, true, 10 * SECOND, true },
	};

	prints_all = argc > 1 && strcmp(argv[1], "--all") == 0;
	for (size_t i = 0; i < COUNT(rows); i++) {
		double mean[WAYS];
		char name[64];
		int better = run_days(rows[i].kind, rows[i].unequal, rows[i].poll_ms, mean);

		snprintf(name, sizeof(name), "%s, %s servers, %d s", rows[i].kind->name,
		    rows[i].unequal ? "unequal" : "equal", (int)(rows[i].poll_ms / SECOND));
		if (rows[i].can_be_met)
			ok(mean[WAY_LOAD] <= 1.25,
			    "%s: the fullest server has at most 1.25 times the mean", name);
		ok(mean[WAY_LOAD] <= 1.05 * mean[WAY_KNOWING],
		    "%s: as good, but for a twentieth, as to know all sizes before", name);
		ok(better >= DAYS * 19 / 20,
		    "%s: on %d of %d days better than by count and in turn", name, better,
		    DAYS);
		ok(mean[WAY_NO_HISTORY] < mean[WAY_COUNT] &&
		        mean[WAY_NO_HISTORY] < mean[WAY_ROUND_ROBIN],
		    "%s: in the mean even without history", name);
	}
	return done_testing();
}

/*
 * Choosing a server: what each policy takes, in what proportion, and why the
 * others were not taken.
 */
#include "placement.h"

#include <math.h>
#include <stdint.h>

#include "../tap.h"
#include "load.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY 8

/* Servers a, b, c, … with a fact sheet each, for one test. */
static struct server servers[MANY];
static struct placement_candidate candidates[MANY];
static struct placement placement;

static void
setup(enum placement_policy policy, size_t n)
{
	static const char *const names[MANY] = {"a", "b", "c", "d", "e", "f", "g", "h"};

	for (size_t i = 0; i < MANY; i++) {
		servers[i] = (struct server){.name = names[i], .weight = 1,
			.max_meetings = -1, .max_users = -1};
		candidates[i] = (struct placement_candidate){.server = &servers[i],
			.facts.since_ms = 1};
	}
	placement = (struct placement){.policy = policy, .meeting_id = STR("meeting"),
		.candidates = candidates, .n = n, .now_ms = 1000 * LOAD_SLOW_START_MS};
}

/* The chosen one's index, or -1. */
static int
choose(void)
{
	struct placement_candidate *chosen = placement_choose(&placement);

	return chosen ? (int)(chosen - candidates) : -1;
}

/* Choose n times, a meeting each; counts[i] of them went to server i. */
static void
choose_many(int n, int counts[MANY])
{
	memset(counts, 0, MANY * sizeof(*counts));
	for (int i = 0; i < n; i++) {
		int at = choose();
		if (at < 0)
			return;
		counts[at]++;
		candidates[at].facts.meetings++;
		candidates[at].facts.users++;
	}
}

static void
test_least_loaded(void)
{
	static const struct {
		double weights[3];
		long users[3];
		int chosen;
		const char *what;
	} rows[] = {
		{{1, 1, 1}, {3, 1, 2}, 1, "the fewest users"},
		{{1, 1, 1}, {0, 0, 0}, 0, "all empty: the first"},
		{{1, 1, 1}, {2, 1, 1}, 1, "a tie: the first of them"},
		{{1, 4, 1}, {2, 4, 2}, 1, "more users, but for its weight fewer"},
		{{1, 0.5, 1}, {2, 1, 1}, 2, "a small one is full sooner"},
		{{0.001, 1000, 1}, {0, 1, 1}, 0, "none is fewer than any"},
		{{1, 2, 1}, {1, 2, 1}, 0, "a tie with weights"},
		{{1, 1, 1}, {1000000000, 999999999, 1000000000}, 1, "large numbers"},
	};
	int counts[MANY];

	for (size_t i = 0; i < COUNT(rows); i++) {
		setup(PLACEMENT_LEAST_LOADED, 3);
		for (size_t k = 0; k < 3; k++) {
			servers[k].weight = rows[i].weights[k];
			candidates[k].facts.users = rows[i].users[k];
		}
		is_int(choose(), rows[i].chosen, "least-loaded: %s", rows[i].what);
		for (size_t k = 0; k < 3; k++)
			ok(fabs(candidates[k].score - (double)rows[i].users[k] /
				rows[i].weights[k]) < 1e-9, "… score of %s", servers[k].name);
	}

	/* Meetings that end at once leave a tie each time: it rotates. */
	setup(PLACEMENT_LEAST_LOADED, 4);
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < 100; i++)
		counts[choose()]++;
	for (size_t i = 0; i < 4; i++)
		is_int(counts[i], 25, "least-loaded: ties rotate, %s", servers[i].name);

	setup(PLACEMENT_LEAST_LOADED, 2);
	servers[1].weight = 3;
	choose_many(1000, counts);
	ok(abs(counts[0] - 250) <= 10, "least-loaded: weights 1:3 get 1:3 (%d of 1000)", counts[0]);
}

/* The meeting to be placed has a size, too. */
static void
test_new_meeting(void)
{
	static const struct {
		double weights[2];
		long users[2];
		long seats;
		int chosen;
		const char *what;
	} rows[] = {
		{{0.5, 2}, {0, 100}, 10, 0, "a class goes to the empty small one"},
		{{0.5, 2}, {0, 100}, 300, 1, "a lecture does not"},
		{{1, 1}, {0, 100}, 300, 0, "among equals the emptiest takes any"},
		{{1, 2}, {0, 0}, 1, 1, "both empty: the large one"},
		{{1, 2}, {10, 30}, 10, 1, "a tie but for turns, and then the large one's"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		setup(PLACEMENT_LEAST_LOADED, 2);
		placement.seats = rows[i].seats;
		candidates[0].facts.turn = 1;
		for (size_t k = 0; k < 2; k++) {
			servers[k].weight = rows[i].weights[k];
			candidates[k].facts.users = rows[i].users[k];
		}
		is_int(choose(), rows[i].chosen, "the new meeting's seats: %s", rows[i].what);
	}
}

static void
test_round_robin(void)
{
	static const double weights[][3] = {
		{1, 1, 1}, {1, 3, 1}, {1, 2, 3}, {0.1, 0.2, 0.7}, {100, 1, 100}, {1, 1000, 3},
	};
	int counts[MANY], order[6];

	setup(PLACEMENT_ROUND_ROBIN, 3);
	for (size_t i = 0; i < 6; i++)
		order[i] = choose();
	ok(order[0] == 0 && order[1] == 1 && order[2] == 2 && order[3] == 0 && order[4] == 1 &&
		order[5] == 2, "round-robin: in turn");

	setup(PLACEMENT_ROUND_ROBIN, 3);
	candidates[0].facts.meetings = 500;
	is_int(choose(), 0, "round-robin: meetings do not matter");

	for (size_t i = 0; i < COUNT(weights); i++) {
		double sum = weights[i][0] + weights[i][1] + weights[i][2];

		setup(PLACEMENT_ROUND_ROBIN, 3);
		for (size_t k = 0; k < 3; k++)
			servers[k].weight = weights[i][k];
		choose_many(1000, counts);
		for (size_t k = 0; k < 3; k++)
			ok(fabs(counts[k] - 1000 * weights[i][k] / sum) <= 10,
				"round-robin: weights %g:%g:%g, %s got %d of 1000", weights[i][0],
				weights[i][1], weights[i][2], servers[k].name, counts[k]);
	}

	/* 1:3 never leaves the small one out for long. */
	setup(PLACEMENT_ROUND_ROBIN, 2);
	servers[1].weight = 3;
	int longest = 0, since = 0;
	for (int i = 0; i < 400; i++) {
		since = choose() == 0 ? 0 : since + 1;
		if (since > longest)
			longest = since;
	}
	ok(longest <= 4, "round-robin: weights are mixed, not in blocks (%d in a row)", longest);
}

static void
test_away(void)
{
	int counts[MANY];

	for (int policy = 0; policy < 2; policy++) {
		const char *name = placement_policy_name(policy ? PLACEMENT_LEAST_LOADED :
			PLACEMENT_ROUND_ROBIN);

		setup(policy ? PLACEMENT_LEAST_LOADED : PLACEMENT_ROUND_ROBIN, 3);
		candidates[2].facts.health = SERVER_DOWN;
		for (int i = 0; i < 300; i++) /* meetings that end at once */
			choose();
		candidates[2].facts.health = SERVER_UP;
		memset(counts, 0, sizeof(counts));
		for (int i = 0; i < 30; i++)
			counts[choose()]++;
		ok(abs(counts[2] - 10) <= 1, "%s: a server that was away takes its share (%d of 30)",
			name, counts[2]);
		ok(abs(counts[0] - 10) <= 1, "%s: and leaves the others theirs (%d)", name, counts[0]);
	}

	/* The same for a server that is new. */
	setup(PLACEMENT_ROUND_ROBIN, 2);
	choose_many(300, counts);
	placement.n = 3;
	choose_many(30, counts);
	ok(abs(counts[2] - 10) <= 1, "round-robin: nor does a new one get a flood (%d of 30)",
		counts[2]);
}

static void
test_odd_turns(void)
{
	static const struct {
		double turn;
		const char *what;
	} rows[] = {
		{NAN, "not a number"}, {INFINITY, "infinite"}, {-INFINITY, "minus infinite"},
		{-1e9, "negative"}, {0, "zero"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int counts[MANY];
		bool finite = true;

		setup(PLACEMENT_ROUND_ROBIN, 3);
		for (size_t k = 0; k < 3; k++)
			candidates[k].facts.turn = 50;
		candidates[1].facts.turn = rows[i].turn;
		choose_many(30, counts);
		for (size_t k = 0; k < 3; k++)
			finite &= counts[k] == 0 || isfinite(candidates[k].facts.turn);
		ok(abs(counts[1] - 10) <= 1 && abs(counts[0] - 10) <= 1,
			"a turn that is %s does not keep one in or out (%d of 30)", rows[i].what,
			counts[1]);
		ok(finite, "… and heals");

		setup(PLACEMENT_LEAST_LOADED, 3);
		for (size_t k = 0; k < 3; k++)
			candidates[k].facts.turn = rows[i].turn;
		choose_many(30, counts);
		ok(counts[0] == 10 && counts[1] == 10 && counts[2] == 10,
			"all turns are %s: ties rotate yet", rows[i].what);
	}
}

static void
test_exclusions(void)
{
	static const struct {
		enum server_state state;
		struct server_facts facts;
		long max_meetings;
		bool tried;
		enum placement_reason reason;
		const char *what;
	} rows[] = {
		{SERVER_ENABLED, {.meetings = 5}, -1, false, PLACEMENT_CHOSEN, "nothing against it"},
		{SERVER_CORDONED, {0}, -1, false, PLACEMENT_NOT_ENABLED, "cordoned"},
		{SERVER_DISABLED, {0}, -1, false, PLACEMENT_NOT_ENABLED, "disabled"},
		{SERVER_ENABLED, {.has_operator_state = true, .operator_state = SERVER_CORDONED}, -1,
			false, PLACEMENT_NOT_ENABLED, "cordoned by the operator"},
		{SERVER_ENABLED, {.has_operator_state = true, .operator_state = SERVER_DISABLED}, -1,
			false, PLACEMENT_NOT_ENABLED, "disabled by the operator"},
		{SERVER_DISABLED, {.has_operator_state = true, .operator_state = SERVER_ENABLED}, -1,
			false, PLACEMENT_CHOSEN, "enabled by the operator"},
		{SERVER_ENABLED, {.operator_state = SERVER_DISABLED}, -1, false, PLACEMENT_CHOSEN,
			"an operator's state that is not in force"},
		{SERVER_ENABLED, {.health = SERVER_SUSPECT}, -1, false, PLACEMENT_NOT_UP, "suspect"},
		{SERVER_ENABLED, {.health = SERVER_DOWN}, -1, false, PLACEMENT_NOT_UP, "down"},
		{SERVER_ENABLED, {0}, -1, true, PLACEMENT_TRIED, "tried"},
		{SERVER_ENABLED, {.meetings = 5}, 5, false, PLACEMENT_FULL, "full"},
		{SERVER_ENABLED, {.meetings = 6}, 5, false, PLACEMENT_FULL, "more than full"},
		{SERVER_ENABLED, {.meetings = 4}, 5, false, PLACEMENT_CHOSEN, "one more fits"},
		{SERVER_ENABLED, {0}, 0, false, PLACEMENT_FULL, "no meeting allowed"},
		{SERVER_ENABLED, {.meetings = 1000000}, -1, false, PLACEMENT_CHOSEN, "no limit"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int policy = 0; policy < 3; policy++) {
			const char *name = placement_policy_name((enum placement_policy)policy);
			bool eligible = rows[i].reason == PLACEMENT_CHOSEN;

			setup((enum placement_policy)policy, 1);
			servers[0].state = rows[i].state;
			servers[0].max_meetings = rows[i].max_meetings;
			candidates[0].facts = rows[i].facts;
			candidates[0].tried = rows[i].tried;
			candidates[0].score = 77;
			is_int(choose(), eligible ? 0 : -1, "%s, alone: %s", name, rows[i].what);
			is_int(candidates[0].reason, rows[i].reason, "… and why");
			if (eligible)
				continue;
			ok(candidates[0].score >= 0 && candidates[0].score <= 0, "… no score");
			placement.n = 2;
			candidates[1].facts.users = 1000;
			is_int(choose(), 1, "… the other is taken, whatever its load");
			is_int(candidates[0].reason, rows[i].reason, "… and it is known why");
			is_int(candidates[1].reason, PLACEMENT_CHOSEN, "… the other's reason");
		}
	}

	setup(PLACEMENT_LEAST_LOADED, 3);
	candidates[0].facts.users = 1;
	choose();
	is_int(candidates[0].reason, PLACEMENT_BUSIER, "another scored better");
	setup(PLACEMENT_LEAST_LOADED, 0);
	is_int(choose(), -1, "no candidates");

	/* What was tried goes on to the next best, until none is left. */
	for (int policy = 0; policy < 3; policy++) {
		bool seen[MANY] = {false};
		int fresh = 0;

		setup((enum placement_policy)policy, 5);
		for (int at; (at = choose()) >= 0; fresh++) {
			if (seen[at])
				break;
			seen[at] = candidates[at].tried = true;
		}
		is_int(fresh, 5, "%s: each is tried once, then none is left",
			placement_policy_name((enum placement_policy)policy));
	}

	const char *last = "";
	for (int reason = 0; reason <= PLACEMENT_TAGS; reason++) {
		const char *text = placement_reason_text((enum placement_reason)reason);
		ok(text && *text != '\0' && strcmp(text, last) != 0, "reason %d has words", reason);
		last = text ? text : "";
	}
}

/*
 * Tags: servers a (eu), b (eu, gpu), c and d (no tags), e (us), of which the first
 * are the less loaded, so that the first that may is chosen.
 */
static void
setup_tags(enum placement_policy policy)
{
	static const char *const eu[] = {"eu"}, *const both[] = {"eu", "gpu"}, *const us[] = {"us"};
	static const struct {
		const char *const *tags;
		size_t n;
	} of[] = {{eu, 1}, {both, 2}, {NULL, 0}, {NULL, 0}, {us, 1}};

	setup(policy, 5);
	for (size_t i = 0; i < 5; i++) {
		servers[i].tags = of[i].tags;
		servers[i].n_tags = of[i].n;
		candidates[i].facts.users = (long)i;
	}
}

/* The letters of all that are chosen when each is chosen once. */
static const char *
all_choices(void)
{
	static char letters[MANY + 1];
	bool chosen[MANY] = {false};
	size_t n = 0;
	int at;

	while ((at = choose()) >= 0 && !chosen[at])
		chosen[at] = candidates[at].tried = true;
	for (size_t i = 0; i < MANY; i++)
		if (chosen[i])
			letters[n++] = (char)('a' + i);
	letters[n] = '\0';
	return letters;
}

static void
test_tags(void)
{
	static const struct {
		struct str tags;
		const char *from;  /* those it is chosen among at first … */
		const char *then;  /* … and when these cannot; "": nobody */
		bool insists;
		const char *what;
	} rows[] = {
		{{NULL, 0}, "cd", "", false, "no tag asked for"},
		{STR(""), "cd", "", false, "an empty tag"},
		{STR("  "), "cd", "", false, "blanks"},
		{STR("!"), "cd", "", false, "nothing is insisted on"},
		{STR(" ! "), "cd", "", false, "… with blanks"},
		{STR("us"), "e", "cd", false, "a tag"},
		{STR("us!"), "e", "", true, "a tag that is insisted on"},
		{STR(" us "), "e", "cd", false, "… with blanks around"},
		{STR(" us ! "), "e", "", true, "… with blanks around both"},
		{STR("eu"), "ab", "cd", false, "a tag of two servers"},
		{STR("gpu"), "b", "cd", false, "a server's second tag"},
		{STR("us;gpu"), "be", "cd", false, "either of two"},
		{STR("us,gpu"), "be", "cd", false, "… with a comma"},
		{STR("us; gpu!"), "be", "", true, "… insisted on"},
		{STR("us ,gpu ;x"), "be", "cd", false, "… of three, one of them nobody's"},
		{STR(";us;"), "e", "cd", false, "… some of them empty"},
		{STR("none"), "cd", "", false, "those without tags"},
		{STR("none!"), "cd", "", true, "… insisted on"},
		{STR("none;us"), "cde", "", false, "… or with one"},
		{STR("none,us!"), "cde", "", true, "… insisted on"},
		{STR("US"), "", "cd", false, "case counts"},
		{STR("e"), "", "cd", false, "half a tag is none"},
		{STR("eu gpu"), "", "cd", false, "a blank does not separate"},
		{STR("us!;gpu"), "b", "cd", false, "an exclamation mark elsewhere is part of the tag"},
		{STR("moon"), "", "cd", false, "nobody's tag"},
		{STR("moon!"), "", "", true, "nobody's tag, insisted on"},
		{STR(";"), "", "cd", false, "a separator alone"},
		{STR(";!"), "", "", true, "… insisted on"},
	};

	for (int policy = 0; policy < 3; policy++) {
		const char *name = placement_policy_name((enum placement_policy)policy);

		for (size_t i = 0; i < COUNT(rows); i++) {
			const char *first = rows[i].from[0] ? rows[i].from : rows[i].then;
			int at;

			setup_tags((enum placement_policy)policy);
			placement.tags = rows[i].tags;
			is_int(placement_insists(&placement), rows[i].insists, "%s, \"%.*s\", %s", name,
				STR_ARG(rows[i].tags), rows[i].what);
			at = choose();
			ok(at < 0 ? !*first : strchr(first, 'a' + at) != NULL, "… goes to one of \"%s\"",
				first);
			if (policy == PLACEMENT_LEAST_LOADED && at >= 0)
				is_int('a' + at, first[0], "… the least loaded of them");

			/* One after the other cannot. */
			setup_tags((enum placement_policy)policy);
			placement.tags = rows[i].tags;
			for (const char *c = rows[i].from; *c; c++) {
				at = choose();
				if (ok(at >= 0 && strchr(rows[i].from, 'a' + at), "… or to another of them"))
					candidates[at].facts.health = SERVER_DOWN;
			}
			is_str(all_choices(), rows[i].then, "… and when these are down, to \"%s\"", rows[i].then);
		}
	}
}

/* What is wrong with the only server that has the tag. */
static void
spoil(size_t i, int how)
{

	switch (how) {
	case 0:
		candidates[i].facts.health = SERVER_DOWN;
		break;
	case 1:
		candidates[i].facts.health = SERVER_SUSPECT;
		break;
	case 2:
		servers[i].state = SERVER_CORDONED;
		break;
	case 3:
		servers[i].state = SERVER_DISABLED;
		break;
	case 4:
		servers[i].max_meetings = 0;
		break;
	case 5:
		servers[i].max_users = 0;
		break;
	case 6:
		candidates[i].tried = true;
		break;
	}
}

static void
test_tags_spoilt(void)
{
	static const enum placement_reason reasons[] = {
		PLACEMENT_NOT_UP, PLACEMENT_NOT_UP, PLACEMENT_NOT_ENABLED, PLACEMENT_NOT_ENABLED,
		PLACEMENT_FULL, PLACEMENT_CROWDED, PLACEMENT_TRIED,
	};

	for (int policy = 0; policy < 3; policy++) {
		const char *name = placement_policy_name((enum placement_policy)policy);

		for (int how = 0; how < (int)COUNT(reasons); how++) {
			const char *why = placement_reason_text(reasons[how]);
			int at;

			setup_tags((enum placement_policy)policy);
			placement.tags = STR("us");
			spoil(4, how);
			at = choose();
			ok(at == 2 || at == 3, "%s: the server with the tag is no choice (%s): one without tags is",
				name, why);
			is_int(candidates[4].reason, reasons[how], "… and it is known why not that one");
			is_int(candidates[0].reason, PLACEMENT_TAGS, "… others have other tags");
			ok(at >= 0 && candidates[at].reason == PLACEMENT_CHOSEN &&
				candidates[5 - at].reason == PLACEMENT_BUSIER, "… of the two, one is chosen");

			placement.tags = STR("us!");
			is_int(choose(), -1, "… insisted on: nobody");
			is_int(candidates[4].reason, reasons[how], "… for that reason");
			is_int(candidates[2].reason, PLACEMENT_TAGS, "… and others for their tags");

			/* Those without tags are away, for whom asks for none. */
			setup_tags((enum placement_policy)policy);
			spoil(2, how);
			spoil(3, how);
			at = choose();
			if (servers[2].state == SERVER_DISABLED) {
				ok(at >= 0, "… no server without tags: one with tags will do");
				continue;
			}
			is_int(at, -1, "… servers with tags are kept for whom asks for them");
			ok(candidates[2].reason == reasons[how] &&
				candidates[0].reason == PLACEMENT_TAGS, "… for these reasons");
		}

		/* All servers have tags. */
		setup_tags((enum placement_policy)policy);
		placement.n = 2;
		ok(choose() >= 0, "%s: all have tags: no tag asked for", name);
		placement.tags = STR("moon");
		ok(choose() >= 0, "… one that nobody has");
		placement.tags = STR("moon!");
		is_int(choose(), -1, "… which is insisted on");
		placement.tags = STR("none");
		ok(choose() >= 0, "… none");
		placement.tags = STR("none!");
		is_int(choose(), -1, "… none, which is insisted on");
		placement.tags = STR("gpu");
		is_int(choose(), 1, "… one's");

		/* An operator's state counts there, too. */
		setup_tags((enum placement_policy)policy);
		for (size_t i = 2; i < 4; i++) {
			candidates[i].facts.has_operator_state = true;
			candidates[i].facts.operator_state = SERVER_DISABLED;
		}
		ok(choose() >= 0, "%s: the operator has disabled all without tags", name);
	}
}

static void
test_max_users(void)
{
	static const struct {
		long users;
		double reserved;
		long max_users;
		enum placement_reason reason;
		const char *what;
	} rows[] = {
		{0, 0, -1, PLACEMENT_CHOSEN, "no limit"},
		{1000000, 1000000, -1, PLACEMENT_CHOSEN, "no limit, and many"},
		{9, 0, 10, PLACEMENT_CHOSEN, "one less than the limit"},
		{10, 0, 10, PLACEMENT_CROWDED, "at the limit"},
		{11, 0, 10, PLACEMENT_CROWDED, "past it"},
		{0, 9.9, 10, PLACEMENT_CHOSEN, "all but a tenth are reserved"},
		{0, 10, 10, PLACEMENT_CROWDED, "all are reserved"},
		{5, 4.5, 10, PLACEMENT_CHOSEN, "users and reserved seats, below"},
		{5, 5, 10, PLACEMENT_CROWDED, "users and reserved seats, at the limit"},
		{0, 0, 0, PLACEMENT_CROWDED, "no user allowed"},
	};

	for (int policy = 0; policy < 3; policy++) {
		for (size_t i = 0; i < COUNT(rows); i++) {
			bool fits = rows[i].reason == PLACEMENT_CHOSEN;

			setup((enum placement_policy)policy, 1);
			servers[0].max_users = rows[i].max_users;
			candidates[0].facts.users = rows[i].users;
			candidates[0].facts.reserved = rows[i].reserved;
			placement.seats = 500; /* it is the last that may go past the limit */
			is_int(choose(), fits ? 0 : -1, "%s, max_users: %s",
				placement_policy_name((enum placement_policy)policy), rows[i].what);
			is_int(candidates[0].reason, rows[i].reason, "… and why");
		}
	}

	/* Slow start makes reserved seats weigh more, not be more. */
	setup(PLACEMENT_LEAST_LOADED, 1);
	servers[0].max_users = 10;
	candidates[0].facts = (struct server_facts){.reserved = 9};
	is_int(choose(), 0, "max_users: a new server's seats are counted once");
}

static void
test_slow_start(void)
{
	static const struct {
		int64_t since_ms; /* before now; INT64_MIN: never polled */
		double factor;
		const char *what;
	} rows[] = {
		{INT64_MIN, LOAD_SLOW_START_FACTOR, "never polled"},
		{0, LOAD_SLOW_START_FACTOR, "since now"},
		{LOAD_SLOW_START_MS / 2, (LOAD_SLOW_START_FACTOR + 1) / 2, "half-way"},
		{LOAD_SLOW_START_MS, 1, "just long enough"},
		{100 * LOAD_SLOW_START_MS, 1, "long ago"},
		{-1, LOAD_SLOW_START_FACTOR, "a moment after this request began"},
		{-LOAD_SLOW_START_MS, 1, "in the future"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		double want = (100 + rows[i].factor * 20 + 10) / 2;

		setup(PLACEMENT_LEAST_LOADED, 2);
		candidates[0].facts = (struct server_facts){.users = 100, .reserved = 20,
			.since_ms = rows[i].since_ms == INT64_MIN ? 0 : placement.now_ms - rows[i].since_ms};
		servers[0].weight = 2;
		placement.seats = 10;
		choose();
		ok(fabs(candidates[0].score - want) < 1e-9, "slow start, %s: score %g, wanted %g",
			rows[i].what, candidates[0].score, want);
	}

	/* An empty server beside two that are at work gets its share, not all. */
	int counts[2] = {0};
	for (int fresh = 0; fresh < 2; fresh++) {
		setup(PLACEMENT_LEAST_LOADED, 3);
		placement.seats = 15;
		candidates[0].facts.users = candidates[1].facts.users = 150;
		if (fresh)
			candidates[2].facts.since_ms = placement.now_ms;
		for (int n = 0; n < 30; n++) {
			int at = choose();
			candidates[at].facts.reserved += 15;
			counts[fresh] += at == 2;
		}
	}
	ok(counts[0] > 15 && counts[1] < counts[0] / 2 && counts[1] >= 3,
		"slow start: of 30 at once an idle server gets %d, a new one %d", counts[0], counts[1]);
}

/* Each candidate has its reason. */
static void
test_reasons(void)
{
	static const char *const tags[] = {"eu"};

	setup(PLACEMENT_LEAST_LOADED, MANY);
	servers[0].state = SERVER_CORDONED;
	candidates[1].facts.health = SERVER_SUSPECT;
	candidates[2].tried = true;
	servers[3].max_meetings = 0;
	servers[4].max_users = 0;
	servers[5].tags = tags;
	servers[5].n_tags = 1;
	candidates[6].facts.users = 1;
	is_int(choose(), 7, "one of eight is left");
	static const enum placement_reason wanted[MANY] = {
		PLACEMENT_NOT_ENABLED, PLACEMENT_NOT_UP, PLACEMENT_TRIED, PLACEMENT_FULL,
		PLACEMENT_CROWDED, PLACEMENT_TAGS, PLACEMENT_BUSIER, PLACEMENT_CHOSEN,
	};
	for (size_t i = 0; i < MANY; i++)
		is_int(candidates[i].reason, wanted[i], "… %s: %s", servers[i].name,
			placement_reason_text(wanted[i]));
	candidates[7].facts.reserved = 2;
	is_int(choose(), 6, "reserved seats are load");
	is_int(candidates[7].reason, PLACEMENT_BUSIER, "… the reasons are those of the last choice");
}

static int
hash_choice(int id)
{
	char text[32];

	placement.meeting_id = (struct str){text,
		(size_t)snprintf(text, sizeof(text), "meeting-%d", id)};
	for (size_t i = 0; i < placement.n; i++)
		candidates[i].facts.turn = 0;
	return choose();
}

static void
test_hash(void)
{
	enum { IDS = 20000 };
	static int before[IDS];
	int counts[MANY] = {0}, moved = 0, wrong = 0;

	setup(PLACEMENT_HASH, 5);
	for (int id = 0; id < IDS; id++)
		counts[before[id] = hash_choice(id)]++;
	for (size_t i = 0; i < 5; i++)
		ok(abs(counts[i] - IDS / 5) < IDS / 100, "hash: %s has its fifth (%d of %d)",
			servers[i].name, counts[i], IDS);

	for (int id = 0; id < IDS; id++)
		wrong += hash_choice(id) != before[id];
	is_int(wrong, 0, "hash: the same ID, the same server");

	for (size_t i = 0; i < 5; i++)
		candidates[i].facts = (struct server_facts){.meetings = (long)(i * 100), .turn = 5 - (double)i};
	for (int id = 0; id < IDS; id++)
		wrong += hash_choice(id) != before[id];
	is_int(wrong, 0, "hash: whatever the load and the turns");

	candidates[2].facts.health = SERVER_DOWN;
	for (int id = 0; id < IDS; id++) {
		int at = hash_choice(id);
		wrong += at == 2 || (before[id] != 2 && at != before[id]);
	}
	is_int(wrong, 0, "hash: a server that goes down moves its own meetings only");
	candidates[2].facts.health = SERVER_UP;

	/* The last goes away altogether; then a sixth comes. */
	placement.n = 4;
	for (int id = 0; id < IDS; id++) {
		int at = hash_choice(id);
		wrong += before[id] != 4 && at != before[id];
	}
	is_int(wrong, 0, "hash: a server that is removed moves its own only");
	placement.n = 6;
	for (int id = 0; id < IDS; id++) {
		int at = hash_choice(id);
		moved += at != before[id];
		wrong += at != before[id] && at != 5;
	}
	is_int(wrong, 0, "hash: a server that is added takes, and moves nothing else");
	ok(abs(moved - IDS / 6) < IDS / 100, "hash: it takes about a sixth (%d of %d)", moved, IDS);

	/* Another order of the list is the same list. */
	placement.n = 5;
	struct placement_candidate swapped = candidates[0];
	candidates[0] = candidates[4];
	candidates[4] = swapped;
	for (int id = 0; id < IDS; id++) {
		int at = hash_choice(id);
		wrong += candidates[at].server != &servers[before[id]];
	}
	is_int(wrong, 0, "hash: the order of the list does not matter");

	setup(PLACEMENT_HASH, 2);
	servers[1].weight = 3;
	memset(counts, 0, sizeof(counts));
	for (int id = 0; id < IDS; id++)
		counts[hash_choice(id)]++;
	ok(abs(counts[0] - IDS / 4) < IDS / 100, "hash: weights 1:3 get 1:3 (%d of %d)", counts[0],
		IDS);

	placement.meeting_id = (struct str){NULL, 0};
	ok(choose() >= 0, "hash: an empty ID is placed, too");
}

static void
test_names(void)
{
	is_str(placement_policy_name(PLACEMENT_LEAST_LOADED), "least-loaded", "least-loaded");
	is_str(placement_policy_name(PLACEMENT_ROUND_ROBIN), "round-robin", "round-robin");
	is_str(placement_policy_name(PLACEMENT_HASH), "hash", "hash");

	setup(PLACEMENT_HASH, 3);
	ok(placement_has(&placement, "a") && placement_has(&placement, "c"), "has: the candidates");
	ok(!placement_has(&placement, "d") && !placement_has(&placement, "A") &&
		!placement_has(&placement, ""), "has: none else");
	placement.n = 0;
	ok(!placement_has(&placement, "a"), "has: none at all");
}

/* What server.h makes of a state and health. */
static void
test_server(void)
{
	static const struct {
		enum server_state state;
		struct server_facts facts;
		bool usable, takes;
		const char *what;
	} rows[] = {
		{SERVER_ENABLED, {0}, true, true, "enabled and up"},
		{SERVER_ENABLED, {.health = SERVER_SUSPECT}, true, false, "suspect"},
		{SERVER_ENABLED, {.health = SERVER_DOWN}, false, false, "down"},
		{SERVER_CORDONED, {0}, true, false, "cordoned"},
		{SERVER_CORDONED, {.health = SERVER_DOWN}, false, false, "cordoned and down"},
		{SERVER_DISABLED, {0}, false, false, "disabled"},
		{SERVER_DISABLED, {.has_operator_state = true}, true, true, "the operator enabled it"},
		{SERVER_ENABLED, {.has_operator_state = true, .operator_state = SERVER_DISABLED},
			false, false, "the operator disabled it"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct server server = {.state = rows[i].state};

		is_int(server_is_usable(&server, &rows[i].facts), rows[i].usable, "usable: %s",
			rows[i].what);
		is_int(server_takes_meetings(&server, &rows[i].facts), rows[i].takes,
			"takes meetings: %s", rows[i].what);
	}
	for (int state = SERVER_ENABLED; state <= SERVER_DISABLED; state++) {
		enum server_state back = SERVER_ENABLED;
		const char *name = server_state_name((enum server_state)state);

		ok(server_state_find(str_from(name), &back) == 0 && (int)back == state,
			"state %s there and back", name);
	}
	enum server_state none = SERVER_CORDONED;
	ok(server_state_find(STR("Enabled"), &none) == -1 && server_state_find(STR(""), &none) == -1 &&
		none == SERVER_CORDONED, "other states are none");
}

int
main(void)
{
	test_least_loaded();
	test_new_meeting();
	test_round_robin();
	test_away();
	test_odd_turns();
	test_exclusions();
	test_tags();
	test_tags_spoilt();
	test_max_users();
	test_slow_start();
	test_reasons();
	test_hash();
	test_names();
	test_server();
	return done_testing();
}

/*
 * Choosing a server: what each policy takes, and in what proportion.  (Who may be
 * chosen at all is in test_placement_exclusions.c.)
 */
#include "test_placement.h"

static void
test_least_loaded(void)
{
	static const struct {
		double weights[3];
		long users[3];
		int chosen;
		const char *what;
	} rows[] = {
		{ { 1, 1, 1 }, { 3, 1, 2 }, 1, "the fewest users" },
		{ { 1, 1, 1 }, { 0, 0, 0 }, 0, "all empty: the first" },
		{ { 1, 1, 1 }, { 2, 1, 1 }, 1, "a tie: the first of them" },
		{ { 1, 4, 1 }, { 2, 4, 2 }, 1, "more users, but for its weight fewer" },
		{ { 1, 0.5, 1 }, { 2, 1, 1 }, 2, "a small one is full sooner" },
		{ { 0.001, 1000, 1 }, { 0, 1, 1 }, 0, "none is fewer than any" },
		{ { 1, 2, 1 }, { 1, 2, 1 }, 0, "a tie with weights" },
		{ { 1, 1, 1 }, { 1000000000, 999999999, 1000000000 }, 1, "large numbers" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		setup(PLACEMENT_LEAST_LOADED, 3);
		for (size_t k = 0; k < 3; k++) {
			servers[k].weight = rows[i].weights[k];
			candidates[k].facts.users = rows[i].users[k];
		}
		is_int(choose(), rows[i].chosen, "least-loaded: %s", rows[i].what);
		for (size_t k = 0; k < 3; k++)
			ok(fabs(candidates[k].score -
			       (double)rows[i].users[k] / rows[i].weights[k]) < 1e-9,
			    "… score of %s", servers[k].name);
	}

	/* Meetings that end at once leave a tie each time: it rotates. */
	setup(PLACEMENT_LEAST_LOADED, 4);
	int counts[MANY];
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < 100; i++)
		counts[choose()]++;
	for (size_t i = 0; i < 4; i++)
		is_int(counts[i], 25, "least-loaded: ties rotate, %s", servers[i].name);

	setup(PLACEMENT_LEAST_LOADED, 2);
	servers[1].weight = 3;
	choose_many(1000, counts);
	ok(abs(counts[0] - 250) <= 10, "least-loaded: weights 1:3 get 1:3 (%d of 1000)",
	    counts[0]);
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
		{ { 0.5, 2 }, { 0, 100 }, 10, 0, "a class goes to the empty small one" },
		{ { 0.5, 2 }, { 0, 100 }, 300, 1, "a lecture does not" },
		{ { 1, 1 }, { 0, 100 }, 300, 0, "among equals the emptiest takes any" },
		{ { 1, 2 }, { 0, 0 }, 1, 1, "both empty: the large one" },
		{ { 1, 2 }, { 10, 30 }, 10, 1,
		    "a tie but for turns, and then the large one's" },
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
		{ 1, 1, 1 },
		{ 1, 3, 1 },
		{ 1, 2, 3 },
		{ 0.1, 0.2, 0.7 },
		{ 100, 1, 100 },
		{ 1, 1000, 3 },
	};

	setup(PLACEMENT_ROUND_ROBIN, 3);
	int order[6];
	for (size_t i = 0; i < 6; i++)
		order[i] = choose();
	ok(order[0] == 0 && order[1] == 1 && order[2] == 2 && order[3] == 0 && order[4] == 1 &&
	        order[5] == 2,
	    "round-robin: in turn");

	setup(PLACEMENT_ROUND_ROBIN, 3);
	candidates[0].facts.meetings = 500;
	is_int(choose(), 0, "round-robin: meetings do not matter");

	for (size_t i = 0; i < COUNT(weights); i++) {
		double sum = weights[i][0] + weights[i][1] + weights[i][2];

		setup(PLACEMENT_ROUND_ROBIN, 3);
		for (size_t k = 0; k < 3; k++)
			servers[k].weight = weights[i][k];
		int counts[MANY];
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
	ok(longest <= 4, "round-robin: weights are mixed, not in blocks (%d in a row)",
	    longest);
}

static void
test_away(void)
{
	int counts[MANY];

	for (int policy = 0; policy < 2; policy++) {
		const char *name = placement_policy_name(
		    policy ? PLACEMENT_LEAST_LOADED : PLACEMENT_ROUND_ROBIN);

		setup(policy ? PLACEMENT_LEAST_LOADED : PLACEMENT_ROUND_ROBIN, 3);
		candidates[2].facts.health = SERVER_DOWN;
		for (int i = 0; i < 300; i++) /* meetings that end at once */
			choose();
		candidates[2].facts.health = SERVER_UP;
		memset(counts, 0, sizeof(counts));
		for (int i = 0; i < 30; i++)
			counts[choose()]++;
		ok(abs(counts[2] - 10) <= 1,
		    "%s: a server that was away takes its share (%d of 30)", name, counts[2]);
		ok(abs(counts[0] - 10) <= 1, "%s: and leaves the others theirs (%d)", name,
		    counts[0]);
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
		{ NAN, "not a number" },
		{ INFINITY, "infinite" },
		{ -INFINITY, "minus infinite" },
		{ -1e9, "negative" },
		{ 0, "zero" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		setup(PLACEMENT_ROUND_ROBIN, 3);
		for (size_t k = 0; k < 3; k++)
			candidates[k].facts.turn = 50;
		candidates[1].facts.turn = rows[i].turn;
		int counts[MANY];
		choose_many(30, counts);
		bool finite = true;
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
test_slow_start(void)
{
	static const struct {
		int64_t since_ms; /* before now; INT64_MIN: never polled */
		double factor;
		const char *what;
	} rows[] = {
		{ INT64_MIN, LOAD_SLOW_START_FACTOR, "never polled" },
		{ 0, LOAD_SLOW_START_FACTOR, "since now" },
		{ LOAD_SLOW_START_MS / 2, (LOAD_SLOW_START_FACTOR + 1) / 2, "half-way" },
		{ LOAD_SLOW_START_MS, 1, "just long enough" },
		{ 100 * LOAD_SLOW_START_MS, 1, "long ago" },
		{ -1, LOAD_SLOW_START_FACTOR, "a moment after this request began" },
		{ -LOAD_SLOW_START_MS, 1, "in the future" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		double want = (100 + rows[i].factor * 20 + 10) / 2;

		setup(PLACEMENT_LEAST_LOADED, 2);
		candidates[0].facts = (struct server_facts){
			.users = 100,
			.reserved = 20,
			.reserved_ms = NOW,
			.since_ms = rows[i].since_ms == INT64_MIN ?
			    0 :
			    placement.now_ms - rows[i].since_ms,
		};
		servers[0].weight = 2;
		placement.seats = 10;
		choose();
		ok(fabs(candidates[0].score - want) < 1e-9,
		    "slow start, %s: score %g, wanted %g", rows[i].what, candidates[0].score,
		    want);
	}
}

static void
test_slow_start_beside(void)
{
	/* Where all are new, none is: the state was lost, or it is the first start. */
	for (size_t n = 1; n <= 3; n++) {
		setup(PLACEMENT_LEAST_LOADED, n);
		for (size_t i = 0; i < n; i++)
			candidates[i].facts.since_ms = i == 1 ? 0 : NOW - 1000;
		candidates[0].facts.users = 40;
		candidates[0].facts.reserved = 8;
		choose();
		ok(fabs(candidates[0].score - 48) < 1e-9,
		    "slow start: not where all of %zu are new (%g)", n, candidates[0].score);
	}

	/* Only one that could be chosen takes what a new one is spared. */
	for (int how = 0; how < 6; how++) {
		static const char *const what[] = { "is down", "is suspect", "is cordoned",
			"was tried", "is full", "is held back" };

		setup(PLACEMENT_LEAST_LOADED, 2);
		candidates[0].facts.since_ms = NOW;
		candidates[0].facts.reserved = 8;
		candidates[1].facts.health = how == 0 ? SERVER_DOWN :
		    how == 1                          ? SERVER_SUSPECT :
		                                        SERVER_UP;
		servers[1].state = how == 2 ? SERVER_CORDONED : SERVER_ENABLED;
		candidates[1].tried = how == 3;
		servers[1].max_meetings = how == 4 ? 0 : -1;
		candidates[1].facts.held_ms = how == 5 ? NOW + 1 : 0;
		is_int(choose(), 0, "slow start: the older one %s", what[how]);
		ok(fabs(candidates[0].score - 8) < 1e-9, "… so that there is none (%g)",
		    candidates[0].score);
	}

	/* An empty server beside two that are at work gets its share, not all. */
	int counts[2] = { 0 };
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
	    "slow start: of 30 at once an idle server gets %d, a new one %d", counts[0],
	    counts[1]);
}

static int
hash_choice(int id)
{
	char text[32];

	placement.meeting_id = (struct str){ text,
		(size_t)snprintf(text, sizeof(text), "meeting-%d", id) };
	for (size_t i = 0; i < placement.n; i++)
		candidates[i].facts.turn = 0;
	return choose();
}

static void
test_hash(void)
{
	enum { IDS = 20000 };
	static int before[IDS];

	setup(PLACEMENT_HASH, 5);
	int counts[MANY] = { 0 };
	for (int id = 0; id < IDS; id++)
		counts[before[id] = hash_choice(id)]++;
	for (size_t i = 0; i < 5; i++)
		ok(abs(counts[i] - IDS / 5) < IDS / 100, "hash: %s has its fifth (%d of %d)",
		    servers[i].name, counts[i], IDS);

	int wrong = 0;
	for (int id = 0; id < IDS; id++)
		wrong += hash_choice(id) != before[id];
	is_int(wrong, 0, "hash: the same ID, the same server");

	for (size_t i = 0; i < 5; i++)
		candidates[i].facts = (struct server_facts){
			.meetings = (long)(i * 100),
			.turn = 5 - (double)i,
		};
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
	int moved = 0;
	for (int id = 0; id < IDS; id++) {
		int at = hash_choice(id);
		moved += at != before[id];
		wrong += at != before[id] && at != 5;
	}
	is_int(wrong, 0, "hash: a server that is added takes, and moves nothing else");
	ok(abs(moved - IDS / 6) < IDS / 100, "hash: it takes about a sixth (%d of %d)", moved,
	    IDS);

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
	ok(abs(counts[0] - IDS / 4) < IDS / 100, "hash: weights 1:3 get 1:3 (%d of %d)",
	    counts[0], IDS);

	placement.meeting_id = (struct str){ NULL, 0 };
	ok(choose() >= 0, "hash: an empty ID is placed, too");
}

static void
test_names(void)
{
	is_str(placement_policy_name(PLACEMENT_LEAST_LOADED), "least-loaded", "least-loaded");
	is_str(placement_policy_name(PLACEMENT_ROUND_ROBIN), "round-robin", "round-robin");
	is_str(placement_policy_name(PLACEMENT_HASH), "hash", "hash");
}

int
main(void)
{
	test_least_loaded();
	test_new_meeting();
	test_round_robin();
	test_away();
	test_odd_turns();
	test_slow_start();
	test_slow_start_beside();
	test_hash();
	test_names();
	return done_testing();
}

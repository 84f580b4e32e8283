/*
 * Choosing a server: who may be chosen at all, by state, limits and tags, why the others
 * are not, and who is the last resort.
 */
#include "test_placement.h"

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
		{ SERVER_ENABLED, { .meetings = 5 }, -1, false, PLACEMENT_CHOSEN,
		    "nothing against it" },
		{ SERVER_CORDONED, { 0 }, -1, false, PLACEMENT_NOT_ENABLED, "cordoned" },
		{ SERVER_DISABLED, { 0 }, -1, false, PLACEMENT_NOT_ENABLED, "disabled" },
		{ SERVER_ENABLED,
		    { .has_operator_state = true, .operator_state = SERVER_CORDONED }, -1,
		    false, PLACEMENT_NOT_ENABLED, "cordoned by the operator" },
		{ SERVER_ENABLED,
		    { .has_operator_state = true, .operator_state = SERVER_DISABLED }, -1,
		    false, PLACEMENT_NOT_ENABLED, "disabled by the operator" },
		{ SERVER_DISABLED,
		    { .has_operator_state = true, .operator_state = SERVER_ENABLED }, -1, false,
		    PLACEMENT_CHOSEN, "enabled by the operator" },
		{ SERVER_ENABLED, { .operator_state = SERVER_DISABLED }, -1, false,
		    PLACEMENT_CHOSEN, "an operator's state that is not in force" },
		{ SERVER_ENABLED, { .health = SERVER_DOWN }, -1, false, PLACEMENT_NOT_UP,
		    "down" },
		{ SERVER_ENABLED, { 0 }, -1, true, PLACEMENT_TRIED, "tried" },
		{ SERVER_ENABLED, { .meetings = 5 }, 5, false, PLACEMENT_FULL, "full" },
		{ SERVER_ENABLED, { .meetings = 6 }, 5, false, PLACEMENT_FULL,
		    "more than full" },
		{ SERVER_ENABLED, { .meetings = 4 }, 5, false, PLACEMENT_CHOSEN,
		    "one more fits" },
		{ SERVER_ENABLED, { 0 }, 0, false, PLACEMENT_FULL, "no meeting allowed" },
		{ SERVER_ENABLED, { .meetings = 1000000 }, -1, false, PLACEMENT_CHOSEN,
		    "no limit" },
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
			is_int(choose(), eligible ? 0 : -1, "%s, alone: %s", name,
			    rows[i].what);
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
		setup((enum placement_policy)policy, 5);
		bool seen[MANY] = { false };
		int fresh = 0;
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
		ok(text && *text != '\0' && strcmp(text, last) != 0, "reason %d has words",
		    reason);
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
	static const char *const eu[] = { "eu" }, *const both[] = { "eu", "gpu" },
	                         *const us[] = { "us" };
	static const struct {
		const char *const *tags;
		size_t n;
	} of[] = { { eu, 1 }, { both, 2 }, { NULL, 0 }, { NULL, 0 }, { us, 1 } };

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
	bool chosen[MANY] = { false };
	int at;

	while ((at = choose()) >= 0 && !chosen[at])
		chosen[at] = candidates[at].tried = true;
	size_t n = 0;
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
		const char *from; /* those it is chosen among at first … */
		const char *then; /* … and when these cannot; "": nobody */
		bool insists;
		const char *what;
	} rows[] = {
		{ { NULL, 0 }, "cd", "", false, "no tag asked for" },
		{ STR(""), "cd", "", false, "an empty tag" },
		{ STR("  "), "cd", "", false, "blanks" },
		{ STR("!"), "cd", "", false, "nothing is insisted on" },
		{ STR(" ! "), "cd", "", false, "… with blanks" },
		{ STR("us"), "e", "cd", false, "a tag" },
		{ STR("us!"), "e", "", true, "a tag that is insisted on" },
		{ STR(" us "), "e", "cd", false, "… with blanks around" },
		{ STR(" us ! "), "e", "", true, "… with blanks around both" },
		{ STR("eu"), "ab", "cd", false, "a tag of two servers" },
		{ STR("gpu"), "b", "cd", false, "a server's second tag" },
		{ STR("us;gpu"), "be", "cd", false, "either of two" },
		{ STR("us,gpu"), "be", "cd", false, "… with a comma" },
		{ STR("us; gpu!"), "be", "", true, "… insisted on" },
		{ STR("us ,gpu ;x"), "be", "cd", false, "… of three, one of them nobody's" },
		{ STR(";us;"), "e", "cd", false, "… some of them empty" },
		{ STR("none"), "cd", "", false, "those without tags" },
		{ STR("none!"), "cd", "", true, "… insisted on" },
		{ STR("none;us"), "cde", "", false, "… or with one" },
		{ STR("none,us!"), "cde", "", true, "… insisted on" },
		{ STR("US"), "", "cd", false, "case counts" },
		{ STR("e"), "", "cd", false, "half a tag is none" },
		{ STR("eu gpu"), "", "cd", false, "a blank does not separate" },
		{ STR("us!;gpu"), "b", "cd", false,
		    "an exclamation mark elsewhere is part of the tag" },
		{ STR("moon"), "", "cd", false, "nobody's tag" },
		{ STR("moon!"), "", "", true, "nobody's tag, insisted on" },
		{ STR(";"), "", "cd", false, "a separator alone" },
		{ STR(";!"), "", "", true, "… insisted on" },
	};

	for (int policy = 0; policy < 3; policy++) {
		const char *name = placement_policy_name((enum placement_policy)policy);

		for (size_t i = 0; i < COUNT(rows); i++) {
			const char *first = rows[i].from[0] ? rows[i].from : rows[i].then;

			setup_tags((enum placement_policy)policy);
			placement.tags = rows[i].tags;
			is_int(placement_insists(&placement), rows[i].insists,
			    "%s, \"%.*s\", %s", name, STR_ARG(rows[i].tags), rows[i].what);
			int at = choose();
			ok(at < 0 ? !*first : strchr(first, 'a' + at) != NULL,
			    "… goes to one of \"%s\"", first);
			if (policy == PLACEMENT_LEAST_LOADED && at >= 0)
				is_int('a' + at, first[0], "… the least loaded of them");

			/* One after the other cannot. */
			setup_tags((enum placement_policy)policy);
			placement.tags = rows[i].tags;
			for (const char *c = rows[i].from; *c; c++) {
				at = choose();
				if (ok(at >= 0 && strchr(rows[i].from, 'a' + at),
				        "… or to another of them"))
					candidates[at].facts.health = SERVER_DOWN;
			}
			is_str(all_choices(), rows[i].then,
			    "… and when these are down, to \"%s\"", rows[i].then);
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
	static const enum placement_reason reasons[] = { PLACEMENT_NOT_UP, PLACEMENT_NOT_UP,
		PLACEMENT_NOT_ENABLED, PLACEMENT_NOT_ENABLED, PLACEMENT_FULL, PLACEMENT_CROWDED,
		PLACEMENT_TRIED };

	for (int policy = 0; policy < 3; policy++) {
		const char *name = placement_policy_name((enum placement_policy)policy);

		for (int how = 0; how < (int)COUNT(reasons); how++) {
			const char *why = placement_reason_text(reasons[how]);

			setup_tags((enum placement_policy)policy);
			placement.tags = STR("us");
			spoil(4, how);
			int at = choose();
			ok(at == 2 || at == 3,
			    "%s: the server with the tag is no choice (%s): one without tags "
			    "is",
			    name, why);
			is_int(candidates[4].reason, reasons[how],
			    "… and it is known why not that one");
			is_int(candidates[0].reason, PLACEMENT_TAGS,
			    "… others have other tags");
			ok(at >= 0 && candidates[at].reason == PLACEMENT_CHOSEN &&
			        candidates[5 - at].reason == PLACEMENT_BUSIER,
			    "… of the two, one is chosen");

			/* A suspect one is the last resort. */
			bool is_last_resort = how == 1;
			placement.tags = STR("us!");
			is_int(choose(), is_last_resort ? 4 : -1,
			    "… insisted on: nobody, or the last resort");
			is_int(candidates[4].reason,
			    is_last_resort ? PLACEMENT_CHOSEN : reasons[how],
			    "… for that reason");
			is_int(candidates[2].reason, PLACEMENT_TAGS,
			    "… and others for their tags");

			/* Those without tags are away, for whom asks for none. */
			setup_tags((enum placement_policy)policy);
			spoil(2, how);
			spoil(3, how);
			at = choose();
			if (servers[2].state == SERVER_DISABLED) {
				ok(at >= 0, "… no server without tags: one with tags will do");
				continue;
			}
			if (is_last_resort) {
				ok(at == 2 || at == 3, "… the last resort, too");
				continue;
			}
			is_int(at, -1, "… servers with tags are kept for whom asks for them");
			ok(candidates[2].reason == reasons[how] &&
			        candidates[0].reason == PLACEMENT_TAGS,
			    "… for these reasons");
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
		{ 0, 0, -1, PLACEMENT_CHOSEN, "no limit" },
		{ 1000000, 1000000, -1, PLACEMENT_CHOSEN, "no limit, and many" },
		{ 9, 0, 10, PLACEMENT_CHOSEN, "one less than the limit" },
		{ 10, 0, 10, PLACEMENT_CROWDED, "at the limit" },
		{ 11, 0, 10, PLACEMENT_CROWDED, "past it" },
		{ 0, 9.9, 10, PLACEMENT_CHOSEN, "all but a tenth are reserved" },
		{ 0, 10, 10, PLACEMENT_CROWDED, "all are reserved" },
		{ 5, 4.5, 10, PLACEMENT_CHOSEN, "users and reserved seats, below" },
		{ 5, 5, 10, PLACEMENT_CROWDED, "users and reserved seats, at the limit" },
		{ 0, 0, 0, PLACEMENT_CROWDED, "no user allowed" },
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
	candidates[0].facts = (struct server_facts){ .reserved = 9, .reserved_ms = NOW };
	is_int(choose(), 0, "max_users: a new server's seats are counted once");

	/* They fade. */
	setup(PLACEMENT_LEAST_LOADED, 1);
	servers[0].max_users = 10;
	candidates[0].facts.reserved = 20;
	candidates[0].facts.reserved_ms = NOW - LOAD_RESERVATION_MS / 2;
	is_int(choose(), -1, "max_users: half of twenty is left, which is the limit");
	candidates[0].facts.reserved_ms -= 1;
	is_int(choose(), 0, "… a moment later it is below");
}

/* Each candidate has its reason. */
static void
test_reasons(void)
{
	static const char *const tags[] = { "eu" };

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
	static const enum placement_reason wanted[MANY] = { PLACEMENT_NOT_ENABLED,
		PLACEMENT_NOT_UP, PLACEMENT_TRIED, PLACEMENT_FULL, PLACEMENT_CROWDED,
		PLACEMENT_TAGS, PLACEMENT_BUSIER, PLACEMENT_CHOSEN };
	for (size_t i = 0; i < MANY; i++)
		is_int(candidates[i].reason, wanted[i], "… %s: %s", servers[i].name,
		    placement_reason_text(wanted[i]));
	candidates[7].facts.reserved = 2;
	is_int(choose(), 6, "reserved seats are load");
	is_int(candidates[7].reason, PLACEMENT_BUSIER,
	    "… the reasons are those of the last choice");
}

/* Two servers, as they stand; which is chosen, and why not the other. */
static void
test_last_resort(void)
{
	enum { UP, HELD, SUSPECT, BOTH, TRIED, DOWN };
	static const struct {
		int stands[2];
		long users[2];
		int chosen;
		enum placement_reason other;
		const char *what;
	} rows[] = {
		{ { SUSPECT, UP }, { 0, 99 }, 1, PLACEMENT_NOT_UP,
		    "suspect beside a full one" },
		{ { HELD, UP }, { 0, 99 }, 1, PLACEMENT_HELD, "held back beside a full one" },
		{ { BOTH, UP }, { 0, 99 }, 1, PLACEMENT_NOT_UP, "suspect and held back" },
		{ { SUSPECT, TRIED }, { 0, 0 }, 0, PLACEMENT_TRIED, "the other was tried" },
		{ { HELD, TRIED }, { 0, 0 }, 0, PLACEMENT_TRIED, "the other was tried, too" },
		{ { SUSPECT, DOWN }, { 0, 0 }, 0, PLACEMENT_NOT_UP, "the other is down" },
		{ { HELD, SUSPECT }, { 9, 0 }, 1, PLACEMENT_BUSIER, "two last resorts: load" },
		{ { HELD, SUSPECT }, { 0, 9 }, 0, PLACEMENT_BUSIER, "… the other way" },
		{ { BOTH, SUSPECT }, { 9, 0 }, 1, PLACEMENT_BUSIER, "… of any kind" },
		{ { DOWN, TRIED }, { 0, 0 }, -1, PLACEMENT_NOT_UP, "nothing is left" },
	};

	for (int policy = 0; policy < 3; policy++) {
		for (size_t i = 0; i < COUNT(rows); i++) {
			setup((enum placement_policy)policy, 2);
			for (size_t k = 0; k < 2; k++) {
				struct server_facts *facts = &candidates[k].facts;
				int stand = rows[i].stands[k];

				facts->users = rows[i].users[k];
				facts->turn = (double)rows[i].users[k];
				if (stand == HELD || stand == BOTH)
					facts->held_ms = NOW + 1;
				if (stand == SUSPECT || stand == BOTH)
					facts->health = SERVER_SUSPECT;
				if (stand == DOWN)
					facts->health = SERVER_DOWN;
				candidates[k].tried = stand == TRIED;
			}
			if (policy == PLACEMENT_HASH && rows[i].other == PLACEMENT_BUSIER)
				continue; /* as chance has it */
			is_int(choose(), rows[i].chosen, "%s, last resort: %s",
			    placement_policy_name((enum placement_policy)policy), rows[i].what);
			is_int(candidates[rows[i].chosen == 0].reason, rows[i].other,
			    "… and why not the other");
		}
	}

	/* Cordoned, disabled or full is none, however few are left. */
	for (int how = 0; how < 4; how++) {
		setup(PLACEMENT_LEAST_LOADED, 1);
		candidates[0].facts.health = SERVER_SUSPECT;
		servers[0].state = how == 0 ? SERVER_CORDONED :
		    how == 1                ? SERVER_DISABLED :
		                              SERVER_ENABLED;
		servers[0].max_meetings = how == 2 ? 0 : -1;
		servers[0].max_users = how == 3 ? 0 : -1;
		is_int(choose(), -1, "no last resort: %s",
		    placement_reason_text(candidates[0].reason));
	}
}

/* Held back while creates fail, and then on trial. */
static void
test_trial(void)
{
	static const struct {
		int failures;
		int64_t held_ms;
		bool is_chosen; /* beside another that is busier */
		int64_t then_ms;
		const char *what;
	} rows[] = {
		{ 0, 0, true, 0, "no create failed" },
		{ 1, 0, true, 0, "one did" },
		{ 2, NOW + INTERVAL, false, NOW + INTERVAL, "two did, just now" },
		{ 2, NOW + 1, false, NOW + 1, "two did, nearly an interval ago" },
		{ 2, NOW, true, NOW + INTERVAL, "an interval ago: a trial" },
		{ 2, NOW - 3600000, true, NOW + INTERVAL, "long ago: a trial, too" },
		{ 9, 0, true, NOW + INTERVAL, "many did: a trial" },
		{ 2, NOW + INTERVAL + 1, true, NOW + INTERVAL, "by a clock that was wrong" },
		{ 0, NOW + 1, false, NOW + 1, "held back, whatever the count" },
	};

	for (int policy = 0; policy < 2; policy++) {
		for (size_t i = 0; i < COUNT(rows); i++) {
			setup((enum placement_policy)policy, 2);
			candidates[0].facts.create_failures = rows[i].failures;
			candidates[0].facts.held_ms = rows[i].held_ms;
			candidates[1].facts.users = 99;
			candidates[1].facts.turn = 1;
			is_int(choose(), rows[i].is_chosen ? 0 : 1, "%s, %s",
			    placement_policy_name((enum placement_policy)policy), rows[i].what);
			is_int(candidates[0].facts.held_ms, rows[i].then_ms,
			    "… held back from then on until");
			is_int(candidates[1].facts.held_ms, 0, "… and the other is not");
		}
	}

	/* One trial at a time; a create that ends well ends it. */
	setup(PLACEMENT_LEAST_LOADED, 2);
	candidates[0].facts.create_failures = 2;
	candidates[1].facts.users = 99;
	is_int(choose(), 0, "a trial");
	is_int(choose(), 1, "… is the only one for an interval");
	placement.now_ms += INTERVAL;
	is_int(choose(), 0, "… then comes another");
	server_create(&candidates[0].facts, true, 7, &placement.rules, placement.now_ms);
	is_int(choose(), 0, "… which ends well: all go there");
	is_int(choose(), 0, "… again");

	/* As the last resort, it is held back all the same. */
	setup(PLACEMENT_LEAST_LOADED, 1);
	candidates[0].facts.create_failures = 2;
	candidates[0].facts.held_ms = NOW + 1;
	is_int(choose(), 0, "held back, and alone");
	is_int(candidates[0].facts.held_ms, NOW + INTERVAL, "… held back anew");
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
		{ SERVER_ENABLED, { 0 }, true, true, "enabled and up" },
		{ SERVER_ENABLED, { .health = SERVER_SUSPECT }, true, true,
		    "suspect: the last resort, but one" },
		{ SERVER_ENABLED, { .health = SERVER_DOWN }, false, false, "down" },
		{ SERVER_CORDONED, { 0 }, true, false, "cordoned" },
		{ SERVER_CORDONED, { .health = SERVER_DOWN }, false, false,
		    "cordoned and down" },
		{ SERVER_DISABLED, { 0 }, false, false, "disabled" },
		{ SERVER_DISABLED, { .has_operator_state = true }, true, true,
		    "the operator enabled it" },
		{ SERVER_ENABLED,
		    { .has_operator_state = true, .operator_state = SERVER_DISABLED }, false,
		    false, "the operator disabled it" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct server server = { .state = rows[i].state };

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
	ok(server_state_find(STR("Enabled"), &none) == -1 &&
	        server_state_find(STR(""), &none) == -1 && none == SERVER_CORDONED,
	    "other states are none");
}

int
main(void)
{
	test_exclusions();
	test_tags();
	test_tags_spoilt();
	test_max_users();
	test_reasons();
	test_last_resort();
	test_trial();
	test_server();
	return done_testing();
}

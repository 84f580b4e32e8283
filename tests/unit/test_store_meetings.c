/*
 * The contract of the stores: mappings, and what goes with them.
 */
#include "test_store.h"

static enum store_result
get(struct store *store, struct str id, int64_t now_ms, struct meeting *meeting,
    struct server_facts *facts)
{
	int64_t whole_ms;
	enum store_result result = store->verbs->meeting_get(store, arena, id, now_ms, meeting,
	    facts, &whole_ms);

	/* It tells the same as the servers' facts do, whether or not there is a mapping. */
	if (whole_ms != whole_of(store) || whole_ms == INT64_MAX)
		ok(false, "since when the state is whole");
	return result;
}

static void
test_every_field(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting full = {
		.server = "a",
		.version = 77, /* the store's to give */
		.claimed_ms = 1000001,
		.create_ms = 1000002,
		.seen_ms = 1000003,
		.is_ending = true,
		.seats = 4,
		.users = 5,
		.peak = 6,
		.copy = "b",
	};
	struct meeting got = { .version = 1 };
	struct server_facts facts = { .users = 7 };

	is_int(get(store, STR("m"), NOW, &got, &facts), STORE_NOT_FOUND, "%s: no mapping",
	    adapter);
	struct meeting found;
	is_int(set_meeting(store, STR("m"), NULL, &full, &found), STORE_OK, "%s: a mapping",
	    adapter);
	ok(found.version > 0 && found.version != full.version, "… has a version of its own");
	full.version = found.version;
	ok(are_same_meetings(&found, &full), "… and is handed out as it was set");
	store = reopen(store, adapter);
	is_int(get(store, STR("m"), NOW, &got, &facts), STORE_OK, "%s: it is found", adapter);
	ok(are_same_meetings(&got, &full), "… as it was set");
	ok(are_new_facts(&facts), "… with the facts of a server that is not known");
	facts = (struct server_facts){ .health = SERVER_DOWN, .users = 8, .secret_at = 2 };
	set_facts(store, "a", &facts);
	struct server_facts known;
	is_int(get(store, STR("m"), NOW, &got, &known), STORE_OK, "%s: again", adapter);
	ok(are_same_facts(&known, &facts), "… with what is known of its server now");

	char server[] = "b";
	struct meeting plain = { .server = server };
	is_int(set_meeting(store, STR("m"), &got, &plain, &found), STORE_OK,
	    "%s: one with nothing but a server", adapter);
	server[0] = '?'; /* what was handed in is the caller's */
	is_int(get(store, STR("m"), NOW, &got, &known), STORE_OK, "… is found");
	ok(are_same_meetings(&got, &found), "… as it was set");
	is_str(got.copy, "", "… nowhere else");
	ok(are_new_facts(&known), "… with its own server's facts");
	close_store(store);
	is_str(got.server, "b", "%s: what was handed out outlives the store", adapter);
	is_str(found.server, "b", "… all of it");
}

static void
test_ids(const char *adapter)
{
	static char longest[LIMIT_MEETING_ID_BYTES + 1];
	static const struct str strange[] = { STR(""), STR(" "), STR("a'b\"c;--"), STR("%"),
		STR("_"), STR("\xc3\xa4"), STR("\xf0\x9f\x98\x80"), STR("a\nb"), STR("1"),
		STR("01"), STR("1.0"), STR("a"), STR("A"), STR("ab"), STR("a\0b"), STR("a\0c"),
		STR("\xff\xfe"), STR("\x80"), { longest, LIMIT_MEETING_ID_BYTES } };
	struct store *store = open_store(adapter);
	struct meeting wanted = mapping_to("a", NOW);

	memset(longest, 'x', LIMIT_MEETING_ID_BYTES);
	for (size_t i = 0; i < COUNT(strange); i++) {
		wanted.claimed_ms = 1000 + (int64_t)i;
		is_int(set_meeting(store, strange[i], NULL, &wanted, NULL), STORE_OK,
		    "%s: ID %zu is new", adapter, i);
	}
	struct meeting meeting;
	struct server_facts facts;
	int found = 0;
	for (size_t i = 0; i < COUNT(strange); i++)
		found += get(store, strange[i], NOW, &meeting, &facts) == STORE_OK &&
		    meeting.claimed_ms == 1000 + (int64_t)i;
	is_int(found, COUNT(strange), "%s: each is found as its own", adapter);
	is_int(get(store, (struct str){ "01", 2 }, NOW, &meeting, &facts), STORE_OK, "…");
	is_int(meeting.claimed_ms, 1009, "… by the span alone");
	is_int(get(store, (struct str){ "0", 1 }, NOW, &meeting, &facts), STORE_NOT_FOUND,
	    "… and not by a part");
	longest[LIMIT_MEETING_ID_BYTES - 1] = 'y';
	is_int(get(store, strange[COUNT(strange) - 1], NOW, &meeting, &facts), STORE_NOT_FOUND,
	    "%s: the last byte counts", adapter);
	longest[LIMIT_MEETING_ID_BYTES - 1] = 'x';

	struct mapped *meetings;
	size_t n;
	store->verbs->meetings_on(store, arena, "a", &meetings, &n);
	found = 0;
	for (size_t i = 0; i < COUNT(strange); i++)
		for (size_t k = 0; k < n; k++)
			found += str_equal(meetings[k].meeting_id, strange[i]) &&
			    meetings[k].meeting.claimed_ms == 1000 + (int64_t)i;
	is_int(n, COUNT(strange), "%s: all are on the server", adapter);
	is_int(found, COUNT(strange), "… each under its own ID");
	close_store(store);
}

/* Every pair of what is expected and what is wanted, on nothing and on a mapping. */
static void
test_compare_and_set(const char *adapter)
{
	enum { NOTHING, RIGHT, OLD, ELSE };
	static const struct {
		bool is_there;
		int expected;
		const char *wanted;
		enum store_result result;
		const char *what;
	} rows[] = {
		{ false, NOTHING, "b", STORE_OK, "a claim" },
		{ false, NOTHING, NULL, STORE_OK, "nothing to nothing" },
		{ false, OLD, "b", STORE_CONFLICT, "a move of what was dropped" },
		{ false, OLD, NULL, STORE_CONFLICT, "a drop of what was dropped" },
		{ true, NOTHING, "b", STORE_CONFLICT, "a claim of what is mapped" },
		{ true, NOTHING, "a", STORE_CONFLICT, "a claim for where it is mapped" },
		{ true, NOTHING, NULL, STORE_CONFLICT, "no change, where none was expected" },
		{ true, RIGHT, "b", STORE_OK, "a move" },
		{ true, RIGHT, "a", STORE_OK, "a change in its place" },
		{ true, RIGHT, NULL, STORE_OK, "a drop" },
		{ true, OLD, "b", STORE_CONFLICT, "a move of what has changed" },
		{ true, OLD, NULL, STORE_CONFLICT, "a drop of what has changed" },
		{ true, ELSE, "b", STORE_CONFLICT, "a move of another mapping" },
	};
	struct store *store = open_store(adapter);
	struct meeting other = map(store, "other", "a");

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str id = str_from(str_printf(arena, "m%zu", i));
		struct meeting wanted = mapping_to("a", NOW), old;

		set_meeting(store, id, NULL, &wanted, &old);
		struct meeting now = { 0 };
		set_meeting(store, id, &old, rows[i].is_there ? &wanted : NULL, &now);
		const struct meeting *expected[] = { NULL, &now, &old, &other };
		if (rows[i].wanted)
			wanted = mapping_to(rows[i].wanted, NOW + 5);
		struct meeting found;
		is_int(set_meeting(store, id, expected[rows[i].expected],
		           rows[i].wanted ? &wanted : NULL, &found),
		    rows[i].result, "%s: %s", adapter, rows[i].what);

		struct meeting got = { 0 };
		struct server_facts facts;
		bool is_mapped = get(store, id, NOW, &got, &facts) == STORE_OK;
		ok(are_same_meetings(&got, &found), "… what is there now is handed out");
		if (rows[i].result == STORE_CONFLICT)
			ok(are_same_meetings(&got, &now), "… and is as it was");
		else if (!rows[i].wanted)
			ok(!is_mapped && !found.server, "… and is nothing");
		else
			ok(got.claimed_ms == NOW + 5 &&
			        strcmp(got.server, wanted.server) == 0 &&
			        got.version != now.version && got.version != old.version,
			    "… and is what was wanted, of another version");
	}
	is_str(where(store, "other"), "a", "%s: all of that is no other meeting's", adapter);
	close_store(store);
}

/* A mapping that comes back as it was is another all the same. */
static void
test_late_drop(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting first = map(store, "m", "a");

	is_int(drop(store, "m", &first), STORE_OK, "%s: a meeting ends", adapter);
	struct meeting second = map(store, "m", "a");
	ok(second.version != first.version, "… and is made anew, in the same millisecond");
	is_int(drop(store, "m", &first), STORE_CONFLICT, "… a late drop does not hit it");
	is_str(where(store, "m"), "a", "… it stays");
	close_store(store);
}

static void
test_load(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts a = { .users = 1 };

	set_facts(store, "a", &a);
	struct store_server load = { .name = "a", .facts = a };
	struct meeting wanted = mapping_to("a", NOW);
	struct store_change change = {
		.meeting_id = STR("m"),
		.wanted = &wanted,
		.load = &load,
	};
	load.facts.users = 2;
	is_int(store->verbs->meetings_set(store, arena, &change, 1, NOW), STORE_OK,
	    "%s: a claim with the load of its server", adapter);
	ok(change.result == STORE_OK && load.result == STORE_OK, "… is done, both of it");
	struct server_facts facts = facts_of(store, "a");
	ok(are_same_facts(&facts, &load.facts) && facts.users == 2 &&
	        facts.version != a.version,
	    "… the facts are set, of a new version");

	/* Somebody else places a meeting. */
	load.facts.users = 3;
	uint64_t version = facts.version;
	facts.users = 99;
	set_facts(store, "a", &facts);
	change = (struct store_change){
		.meeting_id = STR("n"),
		.wanted = &wanted,
		.load = &load,
	};
	is_int(store->verbs->meetings_set(store, arena, &change, 1, NOW), STORE_OK,
	    "%s: a claim by facts that are old", adapter);
	is_int(change.result, STORE_STALE, "… is stale");
	is_int(load.result, STORE_STALE, "… as the load is");
	is_int(load.facts.version, version, "… which stays as it was");
	ok(!change.found.server, "… nothing is mapped there");
	is_str(where(store, "n"), "nowhere", "… still");
	is_int(facts_of(store, "a").users, 99, "… and the facts are the other's");

	struct meeting there = map(store, "o", "b");
	load.facts = facts_of(store, "a");
	load.facts.users = 4;
	change = (struct store_change){
		.meeting_id = STR("o"),
		.wanted = &wanted,
		.load = &load,
	};
	store->verbs->meetings_set(store, arena, &change, 1, NOW);
	is_int(change.result, STORE_CONFLICT, "%s: another's mapping, with good facts",
	    adapter);
	ok(are_same_meetings(&change.found, &there), "… is handed out");
	is_int(facts_of(store, "a").users, 99, "… the facts are not set");
	load.facts.version--;
	store->verbs->meetings_set(store, arena, &change, 1, NOW);
	is_int(change.result, STORE_CONFLICT, "… nor with old facts");

	load.facts.version++;
	change.expected = &there;
	change.wanted = NULL;
	store->verbs->meetings_set(store, arena, &change, 1, NOW);
	ok(change.result == STORE_OK && facts_of(store, "a").users == 4,
	    "%s: a drop with the load", adapter);
	load = (struct store_server){ .name = "new", .facts = { .users = 5 } };
	change = (struct store_change){
		.meeting_id = STR("p"),
		.wanted = &wanted,
		.load = &load,
	};
	store->verbs->meetings_set(store, arena, &change, 1, NOW);
	ok(change.result == STORE_OK && facts_of(store, "new").users == 5,
	    "%s: of a server that was not known", adapter);
	close_store(store);
}

static void
test_several(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting one = map(store, "one", "a"), wanted = mapping_to("b", NOW);
	struct store_server stale = { .name = "b", .facts = { .version = 7 } };
	struct store_server load = { .name = "c", .facts = { .users = 3 } };
	struct store_change changes[] = {
		{ .meeting_id = STR("one"), .expected = &one },
		{ .meeting_id = STR("one"), .wanted = &wanted },
		{ .meeting_id = STR("one"), .expected = &one, .wanted = &wanted },
		{ .meeting_id = STR("two"), .wanted = &wanted, .load = &stale },
		{ .meeting_id = STR("two"), .wanted = &wanted, .load = &load },
		{ .meeting_id = STR("three"), .wanted = &wanted, .load = &load },
		{ .meeting_id = STR("four"), .wanted = &wanted },
	};
	static const enum store_result results[] = { STORE_OK, STORE_OK, STORE_CONFLICT,
		STORE_STALE, STORE_OK, STORE_OK, STORE_OK };

	is_int(store->verbs->meetings_set(store, arena, changes, COUNT(changes), NOW), STORE_OK,
	    "%s: seven changes", adapter);
	for (size_t i = 0; i < COUNT(changes); i++)
		is_int(changes[i].result, results[i], "… each in its turn, %zu", i);
	ok(changes[2].found.version == changes[1].found.version,
	    "… sees what those before it did");
	is_str(where(store, "one"), "b", "… dropped, and claimed");
	is_str(where(store, "two"), "b", "… stale, and claimed");
	is_str(where(store, "four"), "b", "… and the last");
	ok(facts_of(store, "c").users == 3 &&
	        facts_of(store, "c").version == load.facts.version,
	    "… the load of two is set by both");
	is_int(store->verbs->meetings_set(store, arena, NULL, 0, NOW), STORE_OK,
	    "%s: no changes", adapter);
	close_store(store);
}

/* More than one transaction may hold. */
static void
test_many(const char *adapter)
{
	enum { LOTS = 3000 };
	struct store *store = open_store(adapter);
	struct store_change *changes = mem_alloc(LOTS * sizeof(*changes));
	struct meeting wanted = mapping_to("a", NOW), there = map(store, "1234", "b");

	for (int i = 0; i < LOTS; i++)
		changes[i] = (struct store_change){
			.meeting_id = str_from(str_printf(arena, "%d", i)),
			.wanted = &wanted,
			.result = STORE_FAILED,
		};
	is_int(store->verbs->meetings_set(store, arena, changes, LOTS, NOW), STORE_OK,
	    "%s: %d claims", adapter, LOTS);
	int good = 0;
	for (int i = 0; i < LOTS; i++)
		good += changes[i].result == (i == 1234 ? STORE_CONFLICT : STORE_OK);
	is_int(good, LOTS, "… are done, but for one that was there");
	ok(are_same_meetings(&changes[1234].found, &there), "… which is handed out");
	struct mapped *meetings;
	size_t n;
	store->verbs->meetings_on(store, arena, "a", &meetings, &n);
	is_int(n, LOTS - 1, "… they are on the server");
	for (int i = 0; i < LOTS; i++) {
		struct meeting *found = arena_alloc(arena, sizeof(*found));

		*found = changes[i].found;
		changes[i].expected = i % 10 == 0 ? &there : found;
		changes[i].wanted = NULL;
	}
	store->verbs->meetings_set(store, arena, changes, LOTS, NOW);
	good = 0;
	for (int i = 0; i < LOTS; i++)
		good += changes[i].result == (i % 10 == 0 ? STORE_CONFLICT : STORE_OK);
	is_int(good, LOTS, "%s: nine in ten are dropped", adapter);
	store->verbs->meetings_on(store, arena, "a", &meetings, &n);
	is_int(n, LOTS / 10, "… the others stay");
	close_store(store);
	free(changes);
}

static void
test_on(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct mapped *meetings = (void *)arena;
	size_t n = 7;

	is_int(store->verbs->meetings_on(store, arena, "a", &meetings, &n), STORE_OK,
	    "%s: no mappings to a server", adapter);
	is_int(n, 0, "… are none");
	struct meeting one = map(store, "one", "a"), two = map(store, "two", "a");
	map(store, "A's", "A");
	map(store, "b's", "b");
	is_int(store->verbs->meetings_on(store, arena, "a", &meetings, &n), STORE_OK, "%s: two",
	    adapter);
	is_int(n, 2, "… of the server, and of no other of nearly the same name");
	size_t at = n == 2 && str_is(meetings[1].meeting_id, "one") ? 1 : 0;
	ok(n == 2 && str_is(meetings[at].meeting_id, "one") &&
	        are_same_meetings(&meetings[at].meeting, &one) &&
	        str_is(meetings[1 - at].meeting_id, "two") &&
	        are_same_meetings(&meetings[1 - at].meeting, &two),
	    "… as they were set");
	close_store(store);
	ok(n == 2 && str_is(meetings[at].meeting_id, "one"), "… for as long as the arena");
}

/* ---- Absent meetings ------------------------------------------------------------ */

static void
test_absent(const char *adapter)
{
	static const struct {
		int64_t now_ms;
		enum store_result result;
		const char *what;
	} rows[] = {
		{ 5000, STORE_ABSENT, "at once" },
		{ 5999, STORE_ABSENT, "just before the time is over" },
		{ 6000, STORE_NOT_FOUND, "when it is over" },
		{ 9000, STORE_NOT_FOUND, "later" },
		{ 4999, STORE_NOT_FOUND, "when the clock was set back" },
	};
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;

	is_int(verbs->absent_put(store, STR("m"), 5000, 1000), STORE_OK, "%s: absent", adapter);
	store = reopen(store, adapter);
	struct meeting meeting;
	struct server_facts facts;
	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(get(store, STR("m"), rows[i].now_ms, &meeting, &facts), rows[i].result,
		    "%s: found absent %s", adapter, rows[i].what);
	is_int(get(store, STR("M"), 5000, &meeting, &facts), STORE_NOT_FOUND,
	    "%s: another is not", adapter);
	is_int(verbs->absent_put(store, STR("m"), 8000, 500), STORE_OK, "%s: absent again",
	    adapter);
	is_int(get(store, STR("m"), 8499, &meeting, &facts), STORE_ABSENT,
	    "… counts from then");
	is_int(get(store, STR("m"), 8500, &meeting, &facts), STORE_NOT_FOUND,
	    "… for the new time");
	is_int(verbs->absent_put(store, STR("n"), 8000, 0), STORE_OK, "%s: for no time",
	    adapter);
	is_int(get(store, STR("n"), 8000, &meeting, &facts), STORE_NOT_FOUND,
	    "… is not at all");

	verbs->absent_put(store, STR("m"), NOW, 1000);
	is_str(where(store, "m"), "absent", "%s: what is absent", adapter);
	struct meeting mapped = map(store, "m", "a");
	is_str(where(store, "m"), "a", "… can be mapped");
	is_int(verbs->absent_put(store, STR("m"), NOW, 1000), STORE_OK,
	    "%s: absent, though mapped", adapter);
	is_str(where(store, "m"), "a", "… the mapping wins");
	is_int(drop(store, "m", &mapped), STORE_OK, "… and is as it was");
	is_str(where(store, "m"), "nowhere", "… dropped, it is not absent but unknown");

	verbs->absent_put(store, STR("m"), NOW, 1000);
	struct meeting wanted = mapping_to("a", NOW);
	is_int(set_meeting(store, STR("m"), &mapped, &wanted, NULL), STORE_CONFLICT,
	    "%s: a move of what is absent", adapter);
	is_str(where(store, "m"), "absent", "… leaves it so");
	is_int(set_meeting(store, STR("m"), NULL, NULL, NULL), STORE_OK, "%s: nothing is set",
	    adapter);
	is_str(where(store, "m"), "absent", "… nor changed");
	close_store(store);
}

/* ---- History -------------------------------------------------------------------- */

static long
peak_of(struct store *store, const char *id)
{
	struct store_history history = { -1, -1 };

	return store->verbs->history_get(store, str_from(id), &history) == STORE_OK ?
	    history.peak :
	    -1;
}

/* A meeting that had so many people ends. */
static void
hold_meeting(struct store *store, const char *id, long peak, int64_t now_ms)
{
	struct meeting wanted = mapping_to("a", now_ms);
	struct store_change change = { .meeting_id = str_from(id), .wanted = &wanted };

	wanted.peak = peak;
	store->verbs->meetings_set(store, arena, &change, 1, now_ms);
	wanted = change.found;
	change.expected = &wanted;
	change.wanted = NULL;
	store->verbs->meetings_set(store, arena, &change, 1, now_ms);
	is_int(change.result, STORE_OK, "a meeting had %ld people", peak);
}

/* The picture is what the servers' facts and the history are, each by itself. */
static void
test_picture(const char *adapter)
{
	static const struct server servers[] = { { .name = "a" }, { .name = "b" } };
	struct store *store = open_store(adapter);
	struct store_history history = { -1, -1 };
	struct server_facts facts[2], set = { .users = 3 };
	int64_t whole_ms = INT64_MAX;

	is_int(store->verbs->picture_get(store, servers, 2, facts, &whole_ms, &STR("m"),
	           &history, 1),
	    STORE_OK, "%s: a picture of nothing", adapter);
	ok(are_new_facts(&facts[0]) && history.peak == 0 && is_same(history.typical, 0),
	    "… shows nothing");
	set_facts(store, "b", &set);
	hold_meeting(store, "m", 9, NOW);
	store->verbs->typical_put(store, 6.5);
	is_int(store->verbs->picture_get(store, servers, 2, facts, &whole_ms, &STR("m"),
	           &history, 1),
	    STORE_OK, "%s: a picture", adapter);
	ok(are_new_facts(&facts[0]) && are_same_facts(&facts[1], &set), "… of the servers");
	ok(history.peak == 9 && is_same(history.typical, 6.5), "… and of the meetingID");
	ok(whole_ms < INT64_MAX, "… which is whole");
	store->verbs->picture_get(store, servers, 2, facts, NULL, &STR("n"), &history, 1);
	ok(history.peak == 0 && is_same(history.typical, 6.5), "… of another one");
	close_store(store);
}

static void
test_history(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_history history = { -1, -1 };

	is_int(store->verbs->history_get(store, STR("m"), &history), STORE_OK, "%s: no history",
	    adapter);
	ok(history.peak == 0 && is_same(history.typical, 0), "… tells nothing");
	hold_meeting(store, "ended", 13, NOW);
	store = reopen(store, adapter);
	is_int(peak_of(store, "ended"), 13, "%s: what a meeting had is known", adapter);
	is_int(peak_of(store, "Ended"), 0, "… of each meetingID its own");
	hold_meeting(store, "ended", 6, NOW + 1000);
	is_int(peak_of(store, "ended"), 6, "… it is the last time that counts");
	hold_meeting(store, "ended", 0, NOW + 2000);
	is_int(peak_of(store, "ended"), 6, "… when there was anyone");

	struct meeting moved = mapping_to("a", NOW);
	moved.peak = 30;
	struct meeting there;
	set_meeting(store, STR("moved"), NULL, &moved, &there);
	is_int(peak_of(store, "moved"), 0, "%s: what still runs is no history", adapter);
	moved.peak = 31;
	set_meeting(store, STR("moved"), &there, &moved, &there);
	is_int(peak_of(store, "moved"), 0, "… nor what changes in its place");
	moved = mapping_to("b", NOW);
	set_meeting(store, STR("moved"), &there, &moved, &there);
	is_int(peak_of(store, "moved"), 31, "… but what moves is");
	is_int(there.peak, 0, "… and begins anew");
	drop(store, "moved", &there);
	is_int(peak_of(store, "moved"), 31, "… dropped, with nobody there yet, it still is");

	is_int(store->verbs->typical_put(store, 12.5), STORE_OK, "%s: what is typical",
	    adapter);
	store = reopen(store, adapter);
	store->verbs->history_get(store, STR("moved"), &history);
	ok(history.peak == 31 && is_same(history.typical, 12.5), "… is known");
	store->verbs->typical_put(store, 13);
	store->verbs->history_get(store, STR("new"), &history);
	ok(history.peak == 0 && is_same(history.typical, 13),
	    "… of all meetings, and replaced");
	close_store(store);
}

/* ---- Forgetting ----------------------------------------------------------------- */

/* Put a mapping with those times. */
static void
put_aged(struct store *store, const char *id, int64_t create_ms, int64_t seen_ms)
{
	struct meeting wanted = {
		.server = "a",
		.claimed_ms = 1,
		.create_ms = create_ms,
		.seen_ms = seen_ms,
	};

	set_meeting(store, str_from(id), NULL, &wanted, NULL);
}

static void
test_purge(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	int64_t now_ms = 1000 * PEAK_KEEP_MS, old_ms = now_ms - MEETING_KEEP_MS;

	is_int(verbs->purge(store, now_ms), STORE_OK, "%s: a purge of nothing", adapter);
	put_aged(store, "old", old_ms - 1, old_ms - 1);
	put_aged(store, "never seen", old_ms - 1, 0);
	put_aged(store, "just young", old_ms, 0);
	put_aged(store, "seen", 1, old_ms);
	put_aged(store, "future", now_ms + 5000, 0);
	hold_meeting(store, "long ago", 7, now_ms - PEAK_KEEP_MS - 1);
	hold_meeting(store, "last term", 7, now_ms - PEAK_KEEP_MS);
	verbs->absent_put(store, STR("past"), now_ms - 1000, 999);
	verbs->absent_put(store, STR("present"), now_ms - 1000, 1001);

	is_int(verbs->purge(store, now_ms + PURGE_INTERVAL_MS - 1), STORE_OK,
	    "%s: within the hour", adapter);
	is_str(where(store, "old"), "a", "… nothing is forgotten");
	store = reopen(store, adapter);
	is_int(verbs->purge(store, now_ms - 1), STORE_OK, "%s: the clock is set back", adapter);
	is_str(where(store, "old"), "a", "… what is just young enough is not forgotten");
	is_int(peak_of(store, "long ago"), 7, "… neither");
	is_int(verbs->purge(store, now_ms - 1 + PURGE_INTERVAL_MS), STORE_OK,
	    "%s: an hour later", adapter);
	is_str(where(store, "old"), "nowhere", "… an old mapping is forgotten");
	is_str(where(store, "never seen"), "nowhere", "… or one that no poll has shown");
	is_str(where(store, "just young"), "nowhere", "… by the hour");
	is_str(where(store, "future"), "a", "… not one that was made just now");
	is_int(peak_of(store, "long ago"), 0, "… and history");
	struct meeting meeting;
	struct server_facts facts;
	/* An engine forgets them by its own clock. */
	if (strcmp(adapter, "redis") != 0)
		is_int(get(store, STR("present"), now_ms, &meeting, &facts), STORE_NOT_FOUND,
		    "… and absent meetings");
	close_store(store);

	store = open_store(adapter);
	is_int(verbs->purge(store, now_ms - PURGE_INTERVAL_MS), STORE_OK, "%s: an hour ago",
	    adapter);
	put_aged(store, "just old", old_ms - 1, 0);
	put_aged(store, "just young", old_ms, 0);
	put_aged(store, "seen", 1, old_ms);
	hold_meeting(store, "long ago", 7, now_ms - PEAK_KEEP_MS - 1);
	hold_meeting(store, "last term", 7, now_ms - PEAK_KEEP_MS);
	verbs->absent_put(store, STR("present"), now_ms - 1000, 1001);
	is_int(verbs->purge(store, now_ms), STORE_OK, "%s: a purge", adapter);
	is_str(where(store, "just old"), "nowhere", "… a mapping goes after a day");
	is_str(where(store, "just young"), "a", "… and no earlier");
	is_str(where(store, "seen"), "a", "… if no poll has shown it");
	is_int(peak_of(store, "long ago"), 0, "… history after a hundred days");
	is_int(peak_of(store, "last term"), 7, "… and no earlier");
	is_int(get(store, STR("present"), now_ms, &meeting, &facts), STORE_ABSENT,
	    "… what is absent stays for its time");
	close_store(store);
}

static enum store_result
take_turn(struct store *store, const char *id, struct store_turn *turn)
{
	return store->verbs->turn_take(store, str_from(id), turn);
}

static void
test_turns(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_turn first = { 0 }, second = { 0 }, other = { 0 }, never = { 0 };

	is_int(take_turn(store, "m", &first), STORE_OK, "%s: a turn", adapter);
	is_int(take_turn(store, "m", &second), STORE_CONFLICT, "… is no other's meanwhile");
	is_int(take_turn(store, "m", &second), STORE_CONFLICT, "… however often it asks");
	is_int(take_turn(store, "M", &other), STORE_OK, "… but of another meetingID");
	store->verbs->turn_give(store, &first);
	is_int(take_turn(store, "m", &second), STORE_OK, "… who has it next");
	store->verbs->turn_give(store, &first);
	is_int(take_turn(store, "m", &first), STORE_CONFLICT,
	    "%s: one that is given back twice is still the other's", adapter);
	store->verbs->turn_give(store, &first);
	store->verbs->turn_give(store, &never);
	is_int(take_turn(store, "m", &never), STORE_CONFLICT,
	    "… as when a wait for it was given up");
	store->verbs->turn_give(store, &never);
	store->verbs->turn_give(store, &second);
	is_int(take_turn(store, "m", &first), STORE_OK, "%s: at last it is free", adapter);
	store->verbs->turn_give(store, &first);
	store->verbs->turn_give(store, &other);
	close_store(store);
}

int
main(void)
{
	static contract_test *const tests[] = {
		test_every_field,
		test_ids,
		test_compare_and_set,
		test_late_drop,
		test_load,
		test_several,
		test_many,
		test_on,
		test_absent,
		test_history,
		test_picture,
		test_purge,
		test_turns,
	};

	begin_tests("test_store_meetings");
	test_contract(tests, COUNT(tests));
	return end_tests();
}

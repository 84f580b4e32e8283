/*
 * The contract of the stores: facts of servers, the lease, and what a store says that
 * remembers nothing.
 */
#include "test_store.h"

#include "adapters/none.h"

/* Facts of which no two are equal. */
static struct server_facts
full_facts(void)
{
	return (struct server_facts){
		.health = SERVER_SUSPECT,
		.has_operator_state = true,
		.operator_state = SERVER_CORDONED,
		.failures = 1,
		.failing_ms = 1000002,
		.successes = 3,
		.told_ms = 1000004,
		.polled_ms = 1000005,
		.good_ms = 1000006,
		.next_poll_ms = 1000007,
		.since_ms = 1000008,
		.back_ms = 1000009,
		.create_failures = 10,
		.create_failed = UINT64_C(0xfedcba9876543210),
		.held_ms = 1000012,
		.users = 13,
		.meetings = 14,
		.reserved = 15.25,
		.reserved_ms = 1000016,
		.turn = 17.125,
		.secret_at = 8,
		.release = "3.0.18-rc.1",
		.release_ms = 1000019,
	};
}

/* Only what hosts share tells of itself. */
static void
test_describe(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_description description = { .replicas = 7 };
	bool is_shared = strcmp(adapter, "redis") == 0;
	char host[256] = "";

	is_int(store->verbs->describe(store, arena, &description),
	    is_shared ? STORE_OK : STORE_NOT_FOUND, "%s: what holds the state", adapter);
	is_int(description.replicas, 0, "… no replicas");
	if (is_shared) {
		ok(str_starts(str_from(description.version), "Redis ") ||
		        str_starts(str_from(description.version), "Valkey "),
		    "… its version: %s", description.version);
		is_str(description.policy, "noeviction", "… what it does when it is full");
		ok(!description.is_saved && !description.is_of_bbb &&
		        description.used_bytes > 0 && description.most_bytes == 0,
		    "… and how it is kept");
		is_int(description.n_hosts, 0, "… no host has read from it");
		facts_of(store, "a");
		store->verbs->describe(store, arena, &description);
		is_int(description.n_hosts, 1, "… one has");
		gethostname(host, sizeof(host) - 1);
		is_str(description.n_hosts > 0 ? description.hosts[0].name : "-", host,
		    "… and is named");
	}
	close_store(store);
}

static void
test_problem(const char *adapter)
{
	struct store *store = open_store(adapter);

	facts_of(store, "a");
	ok(!store->verbs->problem(store, arena), "%s: nothing has failed", adapter);
	close_store(store);
}

static void
test_unknown(const char *adapter)
{
	static const struct server servers[] = {
		{ .name = "a" },
		{ .name = "b" },
		{ .name = "" },
		{ .name = "a" },
	};
	struct store *store = open_store(adapter);
	struct server_facts facts[COUNT(servers)];

	memset(facts, 0x55, sizeof(facts));
	int64_t whole_ms = INT64_MAX;
	is_int(store->verbs->servers_get(store, servers, COUNT(servers), facts, &whole_ms),
	    STORE_OK, "%s: servers that the state has never heard of", adapter);
	for (size_t i = 0; i < COUNT(servers); i++)
		ok(are_new_facts(&facts[i]), "… server %zu is healthy, empty, of version 0", i);
	ok(whole_ms < INT64_MAX, "… nothing is lost");
	is_int(store->verbs->servers_get(store, servers, 1, facts, NULL), STORE_OK,
	    "%s: nobody asks since when", adapter);
	whole_ms = INT64_MAX;
	is_int(store->verbs->servers_get(store, NULL, 0, NULL, &whole_ms), STORE_OK,
	    "%s: no servers", adapter);
	ok(whole_ms < INT64_MAX, "… since when is told all the same");
	is_int(store->verbs->servers_set(store, NULL, 0), STORE_OK, "%s: none to set", adapter);
	close_store(store);
}

static void
test_every_fact(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts set = full_facts();

	is_int(set_facts(store, "a", &set), STORE_OK, "%s: all facts are set", adapter);
	ok(set.version > 0, "… and have a version");
	store = reopen(store, adapter);
	struct server_facts got = facts_of(store, "a");
	ok(are_same_facts(&got, &set), "… and come back as they were");

	set = (struct server_facts){
		.version = got.version,
		.health = SERVER_DOWN,
		.has_operator_state = true,
		.operator_state = SERVER_ENABLED,
		.failures = 1000000,
		.failing_ms = INT64_MAX / 4,
		.create_failed = UINT64_MAX,
		.reserved = 1e9,
		.turn = 9007199254740992.0,
	};
	is_int(set_facts(store, "a", &set), STORE_OK, "%s: extreme ones", adapter);
	ok(set.version != got.version, "… have another version");
	got = facts_of(store, "a");
	ok(are_same_facts(&got, &set), "… and come back, too");

	for (int state = SERVER_ENABLED; state <= SERVER_DISABLED; state++) {
		set.operator_state = (enum server_state)state;
		is_int(set_facts(store, "a", &set), STORE_OK, "%s: operator's state %d",
		    adapter, state);
		got = facts_of(store, "a");
		ok(are_same_facts(&got, &set), "… comes back");
	}
	set.has_operator_state = false;
	set_facts(store, "a", &set);
	got = facts_of(store, "a");
	ok(!got.has_operator_state && are_same_facts(&got, &set), "… or is taken back");
	close_store(store);
}

static void
test_conditions(const char *adapter)
{
	struct store *store = open_store(adapter);

	struct server_facts other = (struct server_facts){ .version = 7, .users = 9 };
	is_int(set_facts(store, "a", &other), STORE_STALE,
	    "%s: an unknown server has no such version", adapter);
	other = facts_of(store, "a");
	ok(are_new_facts(&other), "… nothing changed");

	struct server_facts first = { .users = 1 };
	is_int(set_facts(store, "a", &first), STORE_OK, "%s: the first facts", adapter);
	uint64_t old = first.version;
	other = (struct server_facts){ .users = 9 };
	is_int(set_facts(store, "a", &other), STORE_STALE, "%s: it is known since", adapter);
	is_int(other.version, 0, "… what was expected stays as it was");
	first.users = 2;
	is_int(set_facts(store, "a", &first), STORE_OK, "%s: in place of what was read",
	    adapter);
	first.users = 3;
	is_int(set_facts(store, "a", &first), STORE_OK, "… and in place of that, unread");
	other = (struct server_facts){ .version = old, .users = 9 };
	is_int(set_facts(store, "a", &other), STORE_STALE, "%s: in place of old facts",
	    adapter);
	other = facts_of(store, "a");
	ok(are_same_facts(&other, &first), "… changes nothing");
	is_int(set_facts(store, "a", &other), STORE_OK, "%s: the same facts are a change, too",
	    adapter);
	ok(other.version != first.version, "… of another version");
	is_int(set_facts(store, "a", &first), STORE_STALE, "… which others notice");

	other = facts_of(store, "A");
	ok(are_new_facts(&other), "%s: names are case-sensitive", adapter);
	close_store(store);
}

static void
test_several(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts known = { .users = 1 };

	set_facts(store, "b", &known);
	struct store_server set[] = {
		{ .name = "a", .facts = { .users = 10 } },
		{ .name = "b", .facts = { .users = 20 } },
		{ .name = "c", .facts = { .users = 30 } },
		{ .name = "c", .facts = { .users = 40 } },
		{ .name = "b", .facts = { .version = known.version, .users = 50 } },
		{ .name = "b's \"c\";--", .facts = { .users = 60 } },
	};
	static const enum store_result results[] = { STORE_OK, STORE_STALE, STORE_OK,
		STORE_STALE, STORE_OK, STORE_OK };
	is_int(store->verbs->servers_set(store, set, COUNT(set)), STORE_OK, "%s: six at once",
	    adapter);
	for (size_t i = 0; i < COUNT(set); i++)
		is_int(set[i].result, results[i], "… each has its own result, %zu", i);
	is_int(facts_of(store, "a").users, 10, "… what is well is written");
	is_int(facts_of(store, "b").users, 50, "… each by its own condition");
	is_int(facts_of(store, "c").users, 30, "… the first of two");
	is_int(facts_of(store, "b's \"c\";--").users, 60, "… under any name");
	is_int(set[0].facts.version, facts_of(store, "a").version,
	    "… the version is handed out");
	is_int(set[3].facts.version, 0, "… not of one that is stale");

	struct server two[] = { { .name = "c" }, { .name = "x" }, { .name = "a" } };
	struct server_facts facts[3];
	store->verbs->servers_get(store, two, 3, facts, NULL);
	ok(facts[0].users == 30 && are_new_facts(&facts[1]) && facts[2].users == 10,
	    "%s: facts come in the order of the question", adapter);
	close_store(store);
}

/* As many as may be configured. */
static void
test_thousand(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_server *set = mem_alloc(LIMIT_SERVERS * sizeof(*set));
	struct server *servers = mem_alloc(LIMIT_SERVERS * sizeof(*servers));
	struct server_facts *facts = mem_alloc(LIMIT_SERVERS * sizeof(*facts));

	for (int i = 0; i < LIMIT_SERVERS; i++) {
		set[i].name = servers[i].name = str_printf(arena, "bbb%d.example.org", i);
		set[i].facts.users = i;
	}
	is_int(store->verbs->servers_set(store, set, LIMIT_SERVERS), STORE_OK,
	    "%s: %d servers are set", adapter, LIMIT_SERVERS);
	int good = 0;
	for (int round = 0; round < 2; round++) {
		good = 0;
		store->verbs->servers_get(store, servers, LIMIT_SERVERS, facts, NULL);
		for (int i = 0; i < LIMIT_SERVERS; i++)
			good += are_same_facts(&facts[i], &set[i].facts) && facts[i].users == i;
		is_int(good, LIMIT_SERVERS, "… and come back, round %d", round);
	}
	set[999].facts.users = 4711;
	store->verbs->servers_set(store, &set[999], 1);
	store->verbs->servers_get(store, servers, LIMIT_SERVERS, facts, NULL);
	good = 0;
	for (int i = 0; i < LIMIT_SERVERS; i++)
		good += are_same_facts(&facts[i], &set[i].facts);
	is_int(good, LIMIT_SERVERS, "… one is changed, the others are not");
	close_store(store);
	free(set);
	free(servers);
	free(facts);
}

/* ---- The lease ------------------------------------------------------------------ */

static void
test_lease(const char *adapter)
{
	static const struct {
		uint64_t holder;
		int64_t now_ms, ttl_ms;
		enum store_result result;
		const char *what;
	} rows[] = {
		{ 1, 1000, 500, STORE_OK, "the first takes it" },
		{ 2, 1000, 500, STORE_CONFLICT, "another does not" },
		{ 2, 1000, 0, STORE_CONFLICT, "nor can it give it back" },
		{ 2, 1499, 500, STORE_CONFLICT, "till it ends" },
		{ 2, 1500, 500, STORE_OK, "then it does" },
		{ 1, 1501, 500, STORE_CONFLICT, "and the first does not" },
		{ 1, 1501, 0, STORE_CONFLICT, "nor gives back what is not its any more" },
		{ 3, 1502, 500, STORE_CONFLICT, "so that a third does not" },
		{ 2, 1900, 500, STORE_OK, "its holder takes it again" },
		{ 1, 2100, 500, STORE_CONFLICT, "which lasts from then" },
		{ 2, 2100, 0, STORE_OK, "and gives it back" },
		{ 3, 2100, 500, STORE_OK, "at once it is free" },
		{ 3, 2150, 500, STORE_OK, "the same holder again" },
		{ 3, 2200, 0, STORE_OK, "given back" },
		{ 3, 2200, 0, STORE_OK, "twice" },
		{ 3, 2200, 500, STORE_OK, "taken again by the same" },
		{ 3, 2700, 500, STORE_OK, "and when it has ended" },
		{ 3, 2800, 0, STORE_OK, "given back" },
		{ INT64_MAX, 3000, 500, STORE_OK, "a large holder" },
		{ INT64_MAX - 1, 3000, 500, STORE_CONFLICT, "is not the one before" },
		{ INT64_MAX, 3000, 0, STORE_OK, "and gives it back" },
		{ UINT64_MAX, 3000, 500, STORE_OK, "the largest" },
		{ INT64_MAX, 3000, 500, STORE_CONFLICT, "is not half of it" },
		{ UINT64_MAX, 3000, 0, STORE_OK, "and gives it back" },
		{ 0, 3000, 500, STORE_OK, "holder 0" },
		{ 1, 3000, 500, STORE_CONFLICT, "is one, too" },
		{ 0, 3000, 0, STORE_OK, "and gives it back" },

		/* The clock is set back, or a request waited. */
		{ 1, 10000000, 60000, STORE_OK, "taken at a late time" },
		{ 2, 10000000 - LEASE_AHEAD_MS, 60000, STORE_CONFLICT,
		    "a request that waited finds it taken" },
		{ 2, 10000000 - LEASE_AHEAD_MS - 1, 60000, STORE_OK,
		    "but one of the future is none" },
		{ 1, 10000000 - LEASE_AHEAD_MS, 60000, STORE_CONFLICT, "who took it has it" },
		{ 2, 5000000, 60000, STORE_OK, "its holder takes it at an earlier time" },
		{ 1, 5059999, 500, STORE_CONFLICT, "and has it" },
		{ 1, 5060000, 500, STORE_OK, "until it ends from then on" },
	};
	struct store *store = open_store(adapter);

	for (size_t i = 0; i < COUNT(rows); i++) {
		is_int(store->verbs->lease_take(store, rows[i].holder, rows[i].now_ms,
		           rows[i].ttl_ms),
		    rows[i].result, "%s: lease, row %zu: %s", adapter, i, rows[i].what);
		store = reopen(store, adapter);
	}
	close_store(store);

	/* Nothing was ever taken: a new store's lease is nobody's. */
	store = open_store(adapter);
	is_int(store->verbs->lease_take(store, 9, 1000, 0), STORE_OK,
	    "%s: given back though never taken", adapter);
	is_int(store->verbs->lease_take(store, 8, 1000, 500), STORE_OK, "… it is free");
	close_store(store);
}

/* ---- Slots ----------------------------------------------------------------------- */

static void
test_slots(const char *adapter)
{
	static const struct {
		const char *server;
		int64_t now_ms;
		int64_t slot_us; /* from NOW on */
		const char *what;
	} rows[] = {
		{ "a", 0, 0, "the first is now" },
		{ "a", 0, 50000, "the second a step later" },
		{ "b", 0, 0, "each server has its own" },
		{ "a", 60, 100000, "the third two" },
		{ "a", 500, 500000, "after a pause now" },
		{ "b", 20, 50000, "the other goes on, too" },
		{ "a", 86400000, INT64_C(86400000000), "a day later" },
		{ "a", 600, 600000, "the clock is set back" },
	};
	struct store *store = open_store(adapter);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pacing_slot slot = { 7, 7 };
		is_int(store->verbs->slot_take(store, rows[i].server, NOW + rows[i].now_ms,
		           50000, &slot),
		    STORE_OK, "%s: slot, row %zu", adapter, i);
		is_int(slot.at_us - NOW * 1000, rows[i].slot_us, "… %s", rows[i].what);
		is_int(slot.taken_ms, NOW + rows[i].now_ms, "… taken then");
		store = reopen(store, adapter);
	}
	close_store(store);
}

/* ---- The store that remembers nothing ------------------------------------------- */

static void
test_none(void)
{
	struct store *store = store_none_open();
	const struct store_verbs *verbs = store->verbs;

	is_int(count_failing_reads(store), READING_VERBS, "none: every verb fails that reads");
	is_int(count_failing_writes(store), WRITING_VERBS, "none: and that writes");
	struct server_facts facts[2];
	memset(facts, 0x55, sizeof(facts));
	struct server servers[2] = { { .name = "a" }, { .name = "b" } };
	int64_t whole_ms = 0;
	is_int(verbs->servers_get(store, servers, 2, facts, &whole_ms), STORE_FAILED,
	    "none: servers");
	ok(are_new_facts(&facts[0]) && are_new_facts(&facts[1]), "… are healthy and empty");
	is_int(whole_ms, INT64_MAX, "… and nothing is kept");
	is_int(verbs->servers_get(store, NULL, 0, NULL, NULL), STORE_FAILED,
	    "none: no servers");

	struct store_change changes[2] = { { .result = STORE_OK }, { .result = STORE_OK } };
	is_int(verbs->meetings_set(store, arena, changes, 2, NOW), STORE_FAILED,
	    "none: changes");
	ok(changes[0].result == STORE_FAILED && changes[1].result == STORE_FAILED,
	    "… each of them");
	struct mapped *meetings = (void *)servers;
	size_t n = 7;
	is_int(verbs->meetings_on(store, arena, "a", &meetings, &n), STORE_FAILED,
	    "none: meetings");
	ok(!meetings && n == 0, "… there are none");
	struct store_history history = { 7, 7 };
	is_int(verbs->history_get(store, STR("m"), &history), STORE_FAILED, "none: history");
	ok(history.peak == 0 && is_same(history.typical, 0), "… there is none");
	struct store_recording *recordings = (void *)servers;
	n = 7;
	is_int(verbs->recordings_find(store, arena, &(struct str){ "r", 1 }, 1, &recordings,
	           &n),
	    STORE_FAILED, "none: recordings");
	ok(!recordings && n == 0, "… there are none");
	struct webhook *hooks = (void *)servers;
	n = 7;
	is_int(verbs->webhook_list(store, arena, &hooks, &n), STORE_FAILED, "none: hooks");
	ok(!hooks && n == 0, "… there are none");
	verbs->close(store);
	is_str(where(store_none_open(), "m"), "failed", "none: closed and opened");
}

/* Claims that have a server's facts as a condition, of which the last sets them. */
static void
test_kept_load(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts a = { .users = 1 };

	set_facts(store, "a", &a);
	struct meeting wanted = mapping_to("a", NOW);
	struct store_server load = { .name = "a", .facts = a };
	struct store_server fresh = { .name = "b" }, old = { .name = "a" };
	struct store_change changes[] = {
		{ .meeting_id = STR("m"),
		    .wanted = &wanted,
		    .load = &load,
		    .is_load_kept = true },
		{ .meeting_id = STR("n"),
		    .wanted = &wanted,
		    .load = &fresh,
		    .is_load_kept = true },
		{ .meeting_id = STR("o"),
		    .wanted = &wanted,
		    .load = &old,
		    .is_load_kept = true },
		{ .meeting_id = STR("p"), .wanted = &wanted, .load = &load },
		{ .meeting_id = STR("q"), .wanted = &wanted, .load = &load },
	};
	static const enum store_result results[] = { STORE_OK, STORE_OK, STORE_STALE, STORE_OK,
		STORE_OK };

	load.facts.users = 2;
	is_int(store->verbs->meetings_set(store, arena, changes, COUNT(changes), NOW), STORE_OK,
	    "%s: claims of which the load is a condition alone", adapter);
	for (size_t i = 0; i < COUNT(changes); i++)
		is_int(changes[i].result, results[i], "… %zu", i);
	is_str(where(store, "o"), "nowhere", "… who had old facts has nothing");
	struct server_facts facts = facts_of(store, "a");
	ok(are_same_facts(&facts, &load.facts) && facts.version != a.version,
	    "… the one that sets them sets them");
	facts = facts_of(store, "b");
	ok(are_new_facts(&facts), "… and no other");
	old.facts.version = a.version;
	changes[2].load = &old;
	store->verbs->meetings_set(store, arena, &changes[2], 1, NOW);
	is_int(changes[2].result, STORE_STALE, "… by whose version others are stale then");
	close_store(store);
}

/* Put a server's facts, its list, and a slot there. */
static void
put_server(struct store *store, const char *name, struct server_facts facts)
{
	struct store_list list = { name, "getRecordings", "", STR("<response/>") };
	struct pacing_slot slot;

	set_facts(store, name, &facts);
	store->verbs->lists_put(store, &list, 1);
	store->verbs->slot_take(store, name, NOW, 1000000, &slot);
}

static bool
has_list(struct store *store, const char *name)
{
	struct store_list list = { .server = name, .call = "getRecordings", .filter = "" };

	return store->verbs->list_find(store, arena, &list) == STORE_OK;
}

/* What is known of servers that are in nobody's configuration goes, and no process keeps it. */
static void
test_purge_servers(const char *adapter)
{
	static const char *const names[] = { "left", "young", "called", "placed", "due",
		"cordoned" };
	struct store *store = open_store(adapter);
	int64_t now_ms = 1000 * PEAK_KEEP_MS, old_ms = now_ms - SERVER_KEEP_MS - 1;
	const struct server_facts facts[] = {
		{ .polled_ms = old_ms, .told_ms = old_ms, .users = 7 },
		{ .polled_ms = old_ms + 1, .users = 7 },
		{ .told_ms = now_ms, .users = 7 },
		{ .reserved_ms = now_ms - 1000, .reserved = 25, .users = 7 },
		{ .next_poll_ms = now_ms, .users = 7 },
		{ .polled_ms = old_ms,
		    .users = 7,
		    .has_operator_state = true,
		    .operator_state = SERVER_CORDONED },
	};

	store->verbs->purge(store, now_ms - PURGE_INTERVAL_MS);
	for (size_t i = 0; i < COUNT(names); i++)
		put_server(store, names[i], facts[i]);
	facts_of(store, "left"); /* a poll reads the facts of all before it purges */
	is_int(store->verbs->purge(store, now_ms), STORE_OK, "%s: what is old is forgotten",
	    adapter);
	struct server_facts left = facts_of(store, "left");
	ok(are_new_facts(&left), "… a server that nobody polls");
	ok(!has_list(store, "left"), "… with its list");
	for (size_t i = 1; i < COUNT(names); i++)
		ok(facts_of(store, names[i]).users == 7 && has_list(store, names[i]),
		    "… not one that is %s", names[i]);
	struct server_facts anew = { .users = 1 };
	set_facts(store, "left", &anew);
	is_int(facts_of(store, "left").users, 1, "… and it may come back");
	struct pacing_slot slot;
	store->verbs->slot_take(store, "left", NOW, 1000000, &slot);
	is_int((long)(slot.at_us - NOW * 1000), 0, "… with its first slot");
	close_store(store);
}

int
main(void)
{
	static contract_test *const tests[] = {
		test_describe,
		test_problem,
		test_unknown,
		test_every_fact,
		test_conditions,
		test_several,
		test_thousand,
		test_lease,
		test_slots,
		test_kept_load,
		test_purge_servers,
	};

	begin_tests("test_store_servers");
	test_contract(tests, COUNT(tests));
	test_none();
	return end_tests();
}

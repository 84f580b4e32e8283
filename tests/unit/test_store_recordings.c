/*
 * The contract of the stores: where copies of recordings are, and servers' lists.
 */
#include "test_store.h"

/* ---- Recordings ----------------------------------------------------------------- */

/* The servers that are remembered for a recording: "a b", or "". */
static const char *
copies_of(struct store *store, struct str id)
{
	struct store_recording *found;
	size_t n;

	if (store->verbs->recordings_find(store, arena, &id, 1, &found, &n) != STORE_OK)
		return "failed";
	const char *servers = "";
	for (size_t i = 0; i < n; i++)
		servers = str_printf(arena, "%s%s%s", servers, i > 0 ? " " : "",
		    str_equal(found[i].record_id, id) && found[i].is_there ?
		        found[i].server :
		        "?");
	return servers;
}

static void
put_copy(struct store *store, const char *id, const char *server, bool is_there, int64_t now_ms)
{
	struct store_recording recording = { str_from(id), server, is_there };

	is_int(store->verbs->recordings_put(store, &recording, 1, now_ms), STORE_OK,
	    "%s is %s %s", id, is_there ? "on" : "no longer on", server);
}

static void
test_copies(const char *adapter)
{
	static const struct store_recording put[] = {
		{ STR("one"), "b", true },
		{ STR("two"), "b", true },
		{ STR(""), "c", true },
		{ STR("one"), "a", true },
		{ STR("a\0b"), "d", true },
		{ STR("o'ne"), "a", true },
		{ STR("one"), "C", true },
		{ STR("unknown"), "a", false },
		{ STR("one"), "b", true },
	};
	struct store *store = open_store(adapter);

	is_str(copies_of(store, STR("one")), "", "%s: no recording yet", adapter);
	is_int(store->verbs->recordings_put(store, put, COUNT(put), 1000), STORE_OK,
	    "%s: copies", adapter);
	store = reopen(store, adapter);
	is_str(copies_of(store, STR("one")), "C a b", "… on several servers, in their order");
	is_str(copies_of(store, STR("two")), "b", "… or one");
	is_str(copies_of(store, STR("")), "c", "… of any ID");
	is_str(copies_of(store, STR("a\0b")), "d", "… whatever is in it");
	is_str(copies_of(store, STR("o'ne")), "a", "… or what it means elsewhere");
	is_str(copies_of(store, STR("unknown")), "", "… one was never there");
	is_str(copies_of(store, STR("ONE")), "", "%s: IDs have a case", adapter);
	is_str(copies_of(store, (struct str){ "one", 2 }), "", "… and are whole");

	put_copy(store, "one", "b", false, 2000);
	is_str(copies_of(store, STR("one")), "C a", "%s: one copy is gone, the others stay",
	    adapter);
	is_str(copies_of(store, STR("two")), "b", "… as do other recordings");
	put_copy(store, "one", "b", false, 2000);
	put_copy(store, "one", "b", true, 2000);
	is_str(copies_of(store, STR("one")), "C a b", "%s: it comes back", adapter);
	is_int(store->verbs->recordings_put(store, NULL, 0, 1000), STORE_OK, "%s: putting none",
	    adapter);
	close_store(store);
}

static void
test_find(const char *adapter)
{
	static const struct store_recording put[] = {
		{ STR("one"), "b", true },
		{ STR("one"), "a", true },
		{ STR("two"), "c", true },
	};
	static const struct str ids[] = { STR("two"), STR("none"), STR("one"), STR("two") };
	struct store *store = open_store(adapter);
	struct store_recording *found = (void *)arena;
	size_t n = 7;

	is_int(store->verbs->recordings_find(store, arena, ids, 4, &found, &n), STORE_OK,
	    "%s: nothing is found", adapter);
	is_int(n, 0, "… of an empty state");
	store->verbs->recordings_put(store, put, COUNT(put), 1000);
	n = 7;
	is_int(store->verbs->recordings_find(store, arena, NULL, 0, &found, &n), STORE_OK,
	    "%s: finding none", adapter);
	is_int(n, 0, "… finds none");
	is_int(store->verbs->recordings_find(store, arena, ids, 4, &found, &n), STORE_OK,
	    "%s: several at once", adapter);
	close_store(store);
	static const char *const wanted[] = { "c", "a", "b", "c" };
	is_int(n, COUNT(wanted), "… have so many copies");
	for (size_t i = 0; i < n && i < COUNT(wanted); i++) {
		is_str(found[i].server, wanted[i], "… in the order of the IDs, by server, %zu",
		    i);
		ok(str_equal(found[i].record_id,
		       ids[i == 0     ? 0 :
		               i == 3 ? 3 :
		                        2]) &&
		        found[i].is_there,
		    "… with their IDs");
	}
}

/* As many as a call may name, each on two servers. */
static void
test_many(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_recording *put = mem_alloc(2 * LIMIT_RECORD_IDS * sizeof(*put));
	struct str *ids = mem_alloc(LIMIT_RECORD_IDS * sizeof(*ids));

	for (int i = 0; i < LIMIT_RECORD_IDS; i++) {
		ids[i] = str_from(str_printf(arena, "r%d", i * 7919 % LIMIT_RECORD_IDS));
		put[2 * i] = (struct store_recording){ ids[i], "b", true };
		put[2 * i + 1] = (struct store_recording){ ids[i], "a", true };
	}
	is_int(store->verbs->recordings_put(store, put, 2 * LIMIT_RECORD_IDS, 1000), STORE_OK,
	    "%s: %d copies", adapter, 2 * LIMIT_RECORD_IDS);
	struct store_recording *found;
	size_t n;
	is_int(store->verbs->recordings_find(store, arena, ids, LIMIT_RECORD_IDS, &found, &n),
	    STORE_OK, "… of %d recordings", LIMIT_RECORD_IDS);
	is_int(n, 2 * LIMIT_RECORD_IDS, "… are all found");
	size_t good = 0;
	for (size_t i = 0; i < n; i++)
		good += str_equal(found[i].record_id, ids[i / 2]) &&
		    strcmp(found[i].server, i % 2 == 0 ? "a" : "b") == 0;
	is_int(good, n, "… in their order");
	close_store(store);
	free(put);
	free(ids);
}

static void
test_age(const char *adapter)
{
	struct store *store = open_store(adapter);
	int64_t old_ms = NOW;

	put_copy(store, "gone", "a", true, old_ms);
	put_copy(store, "seen", "a", true, old_ms);
	put_copy(store, "seen", "b", true, old_ms);
	put_copy(store, "seen", "a", true, old_ms + RECORDING_RENEW_MS - 1);
	put_copy(store, "seen", "b", true, old_ms + RECORDING_RENEW_MS);
	int64_t now_ms = NOW + RECORDING_KEEP_MS;
	store->verbs->purge(store, now_ms);
	is_str(copies_of(store, STR("gone")), "a", "%s: a recording is kept for its time",
	    adapter);
	store->verbs->purge(store, now_ms + PURGE_INTERVAL_MS);
	is_str(copies_of(store, STR("gone")), "", "… and no longer");
	is_str(copies_of(store, STR("seen")), "b", "… unless it was put a day later");
	store->verbs->purge(store, now_ms + RECORDING_RENEW_MS);
	is_str(copies_of(store, STR("seen")), "b", "%s: then it is kept from then on", adapter);
	store->verbs->purge(store, now_ms + RECORDING_RENEW_MS + PURGE_INTERVAL_MS);
	is_str(copies_of(store, STR("seen")), "", "… and in the end it is forgotten");
	close_store(store);
}

/* ---- Lists ---------------------------------------------------------------------- */

/* The list that is remembered, or "-". */
static const char *
list_of(struct store *store, const char *server, const char *call, const char *filter)
{
	struct store_list list = { server, call, filter, STR("?") };

	return store->verbs->list_find(store, arena, &list) == STORE_OK ?
	    str_copy(arena, list.answer) :
	    "-";
}

static enum store_result
put_list(struct store *store, const char *server, const char *call, const char *filter,
    const char *answer)
{
	struct store_list list = { server, call, filter, str_from(answer) };

	return store->verbs->lists_put(store, &list, 1);
}

static void
test_lists(const char *adapter)
{
	static const struct store_list put[] = {
		{ "a", "getMeetings", "", STR("<response>a</response>") },
		{ "b", "getMeetings", "", STR("<response>b\0\xff</response>") },
		{ "a", "getRecordings", "", STR("") },
		{ "a", "getRecordings", "state=any&", STR("<any/>") },
		{ "a", "getRecordings", "state=any&meta_a=%27%3F&", STR("<more/>") },
		{ "a", "getMeetings", "state=any&", STR("<other/>") },
		{ "A", "getMeetings", "", STR("<upper/>") },
	};
	struct store *store = open_store(adapter);

	is_str(list_of(store, "a", "getMeetings", ""), "-", "%s: no list yet", adapter);
	is_int(store->verbs->lists_put(store, put, COUNT(put)), STORE_OK, "%s: lists", adapter);
	store = reopen(store, adapter);
	for (size_t i = 0; i < COUNT(put); i++) {
		struct store_list list = put[i];
		list.answer = STR("?");
		is_int(store->verbs->list_find(store, arena, &list), STORE_OK, "… %zu is there",
		    i);
		ok(str_equal(list.answer, put[i].answer), "… as it was put");
	}
	is_str(list_of(store, "b", "getRecordings", ""), "-", "%s: another server's is not",
	    adapter);
	is_str(list_of(store, "a", "getmeetings", ""), "-", "… nor another call's");
	is_str(list_of(store, "a", "getRecordings", "state=any"), "-", "… or filter's");
	is_int(store->verbs->lists_put(store, NULL, 0), STORE_OK, "%s: putting none", adapter);

	put_list(store, "a", "getMeetings", "", "<new/>");
	is_str(list_of(store, "a", "getMeetings", ""), "<new/>", "%s: a new one replaces it",
	    adapter);
	is_str(list_of(store, "a", "getMeetings", "state=any&"), "<other/>",
	    "… and no other one");
	struct store_list twice[] = {
		{ "a", "getMeetings", "", STR("1") },
		{ "a", "getMeetings", "", STR("2") },
	};
	store->verbs->lists_put(store, twice, 2);
	is_str(list_of(store, "a", "getMeetings", ""), "2", "… the last of two");
	close_store(store);
}

static void
test_large_list(const char *adapter)
{
	struct store *store = open_store(adapter);
	char *text = mem_alloc(LIMIT_LIST_BYTES);

	memset(text, 'b', LIMIT_LIST_BYTES);
	struct store_list large = { "a", "getRecordings", "", { NULL, LIMIT_LIST_BYTES } };
	large.answer.data = text;
	is_int(store->verbs->lists_put(store, &large, 1), STORE_OK, "%s: a large list",
	    adapter);
	struct store_list list = { "a", "getRecordings", "", { NULL, 0 } };
	for (int round = 0; round < 2; round++) {
		list.answer.len = 0;
		ok(store->verbs->list_find(store, arena, &list) == STORE_OK &&
		        str_equal(list.answer, large.answer),
		    "… is remembered, round %d", round);
		text[LIMIT_LIST_BYTES - 1] = 'c';
		store->verbs->lists_put(store, &large, 1);
	}
	close_store(store);
	ok(str_equal(list.answer, large.answer), "%s: what was handed out outlives the store",
	    adapter);
	free(text);
}

static void
test_number(const char *adapter)
{
	struct store *store = open_store(adapter);

	put_list(store, "a", "getRecordings", "", "all");
	put_list(store, "a", "getMeetings", "", "all");
	put_list(store, "b", "getRecordings", "other", "b's");
	for (int i = 0; i < LIMIT_LISTS; i++)
		put_list(store, "a", i % 2 ? "getRecordings" : "other",
		    str_printf(arena, "%d", i), "one");
	is_str(list_of(store, "a", "other", "0"), "one", "%s: as many lists as are kept",
	    adapter);
	put_list(store, "a", "getRecordings", "1", "again");
	put_list(store, "a", "getRecordings", "new", "one");
	is_str(list_of(store, "a", "getRecordings", "new"), "one", "%s: one more", adapter);
	is_str(list_of(store, "a", "other", "0"), "-", "… takes the oldest one's place");
	is_str(list_of(store, "a", "getRecordings", "1"), "again",
	    "… which is none that was put anew");
	put_list(store, "a", "getRecordings", "newer", "one");
	is_str(list_of(store, "a", "other", "2"), "-", "… the next one the next");
	int kept = 0;
	for (int i = 0; i < LIMIT_LISTS; i++)
		kept += strcmp(list_of(store, "a", i % 2 ? "getRecordings" : "other",
		                   str_printf(arena, "%d", i)),
		            "-") != 0;
	is_int(kept, LIMIT_LISTS - 2, "… and all others stay");
	is_str(list_of(store, "a", "getRecordings", ""), "all",
	    "%s: one without a filter does not count", adapter);
	is_str(list_of(store, "a", "getMeetings", ""), "all", "… of any call");
	is_str(list_of(store, "b", "getRecordings", "other"), "b's",
	    "… nor does another server's");
	close_store(store);
}

static void
test_lists_drop(const char *adapter)
{
	static const struct {
		struct store_list list;
		bool stays;
	} put[] = {
		{ { "a", "getRecordings", "", STR("1") }, false },
		{ { "a", "getRecordings", "state=any&", STR("2") }, false },
		{ { "a", "getRecordings", "?", STR("3") }, false },
		{ { "a", "getRecordingsToo", "x", STR("4") }, true },
		{ { "a", "getrecordings", "x", STR("5") }, true },
		{ { "a", "getMeetings", "", STR("6") }, true },
		{ { "b", "getRecordings", "", STR("7") }, true },
		{ { "b", "getRecordings", "state=any&", STR("8") }, true },
	};
	struct store *store = open_store(adapter);

	is_int(store->verbs->lists_drop(store, "a", "getRecordings"), STORE_OK,
	    "%s: nothing to forget", adapter);
	for (size_t i = 0; i < COUNT(put); i++)
		store->verbs->lists_put(store, &put[i].list, 1);
	is_int(store->verbs->lists_drop(store, "a", "getRecordings"), STORE_OK,
	    "%s: a server's lists of a call", adapter);
	for (size_t i = 0; i < COUNT(put); i++) {
		struct store_list list = put[i].list;

		is_int(store->verbs->list_find(store, arena, &list),
		    put[i].stays ? STORE_OK : STORE_NOT_FOUND, "… %s?%s of %s is %s", list.call,
		    list.filter, list.server, put[i].stays ? "still there" : "forgotten");
	}
	close_store(store);
}

int
main(void)
{
	static contract_test *const tests[] = {
		test_copies,
		test_find,
		test_many,
		test_age,
		test_lists,
		test_large_list,
		test_number,
		test_lists_drop,
	};

	begin_tests("test_store_recordings");
	test_contract(tests, COUNT(tests));
	return end_tests();
}

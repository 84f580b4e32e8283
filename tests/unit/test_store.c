/*
 * One contract over the stores that remember, store_memory and store_sqlite;
 * what is the SQLite file's own: other processes, and damage; and store_none.
 */
#include "ports/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/none.h"
#include "adapters/sqlite/store_sqlite.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/load.h"
#include "support/store_memory.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY 4
#define NOBODY 65534

static char dir[] = "/tmp/tinyscale-test-store.XXXXXX";
static char path[128], broken[160];
static struct arena *arena;

static const struct server servers[MANY] = {
	{ .name = "a", .weight = 1, .max_meetings = -1, .max_users = -1 },
	{ .name = "b", .weight = 1, .max_meetings = -1, .max_users = -1 },
	{ .name = "c", .weight = 1, .max_meetings = -1, .max_users = -1 },
	{ .name = "d", .weight = 1, .max_meetings = -1, .max_users = -1 },
};

/* ---- Verbs in short --------------------------------------------------- */

/* An empty store.  SQLite's is in a file of its own. */
static struct store *
open_store(const char *adapter)
{
	static int number;

	if (strcmp(adapter, "memory") == 0)
		return store_memory_open();
	snprintf(path, sizeof(path), "%s/state-%d", dir, ++number);
	snprintf(broken, sizeof(broken), "%s.broken", path);
	return store_sqlite_open(path);
}

struct claim {
	struct placement placement;
	struct placement_candidate candidates[MANY];
};

static struct claim
claim_of(struct str id, const struct server *list, size_t n)
{
	struct claim claim = { .placement = { PLACEMENT_LEAST_LOADED, id, NULL, n } };

	for (size_t i = 0; i < n; i++)
		claim.candidates[i].server = &list[i];
	return claim;
}

static enum store_result
claim_among(struct store *store, const char *id, const struct server *list, size_t n,
    int64_t now_ms, struct meeting *meeting)
{
	struct claim claim = claim_of(str_from(id), list, n);

	claim.placement.candidates = claim.candidates;
	return store->verbs->meeting_claim(store, arena, &claim.placement, now_ms, meeting);
}

static enum store_result
move(struct store *store, const char *id, const struct server *list, size_t n,
    const char *old_server, int64_t now_ms, struct meeting *meeting)
{
	struct claim claim = claim_of(str_from(id), list, n);

	claim.placement.candidates = claim.candidates;
	return store->verbs->meeting_move(store, arena, &claim.placement, old_server, now_ms,
	    meeting);
}

static enum store_result
find(struct store *store, const char *id, struct meeting *meeting)
{
	return store->verbs->meeting_find(store, arena, str_from(id), 1000000, 1000, meeting);
}

/* "absent", or the server the meeting is on. */
static const char *
where(struct store *store, const char *id)
{
	struct meeting meeting;

	switch (find(store, id, &meeting)) {
	case STORE_OK:
		return meeting.server;
	case STORE_ABSENT:
		return "absent";
	case STORE_NOT_FOUND:
		return "nowhere";
	default:
		return "failed";
	}
}

static struct server_facts
facts_of(struct store *store, const char *name)
{
	struct server server = { .name = name, .weight = 1 };
	struct server_facts facts = { .meetings = -1 };

	store->verbs->servers(store, &server, 1, &facts);
	return facts;
}

static bool
is_new(const struct server_facts *facts)
{
	return facts->health == SERVER_UP && !facts->has_operator_state &&
	    facts->meetings == 0 && facts->turn >= 0 && facts->turn <= 0;
}

/* ---- The contract ------------------------------------------------------ */

static void
test_claim(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting meeting = { 0 };

	is_int(claim_among(store, "m", servers, 4, 1000, &meeting), STORE_OK, "%s: a claim",
	    adapter);
	is_str(meeting.server, "a", "… goes to the first of equals");
	is_int(meeting.claimed_ms, 1000, "… now");
	ok(is_new(&meeting.facts), "… with the facts of a new server");
	struct meeting again = { 0 };
	is_int(claim_among(store, "m", servers, 4, 2000, &again), STORE_EXISTS, "%s: a second",
	    adapter);
	is_str(again.server, "a", "… is told the first one's server");
	is_int(again.claimed_ms, 1000, "… and time");
	is_int(claim_among(store, "M", servers, 4, 2000, &again), STORE_OK,
	    "%s: IDs are case-sensitive", adapter);
	is_str(again.server, "b", "… and the next is on another server");

	is_int(find(store, "m", &again), STORE_OK, "%s: a mapping is found", adapter);
	is_str(again.server, "a", "… with its server");
	is_int(again.claimed_ms, 1000, "… and time");
	is_int(find(store, "other", &again), STORE_NOT_FOUND, "%s: another is not", adapter);

	/* The server is no candidate any more. */
	is_int(claim_among(store, "m", servers + 2, 2, 3000, &again), STORE_OK,
	    "%s: a mapping to a server that is no candidate", adapter);
	is_str(again.server, "c", "… is replaced");
	is_int(again.claimed_ms, 3000, "… by a new one");
	is_str(where(store, "m"), "c", "… which is found");
	is_int(facts_of(store, "a").meetings, 0, "… and the old server has one less");
	is_int(facts_of(store, "c").meetings, 1, "… and the new one more");
	is_int(claim_among(store, "m", servers, 0, 3000, &again), STORE_NO_SERVER,
	    "%s: no candidates at all", adapter);

	store->verbs->close(store);
	is_str(meeting.server, "a", "%s: what was handed out outlives the store", adapter);
}

static void
test_ids(const char *adapter)
{
	static char longest[1025];
	static const char *const ids[] = { "", " ", "a'b\"c;--", "%", "_", "\xc3\xa4",
		"\xf0\x9f\x98\x80", "a\nb", "1", "01", "1.0", longest };
	struct store *store = open_store(adapter);

	memset(longest, 'x', sizeof(longest) - 1);
	struct meeting meeting;
	for (size_t i = 0; i < COUNT(ids); i++)
		is_int(claim_among(store, ids[i], servers, 4, 1000 + (int64_t)i, &meeting),
		    STORE_OK, "%s: ID %zu is new", adapter, i);
	for (size_t i = 0; i < COUNT(ids); i++)
		ok(find(store, ids[i], &meeting) == STORE_OK &&
		        meeting.claimed_ms == 1000 + (int64_t)i,
		    "%s: ID %zu is found", adapter, i);
	longest[1023] = 'y';
	is_int(find(store, longest, &meeting), STORE_NOT_FOUND, "%s: its last byte counts",
	    adapter);
	longest[1023] = 'x';
	ok(store->verbs->meeting_find(store, arena, (struct str){ "01", 1 }, 0, 0, &meeting) ==
	        STORE_NOT_FOUND,
	    "%s: nothing behind the span counts", adapter);
	store->verbs->close(store);
}

static void
test_no_server(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts down = { .health = SERVER_DOWN };

	store->verbs->server_save(store, "a", &down);
	struct server_facts cordoned = {
		.has_operator_state = true,
		.operator_state = SERVER_CORDONED,
	};
	store->verbs->server_save(store, "b", &cordoned);
	struct meeting meeting;
	is_int(claim_among(store, "m", servers, 2, 1000, &meeting), STORE_NO_SERVER,
	    "%s: one down, one cordoned: no server", adapter);
	is_str(where(store, "m"), "nowhere", "… and no mapping");
	is_int(claim_among(store, "m", servers, 3, 1000, &meeting), STORE_OK,
	    "%s: a third takes it", adapter);
	is_str(meeting.server, "c", "… as it is known");

	struct server full = { .name = "f", .weight = 1, .max_meetings = 1, .max_users = -1 };
	is_int(claim_among(store, "f1", &full, 1, 1000, &meeting), STORE_OK,
	    "%s: a server for one meeting takes one", adapter);
	is_int(claim_among(store, "f2", &full, 1, 1000, &meeting), STORE_NO_SERVER,
	    "… but not two");
	is_int(store->verbs->meeting_drop(store, STR("f1"), "f", 1000), STORE_OK, "… it ends");
	is_int(claim_among(store, "f2", &full, 1, 1000, &meeting), STORE_OK,
	    "… and there is room");

	struct claim claim = claim_of(STR("t"), servers + 2, 2);
	claim.placement.candidates = claim.candidates;
	claim.candidates[0].tried = true;
	is_int(store->verbs->meeting_claim(store, arena, &claim.placement, 1000, &meeting),
	    STORE_OK, "%s: what was tried is not taken", adapter);
	is_str(meeting.server, "d", "… but the other");
	is_int(claim.candidates[0].reason, PLACEMENT_TRIED, "… and the reason is left");
	is_int(claim.candidates[0].facts.meetings, 1, "… and the facts of this moment");
	store->verbs->close(store);
}

static void
test_move(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting meeting = { 0 };

	is_int(move(store, "m", servers, 2, "a", 1000, &meeting), STORE_NOT_FOUND,
	    "%s: moving what is not mapped", adapter);
	store->verbs->meeting_absent(store, STR("m"), 1000000);
	is_int(move(store, "m", servers, 2, "a", 1000, &meeting), STORE_NOT_FOUND,
	    "%s: moving what is absent", adapter);

	claim_among(store, "m", servers, 2, 1000, &meeting);
	struct server_facts down = { .health = SERVER_DOWN };
	store->verbs->server_save(store, "a", &down);
	is_int(move(store, "m", servers, 2, "a", 2000, &meeting), STORE_OK, "%s: a move",
	    adapter);
	is_str(meeting.server, "b", "… to the other server");
	is_int(meeting.claimed_ms, 2000, "… at its time");
	is_str(where(store, "m"), "b", "… is found there");
	is_int(facts_of(store, "a").meetings, 0, "… and not at the old one");

	is_int(move(store, "m", servers, 2, "a", 3000, &meeting), STORE_CONFLICT,
	    "%s: whoever comes second gets a conflict", adapter);
	is_str(meeting.server, "b", "… with the new server");
	is_int(meeting.claimed_ms, 2000, "… and its time");
	is_str(where(store, "m"), "b", "… and nothing changes");

	store->verbs->server_save(store, "b", &down);
	is_int(move(store, "m", servers, 2, "b", 4000, &meeting), STORE_NO_SERVER,
	    "%s: moving to nowhere", adapter);
	is_int(find(store, "m", &meeting), STORE_NOT_FOUND, "… the old mapping is gone");
	is_int(facts_of(store, "b").meetings, 0, "… and does not count");

	/* The server is well again: the meeting may go there, it counts only once. */
	struct server one = { .name = "one", .weight = 1, .max_meetings = 1, .max_users = -1 };
	claim_among(store, "o", &one, 1, 1000, &meeting);
	is_int(move(store, "o", &one, 1, "one", 2000, &meeting), STORE_OK,
	    "%s: a meeting that moves makes room", adapter);
	is_int(meeting.claimed_ms, 2000, "… and is a new mapping");
	store->verbs->close(store);
}

static void
test_drop(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting meeting;

	claim_among(store, "m", servers, 1, 1000, &meeting);
	is_int(store->verbs->meeting_drop(store, STR("other"), "a", 1000), STORE_NOT_FOUND,
	    "%s: dropping what is not mapped", adapter);
	is_int(store->verbs->meeting_drop(store, STR("m"), "b", 1000), STORE_CONFLICT,
	    "%s: … from another server", adapter);
	is_int(store->verbs->meeting_drop(store, STR("m"), "a", 999), STORE_CONFLICT,
	    "%s: … of another time", adapter);
	is_str(where(store, "m"), "a", "… leaves it");
	is_int(store->verbs->meeting_drop(store, STR("m"), "a", 1000), STORE_OK,
	    "%s: dropping as it is", adapter);
	is_str(where(store, "m"), "nowhere", "… forgets it");
	is_int(facts_of(store, "a").meetings, 0, "… and it counts no more");
	is_int(store->verbs->meeting_drop(store, STR("m"), "a", 1000), STORE_NOT_FOUND,
	    "%s: dropping it again", adapter);
	store->verbs->meeting_absent(store, STR("n"), 1000);
	is_int(store->verbs->meeting_drop(store, STR("n"), "a", 1000), STORE_NOT_FOUND,
	    "%s: dropping what is absent", adapter);

	/* It ended and was made anew, where it was, before the drop arrived. */
	claim_among(store, "m", servers, 1, 5000, &meeting);
	is_int(store->verbs->meeting_drop(store, STR("m"), "a", 1000), STORE_CONFLICT,
	    "%s: a late drop does not hit a new meeting", adapter);
	is_str(where(store, "m"), "a", "… which stays");
	store->verbs->close(store);
}

static void
test_adopt(const char *adapter)
{
	struct store *store = open_store(adapter);

	is_int(store->verbs->meeting_adopt(store, STR("m"), "c", 1000), STORE_OK,
	    "%s: adopting", adapter);
	struct meeting meeting;
	ok(find(store, "m", &meeting) == STORE_OK && strcmp(meeting.server, "c") == 0 &&
	        meeting.claimed_ms == 1000,
	    "… maps it there");
	is_int(facts_of(store, "c").meetings, 1, "… and it counts");
	is_int(store->verbs->meeting_adopt(store, STR("m"), "d", 2000), STORE_EXISTS,
	    "%s: adopting what is mapped", adapter);
	is_str(where(store, "m"), "c", "… leaves it");
	is_int(store->verbs->meeting_adopt(store, STR("m"), "c", 2000), STORE_EXISTS,
	    "%s: adopting it for the same server", adapter);
	is_int(find(store, "m", &meeting), STORE_OK, "…");
	is_int(meeting.claimed_ms, 1000, "… leaves its time");
	is_int(store->verbs->meeting_adopt(store, STR("m"), "c", 1000), STORE_EXISTS,
	    "%s: … even within the same millisecond", adapter);
	is_int(claim_among(store, "m", servers, 4, 2000, &meeting), STORE_EXISTS,
	    "%s: what was adopted is not claimed", adapter);

	store->verbs->meeting_absent(store, STR("n"), 1000000);
	is_int(store->verbs->meeting_adopt(store, STR("n"), "c", 1000000), STORE_OK,
	    "%s: adopting what was absent", adapter);
	is_str(where(store, "n"), "c", "… maps it");
	store->verbs->meeting_drop(store, STR("n"), "c", 1000000);
	is_str(where(store, "n"), "nowhere", "… and dropped, it is not absent but unknown");
	store->verbs->close(store);
}

static void
test_absent(const char *adapter)
{
	static const struct {
		int64_t now_ms, ttl_ms;
		enum store_result result;
		const char *what;
	} rows[] = {
		{ 5000, 1000, STORE_ABSENT, "at once" },
		{ 5999, 1000, STORE_ABSENT, "just before the time is over" },
		{ 6000, 1000, STORE_NOT_FOUND, "when it is over" },
		{ 9000, 1000, STORE_NOT_FOUND, "later" },
		{ 5000, 0, STORE_NOT_FOUND, "with no time" },
		{ 4999, 1000, STORE_NOT_FOUND, "when the clock was set back" },
	};
	struct store *store = open_store(adapter);

	is_int(store->verbs->meeting_absent(store, STR("m"), 5000), STORE_OK, "%s: absent",
	    adapter);
	struct meeting meeting;
	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(store->verbs->meeting_find(store, arena, STR("m"), rows[i].now_ms,
		           rows[i].ttl_ms, &meeting),
		    rows[i].result, "%s: found absent %s", adapter, rows[i].what);
	is_int(store->verbs->meeting_absent(store, STR("m"), 8000), STORE_OK,
	    "%s: absent again", adapter);
	is_int(store->verbs->meeting_find(store, arena, STR("m"), 8999, 1000, &meeting),
	    STORE_ABSENT, "… counts from then");
	is_int(facts_of(store, "a").meetings, 0, "… and is no meeting of a server");

	is_int(claim_among(store, "m", servers, 4, 8000, &meeting), STORE_OK,
	    "%s: what is absent can be claimed", adapter);
	is_int(store->verbs->meeting_find(store, arena, STR("m"), 8001, 1000, &meeting),
	    STORE_OK, "… and is mapped then");
	is_int(store->verbs->meeting_absent(store, STR("m"), 8001), STORE_OK,
	    "%s: absent, though mapped", adapter);
	is_int(store->verbs->meeting_find(store, arena, STR("m"), 8001, 1000, &meeting),
	    STORE_OK, "… the mapping wins");
	is_int(meeting.claimed_ms, 8000, "… and stays as it was");
	is_int(store->verbs->meeting_drop(store, STR("m"), "a", 8000), STORE_OK,
	    "… till it is dropped");
	is_int(store->verbs->meeting_find(store, arena, STR("m"), 8001, 1000, &meeting),
	    STORE_NOT_FOUND, "%s: and nothing else was remembered", adapter);
	store->verbs->close(store);
}

static void
test_facts(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct server_facts facts[MANY];

	memset(facts, 0x55, sizeof(facts));
	is_int(store->verbs->servers(store, servers, 4, facts), STORE_OK, "%s: unknown servers",
	    adapter);
	for (size_t i = 0; i < 4; i++)
		ok(is_new(&facts[i]), "… %s is healthy and empty", servers[i].name);
	is_int(store->verbs->servers(store, servers, 0, NULL), STORE_OK, "%s: no servers",
	    adapter);

	struct meeting meeting;
	for (int i = 0; i < 4; i++)
		claim_among(store,
		    i == 0     ? "0" :
		        i == 1 ? "1" :
		        i == 2 ? "2" :
		                 "3",
		    servers, 2, 1000, &meeting);
	store->verbs->servers(store, servers, 4, facts);
	ok(facts[0].meetings == 2 && facts[1].meetings == 2 && facts[2].meetings == 0,
	    "%s: meetings are counted", adapter);
	double turn = facts[0].turn;
	ok(turn > 0, "… and the turn moves on");

	struct server_facts saved = { 0 };
	saved = (struct server_facts){
		.health = SERVER_SUSPECT,
		.has_operator_state = true,
		.operator_state = SERVER_CORDONED,
		.meetings = 77,
		.turn = 999,
	};
	is_int(store->verbs->server_save(store, "a", &saved), STORE_OK, "%s: saving facts",
	    adapter);
	facts[0] = facts_of(store, "a");
	is_int(facts[0].health, SERVER_SUSPECT, "… the health");
	ok(facts[0].has_operator_state && facts[0].operator_state == SERVER_CORDONED,
	    "… the operator's state");
	is_int(facts[0].meetings, 2, "… not its meetings");
	ok(facts[0].turn >= turn && facts[0].turn <= turn, "… nor its turn");
	find(store, "0", &meeting);
	ok(strcmp(meeting.server, "a") == 0 && meeting.facts.health == SERVER_SUSPECT &&
	        meeting.facts.has_operator_state &&
	        meeting.facts.operator_state == SERVER_CORDONED,
	    "%s: a meeting is found with the facts of its server", adapter);
	is_int(claim_among(store, "0", servers, 2, 2000, &meeting), STORE_EXISTS, "%s: claimed",
	    adapter);
	is_int(meeting.facts.health, SERVER_SUSPECT, "… with them, too");

	for (int state = SERVER_ENABLED; state <= SERVER_DISABLED; state++) {
		saved = (struct server_facts){
			.health = SERVER_DOWN,
			.has_operator_state = true,
			.operator_state = (enum server_state)state,
		};
		store->verbs->server_save(store, "b", &saved);
		facts[1] = facts_of(store, "b");
		ok(facts[1].health == SERVER_DOWN && facts[1].has_operator_state &&
		        (int)facts[1].operator_state == state,
		    "%s: down, and state %d", adapter, state);
	}
	saved = (struct server_facts){ .health = SERVER_UP };
	store->verbs->server_save(store, "b", &saved);
	facts[1] = facts_of(store, "b");
	ok(facts[1].health == SERVER_UP && !facts[1].has_operator_state,
	    "%s: the operator's state is taken back", adapter);
	facts[2] = facts_of(store, "A");
	ok(is_new(&facts[2]), "%s: names are case-sensitive", adapter);
	store->verbs->close(store);
}

static void
test_shares(const char *adapter)
{
	struct server one_to_three[2] = { servers[0], servers[1] };

	one_to_three[1].weight = 3;
	for (int policy = PLACEMENT_LEAST_LOADED; policy <= PLACEMENT_ROUND_ROBIN; policy++) {
		const char *name = placement_policy_name((enum placement_policy)policy);
		struct store *store = open_store(adapter);
		struct meeting meeting;
		int failed = 0;

		char id[32];
		for (int i = 0; i < 100; i++) {
			snprintf(id, sizeof(id), "m%d", i);
			struct claim claim = claim_of(str_from(id), servers, 4);
			claim.placement.policy = (enum placement_policy)policy;
			claim.placement.candidates = claim.candidates;
			failed += store->verbs->meeting_claim(store, arena, &claim.placement,
			              1000, &meeting) != STORE_OK;
		}
		is_int(failed, 0, "%s, %s: 100 claims", adapter, name);
		for (size_t i = 0; i < 4; i++)
			is_int(facts_of(store, servers[i].name).meetings, 25,
			    "… %s has a quarter", servers[i].name);
		store->verbs->close(store);

		store = open_store(adapter);
		for (int i = 0; i < 100; i++) {
			snprintf(id, sizeof(id), "m%d", i);
			struct claim claim = claim_of(str_from(id), one_to_three, 2);
			claim.placement.policy = (enum placement_policy)policy;
			claim.placement.candidates = claim.candidates;
			store->verbs->meeting_claim(store, arena, &claim.placement, 1000,
			    &meeting);
		}
		long small = facts_of(store, "a").meetings,
		     large = facts_of(store, "b").meetings;
		ok(small + large == 100 && labs(small - 25) <= 1,
		    "%s, %s: weights 1:3 get %ld:%ld", adapter, name, small, large);
		store->verbs->close(store);
	}

	/* Meetings that end before the next begins: ties rotate over claims. */
	struct store *store = open_store(adapter);
	int counts[MANY] = { 0 };
	for (int i = 0; i < 40; i++) {
		struct meeting meeting = { .server = "?" };
		claim_among(store, "m", servers, 4, 1000, &meeting);
		counts[(meeting.server[0] - 'a') & 3]++;
		store->verbs->meeting_drop(store, STR("m"), meeting.server, 1000);
	}
	for (size_t i = 0; i < 4; i++)
		is_int(counts[i], 10, "%s: empty servers take turns, %s", adapter,
		    servers[i].name);
	store->verbs->close(store);
}

static struct webhook
hook_of(const char *url, int64_t now_ms)
{
	struct webhook hook = { .url = str_from(url), .changed_ms = now_ms };

	webhook_id(hook.url, hook.id);
	return hook;
}

/* The hook of that URL as the store has it, or all zeros. */
static struct webhook
stored_hook(struct store *store, const char *url, size_t *n)
{
	struct webhook want = hook_of(url, 0);

	*n = 0;
	struct webhook *hooks = NULL;
	is_int(store->verbs->hook_list(store, arena, &hooks, n), STORE_OK, "hooks are listed");
	int unordered = 0;
	struct webhook found = { .changed_ms = 0 };
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(hooks[i].id, want.id) == 0)
			found = hooks[i];
		unordered += i > 0 && strcmp(hooks[i - 1].id, hooks[i].id) >= 0;
	}
	is_int(unordered, 0, "… by id");
	return found;
}

static void
test_hooks(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	struct webhook first = hook_of("https://lms.test/1?a=\xc3\xa4", 1000);
	struct webhook second = hook_of("https://lms.test/2", 2000);

	first.meeting_id = (struct str){ "room\0 '1", 8 };
	first.event_id = STR("meeting-created,meeting-ended");
	first.raw = true;
	first.base = STR("https://gw.test/api");
	first.is_dropped = true; /* means nothing */
	size_t n;
	stored_hook(store, "https://lms.test/1", &n);
	is_int(n, 0, "%s: no hooks at first", adapter);
	is_int(verbs->hook_put(store, &first, false), STORE_OK, "%s: a hook is put", adapter);
	is_int(verbs->hook_put(store, &second, true), STORE_OK, "… and another");
	struct webhook found = stored_hook(store, "https://lms.test/1?a=\xc3\xa4", &n);
	is_int(n, 2, "… there are two");
	ok(str_equal(found.url, first.url) && str_equal(found.meeting_id, first.meeting_id) &&
	        str_equal(found.event_id, first.event_id) && found.raw && !found.is_dropped &&
	        str_equal(found.base, first.base) && found.changed_ms == 1000,
	    "… the first as it was put");
	found = stored_hook(store, "https://lms.test/2", &n);
	ok(str_equal(found.url, second.url) && found.meeting_id.len == 0 &&
	        found.event_id.len == 0 && !found.raw && found.base.len == 0,
	    "… the second, too");

	struct webhook other = first;
	other.meeting_id = STR("elsewhere");
	is_int(verbs->hook_put(store, &other, true), STORE_EXISTS, "%s: put again", adapter);
	found = stored_hook(store, "https://lms.test/1?a=\xc3\xa4", &n);
	ok(str_equal(found.meeting_id, first.meeting_id), "… it stays as it was");

	is_int(verbs->hook_drop(store, first.id, 3000), STORE_OK, "%s: dropped", adapter);
	found = stored_hook(store, "https://lms.test/1?a=\xc3\xa4", &n);
	ok(n == 2 && found.is_dropped && found.changed_ms == 3000, "… which is remembered");
	is_int(verbs->hook_put(store, &other, false), STORE_CONFLICT,
	    "… it is not learnt again");
	is_int(verbs->hook_put(store, &other, true), STORE_OK, "… but put when asked for");
	found = stored_hook(store, "https://lms.test/1?a=\xc3\xa4", &n);
	ok(!found.is_dropped && str_is(found.meeting_id, "elsewhere"), "… as it is now");
	other = hook_of("https://lms.test/3", 0);
	is_int(verbs->hook_drop(store, other.id, 4000), STORE_OK, "%s: an unknown one dropped",
	    adapter);
	found = stored_hook(store, "https://lms.test/3", &n);
	ok(n == 3 && found.is_dropped, "… is remembered, too");
	verbs->hook_drop(store, second.id, 4000 + WEBHOOK_DROPPED_MS);
	found = stored_hook(store, "https://lms.test/3", &n);
	ok(n == 3 && found.is_dropped, "… for 30 days");
	verbs->hook_drop(store, second.id, 4001 + WEBHOOK_DROPPED_MS);
	found = stored_hook(store, "https://lms.test/3", &n);
	ok(n == 2 && !found.is_dropped, "… and no longer");
	verbs->close(store);
}

static void
test_hook_bounds(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;
	struct webhook hook;
	int good = 0;

	for (int i = 0; i < LIMIT_WEBHOOKS; i++) {
		hook = hook_of(str_printf(arena, "https://lms.test/%d", i), i);
		good += verbs->hook_put(store, &hook, true) == STORE_OK;
	}
	is_int(good, LIMIT_WEBHOOKS, "%s: as many hooks as there may be", adapter);
	is_int(verbs->hook_put(store, &hook, true), STORE_EXISTS, "… the last is known");
	hook = hook_of("https://lms.test/more", 0);
	is_int(verbs->hook_put(store, &hook, true), STORE_FULL, "… one more is refused");
	for (int i = 0; i < LIMIT_WEBHOOKS; i++)
		verbs->hook_drop(store,
		    hook_of(str_printf(arena, "https://lms.test/%d", i), 0).id, i);
	is_int(verbs->hook_put(store, &hook, true), STORE_OK, "… till others are dropped");
	size_t n;
	stored_hook(store, "https://lms.test/0", &n);
	is_int(n, LIMIT_WEBHOOKS + 1, "… which is remembered of all");
	verbs->hook_drop(store, hook_of("https://lms.test/y", 0).id, LIMIT_WEBHOOKS + 1);
	hook = stored_hook(store, "https://lms.test/0", &n);
	ok(n == LIMIT_WEBHOOKS + 1 && !hook.is_dropped,
	    "… till there are too many: the oldest goes");
	verbs->close(store);
}

static void
test_lists(const char *adapter)
{
	static const struct store_list saved[] = {
		{ "a", "getMeetings", STR("<response>a</response>") },
		{ "b", "getMeetings", STR("<response>b\0\xff</response>") },
		{ "a", "getRecordings", STR("") },
	};
	struct store *store = open_store(adapter);
	struct store_list list = { "a", "getMeetings", { NULL, 0 } };

	is_int(store->verbs->list_find(store, arena, &list), STORE_NOT_FOUND, "%s: no list yet",
	    adapter);
	is_int(store->verbs->lists_save(store, saved, COUNT(saved), NULL), STORE_OK,
	    "%s: saving", adapter);
	for (size_t i = 0; i < COUNT(saved); i++) {
		list = (struct store_list){ saved[i].server, saved[i].what, { NULL, 0 } };
		is_int(store->verbs->list_find(store, arena, &list), STORE_OK, "%s: list %zu",
		    adapter, i);
		ok(str_equal(list.answer, saved[i].answer), "… as it was saved");
	}
	list = (struct store_list){ "b", "getRecordings", { NULL, 0 } };
	is_int(store->verbs->list_find(store, arena, &list), STORE_NOT_FOUND,
	    "%s: of this server, but another list", adapter);
	is_int(store->verbs->lists_save(store, NULL, 0, NULL), STORE_OK, "%s: saving none",
	    adapter);

	size_t big_len = 3000000;
	char *big = malloc(big_len);
	memset(big, 'b', big_len);
	struct store_list large = { "a", "getMeetings", { big, big_len } };
	is_int(store->verbs->lists_save(store, &large, 1, NULL), STORE_OK, "%s: 3 MB", adapter);
	list = (struct store_list){ "a", "getMeetings", { NULL, 0 } };
	ok(store->verbs->list_find(store, arena, &list) == STORE_OK &&
	        str_equal(list.answer, large.answer),
	    "… replace what was there");
	bool is_known[2] = { false, true };
	struct store_list twice[] = { large, { "b", "new", STR("x") } };
	is_int(store->verbs->lists_save(store, twice, 2, is_known), STORE_OK,
	    "%s: saving it again", adapter);
	ok(is_known[0] && !is_known[1], "… it is known, and the new one is not");
	big[1] = 'c';
	is_int(store->verbs->lists_save(store, twice, 2, is_known), STORE_OK,
	    "… changed by one byte");
	ok(!is_known[0] && is_known[1], "… it is not");
	free(big);
	list = (struct store_list){ "b", "getMeetings", { NULL, 0 } };
	ok(store->verbs->list_find(store, arena, &list) == STORE_OK &&
	        str_equal(list.answer, saved[1].answer),
	    "… and nothing else");
	store->verbs->close(store);
}

static void
test_query_lists(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_list list = { "a", "getRecordings", STR("all") };

	store->verbs->lists_save(store, &list, 1, NULL);
	list = (struct store_list){ "b", "getRecordings?other", STR("b's") };
	store->verbs->lists_save(store, &list, 1, NULL);
	char what[32];
	for (int i = 0; i < LIMIT_LISTS + 2; i++) {
		snprintf(what, sizeof(what), "getRecordings?%d", i);
		list = (struct store_list){ "a", what, STR("one") };
		is_int(store->verbs->lists_save(store, &list, 1, NULL), STORE_OK,
		    "%s: query %d", adapter, i);
	}
	for (int i = 0; i < LIMIT_LISTS + 2; i++) {
		snprintf(what, sizeof(what), "getRecordings?%d", i);
		list = (struct store_list){ "a", what, { NULL, 0 } };
		is_int(store->verbs->list_find(store, arena, &list),
		    i < 2 ? STORE_NOT_FOUND : STORE_OK, "%s: query %d is %s", adapter, i,
		    i < 2 ? "one too many" : "kept");
	}
	list = (struct store_list){ "a", "getRecordings", { NULL, 0 } };
	is_int(store->verbs->list_find(store, arena, &list), STORE_OK,
	    "%s: what is for no query does not count", adapter);
	list = (struct store_list){ "b", "getRecordings?other", { NULL, 0 } };
	is_int(store->verbs->list_find(store, arena, &list), STORE_OK,
	    "%s: nor does another server's", adapter);
	store->verbs->close(store);
}

static void
test_lists_drop(const char *adapter)
{
	static const struct {
		struct store_list list;
		bool stays;
	} saved[] = {
		{ { "a", "getRecordings?", STR("1") }, false },
		{ { "a", "getRecordings?state=any&", STR("2") }, false },
		{ { "a", "getRecordings", STR("3") }, true },
		{ { "a", "getRecordingsToo?", STR("4") }, true },
		{ { "a", "getrecordings?", STR("5") }, true },
		{ { "a", "getMeetings", STR("6") }, true },
		{ { "b", "getRecordings?", STR("7") }, true },
	};
	struct store *store = open_store(adapter);
	struct store_list list;

	is_int(store->verbs->lists_drop(store, "a", "getRecordings"), STORE_OK,
	    "%s: nothing to forget", adapter);
	for (size_t i = 0; i < COUNT(saved); i++)
		store->verbs->lists_save(store, &saved[i].list, 1, NULL);
	is_int(store->verbs->lists_drop(store, "a", "getRecordings"), STORE_OK,
	    "%s: a call's lists for queries", adapter);
	for (size_t i = 0; i < COUNT(saved); i++) {
		list = saved[i].list;
		is_int(store->verbs->list_find(store, arena, &list),
		    saved[i].stays ? STORE_OK : STORE_NOT_FOUND, "… %s of %s: %s",
		    saved[i].list.what, saved[i].list.server,
		    saved[i].stays ? "still there" : "forgotten");
	}
	store->verbs->close(store);
}

/* ---- Recordings ---------------------------------------------------------- */

/* The server that is remembered for a recording, "-" for none. */
static const char *
recording_on(struct store *store, struct str id)
{
	struct store_recording recording = { id, "?" };

	if (store->verbs->recordings_find(store, arena, &recording, 1) != STORE_OK)
		return "failed";
	return recording.server ? recording.server : "-";
}

static void
test_recordings(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;

	is_str(recording_on(store, STR("one")), "-", "%s: no recording yet", adapter);
	struct store_recording put[] = {
		{ STR("one"), "a" },
		{ STR("two"), "b" },
		{ STR(""), "c" },
		{ STR("a\0b"), "d" },
		{ STR("o'ne"), "a" },
	};
	is_int(verbs->recordings_put(store, put, COUNT(put), 1000), STORE_OK, "%s: five",
	    adapter);
	for (size_t i = 0; i < COUNT(put); i++)
		is_str(recording_on(store, put[i].record_id), put[i].server, "… %zu is found",
		    i);
	is_str(recording_on(store, STR("ONE")), "-", "… their IDs have a case");
	is_str(recording_on(store, (struct str){ "one", 2 }), "-", "… and are whole");
	struct store_recording find[] = {
		{ STR("two"), "?" },
		{ STR("none"), "?" },
		{ STR("one"), "?" },
	};
	is_int(verbs->recordings_find(store, arena, find, 3), STORE_OK, "%s: several at once",
	    adapter);
	is_str(find[0].server, "b", "… the first");
	ok(find[1].server == NULL, "… an unknown one in between");
	is_str(find[2].server, "a", "… the last");
	is_int(verbs->recordings_find(store, arena, NULL, 0), STORE_OK, "%s: finding none",
	    adapter);
	is_int(verbs->recordings_put(store, NULL, 0, 1000), STORE_OK, "%s: putting none",
	    adapter);

	put[0].server = "c";
	put[1].server = NULL;
	put[2].record_id = STR("unknown");
	put[2].server = NULL;
	is_int(verbs->recordings_put(store, put, 3, 2000), STORE_OK, "%s: again", adapter);
	is_str(recording_on(store, STR("one")), "c", "… one is elsewhere now");
	is_str(recording_on(store, STR("two")), "-", "… one is forgotten");
	is_str(recording_on(store, STR("unknown")), "-", "… one was never known");
	is_str(recording_on(store, STR("o'ne")), "a", "… the others are as they were");

	/* Seen again after a day, it is kept from then on; the others are not. */
	put[0].server = "c";
	verbs->recordings_put(store, put, 1, 2000 + RECORDING_RENEW_MS);
	put[1] = (struct store_recording){ STR("new"), "a" };
	verbs->recordings_put(store, &put[1], 1, 2000 + RECORDING_KEEP_MS);
	is_str(recording_on(store, STR("one")), "c", "%s: seen again it is kept", adapter);
	is_str(recording_on(store, STR("o'ne")), "-", "… what is in no list any more is not");
	put[1].record_id = STR("newer");
	verbs->recordings_put(store, &put[1], 1, 2001 + RECORDING_RENEW_MS + RECORDING_KEEP_MS);
	is_str(recording_on(store, STR("one")), "-", "… and in the end it is forgotten");
	is_str(recording_on(store, STR("new")), "a", "… a younger one is not");
	store->verbs->close(store);
}

/* ---- Contacts, polls and the lease -------------------------------------- */

static const struct server_rules rules = { 2, 2, 10000 };

/* One contact; the health before it, or -1 if that is not what came back. */
static int
contact(struct store *store, const char *name, enum contact contact, int64_t now_ms,
    struct server_facts *facts)
{
	enum server_health before = (enum server_health)77;

	return store->verbs->server_contact(store, name, contact, &rules, now_ms, 100, &before,
	           facts) == STORE_OK ?
	    (int)before :
	    -1;
}

static void
test_contact(const char *adapter)
{
	static const struct {
		enum contact contact;
		int64_t at_s;
		struct server_facts after;
		const char *what;
	} rows[] = {
		{ CONTACT_POLL_GOOD, 1, { .health = SERVER_UP }, "a good one of a new server" },
		{ CONTACT_CALL_FAILED, 1, { .health = SERVER_SUSPECT, .next_poll_ms = 3500 },
		    "a failed call" },
		{ CONTACT_CALL_FAILED, 2, { .health = SERVER_SUSPECT, .next_poll_ms = 3500 },
		    "another" },
		{ CONTACT_POLL_GOOD, 3,
		    { .health = SERVER_SUSPECT, .successes = 1, .next_poll_ms = 3500 },
		    "a good poll" },
		{ CONTACT_POLL_GOOD, 4, { .health = SERVER_UP, .next_poll_ms = 3500 },
		    "another: up" },
		{ CONTACT_CALL_GOOD, 5, { .health = SERVER_UP, .next_poll_ms = 3500 },
		    "when up" },
		{ CONTACT_POLL_FAILED, 6,
		    { .health = SERVER_SUSPECT,
		        .failures = 1,
		        .failing_ms = 6000,
		        .next_poll_ms = 8500 },
		    "a failed poll" },
		{ CONTACT_CALL_GOOD, 7,
		    { .health = SERVER_SUSPECT, .failing_ms = 6000, .next_poll_ms = 8500 },
		    "a good call" },
		{ CONTACT_POLL_FAILED, 8,
		    { .health = SERVER_SUSPECT,
		        .failures = 1,
		        .failing_ms = 8000,
		        .next_poll_ms = 10500 },
		    "a failed poll again" },
		{ CONTACT_POLL_FAILED, 18,
		    { .health = SERVER_DOWN,
		        .failures = 2,
		        .failing_ms = 8000,
		        .next_poll_ms = 23000 },
		    "a second" },
		{ CONTACT_POLL_GOOD, 19,
		    { .health = SERVER_DOWN,
		        .successes = 1,
		        .failing_ms = 8000,
		        .next_poll_ms = 23000 },
		    "a good one when down" },
		{ CONTACT_POLL_FAILED, 20,
		    { .health = SERVER_DOWN,
		        .failures = 1,
		        .failing_ms = 20000,
		        .next_poll_ms = 22500 },
		    "a failed one in between" },
		{ CONTACT_POLL_GOOD, 21,
		    { .health = SERVER_DOWN,
		        .successes = 1,
		        .failing_ms = 20000,
		        .next_poll_ms = 22500 },
		    "a good one" },
		{ CONTACT_POLL_GOOD, 22,
		    { .health = SERVER_UP, .failing_ms = 20000, .next_poll_ms = 22500 },
		    "a second: up" },
	};
	struct store *store = open_store(adapter);
	struct server_facts facts, known;
	int before = SERVER_UP;

	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(&facts, 0x55, sizeof(facts));
		/* A store opened anew knows what the old one did. */
		is_int(contact(store, "a", rows[i].contact, 1000 * rows[i].at_s, &facts),
		    before, "%s: contact %zu, %s: the health before", adapter, i, rows[i].what);
		if (strcmp(adapter, "sqlite") == 0) {
			store->verbs->close(store);
			store = store_sqlite_open(path);
		}
		known = facts_of(store, "a");
		is_int(facts.health, rows[i].after.health, "… the health after it");
		is_int(facts.failures, rows[i].after.failures, "… the failures");
		is_int(facts.failing_ms, rows[i].after.failing_ms, "… since when");
		is_int(facts.successes, rows[i].after.successes, "… the successes");
		ok(known.health == facts.health && known.failures == facts.failures &&
		        known.failing_ms == facts.failing_ms &&
		        known.successes == facts.successes &&
		        known.next_poll_ms == facts.next_poll_ms,
		    "… and that is remembered");
		is_int(facts.next_poll_ms, rows[i].after.next_poll_ms, "… with the next poll");
		before = (int)rows[i].after.health;
	}
	ok(!known.has_operator_state && known.users == 0 && known.meetings == 0 &&
	        known.turn <= 0,
	    "%s: contacts touch nothing else", adapter);
	is_int(contact(store, "a", CONTACT_POLL_FAILED, 1000, NULL), SERVER_UP,
	    "%s: nobody wants the facts", adapter);
	is_int(contact(store, "a", CONTACT_POLL_GOOD, 1000, NULL), SERVER_SUSPECT,
	    "… nor of a good one");
	known = facts_of(store, "b");
	ok(is_new(&known) && known.failures == 0 && known.next_poll_ms == 0,
	    "%s: another server's are its own", adapter);
	is_int(contact(store, "c", CONTACT_CALL_FAILED, 1000, &facts), SERVER_UP,
	    "%s: first heard of by a failure", adapter);
	is_int(facts_of(store, "c").health, SERVER_SUSPECT, "… it is suspect");
	store->verbs->close(store);
}

static bool
same_turn(double a, double b)
{
	return a >= b && a <= b;
}

/* Each writer its own columns. */
static void
test_columns(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting meeting;

	claim_among(store, "m", servers, 1, 1000, &meeting);
	double turn = facts_of(store, "a").turn;
	ok(turn > 0, "%s: a claim moves the turn", adapter);
	struct store_poll poll = {
		.server = "a",
		.next_poll_ms = 5000,
		.answered = true,
		.is_complete = true,
		.users = 42,
	};
	is_int(store->verbs->polls_save(store, &poll, 1, 1000, 60000), STORE_OK,
	    "… a poll is saved");
	struct server_facts facts = facts_of(store, "a");
	ok(facts.users == 42 && facts.next_poll_ms == 5000, "… its users and next poll");
	ok(same_turn(facts.turn, turn) && facts.meetings == 1, "… and the turn is as it was");

	struct server_facts cordoned = {
		.health = SERVER_UP,
		.has_operator_state = true,
		.operator_state = SERVER_CORDONED,
		.users = 0,
	};
	is_int(store->verbs->server_save(store, "a", &cordoned), STORE_OK,
	    "%s: the operator's state is saved", adapter);
	facts = facts_of(store, "a");
	is_int(facts.users, 42, "… which leaves the users");
	is_int(facts.next_poll_ms, 5000, "… the next poll");
	ok(same_turn(facts.turn, turn), "… the turn");
	is_int(facts.meetings, 1, "… and the meetings");

	poll.users = 43;
	poll.next_poll_ms = 6000;
	store->verbs->polls_save(store, &poll, 1, 1000, 60000);
	contact(store, "a", CONTACT_POLL_FAILED, 1000, &facts);
	ok(facts.has_operator_state && facts.operator_state == SERVER_CORDONED,
	    "%s: a contact tells the operator's state", adapter);
	facts = facts_of(store, "a");
	ok(facts.health == SERVER_SUSPECT && facts.failures == 1 && facts.next_poll_ms == 3500,
	    "… changes health, count and next poll");
	ok(facts.has_operator_state && facts.operator_state == SERVER_CORDONED,
	    "… leaves the operator's state");
	is_int(facts.users, 43, "… the users");
	ok(same_turn(facts.turn, turn) && facts.meetings == 1, "… turn and meetings");

	poll.users = 44;
	poll.next_poll_ms = 7000;
	store->verbs->polls_save(store, &poll, 1, 1000, 60000);
	facts = facts_of(store, "a");
	ok(facts.health == SERVER_SUSPECT && facts.failures == 1 && facts.has_operator_state &&
	        facts.operator_state == SERVER_CORDONED && same_turn(facts.turn, turn),
	    "%s: a poll leaves health, count, operator's state and turn", adapter);

	/* What is known, with the operator's state taken back. */
	facts.has_operator_state = false;
	store->verbs->server_save(store, "a", &facts);
	facts = facts_of(store, "a");
	ok(facts.health == SERVER_SUSPECT && facts.failures == 1 &&
	        facts.next_poll_ms == 7000 && facts.users == 44 && !facts.has_operator_state,
	    "%s: what was read is saved with another operator's state: all else stays",
	    adapter);

	/* Health by hand: the counts of contacts are not the saver's. */
	contact(store, "b", CONTACT_POLL_FAILED, 1000, NULL);
	contact(store, "b", CONTACT_POLL_FAILED, 1000, NULL);
	contact(store, "b", CONTACT_POLL_GOOD, 1000, NULL);
	struct server_facts none = { .health = SERVER_UP };
	none.health = SERVER_DOWN;
	store->verbs->server_save(store, "b", &none);
	facts = facts_of(store, "b");
	is_int(facts.successes, 1, "%s: saving leaves the count of good contacts", adapter);
	is_int(facts.next_poll_ms, 6000, "… and the next poll");

	contact(store, "c", CONTACT_POLL_FAILED, 1000, NULL);
	cordoned.operator_state = SERVER_ENABLED;
	cordoned.health = SERVER_UP;
	store->verbs->server_save(store, "c", &cordoned);
	poll = (struct store_poll){
		.server = "c",
		.next_poll_ms = 8000,
		.answered = true,
		.is_complete = true,
		.users = 7,
	};
	store->verbs->polls_save(store, &poll, 1, 1000, 60000);
	is_int(claim_among(store, "n", servers + 2, 1, 1000, &meeting), STORE_OK,
	    "%s: a claim of a server with a past", adapter);
	facts = facts_of(store, "c");
	ok(facts.next_poll_ms == 8000 && facts.users == 7 && facts.has_operator_state &&
	        facts.operator_state == SERVER_ENABLED && facts.health == SERVER_UP &&
	        facts.turn > 0,
	    "… moves its turn and nothing else");
	store->verbs->close(store);
}

#define POLL_NOW 100000
#define FRESH 10000

/* Meetings as a poll found them. */
static struct store_polled *
polled(const struct str *ids, size_t n)
{
	struct store_polled *meetings = arena_alloc(arena, (n + 1) * sizeof(*meetings));

	for (size_t i = 0; i < n; i++)
		meetings[i].meeting_id = ids[i];
	return meetings;
}

/* Save a poll of one server that answered. */
static enum store_result
poll_save(struct store *store, const char *server, struct str *ids, size_t n)
{
	struct store_poll poll = {
		.server = server,
		.next_poll_ms = POLL_NOW + 10000,
		.answered = true,
		.is_complete = true,
		.users = 5,
		.meetings = polled(ids, n),
		.n = n,
	};

	return store->verbs->polls_save(store, &poll, 1, POLL_NOW, FRESH);
}

static void
test_polls(const char *adapter)
{
	struct store *store = open_store(adapter);
	const struct store_verbs *verbs = store->verbs;

	verbs->meeting_adopt(store, STR("kept"), "a", 1000);
	verbs->meeting_adopt(store, STR("ended"), "a", 1000);
	verbs->meeting_adopt(store, STR("just old"), "a", POLL_NOW - FRESH);
	verbs->meeting_adopt(store, STR("just young"), "a", POLL_NOW - FRESH + 1);
	verbs->meeting_adopt(store, STR("young"), "a", POLL_NOW);
	verbs->meeting_adopt(store, STR("future"), "a", POLL_NOW + 5000);
	verbs->meeting_adopt(store, STR("elsewhere"), "b", 1000);
	verbs->meeting_adopt(store, STR("b's"), "b", 1000);
	verbs->meeting_adopt(store, STR("A's"), "A", 1000);
	verbs->meeting_absent(store, STR("absent"), 999900);
	struct str ids[] = { STR("new"), STR("kept"), STR("elsewhere"), STR("absent"),
		STR("new") };
	is_int(poll_save(store, "a", ids, COUNT(ids)), STORE_OK, "%s: a poll", adapter);
	is_str(where(store, "new"), "a", "… maps what is not mapped");
	struct meeting meeting = { 0 };
	find(store, "new", &meeting);
	is_int(meeting.claimed_ms, POLL_NOW, "… now");
	is_str(where(store, "absent"), "a", "… and what was absent");
	is_str(where(store, "kept"), "a", "… leaves what is mapped and runs");
	find(store, "kept", &meeting);
	is_int(meeting.claimed_ms, 1000, "… with its time");
	is_str(where(store, "ended"), "nowhere", "… forgets what ended");
	is_str(where(store, "just old"), "nowhere", "… and is just old enough");
	is_str(where(store, "just young"), "a", "… not what is a millisecond too young");
	is_str(where(store, "young"), "a", "… or is of now");
	is_str(where(store, "future"), "a", "… or of a clock ahead");
	is_str(where(store, "elsewhere"), "b", "… leaves an ID that is mapped elsewhere");
	is_str(where(store, "b's"), "b", "… and what is on another server");
	is_str(where(store, "A's"), "A", "… even of nearly the same name");
	struct server_facts facts = facts_of(store, "a");
	is_int(facts.meetings, 6, "… and counts");
	is_int(facts.users, 5, "… the users");
	is_int(facts.next_poll_ms, POLL_NOW + 10000, "… and the next poll");

	verbs->meeting_adopt(store, STR("mapped room"), "c", 1000);
	struct str rooms[] = { STR("parent"), STR("mapped room"), STR("room") };
	struct store_poll with_rooms = {
		.server = "c",
		.answered = true,
		.is_complete = true,
		.next_poll_ms = 1,
		.meetings = polled(rooms, 3),
		.n = 3,
	};
	with_rooms.meetings[1].is_room = with_rooms.meetings[2].is_room = true;
	is_int(verbs->polls_save(store, &with_rooms, 1, POLL_NOW, FRESH), STORE_OK,
	    "%s: a poll with breakout rooms", adapter);
	is_str(where(store, "parent"), "c", "… maps the meeting");
	is_str(where(store, "mapped room"), "c", "… leaves a room that is mapped");
	is_str(where(store, "room"), "nowhere", "… and maps no other room");

	/* Dropped, it is unknown, as after meeting_adopt(). */
	is_int(verbs->meeting_drop(store, STR("absent"), "a", POLL_NOW), STORE_OK,
	    "%s: what was absent, and then seen by a poll, is dropped", adapter);
	is_int(verbs->meeting_find(store, arena, STR("absent"), 999950, 1000, &meeting),
	    STORE_NOT_FOUND, "… it is not absent but unknown");

	struct store_poll
	    silent = { .server = "a", .users = 99, .meetings = polled(ids, 1), .n = 1 };
	is_int(verbs->polls_save(store, &silent, 1, POLL_NOW * 10, FRESH), STORE_OK,
	    "%s: a poll without an answer", adapter);
	facts = facts_of(store, "a");
	is_int(facts.meetings, 5, "… forgets nothing");
	is_int(facts.users, 5, "… keeps the users");
	is_int(facts.next_poll_ms, POLL_NOW + 10000, "… and, with 0, the next poll");
	silent.next_poll_ms = 777777;
	verbs->polls_save(store, &silent, 1, POLL_NOW * 10, FRESH);
	facts = facts_of(store, "a");
	is_int(facts.next_poll_ms, 777777, "… which it sets otherwise");
	ok(facts.meetings == 5 && facts.users == 5, "… and nothing else");
	silent.server = "d";
	silent.next_poll_ms = 0;
	is_int(verbs->polls_save(store, &silent, 1, POLL_NOW, FRESH), STORE_OK,
	    "%s: of a server that is not known", adapter);
	facts = facts_of(store, "d");
	ok(is_new(&facts) && facts.users == 0 && facts.next_poll_ms == 0, "… it stays new");

	/* Answered, but not with all that runs there. */
	struct str seen[] = { STR("kept"), STR("more") };
	struct store_poll part = {
		.server = "a",
		.answered = true,
		.users = 7,
		.meetings = polled(seen, 2),
		.n = 2,
	};
	part.meetings[0].users = 7;
	is_int(verbs->polls_save(store, &part, 1, POLL_NOW * 10, FRESH), STORE_OK,
	    "%s: a list that is not complete", adapter);
	facts = facts_of(store, "a");
	is_int(facts.meetings, 6, "… forgets nothing");
	is_int(facts.users, 7, "… and counts the users");
	is_str(where(store, "more"), "a", "… maps what is new in it");
	is_str(where(store, "young"), "a", "… and keeps what is not in it");
	verbs->meeting_drop(store, STR("more"), "a", POLL_NOW * 10);

	/* Answered, and nothing runs there. */
	struct store_poll empty = { .server = "a", .answered = true, .is_complete = true };
	is_int(verbs->polls_save(store, &empty, 1, POLL_NOW * 10, FRESH), STORE_OK,
	    "%s: nothing runs there", adapter);
	facts = facts_of(store, "a");
	is_int(facts.meetings, 0, "… all are forgotten");
	is_int(facts.users, 0, "… with the users");
	is_int(facts.next_poll_ms, 777777, "… and the next poll is as it was");
	is_int(facts_of(store, "b").meetings, 2, "… another server's are not");

	is_int(verbs->polls_save(store, NULL, 0, POLL_NOW, FRESH), STORE_OK, "%s: no polls",
	    adapter);

	/* Several at once: the first that has a meeting keeps it. */
	struct str one[] = { STR("both"), STR("one") }, two[] = { STR("two"), STR("both") };
	struct store_poll polls[] = {
		{ .server = "c",
		    .next_poll_ms = 1,
		    .answered = true,
		    .is_complete = true,
		    .users = 1,
		    .meetings = polled(one, 2),
		    .n = 2 },
		{ .server = "b", .next_poll_ms = 2 },
		{ .server = "d",
		    .next_poll_ms = 3,
		    .answered = true,
		    .is_complete = true,
		    .users = 3,
		    .meetings = polled(two, 2),
		    .n = 2 },
	};
	is_int(verbs->polls_save(store, polls, 3, POLL_NOW, FRESH), STORE_OK, "%s: three polls",
	    adapter);
	is_str(where(store, "one"), "c", "… one's meeting");
	is_str(where(store, "two"), "d", "… the other's");
	is_str(where(store, "both"), "c", "… and what is in both, on the first");
	ok(facts_of(store, "c").users == 1 && facts_of(store, "b").users == 0 &&
	        facts_of(store, "d").users == 3,
	    "… the users");
	ok(facts_of(store, "c").next_poll_ms == 1 && facts_of(store, "b").next_poll_ms == 2 &&
	        facts_of(store, "d").next_poll_ms == 3,
	    "… the next polls");
	is_int(facts_of(store, "b").meetings, 2, "… and the silent one's meetings");
	store->verbs->close(store);
}

static void
test_poll_ids(const char *adapter)
{
	enum { LOTS = 3000 };
	struct str strange[] = { STR("\xc3\xa4"), STR("a"), STR("\xff\xfe"),
		STR("\xf0\x9f\x98\x80"), STR("ab"), STR("A"), STR("a'b\"c;--"), STR("a\0b"),
		STR("a\0c"), STR("\x80"), STR(" ") };
	struct store *store = open_store(adapter);
	struct meeting meeting;
	static char texts[LOTS][16];
	static struct str ids[LOTS];
	int good = 0;

	for (int round = 0; round < 2; round++) {
		/* The second finds them mapped, and old. */
		is_int(poll_save(store, "a", strange, COUNT(strange)), STORE_OK,
		    "%s: strange IDs, round %d", adapter, round);
		is_int(facts_of(store, "a").meetings, COUNT(strange), "… each is its own");
		good = 0;
		for (size_t i = 0; i < COUNT(strange); i++)
			good += store->verbs->meeting_find(store, arena, strange[i], POLL_NOW,
			            0, &meeting) == STORE_OK &&
			    meeting.claimed_ms == POLL_NOW;
		is_int(good, COUNT(strange), "… and found");
	}
	struct store_poll half = {
		.server = "a",
		.answered = true,
		.is_complete = true,
		.meetings = polled(strange, 5),
		.n = 5,
	};
	store->verbs->polls_save(store, &half, 1, POLL_NOW + FRESH, FRESH);
	good = 0;
	for (size_t i = 0; i < COUNT(strange); i++)
		good += (store->verbs->meeting_find(store, arena, strange[i], POLL_NOW, 0,
		             &meeting) == STORE_OK) == (i < 5);
	is_int(good, COUNT(strange), "%s: those that ended are forgotten, the others not",
	    adapter);

	for (size_t i = 0; i < LOTS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%zu\xc3\xbc", i * 7919 % LOTS);
		ids[i] = str_from(texts[i]);
	}
	is_int(poll_save(store, "b", ids, LOTS), STORE_OK, "%s: %d meetings", adapter, LOTS);
	is_int(facts_of(store, "b").meetings, LOTS, "… are mapped");
	is_int(poll_save(store, "b", ids, LOTS), STORE_OK, "… again");
	is_int(facts_of(store, "b").meetings, LOTS, "… are the same");
	struct store_poll tenth = {
		.server = "b",
		.answered = true,
		.is_complete = true,
		.meetings = polled(ids, LOTS / 10),
		.n = LOTS / 10,
	};
	store->verbs->polls_save(store, &tenth, 1, POLL_NOW + FRESH, FRESH);
	is_int(facts_of(store, "b").meetings, LOTS / 10, "… nine in ten have ended");
	good = 0;
	for (size_t i = 0; i < LOTS; i++)
		good += (store->verbs->meeting_find(store, arena, ids[i], POLL_NOW, 0,
		             &meeting) == STORE_OK) == (i < LOTS / 10);
	is_int(good, LOTS, "… the right ones");
	is_int(facts_of(store, "a").meetings, 5, "… and none of the other server");
	store->verbs->close(store);
}

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
	};
	struct store *store = open_store(adapter);

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(store->verbs->lease_take(store, rows[i].holder, rows[i].now_ms,
		           rows[i].ttl_ms),
		    rows[i].result, "%s: lease, row %zu: %s", adapter, i, rows[i].what);
	store->verbs->close(store);

	/* Nothing was ever taken: a new store's lease is nobody's. */
	store = open_store(adapter);
	is_int(store->verbs->lease_take(store, 9, 1000, 0), STORE_OK,
	    "%s: given back though never taken", adapter);
	is_int(store->verbs->lease_take(store, 8, 1000, 500), STORE_OK, "… it is free");
	store->verbs->close(store);
}

/* Of more recordings than are remembered the oldest go.  SQLite's alone: the store
 * in memory searches its list from the start. */
static void
test_many_recordings(void)
{
	enum { MORE = LIMIT_RECORDINGS + 3 };
	struct store *store = open_store("sqlite");
	struct store_recording *put = mem_alloc(MORE * sizeof(*put));
	char(*ids)[16] = mem_alloc(MORE * sizeof(*ids));

	for (size_t i = 0; i < MORE; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%zu", i);
		put[i] = (struct store_recording){ str_from(ids[i]), "a" };
	}
	store->verbs->recordings_put(store, put, 3, 1000);
	is_int(store->verbs->recordings_put(store, put + 3, MORE - 3, 2000), STORE_OK,
	    "more recordings than are remembered");
	is_str(recording_on(store, STR("2")), "-", "… the oldest are forgotten");
	is_str(recording_on(store, STR("3")), "a", "… and no other");
	is_str(recording_on(store, put[MORE - 1].record_id), "a", "… nor the newest");
	store->verbs->close(store);
	free(put);
	free(ids);
}

/* ---- Seats ---------------------------------------------------------------- */

#define NOW INT64_C(100000000)

/* Claim a meeting and tell how many seats were reserved for it, or -1. */
static long
claim_seats(struct store *store, const char *id, long asked, int64_t now_ms)
{
	struct claim claim = claim_of(str_from(id), servers, MANY);

	claim.placement.candidates = claim.candidates;
	claim.placement.seats_asked = asked;
	claim.placement.now_ms = now_ms;
	struct meeting meeting;
	return store->verbs->meeting_claim(store, arena, &claim.placement, now_ms, &meeting) ==
	        STORE_OK ?
	    claim.placement.seats :
	    -1;
}

/* Claim it for one certain server. */
static enum store_result
claim_on(struct store *store, const char *id, size_t server, long asked, int64_t now_ms)
{
	struct claim claim = claim_of(str_from(id), servers, MANY);

	claim.placement.candidates = claim.candidates;
	claim.placement.seats_asked = asked;
	for (size_t i = 0; i < MANY; i++)
		claim.candidates[i].tried = i != server;
	struct meeting meeting;
	return store->verbs->meeting_claim(store, arena, &claim.placement, now_ms, &meeting);
}

/* What is reserved on a server, as a claim sees it that is none: nobody may be chosen. */
static double
reserved_on(struct store *store, size_t server, int64_t now_ms)
{
	struct claim claim = claim_of(STR("nobody's"), servers, MANY);

	claim.placement.candidates = claim.candidates;
	for (size_t i = 0; i < MANY; i++)
		claim.candidates[i].tried = true;
	struct meeting meeting;
	if (store->verbs->meeting_claim(store, arena, &claim.placement, now_ms, &meeting) !=
	    STORE_NO_SERVER)
		return -1;
	return claim.candidates[server].facts.reserved;
}

static bool
is_near(double a, double b)
{
	return a - b < 1e-6 && b - a < 1e-6;
}

/* A poll of a server finds so many users in one meeting, or no meeting (NULL). */
static void
poll_one(struct store *store, const char *server, const char *id, long users, int64_t now_ms)
{
	struct store_polled found = { .meeting_id = str_from(id ? id : ""), .users = users };
	struct store_poll poll = {
		.server = server,
		.answered = true,
		.is_complete = true,
		.users = users,
		.meetings = &found,
		.n = id ? 1 : 0,
	};

	store->verbs->polls_save(store, &poll, 1, now_ms, FRESH);
}

/* A meeting that had so many people has ended. */
static void
hold_meeting(struct store *store, const char *id, long users, int64_t now_ms)
{
	claim_on(store, id, 3, 0, now_ms);
	poll_one(store, "d", id, users, now_ms + 1000);
	poll_one(store, "d", NULL, 0, now_ms + FRESH);
}

static void
test_seats(const char *adapter)
{
	struct store *store = open_store(adapter);

	is_int(claim_seats(store, "m", 0, NOW), LOAD_SEATS_UNKNOWN,
	    "%s: seats when nothing is known", adapter);
	is_int(claim_seats(store, "n", 40, NOW), 40, "… as asked for");
	is_int(claim_seats(store, "o", LOAD_SEATS_MOST + 1, NOW), LOAD_SEATS_UNKNOWN,
	    "… more than there may be");

	hold_meeting(store, "class", 0, NOW);
	is_int(claim_seats(store, "class", 0, NOW + FRESH), LOAD_SEATS_UNKNOWN,
	    "%s: a meeting that nobody came to tells nothing", adapter);
	struct meeting meeting;
	find(store, "class", &meeting);
	store->verbs->meeting_drop(store, STR("class"), meeting.server, NOW + FRESH);

	/* 9, then 30, then 12: it is the most that counts. */
	claim_on(store, "class", 2, 0, NOW);
	poll_one(store, "c", "class", 9, NOW + 1000);
	poll_one(store, "c", "class", 30, NOW + 2000);
	poll_one(store, "c", "class", 12, NOW + 3000);
	is_int(claim_seats(store, "p", 0, NOW + 3000), LOAD_SEATS_UNKNOWN,
	    "%s: what still runs is not typical", adapter);
	poll_one(store, "c", NULL, 0, NOW + FRESH);
	is_str(where(store, "class"), "nowhere", "… a class has ended");
	is_int(claim_seats(store, "q", 0, NOW + FRESH), 30, "… what it had is typical");
	is_int(claim_seats(store, "class", 50, NOW + FRESH), 50,
	    "%s: seats as asked for come first", adapter);
	find(store, "class", &meeting);
	store->verbs->meeting_drop(store, STR("class"), meeting.server, NOW + FRESH);
	hold_meeting(store, "small", 3, NOW + 2 * FRESH);
	double typical = load_typical_next(30, 3);
	is_int(claim_seats(store, "class", 0, NOW + 4 * FRESH), 30,
	    "… then what this meetingID had last time");
	is_int(claim_seats(store, "small", 0, NOW + 4 * FRESH), 3, "… each its own");
	is_int(claim_seats(store, "new", 0, NOW + 4 * FRESH), load_seats(0, 0, typical),
	    "… then what is typical (%.1f)", typical);
	store->verbs->close(store);
}

static void
test_reservations(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_polled found[2] = {
		{ .meeting_id = STR("m"), .users = 10 },
		{ .meeting_id = STR("n"), .users = 50 },
	};
	struct store_poll poll = {
		.server = "a",
		.answered = true,
		.is_complete = true,
		.users = 60,
		.meetings = found,
		.n = 2,
	};
	int64_t later = NOW + LOAD_RESERVATION_MS / 2;

	ok(is_near(reserved_on(store, 0, NOW), 0), "%s: nothing is reserved", adapter);
	claim_on(store, "m", 0, 40, NOW);
	ok(is_near(reserved_on(store, 0, NOW), 40), "%s: a claim reserves seats", adapter);
	ok(is_near(reserved_on(store, 1, NOW), 0), "… on its server");
	is_int(facts_of(store, "a").users, 0, "… which are no users");
	ok(is_near(facts_of(store, "a").reserved, 0), "… nor told but to a claim");
	is_int(claim_on(store, "m", 0, 40, NOW), STORE_EXISTS, "… claimed again");
	ok(is_near(reserved_on(store, 0, NOW), 40), "… they are reserved once");
	claim_on(store, "n", 0, 20, NOW);
	claim_on(store, "o", 1, 5, NOW);
	ok(is_near(reserved_on(store, 0, NOW), 60) && is_near(reserved_on(store, 1, NOW), 5),
	    "%s: reservations add up, for each server", adapter);
	ok(is_near(reserved_on(store, 0, later), 30), "… fade");
	ok(is_near(reserved_on(store, 0, NOW + LOAD_RESERVATION_MS), 0), "… and are gone");
	ok(is_near(reserved_on(store, 0, NOW - 1), 60),
	    "… are seen by who began earlier and waited");
	ok(is_near(reserved_on(store, 0, NOW - LOAD_RESERVATION_MS), 0),
	    "… and not when the clock was set back");

	store->verbs->polls_save(store, &poll, 1, NOW, FRESH);
	ok(is_near(reserved_on(store, 0, NOW), 30),
	    "%s: who comes uses up the meeting's own seats", adapter);
	ok(is_near(reserved_on(store, 0, later), 15), "… what is left fades");
	found[0].users = 0;
	store->verbs->polls_save(store, &poll, 1, NOW, FRESH);
	ok(is_near(reserved_on(store, 0, NOW), 40), "… who leaves may come again");

	struct meeting meeting;
	/* The load of a claim is users and reserved seats. */
	is_int(claim_among(store, "p", servers, 2, NOW, &meeting), STORE_OK,
	    "%s: the next claim", adapter);
	is_str(meeting.server, "b", "… goes where the load is less");

	/* A move takes the reservation along; a drop gives it up. */
	is_int(store->verbs->meeting_drop(store, STR("p"), "b", NOW), STORE_OK, "%s: a drop",
	    adapter);
	ok(is_near(reserved_on(store, 1, NOW), 5), "… gives its seats up");
	struct server_facts down = { .health = SERVER_DOWN };
	store->verbs->server_save(store, "a", &down);
	is_int(move(store, "m", servers, 2, "a", later, &meeting), STORE_OK, "%s: a move",
	    adapter);
	is_str(meeting.server, "b", "… to another server");
	/* o has half of its 5 left; m had 10. */
	ok(is_near(reserved_on(store, 0, later), 0), "… the old one's reservation is gone");
	ok(is_near(reserved_on(store, 1, later), 2.5 + 10), "… and the new one's begins anew");
	store->verbs->close(store);

	/* Found by a look-up, nobody has counted its users yet; found by a poll, they are. */
	store = open_store(adapter);
	hold_meeting(store, "m", 33, NOW - LOAD_RESERVATION_MS);
	store->verbs->meeting_adopt(store, STR("m"), "a", NOW);
	ok(is_near(reserved_on(store, 0, NOW), 33),
	    "%s: an adopted meeting reserves what it had", adapter);
	store->verbs->meeting_adopt(store, STR("other"), "b", NOW);
	ok(is_near(reserved_on(store, 1, NOW), 33), "… or what is typical");
	poll_one(store, "a", "m", 4, NOW);
	ok(is_near(reserved_on(store, 0, NOW), 29), "… and a poll counts");
	poll_one(store, "c", "found", 4, NOW);
	ok(is_near(reserved_on(store, 2, NOW), 0), "… one that a poll finds reserves nothing");
	poll_one(store, "c", "found", 0, NOW);
	ok(is_near(reserved_on(store, 2, NOW), 0), "… not even when all have left");

	/* A mapping to a server that is no candidate any more. */
	is_int(claim_among(store, "m", servers + 1, 3, NOW, &meeting), STORE_OK,
	    "%s: a mapping is replaced", adapter);
	ok(is_near(reserved_on(store, 0, NOW), 0), "… with its reservation");
	ok(is_near(reserved_on(store, 2, NOW) + reserved_on(store, 3, NOW), 33),
	    "… by one that nobody has used up");
	store->verbs->close(store);
}

/* What a meetingID had is remembered however the mapping ends. */
static void
test_history(const char *adapter)
{
	struct store *store = open_store(adapter);

	claim_on(store, "dropped", 0, 0, NOW);
	poll_one(store, "a", "dropped", 11, NOW);
	store->verbs->meeting_drop(store, STR("dropped"), "a", NOW);
	is_int(claim_seats(store, "dropped", 0, NOW), 11, "%s: history of what was dropped",
	    adapter);

	claim_on(store, "moved", 1, 0, NOW);
	poll_one(store, "b", "moved", 12, NOW);
	struct server_facts down = { .health = SERVER_DOWN };
	store->verbs->server_save(store, "b", &down);
	struct meeting meeting;
	is_int(move(store, "moved", servers, 2, "b", NOW, &meeting), STORE_OK,
	    "… of what was moved");
	is_str(meeting.server, "a", "… elsewhere");
	is_int(store->verbs->meeting_drop(store, STR("moved"), "a", NOW), STORE_OK,
	    "… and dropped, with nobody there yet");
	is_int(claim_seats(store, "moved", 0, NOW), 12, "… is still known");

	hold_meeting(store, "ended", 13, NOW);
	hold_meeting(store, "again", 14, NOW);
	hold_meeting(store, "again", 6, NOW + 2 * FRESH);
	hold_meeting(store, "empty", 15, NOW);
	hold_meeting(store, "empty", 0, NOW + 2 * FRESH);
	int64_t next = NOW + LOAD_RESERVATION_MS;
	if (strcmp(adapter, "sqlite") == 0) {
		store->verbs->close(store);
		store = store_sqlite_open(path);
		store->verbs->meeting_absent(store, STR("ended"), next);
	}
	is_int(claim_seats(store, "ended", 0, next), 13, "%s: history of what ended", adapter);
	is_int(claim_seats(store, "again", 0, next), 6, "… it is the last time that counts");
	is_int(claim_seats(store, "empty", 0, next), 15, "… when there was anyone");
	is_int(claim_seats(store, "Ended", 0, next),
	    load_seats(0, 0,
	        load_typical_next(load_typical_next(load_typical_next(13, 14), 6), 15)),
	    "… and of each meetingID its own; for others what is typical");
	store->verbs->close(store);
}

/* Voice, videos, since when it is in use, and whose a meeting is. */
static void
test_poll_facts(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct store_poll poll = { .server = "a", .users = 7, .voice = 5, .videos = 3 };

	store->verbs->polls_save(store, &poll, 1, NOW, FRESH);
	struct server_facts facts = facts_of(store, "a");
	ok(facts.since_ms == 0 && facts.users == 0 && facts.voice == 0 && facts.videos == 0,
	    "%s: a poll without an answer begins no use", adapter);
	poll.answered = poll.is_complete = true;
	store->verbs->polls_save(store, &poll, 1, NOW, FRESH);
	facts = facts_of(store, "a");
	ok(facts.users == 7 && facts.voice == 5 && facts.videos == 3,
	    "%s: users, voices and videos of a poll", adapter);
	is_int(facts.since_ms, NOW, "… it is in use since its first poll");
	poll.voice = 4;
	poll.videos = 0;
	store->verbs->polls_save(store, &poll, 1, NOW + 1000, FRESH);
	facts = facts_of(store, "a");
	ok(facts.voice == 4 && facts.videos == 0, "… the next poll's");
	is_int(facts.since_ms, NOW, "… in use since the first");

	contact(store, "a", CONTACT_POLL_FAILED, NOW + 2000, NULL);
	contact(store, "a", CONTACT_POLL_GOOD, NOW + 2000, NULL);
	contact(store, "a", CONTACT_POLL_GOOD, NOW + 2000, NULL);
	facts = facts_of(store, "a");
	ok(facts.health == SERVER_UP && facts.since_ms == NOW,
	    "%s: suspect for a moment changes nothing", adapter);
	contact(store, "a", CONTACT_POLL_FAILED, NOW - 7000, NULL);
	contact(store, "a", CONTACT_POLL_FAILED, NOW + 3000, NULL);
	is_int(facts_of(store, "a").since_ms, NOW, "… nor does being down");
	contact(store, "a", CONTACT_POLL_GOOD, NOW + 4000, NULL);
	contact(store, "a", CONTACT_POLL_GOOD, NOW + 5000, NULL);
	facts = facts_of(store, "a");
	ok(facts.health == SERVER_UP && facts.since_ms == NOW + 5000,
	    "… but being back from it does");
	ok(facts.users == 7 && facts.voice == 4, "… and contacts leave the load");

	facts.has_operator_state = true;
	facts.since_ms = 1;
	facts.voice = 99;
	store->verbs->server_save(store, "a", &facts);
	claim_on(store, "m", 0, 0, NOW + 6000);
	facts = facts_of(store, "a");
	ok(facts.since_ms == NOW + 5000 && facts.voice == 4,
	    "%s: neither what an operator sets nor a claim changes that", adapter);

	store->verbs->meeting_adopt(store, STR("here"), "a", NOW);
	store->verbs->meeting_adopt(store, STR("there"), "b", NOW);
	struct store_polled found[] = {
		{ .meeting_id = STR("here") },
		{ .meeting_id = STR("there") },
		{ .meeting_id = STR("new") },
	};
	poll.meetings = found;
	poll.n = COUNT(found);
	store->verbs->polls_save(store, &poll, 1, NOW, FRESH);
	ok(!found[0].is_elsewhere, "%s: a poll finds a meeting where it is mapped", adapter);
	ok(found[1].is_elsewhere, "… one that is mapped elsewhere");
	ok(!found[2].is_elsewhere, "… and one that was not mapped");
	is_str(where(store, "there"), "b", "… which stay so");
	is_str(where(store, "new"), "a", "… or are from now on");

	/* Who is in a copy elsewhere is nobody of this meeting. */
	found[1].users = 50;
	store->verbs->polls_save(store, &poll, 1, NOW, FRESH);
	is_int(store->verbs->meeting_drop(store, STR("there"), "b", NOW), STORE_OK,
	    "… dropped");
	is_int(claim_on(store, "there", 1, 0, NOW), STORE_OK, "… and claimed");
	struct meeting meeting;
	is_int(find(store, "there", &meeting), STORE_OK, "…");
	ok(is_near(reserved_on(store, 1, NOW), LOAD_SEATS_UNKNOWN),
	    "%s: people in a copy elsewhere are not the meeting's", adapter);
	store->verbs->close(store);
}

/* ---- Many at once ------------------------------------------------------ */

#define THREADS 8
#define IDS 50

struct worker {
	pthread_t thread;
	struct store *store;
	enum store_result results[IDS];
	char server[IDS];
};

static void *
work(void *context)
{
	struct worker *worker = context;
	struct arena *own = arena_new();

	for (int i = 0; i < IDS; i++) {
		char id[32];

		snprintf(id, sizeof(id), "m%d", i);
		struct claim claim = claim_of(str_from(id), servers, 4);
		claim.placement.candidates = claim.candidates;
		struct meeting meeting = { .server = "?" };
		worker->results[i] = worker->store->verbs->meeting_claim(worker->store, own,
		    &claim.placement, 1000, &meeting);
		worker->server[i] = meeting.server[0];
		struct server_facts facts[MANY];
		worker->store->verbs->servers(worker->store, servers, 4, facts);
	}
	arena_free(own);
	return NULL;
}

/* Of n who claimed the same IDs, one got each, and all were told the same. */
static void
check_workers(const struct worker *workers, size_t n, const char *who)
{
	int won_once = 0, others_exist = 0, agreed = 0;

	for (size_t i = 0; i < IDS; i++) {
		size_t won = 0, exist = 0, same = 0;
		for (size_t k = 0; k < n; k++) {
			won += workers[k].results[i] == STORE_OK;
			exist += workers[k].results[i] == STORE_EXISTS;
			same += workers[k].server[i] == workers[0].server[i] &&
			    workers[k].server[i] != '?';
		}
		won_once += won == 1;
		others_exist += exist == n - 1;
		agreed += same == n;
	}
	is_int(won_once, IDS, "%s: each ID is got by one", who);
	is_int(others_exist, IDS, "… the others find it there");
	is_int(agreed, IDS, "… and all are told the same server");
}

static void
test_threads(const char *adapter)
{
	struct worker *workers = mem_alloc(THREADS * sizeof(*workers));
	struct store *store = open_store(adapter);

	for (size_t i = 0; i < THREADS; i++) {
		workers[i].store = store;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			exit(1);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	char who[64];
	snprintf(who, sizeof(who), "%s, %d threads", adapter, THREADS);
	check_workers(workers, THREADS, who);
	for (size_t i = 0; i < 4; i++) {
		long meetings = facts_of(store, servers[i].name).meetings;
		ok(meetings == 12 || meetings == 13, "… %s has its quarter (%ld)",
		    servers[i].name, meetings);
	}
	store->verbs->close(store);
	free(workers);
}

static void
write_file(const char *name, const char *content, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, content, len) != (ssize_t)len || close(fd) != 0) {
		perror(name);
		exit(1);
	}
}

static bool
has_content(const char *name, const char *content, size_t len)
{
	char bytes[8192];
	int fd = open(name, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (fd >= 0)
		close(fd);
	return got == (ssize_t)len && memcmp(bytes, content, len) == 0;
}

static const char garbage[4096] = "This is no database.\n";

/* Each process opens the store itself, the file not being there yet, or being
 * no database. */
static void
test_processes(bool damaged)
{
	enum { PROCESSES = 4 };
	struct worker *workers = mem_alloc(PROCESSES * sizeof(*workers));
	struct store *store = open_store("sqlite");

	/* The name is all that is wanted. */
	store->verbs->close(store);
	unlink(path);
	if (damaged)
		write_file(path, garbage, sizeof(garbage));
	int fds[PROCESSES][2], start[2];
	if (pipe(start) != 0)
		exit(1);
	pid_t children[PROCESSES];
	for (size_t i = 0; i < PROCESSES; i++) {
		if (pipe(fds[i]) != 0 || (children[i] = fork()) < 0)
			exit(1);
		if (children[i] == 0) {
			close(start[1]);
			char byte;
			if (read(start[0], &byte, 1) < 0) /* till all are there */
				_exit(1);
			workers[i].store = store_sqlite_open(path);
			work(&workers[i]);
			workers[i].store->verbs->close(workers[i].store);
			_exit(write(fds[i][1], &workers[i],
			          sizeof(workers[i])) == (ssize_t)sizeof(workers[i]) ?
			        0 :
			        1);
		}
		close(fds[i][1]);
	}
	close(start[0]);
	close(start[1]);
	bool ended = true;
	for (size_t i = 0; i < PROCESSES; i++) {
		ended &= read(fds[i][0], &workers[i], sizeof(workers[i])) ==
		    (ssize_t)sizeof(workers[i]);
		close(fds[i][0]);
		int status;
		waitpid(children[i], &status, 0);
		ended &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	ok(ended, "sqlite, processes%s: all end well",
	    damaged ? " on a file that is no database" : "");
	check_workers(workers, PROCESSES, "sqlite, processes");
	if (damaged)
		ok(has_content(broken, garbage, sizeof(garbage)),
		    "… what was there is in .broken");
	free(workers);
}

/* ---- The SQLite file --------------------------------------------------- */

static void
test_shared_file(void)
{
	struct store *first = open_store("sqlite"), *second = store_sqlite_open(path);
	struct meeting meeting;

	claim_among(first, "m", servers, 4, 1000, &meeting);
	is_str(where(second, "m"), "a", "a second store on the file sees a mapping");
	is_int(claim_among(second, "m", servers, 4, 2000, &meeting), STORE_EXISTS,
	    "… and keeps to it");
	struct server_facts down = { .health = SERVER_DOWN };
	second->verbs->server_save(second, "b", &down);
	is_int(facts_of(first, "b").health, SERVER_DOWN,
	    "the first sees what the second saves");
	struct store_list saved = { "a", "getMeetings", STR("<response/>") };
	first->verbs->lists_save(first, &saved, 1, NULL);
	struct store_list list = { "a", "getMeetings", { NULL, 0 } };
	is_int(second->verbs->list_find(second, arena, &list), STORE_OK, "lists, too");
	first->verbs->close(first);
	second->verbs->close(second);

	first = store_sqlite_open(path);
	is_str(where(first, "m"), "a", "a mapping outlives the process");
	is_int(facts_of(first, "b").health, SERVER_DOWN, "health, too");
	is_int(facts_of(first, "a").meetings, 1, "and the count");
	first->verbs->close(first);
}

static int64_t
query_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* What costs a write, and what goes with time. */
static void
test_economy(void)
{
	struct store *store = open_store("sqlite");
	struct store_list lists[] = {
		{ "a", "getMeetings", STR("<response>1</response>") },
		{ "b", "getMeetings", STR("<response>1</response>") },
	};

	store->verbs->lists_save(store, lists, 2, NULL);
	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	int64_t version = query_number(db, "PRAGMA data_version");
	store->verbs->lists_save(store, lists, 2, NULL);
	is_int(query_number(db, "PRAGMA data_version"), version, "equal lists cost no write");
	lists[1].answer = STR("<response>2</response>");
	store->verbs->lists_save(store, lists, 2, NULL);
	ok(query_number(db, "PRAGMA data_version") != version, "another list does");
	struct store_recording recording = { STR("r"), "a" };
	store->verbs->recordings_put(store, &recording, 1, 1000);
	version = query_number(db, "PRAGMA data_version");
	store->verbs->recordings_put(store, &recording, 1, 2000);
	is_int(query_number(db, "PRAGMA data_version"), version,
	    "what is remembered of a recording costs no write");
	recording.server = "b";
	store->verbs->recordings_put(store, &recording, 1, 2000);
	ok(query_number(db, "PRAGMA data_version") != version, "another server does");
	sqlite3_close(db);

	store->verbs->meeting_absent(store, STR("old"), 1000);
	store->verbs->meeting_absent(store, STR("young"), 50000);
	struct meeting meeting;
	is_int(store->verbs->meeting_find(store, arena, STR("old"), 50000, 100000, &meeting),
	    STORE_ABSENT, "an absent meeting of under a minute ago is kept");
	store->verbs->meeting_absent(store, STR("new"), 100000);
	is_int(store->verbs->meeting_find(store, arena, STR("old"), 100000, 1000000, &meeting),
	    STORE_NOT_FOUND, "an older one is purged");
	is_int(store->verbs->meeting_find(store, arena, STR("young"), 100000, 1000000,
	           &meeting),
	    STORE_ABSENT, "a younger one is not");
	store->verbs->close(store);
}

static void
test_shared_lease(void)
{
	struct store *first = open_store("sqlite"), *second = store_sqlite_open(path);

	is_int(first->verbs->lease_take(first, 1, 1000, 500), STORE_OK,
	    "one store takes the lease");
	is_int(second->verbs->lease_take(second, 2, 1000, 500), STORE_CONFLICT,
	    "… another on the file does not");
	is_int(first->verbs->lease_take(first, 1, 1100, 0), STORE_OK,
	    "… till it is given back");
	is_int(second->verbs->lease_take(second, 2, 1100, 500), STORE_OK, "… then it does");
	is_int(first->verbs->lease_take(first, 1, 1200, 500), STORE_CONFLICT,
	    "… and the first does not");
	is_int(first->verbs->lease_take(first, 1, 1600, 500), STORE_OK,
	    "… before it has ended");
	first->verbs->close(first);
	is_int(second->verbs->lease_take(second, 2, 1700, 500), STORE_CONFLICT,
	    "a lease outlives who took it");

	/* It was taken by a clock far ahead, which was then set right. */
	is_int(second->verbs->lease_take(second, 2, 2000000 + 600001, 0), STORE_OK,
	    "a lease taken by a clock far ahead");
	first = store_sqlite_open(path);
	is_int(first->verbs->lease_take(first, 1, 2000000, 500), STORE_OK,
	    "… keeps nobody away for long");
	first->verbs->lease_take(first, 1, 2000000, 600000);
	is_int(second->verbs->lease_take(second, 2, 2000000, 500), STORE_CONFLICT,
	    "… one of ten minutes counts");
	first->verbs->close(first);

	/* Contacts of two stores count together. */
	first = store_sqlite_open(path);
	is_int(contact(first, "a", CONTACT_POLL_FAILED, 1000, NULL), SERVER_UP,
	    "one store's failure");
	struct server_facts facts;
	is_int(contact(second, "a", CONTACT_POLL_FAILED, 11000, &facts), SERVER_SUSPECT,
	    "… and the other's");
	ok(facts.health == SERVER_DOWN && facts.failures == 2, "… are two in a row");
	is_int(facts_of(first, "a").health, SERVER_DOWN, "… for both");
	first->verbs->close(first);
	second->verbs->close(second);
}

/* What a good contact costs. */
static void
test_contact_economy(void)
{
	struct store *store = open_store("sqlite");

	contact(store, "a", CONTACT_POLL_GOOD, 1000, NULL);
	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	int64_t version = query_number(db, "PRAGMA data_version");
	contact(store, "a", CONTACT_POLL_GOOD, 2000, NULL);
	contact(store, "b", CONTACT_POLL_GOOD, 2000, NULL);
	is_int(query_number(db, "PRAGMA data_version"), version,
	    "a good contact with a server that is up costs no write");
	contact(store, "a", CONTACT_POLL_FAILED, 3000, NULL);
	ok(query_number(db, "PRAGMA data_version") != version, "a bad one does");
	sqlite3_close(db);
	store->verbs->close(store);
}

/* Drop all that is in the file.  Its identity stays. */
static int
drop_tables(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	char sql[4096] = "";

	if (sqlite3_prepare_v2(db,
	        "SELECT group_concat('DROP TABLE ' || name, ';')"
	        " FROM sqlite_master WHERE type = 'table'",
	        -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		snprintf(sql, sizeof(sql), "%s",
		    (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/*
 * The schema of version 1, as it was made; a store opened on such a file upgrades it.
 * The file has the identity that the store gave it, as if it had written all of that
 * (application_id), or none, as a copy of one has.
 */
static sqlite3 *
make_old(bool has_identity, bool has_rows)
{
	static const char schema[] =
	    "CREATE TABLE meeting (id TEXT PRIMARY KEY, server TEXT NOT NULL,"
	    " claimed_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX meeting_server ON meeting (server);"
	    "CREATE INDEX meeting_claimed ON meeting (claimed_ms);"
	    "CREATE TABLE absent (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX absent_at ON absent (at_ms);"
	    "CREATE TABLE server (name TEXT PRIMARY KEY, health INTEGER NOT NULL DEFAULT 0,"
	    " operator_state INTEGER, failures INTEGER NOT NULL DEFAULT 0,"
	    " successes INTEGER NOT NULL DEFAULT 0, probe_ms INTEGER NOT NULL DEFAULT 0,"
	    " users INTEGER NOT NULL DEFAULT 0, turn REAL NOT NULL DEFAULT 0) WITHOUT ROWID;"
	    "CREATE TABLE lease (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL,"
	    " until_ms INTEGER NOT NULL);"
	    "CREATE TABLE list (server TEXT NOT NULL, what TEXT NOT NULL, answer BLOB NOT NULL,"
	    " PRIMARY KEY (server, what));"
	    "PRAGMA user_version = 1;";
	static const char rows[] =
	    "INSERT INTO meeting VALUES ('m', 'b', 1000), ('n', 'a', 2000);"
	    "INSERT INTO absent VALUES ('gone', 999900);"
	    "INSERT INTO server VALUES ('a', 1, 1, 3, 2, 7777, 42, 1.5),"
	    " ('b', 0, NULL, 0, 0, 8888, 5, 2.5);"
	    "INSERT INTO lease VALUES (1, 5, 100500);"
	    "INSERT INTO list VALUES ('a', 'getMeetings', CAST('<response/>' AS BLOB));";
	struct store *store = open_store("sqlite");

	store->verbs->close(store);
	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK || drop_tables(db) != SQLITE_OK ||
	    sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK ||
	    (has_rows && sqlite3_exec(db, rows, NULL, NULL, NULL) != SQLITE_OK) ||
	    (!has_identity &&
	        sqlite3_exec(db, "PRAGMA application_id = 0", NULL, NULL, NULL) != SQLITE_OK)) {
		diag("%s", sqlite3_errmsg(db));
		exit(1);
	}
	return db;
}

/* Each process opens the store itself and wants the lease, all at one time; at
 * the end each tells of a failed contact. */
static void
test_lease_processes(const char *which)
{
	if (strcmp(which, "an old") == 0) {
		sqlite3_close(make_old(true, false));
	} else {
		struct store *store = open_store("sqlite");
		store->verbs->close(store);
		if (strcmp(which, "no") == 0)
			unlink(path);
	}
	int start[2];
	if (pipe(start) != 0)
		exit(1);
	enum { PROCESSES = 8 };
	pid_t children[PROCESSES];
	for (size_t i = 0; i < PROCESSES; i++) {
		if ((children[i] = fork()) < 0)
			exit(1);
		if (children[i] == 0) {
			close(start[1]);
			char byte;
			if (read(start[0], &byte, 1) < 0) /* till all are there */
				_exit(3);
			struct store *store = store_sqlite_open(path);
			enum store_result result = store->verbs->lease_take(store, i + 1, 1000,
			    500);
			if (contact(store, "a", CONTACT_POLL_FAILED, 1000, NULL) < 0)
				result = STORE_FAILED;
			store->verbs->close(store);
			_exit(result == STORE_OK ? 0 : result == STORE_CONFLICT ? 1 : 2);
		}
	}
	close(start[0]);
	close(start[1]);
	int counts[4] = { 0 };
	for (size_t i = 0; i < PROCESSES; i++) {
		int status;
		waitpid(children[i], &status, 0);
		counts
		    [WIFEXITED(status) && WEXITSTATUS(status) < 3 ? WEXITSTATUS(status) : 3]++;
	}
	is_int(counts[0], 1, "%d processes, %s file: one gets the lease", PROCESSES, which);
	is_int(counts[1], PROCESSES - 1, "… the others do not");
	is_int(counts[2] + counts[3], 0, "… and nothing fails");
	struct store *store = store_sqlite_open(path);
	is_int(facts_of(store, "a").failures, PROCESSES, "… and no contact of theirs is lost");
	store->verbs->close(store);
}

/* Every verb gives a result it may give; what is false in the end. */
static bool
verbs_survive(struct store *store)
{
	struct server_facts facts[MANY];

	memset(facts, 0x55, sizeof(facts));
	enum store_result r[12];
	r[0] = store->verbs->servers(store, servers, MANY, facts);
	bool good = true;
	for (size_t i = 0; r[0] == STORE_FAILED && i < MANY; i++)
		good &= is_new(&facts[i]);
	struct server_facts up = { .health = SERVER_UP };
	r[1] = store->verbs->server_save(store, "a", &up);
	struct meeting meeting;
	r[2] = find(store, "m", &meeting);
	r[3] = store->verbs->meeting_absent(store, STR("n"), 1000);
	r[4] = claim_among(store, "m2", servers, MANY, 1000, &meeting);
	r[5] = store->verbs->meeting_adopt(store, STR("m3"), "a", 1000);
	r[6] = move(store, "m2", servers, MANY, "a", 1000, &meeting);
	struct store_list list = { "a", "getMeetings", STR("<response/>") };
	r[7] = store->verbs->lists_save(store, &list, 1, NULL);
	r[8] = store->verbs->list_find(store, arena, &list);
	struct store_recording recording = { STR("r"), "a" };
	r[9] = store->verbs->recordings_put(store, &recording, 1, 1000);
	r[10] = store->verbs->recordings_find(store, arena, &recording, 1);
	r[11] = store->verbs->lists_drop(store, "a", "getMeetings");
	store->verbs->meeting_drop(store, STR("m3"), "a", 1000);
	for (size_t i = 0; i < COUNT(r); i++)
		good &= r[i] >= STORE_OK && r[i] <= STORE_FAILED;
	return good;
}

/* How many verbs of all fail? */
static int
count_failing(struct store *store)
{
	struct webhook hook = hook_of("https://lms.test/failing", 1000);

	/* Forgotten first: what is remembered so already is not written. */
	store->verbs->recordings_put(store, &(struct store_recording){ STR("r"), NULL }, 1,
	    1000);
	struct server_facts facts, up = { .health = SERVER_UP };
	struct store_list list = { "a", "getMeetings", STR("<response/>") };
	struct store_poll poll = { .server = "d" };
	struct store_recording recording = { STR("r"), "a" };
	struct webhook *hooks;
	struct meeting meeting;
	size_t n;
	return (store->verbs->servers(store, servers, 1, &facts) == STORE_FAILED) +
	    (store->verbs->server_save(store, "a", &up) == STORE_FAILED) +
	    (find(store, "m", &meeting) == STORE_FAILED) +
	    (store->verbs->meeting_absent(store, STR("n"), 1000) == STORE_FAILED) +
	    (claim_among(store, "m", servers, 4, 1000, &meeting) == STORE_FAILED) +
	    (store->verbs->meeting_adopt(store, STR("n"), "a", 1000) == STORE_FAILED) +
	    (move(store, "m", servers, 4, "a", 1000, &meeting) == STORE_FAILED) +
	    (store->verbs->meeting_drop(store, STR("n"), "a", 1000) == STORE_FAILED) +
	    (store->verbs->recordings_put(store, &recording, 1, 1000) == STORE_FAILED) +
	    (store->verbs->recordings_find(store, arena, &recording, 1) == STORE_FAILED) +
	    (store->verbs->lists_save(store, &list, 1, NULL) == STORE_FAILED) +
	    (store->verbs->list_find(store, arena, &list) == STORE_FAILED) +
	    (store->verbs->lists_drop(store, "a", "getMeetings") == STORE_FAILED) +
	    (contact(store, "a", CONTACT_POLL_FAILED, 1000, NULL) < 0) +
	    (store->verbs->hook_put(store, &hook, true) == STORE_FAILED) +
	    (store->verbs->hook_list(store, arena, &hooks, &n) == STORE_FAILED) +
	    (store->verbs->hook_drop(store, hook.id, 1000) == STORE_FAILED) +
	    (store->verbs->polls_save(store, &poll, 1, 1000, 1000) == STORE_FAILED) +
	    (store->verbs->lease_take(store, 1, 1000, 0) == STORE_FAILED);
}

#define ALL_VERBS 19

static void
delete_file(void)
{
	unlink(path);
}

static void
replace_by_directory(void)
{
	unlink(path);
	mkdir(path, 0755);
}

static void
remove_directory(void)
{
	rmdir(path);
}

static void
replace_by_garbage(void)
{
	char name[160];

	snprintf(name, sizeof(name), "%s.new", path);
	write_file(name, garbage, sizeof(garbage));
	if (rename(name, path) != 0)
		exit(1);
}

static void
overwrite_with_garbage(void)
{
	write_file(path, garbage, sizeof(garbage));
}

static void
truncate_to(off_t len)
{
	if (truncate(path, len) != 0)
		exit(1);
}

static void
truncate_to_nothing(void)
{
	truncate_to(0);
}

static void
truncate_in_a_page(void)
{
	truncate_to(5000);
}

static void
empty_file(void)
{
	unlink(path);
	write_file(path, "", 0);
}

static void
dangling_link(void)
{
	unlink(path);
	if (symlink("/nonexistent/state", path) != 0)
		exit(1);
}

/* Does something bad to the file under an open store, and to one that is
 * opened then; afterwards undoes it, and all must work. */
static void
test_harm(void)
{
	static const struct {
		void (*harm)(void);
		void (*undo)(void); /* NULL: works again by itself */
		int failing;        /* verbs, of a store that was open; -1: any */
		bool aside;         /* is the file in .broken then? */
		const char *what;
	} rows[] = {
		{ delete_file, NULL, 0, false, "deleted" },
		{ replace_by_directory, remove_directory, ALL_VERBS, false, "a directory" },
		{ replace_by_garbage, NULL, 0, true, "replaced by garbage" },
		{ overwrite_with_garbage, NULL, -1, false, "overwritten with garbage" },
		{ truncate_in_a_page, NULL, -1, false, "truncated" },
		{ empty_file, NULL, 0, false, "replaced by an empty file" },
		{ dangling_link, delete_file, ALL_VERBS, false, "a link to nowhere" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store *store = open_store("sqlite");
		struct meeting meeting;

		for (int k = 0; k < 200; k++) {
			char id[32];
			snprintf(id, sizeof(id), "before-%d", k);
			claim_among(store, id, servers, 4, 1000, &meeting);
		}
		rows[i].harm();
		if (rows[i].failing >= 0)
			is_int(count_failing(store), rows[i].failing,
			    "the file is %s: failing verbs", rows[i].what);
		ok(verbs_survive(store), "the file is %s: each verb gives a result",
		    rows[i].what);
		struct store *second = NULL;
		second = store_sqlite_open(path);
		ok(verbs_survive(second), "… in a store opened now, too");
		if (rows[i].aside)
			ok(has_content(broken, garbage, sizeof(garbage)),
			    "… the garbage is in .broken");
		if (rows[i].undo)
			rows[i].undo();
		store->verbs->close(store);

		/* What is damaged may need the one look that finds it so. */
		claim_among(second, "look", servers, 4, 1000, &meeting);
		is_int(count_failing(second), 0, "… afterwards all works");
		ok(claim_among(second, "new", servers, 4, 1000, &meeting) == STORE_OK &&
		        find(second, "new", &meeting) == STORE_OK,
		    "… and is remembered");
		second->verbs->close(second);
	}
}

/* Emptied in its place.  The other store is closed before one is opened: an
 * idle connection's lock would keep it waiting. */
static void
test_emptied(void)
{
	struct store *store = open_store("sqlite");
	struct meeting meeting;

	claim_among(store, "before", servers, 4, 1000, &meeting);
	truncate_to_nothing();
	ok(verbs_survive(store), "the file is emptied: each verb gives a result");
	store->verbs->close(store);
	store = store_sqlite_open(path);
	is_int(count_failing(store), 0, "… opened anew, all works");
	is_int(claim_among(store, "new", servers, 4, 1000, &meeting), STORE_OK, "… for claims");
	is_str(where(store, "new"), meeting.server, "… and is remembered");
	store->verbs->close(store);
}

/* A backup is put in place, say, while the store is open: what counts then is
 * what is in it, and nothing of the file that was there. */
static void
test_replaced_by_another(void)
{
	struct store *store = open_store("sqlite");
	char name[160];

	snprintf(name, sizeof(name), "%s.other", path);
	struct store *other = store_sqlite_open(name);
	struct meeting meeting;
	is_int(claim_among(other, "backed up", servers + 1, 1, 1000, &meeting), STORE_OK,
	    "another state is made");
	other->verbs->close(other);
	for (int k = 0; k < 20; k++) {
		char id[32];
		snprintf(id, sizeof(id), "before-%d", k);
		claim_among(store, id, servers, 1, 1000, &meeting);
	}
	if (rename(name, path) != 0)
		exit(1);
	is_str(where(store, "backed up"), "b", "… and put in place: its mapping is found");
	is_str(where(store, "before-1"), "nowhere", "… and none of the old file's");
	is_int(facts_of(store, "a").meetings, 0, "… which do not count");
	is_int(claim_among(store, "new", servers, 4, 1000, &meeting), STORE_OK, "… all works");
	store->verbs->close(store);
	store = store_sqlite_open(path);
	is_str(where(store, "backed up"), "b", "… and is the same when it is opened again");
	is_str(where(store, "before-1"), "nowhere", "… without the old file's");
	store->verbs->close(store);
}

/* No store was open when it happened: nothing but the file tells. */
static void
test_harm_between(void)
{
	static const struct {
		void (*harm)(void);
		bool aside;
		const char *what;
	} rows[] = {
		{ overwrite_with_garbage, true, "garbage" },
		{ truncate_in_a_page, true, "cut short" },
		{ truncate_to_nothing, false, "empty" },
		{ delete_file, false, "gone" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store *store = open_store("sqlite");
		struct meeting meeting;

		for (int k = 0; k < 500; k++) {
			char id[32];
			snprintf(id, sizeof(id), "before-%d", k);
			claim_among(store, id, servers, 4, 1000, &meeting);
		}
		store->verbs->close(store);
		rows[i].harm();
		store = store_sqlite_open(path);
		is_int(count_failing(store), 0, "a file that is %s: all works", rows[i].what);
		ok(claim_among(store, "new", servers, 4, 1000, &meeting) == STORE_OK &&
		        find(store, "new", &meeting) == STORE_OK,
		    "… and is remembered");
		struct stat file;
		is_int(stat(broken, &file) == 0, rows[i].aside, "… is something moved aside");
		store->verbs->close(store);
	}
}

static void
test_parent(void)
{
	char parent[160], in_parent[200];

	snprintf(parent, sizeof(parent), "%s/later", dir);
	snprintf(in_parent, sizeof(in_parent), "%s/state", parent);
	struct store *store = store_sqlite_open(in_parent);
	is_int(count_failing(store), ALL_VERBS, "no directory: all verbs fail");
	mkdir(parent, 0755);
	struct meeting meeting;
	is_int(claim_among(store, "m", servers, 4, 1000, &meeting), STORE_OK,
	    "when it is there: all works");
	is_str(where(store, "m"), "a", "… and is remembered");
	store->verbs->close(store);
}

static void
test_upgrade(bool has_identity)
{
	const char *what = has_identity ? "an old file, in use" : "a copy of an old file";
	sqlite3 *db = make_old(has_identity, true);

	if (!has_identity) {
		sqlite3_close(db); /* without it all of that is in the -wal */
		db = NULL;
	}
	struct store_list list = { "a", "getMeetings", { NULL, 0 } };
	for (int round = 0; round < 2; round++) {
		struct store *store = store_sqlite_open(path);
		struct meeting meeting;
		is_int(find(store, "m", &meeting), STORE_OK, "%s, round %d: a mapping", what,
		    round);
		ok(strcmp(meeting.server, "b") == 0 && meeting.claimed_ms == 1000,
		    "… as it was");
		is_str(where(store, "n"), "a", "… another");
		is_str(where(store, "gone"), "absent", "… what was absent");
		struct server_facts facts = facts_of(store, "a");
		is_int(facts.health, SERVER_SUSPECT, "… a server's health");
		ok(facts.has_operator_state && facts.operator_state == SERVER_CORDONED,
		    "… what the operator has set");
		ok(facts.failures == 3 && facts.successes == 2 && facts.next_poll_ms == 7777 &&
		        facts.users == 42 && facts.meetings == 1 && same_turn(facts.turn, 1.5),
		    "… counts, the next poll, users, its turn");
		ok(facts.since_ms == 0 && facts.voice == 0 && facts.videos == 0,
		    "… and nothing that was not known");
		facts = facts_of(store, "b");
		ok(!facts.has_operator_state && facts.users == 5, "… another server");
		is_int(store->verbs->lease_take(store, 6, 100000, 500), STORE_CONFLICT,
		    "… the lease");
		ok(store->verbs->list_find(store, arena, &list) == STORE_OK &&
		        str_is(list.answer, "<response/>"),
		    "… a list");
		struct stat file;
		ok(stat(broken, &file) != 0, "… nothing is moved aside");
		store->verbs->close(store);
	}
	sqlite3_close(db);

	struct store *store = store_sqlite_open(path);
	is_int(count_failing(store), 0, "%s: all verbs work", what);
	hold_meeting(store, "class", 20, NOW);
	is_int(claim_seats(store, "class", 0, NOW + 2 * FRESH), 20, "… what is new, too");
	store->verbs->close(store);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	int64_t version = query_number(db, "PRAGMA user_version");
	sqlite3_close(db);
	store = open_store("sqlite");
	store->verbs->close(store);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	is_int(version, query_number(db, "PRAGMA user_version"),
	    "… it has the version of a new file");
	ok(version > 1, "… which is another than the old one's");
	sqlite3_close(db);
}

/* History goes with time and when there is too much of it. */
static void
test_history_purge(void)
{
	static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
	struct store *store = open_store("sqlite");

	hold_meeting(store, "large", 200, NOW);
	hold_meeting(store, "class", 20, NOW);
	poll_one(store, "a", NULL, 0, NOW + 99 * day_ms);
	is_int(claim_seats(store, "large", 0, NOW + 99 * day_ms), 200,
	    "what a meetingID had is known for over three months");
	poll_one(store, "a", NULL, 0, NOW + 101 * day_ms);
	ok(claim_seats(store, "class", 0, NOW + 101 * day_ms) != 20, "… and then forgotten");

	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db,
	        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
	        "100100)"
	        " INSERT INTO peak SELECT 'p' || i, 7, 1000 * 86400000 + i FROM n",
	        NULL, NULL, NULL) != SQLITE_OK)
		exit(1);
	poll_one(store, "a", NULL, 0, 1000 * day_ms);
	int64_t left = query_number(db, "SELECT COUNT(*) FROM peak");
	ok(left >= 100000 && left <= 100001,
	    "of too many the last hundred thousand are kept (%d)", (int)left);
	is_int(query_number(db,
	           "SELECT COUNT(*) FROM peak WHERE id IN ('p1', 'p50', 'p100100')"),
	    1, "… not the oldest");
	sqlite3_close(db);
	store->verbs->close(store);
}

/* Written by a newer version: not to be touched. */
static void
test_newer(void)
{
	struct store *store = open_store("sqlite");

	store->verbs->close(store);
	unlink(path);
	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, "CREATE TABLE future (x); PRAGMA user_version = 99", NULL, NULL,
	        NULL) != SQLITE_OK)
		exit(1);
	sqlite3_close(db);
	char before[65536];
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, before, sizeof(before));
	close(fd);

	store = store_sqlite_open(path);
	is_int(count_failing(store), ALL_VERBS, "a newer version's file: all verbs fail");
	fd = open(path, O_RDONLY);
	char after[65536];
	ok(read(fd, after, sizeof(after)) == len && memcmp(before, after, (size_t)len) == 0,
	    "… and it is as it was");
	close(fd);
	struct stat file;
	ok(stat(broken, &file) != 0, "… where it was");
	unlink(path);
	struct meeting meeting;
	is_int(claim_among(store, "m", servers, 4, 1000, &meeting), STORE_OK,
	    "without it all works");
	store->verbs->close(store);
}

/* How often a text stands in the file to which stderr went. */
static int
count_lines(const char *name, const char *text)
{
	FILE *file = fopen(name, "r");
	char line[4096];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return n;
}

static void
test_log(void)
{
	char name[160];
	struct store *store = open_store("sqlite");
	int saved = dup(STDERR_FILENO);

	snprintf(name, sizeof(name), "%s/log", dir);
	int out = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	dup2(out, STDERR_FILENO);
	close(out);
	for (int round = 0; round < 2; round++) {
		replace_by_directory();
		struct meeting meeting;
		for (int i = 0; i < 5; i++) {
			claim_among(store, "m", servers, 4, 1000, &meeting);
			find(store, "m", &meeting);
		}
		remove_directory();
		for (int i = 0; i < 5; i++) {
			claim_among(store, "m", servers, 4, 1000, &meeting);
			find(store, "m", &meeting);
		}
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	is_int(count_lines(name, "cannot be written"), 2,
	    "each failure to write is logged once");
	is_int(count_lines(name, "cannot be read"), 2, "to read, too");
	is_int(count_lines(name, "written again"), 2,
	    "each time it works again is logged once");
	is_int(count_lines(name, "read again"), 2, "for reading, too");
	is_int(count_lines(name, ""), 8, "and nothing else is");
	store->verbs->close(store);
}

/* Rights are taken and given back.  root has them all, so this is done as
 * nobody, in a child, which prints its own lines; the parent counts them. */
static void
test_read_only(void)
{
	static const char *const checks[] = {
		"read-only: it was written before",
		"read-only: each verb gives a result",
		"read-only: a claim fails",
		"… and when it can be written, all works",
		"no rights at all: all verbs fail",
		"… and when there are, all works",
		"… with what was remembered",
	};
	bool passed[COUNT(checks)] = { false };
	int fds[2];

	if (pipe(fds) != 0)
		exit(1);
	char own[64];
	snprintf(own, sizeof(own), "%s/own", dir);
	mkdir(own, 0755);
	if (getuid() == 0 && (chown(own, NOBODY, NOBODY) != 0 || chmod(dir, 0755) != 0))
		exit(1);
	snprintf(path, sizeof(path), "%s/state", own);

	pid_t child = fork();
	if (child == 0) {
		bool got[COUNT(checks)];

		if (getuid() == 0 &&
		    (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		        setresuid(NOBODY, NOBODY, NOBODY) != 0))
			_exit(2);
		struct store *store = store_sqlite_open(path);
		struct meeting meeting;
		got[0] = claim_among(store, "m", servers, 1, 1000, &meeting) == STORE_OK;
		store->verbs->close(store);

		chmod(path, 0444);
		chmod(own, 0555);
		store = store_sqlite_open(path);
		got[1] = verbs_survive(store);
		got[2] = claim_among(store, "new", servers, 1, 1000, &meeting) == STORE_FAILED;
		chmod(own, 0755);
		chmod(path, 0644);
		got[3] = claim_among(store, "new", servers, 1, 1000, &meeting) == STORE_OK &&
		    count_failing(store) == 0;
		store->verbs->close(store);

		chmod(path, 0);
		chmod(own, 0);
		store = store_sqlite_open(path);
		got[4] = count_failing(store) == ALL_VERBS;
		chmod(own, 0755);
		chmod(path, 0644);
		got[5] = count_failing(store) == 0;
		got[6] = strcmp(where(store, "new"), "a") == 0;
		store->verbs->close(store);
		_exit(write(fds[1], got, sizeof(got)) == (ssize_t)sizeof(got) ? 0 : 3);
	}
	close(fds[1]);
	ssize_t len = read(fds[0], passed, sizeof(passed));
	close(fds[0]);
	int status = -1;
	waitpid(child, &status, 0);
	ok(len == (ssize_t)sizeof(passed) && WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "read-only: the process ends well");
	for (size_t i = 0; i < COUNT(checks); i++)
		ok(passed[i], "%s", checks[i]);
}

/* ---- The store that remembers nothing, and meeting.h ------------------- */

static void
test_none(void)
{
	struct store *store = store_none_open();

	is_int(count_failing(store), ALL_VERBS, "none: every verb fails");
	struct server_facts facts[MANY];
	memset(facts, 0x55, sizeof(facts));
	is_int(store->verbs->servers(store, servers, MANY, facts), STORE_FAILED,
	    "none: servers");
	for (size_t i = 0; i < MANY; i++)
		ok(is_new(&facts[i]), "… %s is healthy and empty", servers[i].name);
	store->verbs->close(store);
	store = store_none_open();
	is_str(where(store, "m"), "failed", "none: closed and opened, it is the same");
	store->verbs->close(store);
}

static void
test_fresh(void)
{
	static const struct {
		int64_t claimed_ms, now_ms, timeout_ms;
		bool fresh;
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
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meeting meeting = { .claimed_ms = rows[i].claimed_ms };
		is_int(meeting_is_fresh(&meeting, rows[i].now_ms, rows[i].timeout_ms),
		    rows[i].fresh, "fresh: %s", rows[i].what);
	}
}

static void
remove_all(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		diag("%s is left behind", dir);
}

int
main(void)
{
	static const char *const adapters[] = { "memory", "sqlite" };

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	log_open("test_store", "error"); /* warnings are expected, by the dozen */
	arena = arena_new();
	for (size_t i = 0; i < COUNT(adapters); i++) {
		test_claim(adapters[i]);
		test_ids(adapters[i]);
		test_no_server(adapters[i]);
		test_move(adapters[i]);
		test_drop(adapters[i]);
		test_adopt(adapters[i]);
		test_absent(adapters[i]);
		test_facts(adapters[i]);
		test_shares(adapters[i]);
		test_lists(adapters[i]);
		test_query_lists(adapters[i]);
		test_lists_drop(adapters[i]);
		test_recordings(adapters[i]);
		test_hooks(adapters[i]);
		test_hook_bounds(adapters[i]);
		test_contact(adapters[i]);
		test_columns(adapters[i]);
		test_polls(adapters[i]);
		test_poll_ids(adapters[i]);
		test_seats(adapters[i]);
		test_reservations(adapters[i]);
		test_history(adapters[i]);
		test_poll_facts(adapters[i]);
		test_lease(adapters[i]);
		test_threads(adapters[i]);
	}
	test_shared_file();
	test_shared_lease();
	test_economy();
	test_many_recordings();
	test_contact_economy();
	test_processes(false);
	test_processes(true);
	test_lease_processes("no");
	test_lease_processes("one");
	test_lease_processes("an old");
	test_harm();
	test_emptied();
	test_replaced_by_another();
	test_harm_between();
	test_parent();
	test_newer();
	test_upgrade(true);
	test_upgrade(false);
	test_history_purge();
	log_open("test_store", "info");
	test_log();
	log_open("test_store", "error");
	test_read_only();
	test_none();
	test_fresh();
	arena_free(arena);
	remove_all();
	return done_testing();
}

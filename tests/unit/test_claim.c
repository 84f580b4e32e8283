/*
 * Claims of many threads at once, over each adapter that remembers: how often they go to the
 * state, how they share the servers, and what becomes of them when others interfere.
 */
#include "core/claim.h"

#include <pthread.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/config_parts.h"
#include "core/health.h"
#include "model/load.h"
#include "test_store.h"

#define THREADS 30
#define SERVERS 3
#define SEATS 20

static const char text[] =
    "{\"secret\": \"s\", \"state\": \"/x\", \"servers\": ["
    "{\"host\": \"https://a.example\", \"secret\": \"x\", \"name\": \"a\"},"
    "{\"host\": \"https://b.example\", \"secret\": \"x\", \"name\": \"b\"},"
    "{\"host\": \"https://c.example\", \"secret\": \"x\", \"name\": \"c\"}]}";

/* One who creates a meeting. */
struct creator {
	pthread_t thread;
	char meeting_id[16];
	struct request request;
	struct call call;
	struct claim claim;
};

static struct config *config;
static struct store *store; /* of whom two verbs are slow, and do what a test wants besides */
static struct store_verbs verbs, real;
static int pictures, sets; /* how often they were run */
static void (*before_set)(void);
static int64_t
    now_ms; /* long after the state became whole, which an engine says by its clock */

static enum store_result
slow_picture_get(struct store *s, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms, const struct str *ids,
    struct store_history *histories, size_t n_ids)
{
	pictures++;
	pause_ms(20);
	return real.picture_get(s, servers, n, facts, whole_ms, ids, histories, n_ids);
}

static enum store_result
slow_meetings_set(struct store *s, struct arena *a, struct store_change *changes, size_t n,
    int64_t at_ms)
{
	sets++;
	if (before_set)
		before_set();
	pause_ms(20);
	return real.meetings_set(s, a, changes, n, at_ms);
}

static enum store_result
failing_set(struct store *s, struct arena *a, struct store_change *changes, size_t n,
    int64_t at_ms)
{
	(void)s, (void)a, (void)at_ms;
	for (size_t i = 0; i < n; i++)
		changes[i].result = STORE_FAILED;
	return STORE_FAILED;
}

static void
load_config(void)
{
	char file[200];
	struct buf problems;

	snprintf(file, sizeof(file), "%s/servers.json", dir);
	FILE *out = fopen(file, "w");
	if (!out || fputs(text, out) < 0 || fclose(out) != 0)
		exit(1);
	buf_init(&problems, 10000);
	config = config_read(file, &problems, true);
	if (!config) {
		diag("%s", problems.data ? problems.data : "?");
		exit(1);
	}
	buf_free(&problems);
}

/* Open the store, as one that has been whole for long. */
static void
open_slow(const char *adapter)
{
	store = open_store(adapter);
	real = verbs = *store->verbs;
	verbs.picture_get = slow_picture_get;
	verbs.meetings_set = slow_meetings_set;
	store->verbs = &verbs;
	pictures = sets = 0;
	before_set = NULL;
}

static void
close_slow(void)
{
	store->verbs = &real;
	close_store(store);
}

static void *
create_one(void *argument)
{
	struct creator *creator = argument;

	claim_init(&creator->claim, &creator->call);
	creator->claim.placement.seats_asked = SEATS;
	claim_make(&creator->claim, &creator->call, NULL);
	return NULL;
}

/* All at once: each meeting's name is its number after the name, or the same for all. */
static void
create_all(struct creator *creators, const char *name, bool same)
{
	for (int i = 0; i < THREADS; i++) {
		struct creator *creator = &creators[i];

		*creator = (struct creator){ .request.now_ms = now_ms };
		snprintf(creator->meeting_id, sizeof(creator->meeting_id), "%s-%d", name,
		    same ? 0 : i);
		creator->call = (struct call){
			.config = config,
			.store = store,
			.arena = arena_new(),
			.request = &creator->request,
			.name = "create",
			.meeting_id = str_from(creator->meeting_id),
		};
	}
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&creators[i].thread, NULL, create_one, &creators[i]) != 0)
			exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(creators[i].thread, NULL);
}

/* Give their arenas back, the first ones first, after a look at what is in them: nothing of one
 * may live in another's. */
static int
free_all(struct creator *creators, const int *shares)
{
	int right = 0, counts[SERVERS] = { 0 };

	for (int i = 0; i < THREADS; i++) {
		const struct claim *claim = &creators[i].claim;

		if (claim->server &&
		    (claim->kind == CLAIM_ALONE ||
		        strcmp(claim->meeting.server, claim->server->name) == 0)) {
			right++;
			counts[claim->server - config->servers]++;
		}
		for (size_t at = 0; creators[i].call.facts && at < SERVERS; at++)
			right += creators[i].call.facts[at].users > 1000; /* a look is enough */
		arena_free(creators[i].call.arena);
	}
	for (int at = 0; shares && at < SERVERS; at++)
		is_int(counts[at], shares[at], "… server %s has its share",
		    config->servers[at].name);
	return right;
}

static int
count_kind(const struct creator *creators, enum claim_kind kind)
{
	int n = 0;

	for (int i = 0; i < THREADS; i++)
		n += creators[i].claim.kind == kind;
	return n;
}

/* Have so many claims reserved their seats, and no others? */
static void
check_loads(int n)
{
	struct server_facts facts[SERVERS];
	double seats = 0;
	long meetings = 0;

	real.servers_get(store, config->servers, SERVERS, facts, NULL);
	for (int at = 0; at < SERVERS; at++) {
		seats += load_reserved_now(&facts[at], now_ms);
		meetings += facts[at].meetings;
	}
	is_int((long)(seats + 0.5), (long)n * SEATS, "… and their seats");
	is_int(meetings, n, "… and are counted");
}

static void
test_shares(const char *adapter)
{
	static const int shares[SERVERS] = { THREADS / 3, THREADS / 3, THREADS / 3 };
	struct creator creators[THREADS];

	open_slow(adapter);
	create_all(creators, "m", false);
	diag("%d pictures, %d writes", pictures, sets);
	is_int(count_kind(creators, CLAIM_OURS), THREADS, "%s: %d claims at once", adapter,
	    THREADS);
	is_int(free_all(creators, shares), THREADS, "… each with its mapping");
	check_loads(THREADS);
	/* Each of its own would be a picture and a write for each claim at the least. */
	ok(pictures <= THREADS / 2 && sets <= THREADS / 2,
	    "… go to the state together: %d pictures, %d writes", pictures, sets);
	close_slow();
}

/* Another process notes a failed call of one server after the other. */
static void
fail_calls(void)
{
	struct store_server set = { .name = config->servers[sets % SERVERS].name };

	if (sets > 4)
		return;
	real.servers_get(store, &config->servers[sets % SERVERS], 1, &set.facts, NULL);
	set.facts.create_failures++;
	real.servers_set(store, &set, 1);
}

static void
test_disturbed(const char *adapter)
{
	struct creator creators[THREADS];

	open_slow(adapter);
	before_set = fail_calls;
	create_all(creators, "m", false);
	is_int(count_kind(creators, CLAIM_OURS), THREADS,
	    "%s: others change the servers' facts meanwhile", adapter);
	ok(sets > 2, "… some of them choose again");
	is_int(free_all(creators, NULL), THREADS, "… each has its mapping");
	check_loads(THREADS);
	close_slow();
}

/* An operator cordons a server, while many have chosen it. */
static void
cordon(void)
{
	struct store_server set = { .name = "a" };

	if (sets != 2)
		return;
	real.servers_get(store, config->servers, 1, &set.facts, NULL);
	set.facts.has_operator_state = true;
	set.facts.operator_state = SERVER_CORDONED;
	real.servers_set(store, &set, 1);
}

static void
test_cordoned(const char *adapter)
{
	struct creator creators[THREADS];
	struct server_facts facts;

	open_slow(adapter);
	before_set = cordon;
	create_all(creators, "m", false);
	is_int(count_kind(creators, CLAIM_OURS), THREADS, "%s: a server is cordoned meanwhile",
	    adapter);
	is_int(free_all(creators, NULL), THREADS, "… each has its mapping");
	real.servers_get(store, config->servers, 1, &facts, NULL);
	/* Those of the first write were there before. */
	ok(facts.meetings < THREADS / 3, "… none of them there: %ld were before",
	    facts.meetings);
	check_loads(THREADS);
	close_slow();
}

/* Another host claims every other meeting. */
static void
claim_odd_ones(void)
{
	struct meeting wanted = mapping_to("c", now_ms);

	for (int i = 1; i < THREADS && sets == 2; i += 2) {
		struct store_change change = {
			.meeting_id = str_from(str_printf(arena, "m-%d", i)),
			.wanted = &wanted,
		};
		real.meetings_set(store, arena, &change, 1, now_ms);
	}
}

static void
test_claimed_elsewhere(const char *adapter)
{
	struct creator creators[THREADS];

	open_slow(adapter);
	before_set = claim_odd_ones;
	create_all(creators, "m", false);
	int ours = count_kind(creators, CLAIM_OURS);
	is_int(ours + count_kind(creators, CLAIM_FOLLOWED), THREADS,
	    "%s: another host claims every other meeting meanwhile", adapter);
	ok(ours >= THREADS / 2 && ours < THREADS, "… those are followed: %d are ours", ours);
	is_int(free_all(creators, NULL), THREADS, "… each has its mapping");
	check_loads(ours);
	close_slow();
}

static void
test_same(const char *adapter)
{
	struct creator creators[THREADS];

	open_slow(adapter);
	create_all(creators, "m", true);
	is_int(count_kind(creators, CLAIM_OURS), 1, "%s: %d claims of one meetingID", adapter,
	    THREADS);
	is_int(count_kind(creators, CLAIM_FOLLOWED), THREADS - 1, "… the others follow");
	bool are_same = true;
	for (int i = 0; i < THREADS; i++)
		are_same = are_same && creators[i].claim.server == creators[0].claim.server;
	ok(are_same, "… to the same server");
	is_int(free_all(creators, NULL), THREADS, "… each with the mapping");
	check_loads(1);
	close_slow();
}

static void
test_failing(const char *adapter)
{
	struct creator creators[THREADS];

	open_slow(adapter);
	verbs.meetings_set = failing_set;
	create_all(creators, "m", false);
	is_int(count_kind(creators, CLAIM_ALONE), THREADS, "%s: nothing can be written",
	    adapter);
	is_int(free_all(creators, NULL), THREADS, "… the hash chooses");
	close_slow();
}

/* The server that every process chooses for the meeting without the state. */
static const struct server *
choice_by_hash(const struct server_facts *facts, const char *meeting_id)
{
	struct placement_candidate candidates[SERVERS] = { 0 };
	struct placement placement = {
		.policy = PLACEMENT_HASH,
		.rules = health_rules(config),
		.meeting_id = str_from(meeting_id),
		.candidates = candidates,
		.n = SERVERS,
		.now_ms = now_ms,
	};

	for (int at = 0; at < SERVERS; at++) {
		candidates[at].server = &config->servers[at];
		candidates[at].facts = facts[at];
	}
	return placement_choose(&placement)->server;
}

/* A choice holds back a server whose creates fail.  One that could not be written holds back
 * nobody, or processes would choose otherwise than each other. */
static void
test_failing_on_trial(const char *adapter)
{
	struct creator creators[THREADS];
	struct server_facts facts[SERVERS];
	int alike = 0;

	open_slow(adapter);
	real.servers_get(store, config->servers, SERVERS, facts, NULL);
	for (int at = 0; at < SERVERS; at++) {
		struct store_server set = { .name = config->servers[at].name,
			.facts = facts[at] };

		set.facts.create_failures = (int)config->down_after;
		real.servers_set(store, &set, 1);
	}
	real.servers_get(store, config->servers, SERVERS, facts, NULL);
	verbs.meetings_set = failing_set;
	create_all(creators, "m", false);
	for (int i = 0; i < THREADS; i++)
		alike += creators[i].claim.server ==
		    choice_by_hash(facts, creators[i].meeting_id);
	is_int(alike, THREADS, "%s: nothing can be written, and all are on trial: by the hash",
	    adapter);
	free_all(creators, NULL);
	close_slow();
}

int
main(void)
{
	static contract_test *const tests[] = { test_shares, test_disturbed, test_cordoned,
		test_claimed_elsewhere, test_same, test_failing, test_failing_on_trial };

	begin_tests("test_claim");
	load_config();
	now_ms = clock_ms(CLOCK_REALTIME) + 1000000;
	test_contract(tests, COUNT(tests));
	config_free(config);
	return end_tests();
}

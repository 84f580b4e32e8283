/*
 * The contract of the stores where many change the same at once: threads of one store, and
 * for SQLite and Redis processes, each with a store of its own.
 */
#include "test_store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define WORKERS 8
#define IDS 40
#define ROUNDS 60 /* of counting */

/* What one of those who race tries again at most: verbs that failed, as they do on a busy
 * machine; and changes with facts that were stale, of which there are no more than others have
 * changed the same facts. */
#define FAILURES_MOST 2000
#define STALE_MOST (WORKERS * (IDS + ROUNDS) + FAILURES_MOST)

/* What one of those who race did. */
struct score {
	int claimed, moved, dropped; /* how many of its changes were OK */
	int conflicts;
	int failures; /* which were tried again */
	int stale;    /* changes that were tried again */
	int wrong;    /* results that no order of changes explains */
	int leases;
	long slots; /* how far from NOW on all of its slots are */
};

struct worker {
	pthread_t thread;
	struct store *store;
	int number;
	struct score score;
};

static const char *const servers[] = { "a", "b", "c", "d" };

/* ---- One who races ---------------------------------------------------------------- */

/* Count what is to be tried again: of a store that works that comes to an end. */
static void
count_try(int *tries, int most, const char *what)
{
	if (++*tries <= most)
		return;
	printf("Bail out! after %d tries still %s\n", most, what);
	fflush(stdout);
	_exit(1);
}

static void
pause_after_failure(int *failures)
{
	count_try(failures, FAILURES_MOST, "a verb fails");
	pause_ms(20);
}

static void
note_stale(struct worker *worker)
{
	count_try(&worker->score.stale, STALE_MOST, "facts that were just read are stale");
}

static struct server_facts
read_facts(struct worker *worker, const char *name)
{
	struct server server = { .name = name };
	struct server_facts facts;

	while (worker->store->verbs->servers_get(worker->store, &server, 1, &facts, NULL) !=
	    STORE_OK)
		pause_after_failure(&worker->score.failures);
	return facts;
}

/* What fails was not done, but for a reply that came too late (check). */
static enum store_result
change_one(struct worker *worker, struct arena *own, struct store_change *change)
{
	while (
	    worker->store->verbs->meetings_set(worker->store, own, change, 1, NOW) != STORE_OK)
		pause_after_failure(&worker->score.failures);
	worker->score.conflicts += change->result == STORE_CONFLICT;
	return change->result;
}

/*
 * Claim, move and drop one meeting, each time by what was there last.  What is found is
 * the own mapping after an OK, and another's after a CONFLICT.
 */
static void
race_for_meeting(struct worker *worker, struct arena *own, struct str id)
{
	const char *mine = servers[(size_t)worker->number % COUNT(servers)];
	struct meeting wanted = mapping_to(mine, NOW);

	wanted.claimed_ms = NOW + worker->number;
	struct meeting there = { 0 };
	/* Half of them leave their mapping there. */
	for (int step = 0; step < 2 + worker->number % 2; step++) {
		struct store_change change = {
			.meeting_id = id,
			.expected = there.server ? &there : NULL,
			.wanted = step < 2 ? &wanted : NULL,
		};
		bool was_there = there.server != NULL;
		enum store_result result = change_one(worker, own, &change);
		const struct meeting *found = &change.found;

		if (result == STORE_OK && step < 2)
			worker->score.wrong += !found->server ||
			    found->claimed_ms != wanted.claimed_ms ||
			    found->version == there.version;
		else if (result == STORE_OK)
			worker->score.wrong += found->server != NULL;
		else if (result == STORE_CONFLICT)
			worker->score.wrong += found->version == there.version;
		if (result == STORE_OK && was_there && step < 2)
			worker->score.moved++;
		else if (result == STORE_OK && step < 2)
			worker->score.claimed++;
		else if (result == STORE_OK && was_there)
			worker->score.dropped++;
		there = *found;
	}
}

/* Count with all the others: read, add one, and set what was read as the condition. */
static void
count(struct worker *worker, const char *name)
{
	struct store_server set = { .name = name };

	for (;;) {
		set.facts = read_facts(worker, name);
		set.facts.users++;
		set.facts.reserved += 0.5;
		while (worker->store->verbs->servers_set(worker->store, &set, 1) != STORE_OK)
			pause_after_failure(&worker->score.failures);
		if (set.result != STORE_STALE)
			return;
		note_stale(worker);
	}
}

/* Place a meeting of its own, with the load of the one server as a condition. */
static void
place(struct worker *worker, struct arena *own, struct str id)
{
	struct meeting wanted = mapping_to("loaded", NOW);
	struct store_server load = { .name = "loaded" };
	struct store_change change = { .meeting_id = id, .wanted = &wanted, .load = &load };

	for (;;) {
		load.facts = read_facts(worker, "loaded");
		load.facts.meetings++;
		if (change_one(worker, own, &change) != STORE_STALE)
			break;
		note_stale(worker);
	}
	worker->score.wrong += change.result != STORE_OK;
}

static void *
race(void *argument)
{
	struct worker *worker = argument;
	struct arena *own = arena_new();

	for (int i = 0; i < IDS; i++) {
		/* Each begins elsewhere, and all meet. */
		int id = (i + worker->number * IDS / WORKERS) % IDS;

		race_for_meeting(worker, own, str_from(str_printf(own, "m%d", id)));
		race_for_meeting(worker, own, STR("one"));
		place(worker, own, str_from(str_printf(own, "w%d-%d", worker->number, i)));
		enum store_result lease;
		while ((lease = worker->store->verbs->lease_take(worker->store,
		            (uint64_t)worker->number + 1, NOW + i, 1000000)) == STORE_FAILED)
			pause_after_failure(&worker->score.failures);
		worker->score.leases += lease == STORE_OK;
		struct pacing_slot slot;
		while (worker->store->verbs->slot_take(worker->store, "paced", NOW, 1, &slot) !=
		    STORE_OK)
			pause_after_failure(&worker->score.failures);
		worker->score.slots += (long)(slot.at_us - NOW * 1000);
	}
	for (int i = 0; i < ROUNDS; i++)
		count(worker, i % 2 ? "odd" : "even");
	arena_free(own);
	return NULL;
}

/* ---- What must hold of all of them ------------------------------------------------ */

/* Check that it is what is wanted, or as far from it as slack allows. */
static void
is_about(long got, long want, long slack, const char *name)
{
	if (slack == 0)
		is_int(got, want, "%s", name);
	else
		ok(got >= want - slack && got <= want + slack, "%s (%ld for %ld, by %ld)", name,
		    got, want, slack);
}

/*
 * Every mapping was made once, changed any number of times and dropped at most once: what
 * is left is what was made and not dropped.
 *
 * An engine may have done what failed, as its reply came too late, and then does it again.  So
 * there each failure, of which there are none but on a busy machine, is a slack of one.
 */
static void
check(struct store *store, const struct score *all, const char *adapter, const char *who)
{
	long slack = strcmp(adapter, "redis") == 0 ? all->failures : 0;
	struct mapped *meetings;
	size_t n, left = 0;
	int rest = 0;

	for (size_t i = 0; i < COUNT(servers); i++) {
		store->verbs->meetings_on(store, arena, servers[i], &meetings, &n);
		left += n;
		for (size_t k = 0; k < n; k++)
			rest += strcmp(where(store, str_copy(arena, meetings[k].meeting_id)),
			            servers[i]) == 0;
	}
	is_about(all->wrong, 0, slack,
	    str_printf(arena, "%s: each is told what is there", who));
	is_about(all->claimed - all->dropped, (long)left, slack,
	    str_printf(arena, "… %d claims, %d moves, %d drops, %d conflicts: one each is OK",
	        all->claimed, all->moved, all->dropped, all->conflicts));
	is_int(rest, left, "… and each meeting is at one place");
	struct server_facts even = facts_of(store, "even");
	is_about(even.users + facts_of(store, "odd").users, WORKERS * ROUNDS, slack,
	    "… no count is lost");
	ok(is_same(even.reserved, 0.5 * (double)even.users), "… in all of the facts");
	store->verbs->meetings_on(store, arena, "loaded", &meetings, &n);
	is_int(n, WORKERS * IDS, "… all that was placed is there");
	is_int(facts_of(store, "loaded").meetings, WORKERS * IDS, "… and counted");
	is_int(all->leases, IDS, "… and one has the lease");
	is_about(all->slots, (long)WORKERS * IDS * (WORKERS * IDS - 1) / 2,
	    slack * WORKERS * IDS, "… and each has a slot of its own");
	if (all->failures > 0)
		diag("%d verbs were tried again", all->failures);
}

static struct score
sum(const struct worker *workers)
{
	struct score all = { 0 };

	for (size_t i = 0; i < WORKERS; i++) {
		const struct score *score = &workers[i].score;

		all.claimed += score->claimed;
		all.moved += score->moved;
		all.dropped += score->dropped;
		all.conflicts += score->conflicts;
		all.failures += score->failures;
		all.wrong += score->wrong;
		all.leases += score->leases;
		all.slots += score->slots;
	}
	return all;
}

static void
test_threads(const char *adapter)
{
	struct worker workers[WORKERS] = { 0 };
	struct store *store = open_store(adapter);

	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){
			.store = store,
			.number = i,
		};
		if (pthread_create(&workers[i].thread, NULL, race, &workers[i]) != 0)
			exit(1);
	}
	for (size_t i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	struct score all = sum(workers);
	check(store, &all, adapter, str_printf(arena, "%s, %d threads", adapter, WORKERS));
	close_store(store);
}

static const char garbage[4096] = "This is no database.\n";

/* Each process opens the store itself, all at one time: the file is there, or not, or is
 * no database. */
static void
test_processes(const char *adapter, const char *file)
{
	close_store(open_store(adapter));
	if (strcmp(file, "no") == 0)
		unlink(path);
	if (strcmp(file, "a damaged") == 0) {
		int fd = open(path, O_WRONLY | O_TRUNC);

		if (fd < 0 || write(fd, garbage, sizeof(garbage)) != (ssize_t)sizeof(garbage))
			exit(1);
		close(fd);
	}
	fflush(stdout);
	int fds[WORKERS][2], start[2];
	if (pipe(start) != 0)
		exit(1);
	struct worker workers[WORKERS] = { 0 };
	pid_t children[WORKERS];
	for (int i = 0; i < WORKERS; i++) {
		if (pipe(fds[i]) != 0 || (children[i] = fork()) < 0)
			exit(1);
		if (children[i] == 0) {
			close(start[1]);
			char byte;
			if (read(start[0], &byte, 1) < 0) /* till all are there */
				_exit(1);
			workers[i] = (struct worker){
				.store = open_at(adapter),
				.number = i,
			};
			race(&workers[i]);
			close_store(workers[i].store);
			_exit(write(fds[i][1], &workers[i], sizeof(workers[i])) !=
			    (ssize_t)sizeof(workers[i]));
		}
		close(fds[i][1]);
	}
	close(start[0]);
	close(start[1]);
	int ended = 0;
	for (size_t i = 0; i < WORKERS; i++) {
		ended += read(fds[i][0], &workers[i], sizeof(workers[i])) ==
		    (ssize_t)sizeof(workers[i]);
		close(fds[i][0]);
		int status;
		waitpid(children[i], &status, 0);
		ended += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	is_int(ended, 2 * WORKERS, "%s, %d processes, %s state: all end well", adapter, WORKERS,
	    file);
	struct store *store = open_at(adapter);
	struct score all = sum(workers);
	check(store, &all, adapter,
	    str_printf(arena, "%s, %d processes, %s state", adapter, WORKERS, file));
	close_store(store);
}

/* ---- The same expectation --------------------------------------------------------- */

struct claimant {
	pthread_t thread;
	struct store *store;
	pthread_barrier_t *barrier;
	const struct meeting *expected; /* NULL: a claim */
	bool drops;
	int n_ok, failures;
};

static void *
claim(void *argument)
{
	struct claimant *claimant = argument;
	struct arena *own = arena_new();

	for (int i = 0; i < IDS; i++) {
		struct meeting wanted = mapping_to("a", NOW);
		struct store_change change = {
			.meeting_id = str_from(str_printf(own, "m%d", i)),
			.expected = claimant->expected ? &claimant->expected[i] : NULL,
			.wanted = claimant->drops ? NULL : &wanted,
			.result = STORE_FAILED,
		};

		pthread_barrier_wait(claimant->barrier);
		while (claimant->store->verbs->meetings_set(claimant->store, own, &change, 1,
		           NOW) != STORE_OK)
			pause_after_failure(&claimant->failures);
		claimant->n_ok += change.result == STORE_OK;
	}
	arena_free(own);
	return NULL;
}

/* Of all who set one meetingID at once with one expectation, one gets OK. */
static void
test_expectation(const char *adapter)
{
	struct store *store = open_store(adapter);
	struct meeting there[IDS];
	static const char *const what[] = { "claim", "move", "drop" };

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < IDS && round > 0; i++) {
			struct server_facts facts;

			store->verbs->meeting_get(store, arena,
			    str_from(str_printf(arena, "m%d", i)), NOW, &there[i], &facts,
			    NULL);
		}
		pthread_barrier_t barrier;
		pthread_barrier_init(&barrier, NULL, WORKERS);
		struct claimant claimants[WORKERS] = { 0 };
		for (size_t i = 0; i < WORKERS; i++) {
			claimants[i] = (struct claimant){
				.store = store,
				.barrier = &barrier,
				.expected = round > 0 ? there : NULL,
				.drops = round == 2,
			};
			if (pthread_create(&claimants[i].thread, NULL, claim, &claimants[i]) !=
			    0)
				exit(1);
		}
		int n_ok = 0;
		for (size_t i = 0; i < WORKERS; i++) {
			pthread_join(claimants[i].thread, NULL);
			n_ok += claimants[i].n_ok;
		}
		pthread_barrier_destroy(&barrier);
		is_int(n_ok, IDS, "%s: of %d who %s a meeting at once, one does", adapter,
		    WORKERS, what[round]);
	}
	close_store(store);
}

/* ---- Many readers --------------------------------------------------------------- */

#define READERS 300
#define CONNECTIONS_KEPT 32

/* SQLite's own allocator, and the bytes that it has given out: the store has SQLite not count
 * them. */
static sqlite3_mem_methods own_memory;
static atomic_llong memory_used;

static void *
counting_malloc(int size)
{
	void *block = own_memory.xMalloc(size);

	if (block)
		atomic_fetch_add(&memory_used, own_memory.xSize(block));
	return block;
}

static void
counting_free(void *block)
{
	atomic_fetch_sub(&memory_used, own_memory.xSize(block));
	own_memory.xFree(block);
}

static void *
counting_realloc(void *block, int size)
{
	int before = own_memory.xSize(block);
	void *resized = own_memory.xRealloc(block, size);

	if (resized)
		atomic_fetch_add(&memory_used, own_memory.xSize(resized) - before);
	return resized;
}

/* Before the first connection. */
static void
count_memory(void)
{
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &own_memory);
	sqlite3_mem_methods counting = own_memory;
	counting.xMalloc = counting_malloc;
	counting.xFree = counting_free;
	counting.xRealloc = counting_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &counting);
}

struct reader {
	pthread_t thread;
	struct store *store;
	pthread_barrier_t *all;
};

/* A connection is opened here, as there is none. */
static void *
reader_main(void *context)
{
	struct reader *reader = context;
	struct arena *own = arena_new();
	struct meeting meeting;
	struct server_facts facts;

	pthread_barrier_wait(reader->all);
	reader->store->verbs->meeting_get(reader->store, own, STR("m"), NOW, &meeting, &facts,
	    NULL);
	arena_free(own);
	return NULL;
}

static void
test_crowd(void)
{
	struct store *store = open_store("sqlite");
	static struct reader readers[READERS];
	pthread_barrier_t all;

	map(store, "m", "a");
	long long of_one = atomic_load(&memory_used);
	pthread_barrier_init(&all, NULL, READERS);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .store = store, .all = &all };
		pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]);
	}
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	pthread_barrier_destroy(&all);
	long long kept = atomic_load(&memory_used) / of_one;
	ok(kept <= CONNECTIONS_KEPT, "after a crowd SQLite keeps what %lld connections take",
	    kept);
	close_store(store);
}

int
main(void)
{
	static contract_test *const tests[] = { test_threads, test_expectation };

	begin_tests("test_store_races");
	count_memory();
	test_contract(tests, COUNT(tests));
	test_processes("sqlite", "no");
	test_processes("sqlite", "a new");
	test_processes("sqlite", "a damaged");
	if (has_engine())
		test_processes("redis", "a new");
	test_crowd();
	return end_tests();
}

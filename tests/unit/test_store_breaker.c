/*
 * The SQLite store while the file cannot be used: how long verbs take, what goes on, and
 * how it is mended by itself.
 */
#include "test_store.h"

#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* How long what is in the way stays there at most: long beside STORE_WAIT_MS, even on a
 * machine that is busy with other things. */
#define IN_THE_WAY_MS 60000

/* ---- Another process in the way ------------------------------------------------- */

struct other {
	pid_t pid;
	int control, report; /* bytes to it, and from it */
};

/*
 * Start a process that does in_the_way(path), reports, and undoes it when it is told to,
 * or when IN_THE_WAY_MS are over.  No store may be open, so that there is one thread.
 */
static struct other
start_other(int in_the_way(sqlite3 *db))
{
	fflush(stdout);
	struct other other;
	int control[2], report[2];
	if (pipe(control) != 0 || pipe(report) != 0 || (other.pid = fork()) < 0)
		exit(1);
	if (other.pid == 0) {
		close(control[1]);
		char byte;
		while (read(control[0], &byte, 1) == 1) {
			struct pollfd told = { control[0], POLLIN, 0 };

			sqlite3 *db;
			if (sqlite3_open(path, &db) != SQLITE_OK ||
			    in_the_way(db) != SQLITE_OK || write(report[1], "1", 1) != 1)
				_exit(1);
			bool in_time = poll(&told, 1, IN_THE_WAY_MS) == 1;

			sqlite3_close(db);
			if (read(control[0], &byte, 1) != 1 ||
			    write(report[1], in_time ? "1" : "0", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(control[0]);
	close(report[1]);
	other.control = control[1];
	other.report = report[0];
	return other;
}

/* Tell it to go on; what it reports. */
static bool
tell(struct other *other)
{
	char byte = '0';

	return write(other->control, "x", 1) == 1 && read(other->report, &byte, 1) == 1 &&
	    byte == '1';
}

static void
end_other(struct other *other)
{
	close(other->control);
	close(other->report);
	waitpid(other->pid, NULL, 0);
}

static int
hold_write_lock(sqlite3 *db)
{
	sqlite3_busy_timeout(db, 10000);
	return sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
}

/* So that nobody else can even read. */
static int
hold_all_locks(sqlite3 *db)
{
	sqlite3_busy_timeout(db, 10000);
	return sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL,
	    NULL);
}

static int
hold_directory(sqlite3 *db)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);

	(void)db;
	return flock(fd, LOCK_EX) == 0 ? SQLITE_OK : SQLITE_ERROR;
}

/* A file that is up to date, and nobody has open. */
static void
make_file(void)
{
	close_store(open_store("sqlite"));
}

/* ---- Writes ----------------------------------------------------------------------- */

#define THREADS 8

static void *
write_once(void *argument)
{
	static atomic_int number;
	struct store *store = argument;
	struct arena *own = arena_new();
	struct meeting wanted = mapping_to("a", NOW);
	struct store_change change = { .meeting_id = STR("m"), .wanted = &wanted };
	struct store_server server = { .name = "a" };
	enum store_result result = number++ % 2 == 0 ?
	    store->verbs->meetings_set(store, own, &change, 1, NOW) :
	    store->verbs->servers_set(store, &server, 1);

	arena_free(own);
	return result == STORE_FAILED ? store : NULL;
}

static void
test_threads(void)
{
	make_file();
	struct other other = start_other(hold_write_lock);
	struct store *store = store_sqlite_open(path);

	is_int(put_something(store), STORE_OK, "before: all is well");
	ok(tell(&other), "another program holds the file's write lock");
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, write_once, store) != 0)
			exit(1);
	int failed = 0;
	for (size_t i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		failed += result != NULL;
	}
	is_int(failed, THREADS, "… %d threads that write fail", THREADS);
	is_int(whole_of(store), INT64_MAX, "… and it is known that something was lost");

	/* A verb that waits waits for STORE_WAIT_MS. */
	int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
	for (int i = 0; i < 10; i++)
		failed += count_failing_writes(store);
	is_int(failed, THREADS + 10 * WRITING_VERBS, "… then all fail that write");
	ok(clock_ms(CLOCK_MONOTONIC) - begin_ms < 10 * WRITING_VERBS * STORE_WAIT_MS / 4,
	    "… at once");
	is_int(count_failing_reads(store), 0, "… what reads goes on");
	int64_t failed_ms = clock_ms(CLOCK_REALTIME);
	is_int(put_something(store), STORE_FAILED, "… what writes does not");
	ok(tell(&other), "… all of that before the lock is given back");

	ok(is_mended(store), "then it is mended without anybody's asking");
	int64_t whole_ms = whole_of(store);
	ok(whole_ms > failed_ms, "… the state is whole since after the last failure");
	is_int(count_failing_writes(store), 0, "… all works that writes");
	is_int(count_failing_reads(store), 0, "… and reads");
	is_str(where(store, "m"), "nowhere", "… what had failed was not done");
	close_store(store);
	store = store_sqlite_open(path);
	is_int(whole_of(store), whole_ms, "… and other processes know since when, too");
	close_store(store);
	end_other(&other);
}

/* ---- Each verb ---------------------------------------------------------------------- */

static bool
servers_set_fails(struct store *store)
{
	struct server_facts facts = { .users = 1 };

	return set_facts(store, "new", &facts) == STORE_FAILED && facts.version == 0;
}

static bool
meetings_set_fails(struct store *store)
{
	struct meeting wanted = mapping_to("a", NOW);
	struct store_server load = { .name = "new", .result = STORE_OK };
	struct store_change changes[] = {
		{ .meeting_id = STR("m"), .wanted = &wanted, .load = &load },
		{ .meeting_id = STR("n"), .wanted = &wanted },
	};

	return store->verbs->meetings_set(store, arena, changes, 2, NOW) == STORE_FAILED &&
	    changes[0].result == STORE_FAILED && changes[1].result == STORE_FAILED &&
	    load.result == STORE_FAILED && load.facts.version == 0;
}

static bool
typical_put_fails(struct store *store)
{
	return put_something(store) == STORE_FAILED;
}

static bool
absent_put_fails(struct store *store)
{
	return store->verbs->absent_put(store, STR("n"), NOW, 1000) == STORE_FAILED;
}

static bool
lease_take_fails(struct store *store)
{
	return store->verbs->lease_take(store, 1, NOW, 1000) == STORE_FAILED;
}

static bool
recordings_put_fails(struct store *store)
{
	struct store_recording recording = { STR("r"), "a", true };

	return store->verbs->recordings_put(store, &recording, 1, NOW) == STORE_FAILED;
}

static bool
lists_put_fails(struct store *store)
{
	struct store_list list = { "a", "getMeetings", "", STR("<response/>") };

	return store->verbs->lists_put(store, &list, 1) == STORE_FAILED;
}

static bool
lists_drop_fails(struct store *store)
{
	return store->verbs->lists_drop(store, "a", "getRecordings") == STORE_FAILED;
}

static bool
webhook_put_fails(struct store *store)
{
	struct webhook hook = hook_of("https://lms.test/", NOW);

	return store->verbs->webhook_put(store, &hook, true) == STORE_FAILED;
}

static bool
webhook_drop_fails(struct store *store)
{
	return store->verbs->webhook_drop(store, hook_of("x", 0).id, NOW) == STORE_FAILED;
}

static bool
purge_fails(struct store *store)
{
	return store->verbs->purge(store, NOW) == STORE_FAILED;
}

static void
test_each_write(void)
{
	static const struct {
		bool (*fails)(struct store *store);
		const char *name;
	} verbs[] = {
		{ servers_set_fails, "servers_set" },
		{ meetings_set_fails, "meetings_set" },
		{ typical_put_fails, "typical_put" },
		{ absent_put_fails, "absent_put" },
		{ lease_take_fails, "lease_take" },
		{ recordings_put_fails, "recordings_put" },
		{ lists_put_fails, "lists_put" },
		{ lists_drop_fails, "lists_drop" },
		{ webhook_put_fails, "webhook_put" },
		{ webhook_drop_fails, "webhook_drop" },
		{ purge_fails, "purge" },
	};

	make_file();
	struct other other = start_other(hold_write_lock);
	ok(tell(&other), "another program holds the file's write lock");
	int opened = 0;
	for (size_t i = 0; i < COUNT(verbs); i++) {
		struct store *store = store_sqlite_open(path);

		opened += whole_of(store) < INT64_MAX;
		ok(verbs[i].fails(store), "… %s fails, being the first", verbs[i].name);
		ok(verbs[i].fails(store), "… and being the second");
		close_store(store);
	}
	is_int(opened, COUNT(verbs), "… opening and reading go on");
	ok(tell(&other), "… all of that, and closing, before the lock is given back");
	struct store *store = store_sqlite_open(path);
	is_int(count_failing_writes(store), 0, "… then all works");
	close_store(store);
	end_other(&other);
}

/* ---- Reads ------------------------------------------------------------------------ */

static void
test_exclusive(void)
{
	make_file();
	struct other other = start_other(hold_all_locks);
	struct server_facts facts;
	struct meeting *const poison = (struct meeting *)&facts;

	ok(tell(&other), "another program holds all locks of the file");
	struct store *store = store_sqlite_open(path);
	is_int(count_failing_reads(store), READING_VERBS, "… all fails that reads");
	is_int(count_failing_writes(store), WRITING_VERBS, "… and writes");
	facts = facts_of(store, "a");
	ok(are_new_facts(&facts), "… servers are healthy and empty");
	is_int(whole_of(store), INT64_MAX, "… nothing is known to be whole");
	struct mapped *meetings = (void *)poison;
	struct store_recording *recordings = (void *)poison;
	struct webhook *hooks = (void *)poison;
	size_t n[3] = { 7, 7, 7 };
	store->verbs->meetings_on(store, arena, "a", &meetings, &n[0]);
	store->verbs->recordings_find(store, arena, &(struct str){ "r", 1 }, 1, &recordings,
	    &n[1]);
	store->verbs->webhook_list(store, arena, &hooks, &n[2]);
	ok(!meetings && !recordings && !hooks && n[0] + n[1] + n[2] == 0, "… lists are empty");
	struct store_history history = { 7, 7 };
	store->verbs->history_get(store, STR("m"), &history);
	ok(history.peak == 0 && is_same(history.typical, 0), "… there is no history");
	ok(tell(&other), "… all of that before the locks are given back");
	ok(is_mended(store), "… then it is mended by itself");
	is_int(count_failing_reads(store) + count_failing_writes(store), 0, "… all works");
	close_store(store);
	end_other(&other);
}

/* What makes reading fail goes, what makes writing fail stays. */
static void
test_apart(void)
{
	make_file();
	struct other other = start_other(hold_write_lock);
	struct store *store = store_sqlite_open(path);
	ok(tell(&other), "another program holds the file's write lock");
	char aside[160];
	snprintf(aside, sizeof(aside), "%s.aside", path);
	mkdir(aside, 0755);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_EXCHANGE) != 0) {
		skip("this file system cannot exchange two names");
	} else {
		is_int(count_failing_reads(store), READING_VERBS,
		    "… and the file is elsewhere: all fails that reads");
		is_int(put_something(store), STORE_FAILED, "… and writes");
		renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_EXCHANGE);
		int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + IN_THE_WAY_MS / 2;
		while (count_failing_reads(store) > 0 && clock_ms(CLOCK_MONOTONIC) < until_ms)
			pause_ms(10);
		is_int(count_failing_reads(store), 0, "… it is back: it can be read");
		is_int(put_something(store), STORE_FAILED, "… and not yet written");
		is_int(whole_of(store), INT64_MAX, "… which is known");
		is_int(strcmp(where(store, "m"), "failed") != 0, 1, "… so that joins go on");
	}
	ok(tell(&other), "… all of that before the lock is given back");
	ok(is_mended(store), "… then it can be written, too");
	close_store(store);
	end_other(&other);
}

static void
test_directory_lock(void)
{
	make_file();
	struct other other = start_other(hold_directory);

	ok(tell(&other), "another program holds the directory's lock");
	struct store *store = store_sqlite_open(path);
	is_int(count_failing_reads(store) + count_failing_writes(store), 0,
	    "… the state is opened without it, and works");
	close_store(store);
	unlink(path);
	store = store_sqlite_open(path);
	is_int(count_failing_reads(store) + count_failing_writes(store), 0,
	    "… is made without it, too");
	ok(tell(&other), "… all of that before the lock is given back");
	close_store(store);
	end_other(&other);
}

/* ---- Closing ------------------------------------------------------------------------ */

/* At whatever moment: the mender may be asleep, at work, or not started yet. */
static void
test_closing(void)
{
	make_file();
	struct other other = start_other(hold_write_lock);

	ok(tell(&other), "another program holds the file's write lock");
	int failed = 0;
	for (int i = 0; i < 12; i++) {
		struct store *store = store_sqlite_open(path);

		failed += put_something(store) == STORE_FAILED;
		pause_ms(i * 41);
		close_store(store);
	}
	is_int(failed, 12, "… stores are closed while they are being mended");
	ok(tell(&other), "… all of them before the lock is given back");
	end_other(&other);
}

/* ---- The log ------------------------------------------------------------------------ */

/* How often a text stands in a file. */
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
	log_open("test_store_breaker", "info");
	int failing = 0, mended = 0;
	for (int round = 0; round < 2; round++) {
		unlink(path);
		mkdir(path, 0755);
		for (int i = 0; i < 5; i++)
			failing += count_failing_reads(store) + count_failing_writes(store);
		pause_ms(2 * STORE_WAIT_MS);
		rmdir(path);
		mended += is_mended(store);
		failing += count_failing_reads(store) + count_failing_writes(store);
	}
	log_open("test_store_breaker", "error");
	dup2(saved, STDERR_FILENO);
	close(saved);
	is_int(mended, 2, "a directory in the file's place, twice");
	is_int(failing, 2 * 5 * ALL_VERBS, "… all fails while it is there, and then nothing");
	const char *problem = store->verbs->problem(store, arena);
	ok(problem && count_lines(name, problem) > 0,
	    "… the store tells the reason that is logged: %s", problem ? problem : "none");
	is_int(count_lines(name, "cannot be written"), 2,
	    "each failure to write is logged once");
	is_int(count_lines(name, "cannot be read"), 2, "to read, too");
	is_int(count_lines(name, "written again"), 2,
	    "each time it works again is logged once");
	is_int(count_lines(name, "read again"), 2, "for reading, too");
	is_int(count_lines(name, ""), 8, "and nothing else is");
	close_store(store);
}

int
main(void)
{
	begin_tests("test_store_breaker");
	test_threads();
	test_each_write();
	test_exclusive();
	test_apart();
	test_directory_lock();
	test_closing();
	test_log();
	return end_tests();
}

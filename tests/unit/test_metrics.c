/*
 * Metrics: counters of many threads and processes, that processes leave behind however they
 * end; gauges that end with their process; and a file that is missing, cut, damaged or of
 * another layout.
 */
#include "base/metrics.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/metrics_file.h"
#include "core/reply.h"
#include "tap.h"

static char folder[] = "/tmp/test_metrics.XXXXXX";
static char path[sizeof(folder) + 32];

static int64_t
total(enum metric metric)
{
	struct arena *arena = arena_new();
	int64_t n = metrics_get(metrics_read(arena), metric, 0, 0);

	arena_free(arena);
	return n;
}

static int64_t
total_of(enum metric metric, const char *server)
{
	struct arena *arena = arena_new();
	int64_t n = metrics_server_get(metrics_read(arena), metric, server);

	arena_free(arena);
	return n;
}

static bool
are_shared(void)
{
	struct arena *arena = arena_new();
	bool is_shared = metrics_are_shared(metrics_read(arena));

	arena_free(arena);
	return is_shared;
}

/* ---- Processes ------------------------------------------------------------------- */

/* A process of its own, which begins with nothing counted, does that and then ends, or, if it
 * writes to ready, waits for its end.  Made before this one has opened the file, or it would
 * inherit it. */
static pid_t
run(void (*work)(void), int ready)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	metrics_reset();
	metrics_open(path, false);
	work();
	while (ready >= 0 && write(ready, "", 1) == 1)
		pause();
	_exit(0);
}

static void
count_some(void)
{
	for (int i = 0; i < 1000; i++) {
		metrics_add(METRIC_LOOKUPS, 0, 0, 1);
		metrics_server_add(METRIC_SERVER_CALLS, i % 2 ? "one" : "two", 1);
		metrics_observe(METRIC_POLL_DURATION, 0, 1500);
		if (i % 100 == 0)
			metrics_flush();
	}
	metrics_flush();
}

static void
test_processes(void)
{
	pid_t pids[8];

	for (int i = 0; i < 8; i++)
		pids[i] = run(count_some, -1);
	for (int i = 0; i < 8; i++)
		waitpid(pids[i], NULL, 0);
	metrics_open(path, false);
	is_int(total(METRIC_LOOKUPS), 8000, "all that eight processes counted");
	is_int(total_of(METRIC_SERVER_CALLS, "one"), 4000, "and of a server");
	is_int(total_of(METRIC_SERVER_CALLS, "two"), 4000, "and of another");
	is_int(total_of(METRIC_SERVER_CALLS, "three"), 0, "and of none");
	struct arena *arena = arena_new();
	const struct metrics_reading *reading = metrics_read(arena);
	is_int((int64_t)metrics_bucket(reading, METRIC_POLL_DURATION, 0, 1), 8000,
	    "a histogram's bucket");
	is_int((int64_t)metrics_bucket(reading, METRIC_POLL_DURATION, 0, 0), 0, "no other");
	is_int(metrics_sum_us(reading, METRIC_POLL_DURATION, 0), 12000000, "and its sum");
	arena_free(arena);
	metrics_add(METRIC_LOOKUPS, 0, 0, 5);
	is_int(total(METRIC_LOOKUPS), 8005, "what is not flushed yet is read, too");
	metrics_reset();
	is_int(total(METRIC_LOOKUPS), 0, "without a file there is nothing");
	metrics_open(path, false);
	is_int(total(METRIC_LOOKUPS), 8005, "with it all is there again");
	metrics_reset();
}

static void
be_busy(void)
{
	metrics_gauge_add(METRIC_WORKERS_BUSY, 0, 3);
	metrics_server_add(METRIC_SERVER_IN_FLIGHT, "one", 2);
	metrics_add(METRIC_LOOKUPS, 0, 0, 1);
	metrics_flush();
	metrics_publish();
}

static void
test_gauges(void)
{
	int pipes[2];
	pid_t pids[3];
	char byte;

	if (pipe(pipes) != 0)
		abort();
	for (int i = 0; i < 3; i++)
		pids[i] = run(be_busy, pipes[1]);
	for (int i = 0; i < 3; i++)
		if (read(pipes[0], &byte, 1) != 1)
			abort();
	metrics_open(path, false);
	metrics_gauge_add(METRIC_WORKERS_BUSY, 0, 1);
	metrics_server_add(METRIC_SERVER_IN_FLIGHT, "one", 1);
	is_int(total(METRIC_WORKERS_BUSY), 10, "the gauges of four processes");
	is_int(total_of(METRIC_SERVER_IN_FLIGHT, "one"), 7, "and by server");
	is_int(total(METRIC_PROCESSES), 4, "which are four");
	kill(pids[1], SIGKILL);
	waitpid(pids[1], NULL, 0);
	is_int(total(METRIC_WORKERS_BUSY), 7, "one that was killed does not count");
	is_int(total_of(METRIC_SERVER_IN_FLIGHT, "one"), 5, "nor do its calls");
	is_int(total(METRIC_LOOKUPS), 8008, "but what it had counted does");
	for (int i = 0; i < 3; i += 2) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	is_int(total(METRIC_WORKERS_BUSY), 1, "only this process is left");
	is_int(total(METRIC_PROCESSES), 1, "indeed");
	metrics_reset();
	pids[0] = run(metrics_publish, pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		abort();
	metrics_open(path, false);
	is_int(total(METRIC_WORKERS_BUSY), 0, "who comes after does not inherit");
	kill(pids[0], SIGKILL);
	waitpid(pids[0], NULL, 0);
	metrics_reset();
	close(pipes[0]);
	close(pipes[1]);
}

/* A process that serves one request publishes at once. */
static void
be_short(void)
{
	metrics_open(path, true);
	metrics_gauge_add(METRIC_WORKERS_BUSY, 0, 1);
	metrics_server_add(METRIC_SERVER_IN_FLIGHT, "one", 1);
}

static void
test_short(void)
{
	int pipes[2];
	char byte;

	if (pipe(pipes) != 0)
		abort();
	pid_t pid = run(be_short, pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		abort();
	metrics_open(path, false);
	is_int(total(METRIC_WORKERS_BUSY), 1, "a process of one request publishes at once");
	is_int(total_of(METRIC_SERVER_IN_FLIGHT, "one"), 1, "its calls, too");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	metrics_reset();
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- Threads --------------------------------------------------------------------- */

static void *
count_in_thread(void *argument)
{
	for (int i = 0; i < 2000; i++) {
		metrics_add(METRIC_LOOKUPS, 0, 0, 1);
		metrics_server_add(METRIC_SERVER_CALLS, argument, 1);
		metrics_gauge_add(METRIC_WORKERS_BUSY, 0, i % 2 ? -1 : 1);
		if (i % 10 == 0)
			metrics_flush();
		if (i % 100 == 0)
			metrics_publish();
	}
	metrics_flush();
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[4];
	static char names[4][2] = { "a", "b", "c", "d" };

	metrics_open(path, false);
	int64_t before = total(METRIC_LOOKUPS);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count_in_thread, names[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	is_int(total(METRIC_LOOKUPS) - before, 8000, "all that four threads counted");
	is_int(total_of(METRIC_SERVER_CALLS, "c"), 2000, "of each server");
	is_int(total(METRIC_WORKERS_BUSY), 0, "the gauge is back");
	metrics_reset();
}

/* ---- The file -------------------------------------------------------------------- */

static void
test_deleted(void)
{
	metrics_open(path, false);
	metrics_add(METRIC_LOOKUPS, 0, 0, 1);
	metrics_flush();
	unlink(path);
	is_int(total(METRIC_LOOKUPS), 0, "a file that was deleted begins anew");
	is_int(access(path, F_OK), 0, "and is there again");
	metrics_add(METRIC_LOOKUPS, 0, 0, 2);
	metrics_reset();
	metrics_open(path, false);
	is_int(total(METRIC_LOOKUPS), 0, "what was not flushed is lost with its process");
	metrics_add(METRIC_LOOKUPS, 0, 0, 3);
	metrics_publish();
	metrics_flush();
	metrics_reset();
	metrics_open(path, false);
	is_int(total(METRIC_LOOKUPS), 3, "and counts go on in it");
	metrics_reset();
}

static void
test_cut(void)
{
	metrics_open(path, false);
	metrics_add(METRIC_LOOKUPS, 0, 0, 1);
	metrics_flush();
	ok(truncate(path, 100) == 0, "the file is cut while it is mapped");
	metrics_add(METRIC_LOOKUPS, 0, 0, 1);
	metrics_server_add(METRIC_SERVER_CALLS, "one", 1);
	metrics_flush();
	metrics_publish();
	metrics_add(METRIC_LOOKUPS, 0, 0, 7);
	is_int(total(METRIC_LOOKUPS), 7, "that is survived, and the file begins anew");
	ok(are_shared(), "shared");
	metrics_reset();
}

/* Write the bytes at the file's beginning, in as many bytes as it is to have. */
static void
spoil(const void *bytes, size_t n, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	if (pwrite(fd, bytes, n, 0) != (ssize_t)n || ftruncate(fd, size) != 0)
		abort();
	close(fd);
}

static void
test_damaged(void)
{
	struct metrics_header header = { .magic = "tinyscm", .layout = 7, .bytes = 4096 };
	static const struct {
		const char *what, *bytes;
		off_t size;
	} rows[] = {
		{ "an empty file", "", 0 },
		{ "a short one", "tinyscm1", 8 },
		{ "another program's", "something else", sizeof(struct metrics_shared) },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unlink(path);
		spoil(rows[i].bytes, strlen(rows[i].bytes), rows[i].size);
		metrics_open(path, false);
		metrics_add(METRIC_LOOKUPS, 0, 0, 4);
		is_int(total(METRIC_LOOKUPS), 4, "%s is replaced", rows[i].what);
		ok(are_shared(), "by a good one");
		metrics_reset();
	}
	memcpy(header.magic, "tinyscm1", 8);
	spoil(&header, sizeof(header), 4096);
	metrics_open(path, false);
	metrics_add(METRIC_LOOKUPS, 0, 0, 4);
	is_int(total(METRIC_LOOKUPS), 4, "another version's is replaced at the start");
	ok(are_shared(), "by a good one");
	unlink(path);
	spoil(&header, sizeof(header), 4096);
	metrics_publish();
	ok(!are_shared(), "one that comes later is left to the other version");
	struct stat there;
	is_int(stat(path, &there) == 0 ? there.st_size : -1, 4096, "as it was");
	metrics_reset();
}

static void
test_impossible(void)
{
	metrics_open("/nowhere/at/all/state-metrics", false);
	metrics_add(METRIC_LOOKUPS, 0, 0, 4);
	is_int(total(METRIC_LOOKUPS), 4, "without a place for a file this process counts");
	ok(!are_shared(), "for itself");
	metrics_reset();
	unlink(path);
	mkdir(path, 0755);
	metrics_open(path, false);
	metrics_add(METRIC_LOOKUPS, 0, 0, 4);
	is_int(total(METRIC_LOOKUPS), 4, "nor where a folder is");
	metrics_reset();
	rmdir(path);
}

static void
test_rights(void)
{
	char state[sizeof(path)];
	struct stat there;

	snprintf(state, sizeof(state), "%s", path);
	*strrchr(state, '-') = '\0';
	close(open(state, O_WRONLY | O_CREAT, 0600));
	chmod(state, 0660);
	metrics_open(path, false);
	metrics_flush();
	is_int(stat(path, &there) == 0 ? there.st_mode & 0777 : 0, 0660,
	    "the file has the state's rights");
	metrics_reset();
	unlink(state);
	unlink(path);
}

/* ---- The table ------------------------------------------------------------------- */

/* Every error of the gateway's own is a result by name. */
static void
test_results(void)
{
	struct arena *arena = arena_new();

	for (int error = 0; error < REPLY_ERRORS; error++) {
		struct response response = { 0 };

		reply_error(&response, arena, (enum reply_error)error);
		ok(metrics_value(METRIC_REQUESTS, 1, str_from(response.result)) !=
		        metrics_value(METRIC_REQUESTS, 1, STR("other")),
		    "%s is a result", response.result);
	}
	arena_free(arena);
}

/* For test_metrics_names.sh: "NAME<TAB>A counter by call and result.<TAB>HELP", then "call
 * NAME" for each call. */
static void
list(void)
{
	static const char *const types[] = { "A counter", "A gauge", "A histogram" };

	for (int i = 0; i < METRICS; i++) {
		const struct metric_row *row = &metrics_table[i];
		const char *by = " by ";

		printf("%s\t%s", row->name, types[row->type]);
		if (row->by_server) {
			printf("%sserver", by);
			by = " and ";
		}
		for (int label = 0; label < 2 && row->labels[label]; label++) {
			printf("%s%s", by, row->labels[label]->name);
			by = " and ";
		}
		printf(".\t%s\n", row->help);
	}
	const struct metric_label *calls = metrics_table[METRIC_REQUESTS].labels[0];
	for (size_t i = 0; i < calls->n; i++)
		printf("call %s\n", calls->values[i]);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		list();
		return 0;
	}
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/state.db-metrics", folder);
	test_processes();
	test_gauges();
	test_short();
	test_threads();
	test_deleted();
	test_cut();
	test_damaged();
	test_impossible();
	test_rights();
	test_results();
	unlink(path);
	rmdir(folder);
	return done_testing();
}

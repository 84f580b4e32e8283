/*
 * The libcurl transport of a process that stands still, as when a virtual machine is paused:
 * children that make calls are stopped by SIGSTOP for longer than their calls may take.  The
 * servers are threads of this process, which goes on.
 */
#include "test_http_curl.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define TIMEOUT_MS 2500
#define CONNECT_MS 2000
#define STILL_MS 4000

/* What is known of a time by the loop's clock: it looks ten times a second. */
#define BLUR_MS 110

enum { THREAD_CHILD, INLINE_CHILD, CROWDED_CHILD, N_CHILDREN };

/* The calls that are under way while a child stands still. */
enum { GATE, HANG, LATE, FULL, N_CALLS };

struct outcome {
	enum http_result result;
	bool sent;
	int64_t still_ms, elapsed_ms;
	char problem[200];
};

/* What a child tells. */
struct told {
	pid_t pid;
	struct outcome calls[N_CALLS];
	struct outcome after; /* of a call while nothing stood still */
	int64_t took_ms;
	atomic_bool has_begun, has_ended;
};

/* In memory that all share. */
static struct shared {
	atomic_int web_port; /* 0: not yet known */
	int gated_port, late_port, full_port;
	atomic_bool is_crowded; /* a call is at the gated server */
	struct told told[N_CHILDREN];
} * shared;

/* ---- In the children ---------------------------------------------------------------- */

static void
note(struct outcome *outcome, const struct http_call *call)
{
	outcome->result = call->result;
	outcome->sent = call->sent;
	outcome->still_ms = call->still_ms;
	outcome->elapsed_ms = call->elapsed_ms;
	snprintf(outcome->problem, sizeof(outcome->problem), "%s",
	    call->problem ? call->problem : "");
}

static void
open_http(enum http_curl_mode mode, unsigned most)
{
	const struct http_curl_options options = { mode, CONNECT_MS, NULL, "tinyscale/test",
		most, 1 };

	http = http_curl_open(&options);
	if (!http)
		_exit(1);
	while (shared->web_port == 0)
		sleep_ms(5);
}

/* Calls of all kinds; then one that hangs while nothing stands still. */
static void
call_all(struct told *told, enum http_curl_mode mode)
{
	struct arena *arena = arena_new();
	struct http_call calls[N_CALLS];

	open_http(mode, 0);
	calls[GATE] = get(arena, shared->web_port, "/gate");
	calls[HANG] = get(arena, shared->web_port, "/hang");
	calls[LATE] = get(arena, shared->late_port, "/echo");
	calls[FULL] = get(arena, shared->full_port, "/echo");
	int64_t start_ms = clock_ms(CLOCK_MONOTONIC);
	run(arena, calls, N_CALLS, TIMEOUT_MS);
	told->took_ms = clock_ms(CLOCK_MONOTONIC) - start_ms;
	for (size_t i = 0; i < N_CALLS; i++)
		note(&told->calls[i], &calls[i]);

	/* A busy machine may let it stand still once more. */
	for (int tries = 0; tries < 50; tries++) {
		struct http_call call = get(arena, shared->web_port, "/hang");

		run(arena, &call, 1, 200);
		note(&told->after, &call);
		if (call.still_ms == 0)
			break;
	}
	http->close(http);
	arena_free(arena);
}

static void *
take_the_place(void *context)
{
	struct http_call *call = context;
	struct arena *arena = arena_new();

	run(arena, call, 1, 60000);
	arena_free(arena);
	return NULL;
}

/* A call that waits behind another, the only one that may be under way, until patience with
 * the server is over. */
static void
wait_in_line(struct told *told)
{
	struct arena *arena = arena_new();

	open_http(HTTP_CURL_THREAD, 1);
	struct http_call first = get(arena, shared->gated_port, "/gate"), second = first;
	int64_t start_ms = clock_ms(CLOCK_MONOTONIC);
	pthread_t thread;
	pthread_create(&thread, NULL, take_the_place, &first);
	while (!shared->is_crowded)
		sleep_ms(1);
	told->has_begun = true;
	run(arena, &second, 1, 60000);
	told->took_ms = clock_ms(CLOCK_MONOTONIC) - start_ms;
	told->has_ended = true;
	note(&told->calls[GATE], &second);
	/* The first call and its thread end with the process. */
}

static void
start_child(int which)
{
	pid_t pid = fork();

	if (pid < 0) {
		printf("Bail out! no child\n");
		exit(1);
	}
	if (pid > 0) {
		shared->told[which].pid = pid;
		return;
	}
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (which == CROWDED_CHILD)
		wait_in_line(&shared->told[which]);
	else
		call_all(&shared->told[which],
		    which == THREAD_CHILD ? HTTP_CURL_THREAD : HTTP_CURL_INLINE);
	_exit(0);
}

/* ---- In the parent -------------------------------------------------------------------- */

static struct server gated, late;
static int fills[8];
static size_t n_fills;

/* A port that takes no connection, as its queue is full. */
static int
full_socket(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = bound_socket(port);

	listen(fd, 0);
	address.sin_port = htons((uint16_t)*port);
	for (int i = 0; i < 4; i++) {
		int fill = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		connect(fill, (struct sockaddr *)&address, sizeof(address));
		fills[n_fills++] = fill;
	}
	sleep_ms(50);
	return fd;
}

static void
start_servers(void)
{
	web.shut = gated.shut = true;
	server_start(&web);
	server_start(&gated);
	late.fd = full_socket(&late.port);
	full_socket(&shared->full_port);
	shared->gated_port = gated.port;
	shared->late_port = late.port;
	shared->web_port = web.port;
}

static void
signal_children(int signal)
{
	for (int i = 0; i < N_CHILDREN; i++)
		kill(shared->told[i].pid, signal);
}

/* Wait until all have stopped, or ended. */
static void
wait_for_children(int options)
{
	for (int i = 0; i < N_CHILDREN; i++) {
		int status;

		waitpid(shared->told[i].pid, &status, options);
		ok(options ? WIFSTOPPED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "child %d has %s", i, options ? "stopped" : "ended");
	}
}

/* Stop the children while calls are under way.  Returns for how long they stood still. */
static int64_t
stand_still(bool *in_line)
{
	while (web.open < 2 || gated.open < 1)
		sleep_ms(5);
	shared->is_crowded = true;
	while (!shared->told[CROWDED_CHILD].has_begun)
		sleep_ms(1);
	signal_children(SIGSTOP);
	wait_for_children(WUNTRACED);
	*in_line = !shared->told[CROWDED_CHILD].has_ended;
	int64_t start_ms = clock_ms(CLOCK_MONOTONIC);
	web.shut = false;
	pthread_create(&late.thread, NULL, server_main, &late);
	sleep_ms(STILL_MS);
	int64_t still_ms = clock_ms(CLOCK_MONOTONIC) - start_ms;
	signal_children(SIGCONT);
	return still_ms;
}

static void
check_calls(const struct told *told, int64_t still_ms, const char *mode)
{
	const struct outcome *hang = &told->calls[HANG], *full = &told->calls[FULL];

	is_int(told->calls[GATE].result, HTTP_ANSWERED, "%s: what was answered meanwhile: %s",
	    mode, told->calls[GATE].problem);
	is_int(told->calls[LATE].result, HTTP_ANSWERED, "%s: what was connected meanwhile: %s",
	    mode, told->calls[LATE].problem);
	ok(told->calls[GATE].still_ms >= still_ms - BLUR_MS &&
	        told->calls[LATE].still_ms >= still_ms - BLUR_MS,
	    "%s: answers may be so old: %lld ms", mode, (long long)told->calls[GATE].still_ms);

	ok(hang->result == HTTP_TIMEOUT && hang->sent, "%s: a server that hangs", mode);
	ok(hang->still_ms > 0, "%s: that tells nothing of it", mode);
	ok(strstr(hang->problem, "no answer within 2500 ms, and this host stood still for "),
	    "%s: problem \"%s\"", mode, hang->problem);
	ok(hang->elapsed_ms >= TIMEOUT_MS, "%s: it had all its time: %lld ms", mode,
	    (long long)hang->elapsed_ms);
	ok(hang->elapsed_ms <= told->took_ms - still_ms + BLUR_MS,
	    "%s: without what was lost: %lld of %lld ms, %lld of them still", mode,
	    (long long)hang->elapsed_ms, (long long)told->took_ms, (long long)still_ms);

	ok((full->result == HTTP_UNREACHABLE || full->result == HTTP_TIMEOUT) && !full->sent,
	    "%s: a server that takes no connection", mode);
	ok(full->still_ms > 0, "%s: that tells nothing of it: %s", mode, full->problem);

	ok(told->after.result == HTTP_TIMEOUT && told->after.still_ms == 0,
	    "%s: later a server that hangs is one: %s", mode, told->after.problem);
}

static void
check_line(const struct told *told, int64_t still_ms, bool in_line)
{
	is_int(told->calls[GATE].result, HTTP_BUSY, "a call that waited in line: %s",
	    told->calls[GATE].problem);
	/* Patience lasts for a second. */
	ok(!in_line || told->took_ms >= still_ms + 1000 - BLUR_MS,
	    "patience goes on only while this process does: after %lld ms, %lld of them still",
	    (long long)told->took_ms, (long long)still_ms);
}

int
main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	if (shared == MAP_FAILED) {
		printf("Bail out! no memory\n");
		return 1;
	}
	/* Before there are threads. */
	for (int i = 0; i < N_CHILDREN; i++)
		start_child(i);
	start_servers();
	bool in_line;
	int64_t still_ms = stand_still(&in_line);
	wait_for_children(0);
	check_calls(&shared->told[THREAD_CHILD], still_ms, "thread");
	check_calls(&shared->told[INLINE_CHILD], still_ms, "inline");
	check_line(&shared->told[CROWDED_CHILD], still_ms, in_line);
	while (n_fills > 0)
		close(fills[--n_fills]);
	server_stop(&web);
	server_stop(&gated);
	server_stop(&late);
	return done_testing();
}

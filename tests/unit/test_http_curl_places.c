/*
 * The libcurl transport, in both modes: the maximum of calls under way to one server.
 * Servers are told apart by name, here "test" (web) and "gated", which hangs as long as
 * its gate is shut.
 */
#include "test_http_curl.h"

#define MOST 4

static struct server gated;

static struct http_call
get_gated(struct arena *arena, const char *path)
{
	struct http_call call = get(arena, gated.port, path);

	call.server = "gated";
	return call;
}

static size_t
count_results(const struct http_call *calls, size_t n, enum http_result result)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += calls[i].result == result;
	return count;
}

/* Shut or open the gate, when nothing waits at it. */
static void
set_gate(bool shut)
{
	while (gated.open > 0)
		sleep_ms(5);
	gated.shut = shut;
}

static void
test_maximum(struct arena *arena)
{
	web.most_open = 0;
	struct http_call calls[20];
	size_t i;
	for (i = 0; i < 20; i++)
		calls[i] = get(arena, web.port, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20,
	    "%s: a crowd at a healthy server: all are answered", mode_name);
	is_int(web.most_open, MOST, "%s: so many at once", mode_name);
	for (i = MOST; i < 20 && calls[i].elapsed_ms >= calls[i - MOST].elapsed_ms; i++)
		continue;
	is_int(i, 20, "%s: in the order they came", mode_name);

	/* The last ten calls go to another server. */
	set_gate(true);
	gated.most_open = 0;
	for (i = 0; i < 20; i++)
		calls[i] = i < 10 ? get_gated(arena, "/gate") : get(arena, web.port, "/slow");
	run(arena, calls, 20, 2500);
	is_int(count_results(calls, 10, HTTP_TIMEOUT), MOST,
	    "%s: a server that hangs: what was sent", mode_name);
	is_int(count_results(calls, 10, HTTP_BUSY), 10 - MOST,
	    "%s: a server that hangs: what was not", mode_name);
	expect(&calls[9], HTTP_BUSY, false, "it answers none", "busy");
	ok(calls[9].elapsed_ms < calls[0].elapsed_ms,
	    "%s: busy after %lld ms, a timeout after %lld ms", mode_name,
	    (long long)calls[9].elapsed_ms, (long long)calls[0].elapsed_ms);
	is_int(count_results(calls + 10, 10, HTTP_ANSWERED), 10,
	    "%s: another server is called meanwhile", mode_name);
	is_int(gated.most_open, MOST, "%s: not more at the one that hangs", mode_name);

	/* It hung until a moment ago: those beyond the maximum do not wait again. */
	int64_t first_ms = calls[9].elapsed_ms;
	for (i = 0; i < 10; i++)
		calls[i] = get_gated(arena, "/gate");
	run(arena, calls, 10, 1500);
	is_int(count_results(calls, 10, HTTP_BUSY), 10 - MOST, "%s: known to hang", mode_name);
	ok(calls[9].elapsed_ms < first_ms, "%s: busy at once: %lld ms, %lld ms before",
	    mode_name, (long long)calls[9].elapsed_ms, (long long)first_ms);
	calls[0] = get_gated(arena, "/echo");
	run(arena, calls, 1, 5000);
	expect(&calls[0], HTTP_ANSWERED, true, NULL, "a sign of life");
	set_gate(false);
	for (i = 0; i < 20; i++)
		calls[i] = get_gated(arena, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "%s: well again", mode_name);
}

static void
test_waiting_ends(struct arena *arena)
{
	struct http_call calls[10];
	struct enough enough = { .thread = pthread_self() };
	struct http_batch batch = {
		.calls = calls,
		.n = 10,
		.timeout_ms = 20000,
		.enough = is_enough,
		.context = &enough,
	};

	set_gate(true);
	for (size_t i = 0; i < 10; i++)
		calls[i] = get_gated(arena, "/gate");
	run(arena, calls, 10, 300);
	is_int(count_results(calls, 10, HTTP_TIMEOUT), MOST, "%s: the deadline", mode_name);
	expect(&calls[9], HTTP_BUSY, false, "no turn within 300 ms", "deadline while waiting");
	/* Patience has not ended yet, but nothing was answered in all that time. */
	run(arena, calls, 10, 300);
	expect(&calls[9], HTTP_BUSY, false, "it answers none", "after a timeout");

	calls[0] = get_gated(arena, "/echo");
	run(arena, calls, 1, 5000);
	for (size_t i = 0; i < 9; i++)
		calls[i] = get_gated(arena, "/gate");
	calls[9] = get(arena, web.port, "/slow");
	http->run(http, arena, &batch);
	expect(&calls[9], HTTP_ANSWERED, true, NULL, "enough");
	is_int(count_results(calls, 9, HTTP_ABANDONED), 9, "%s: abandoned while waiting",
	    mode_name);
	expect(&calls[0], HTTP_ABANDONED, true, "enough", "abandoned under way");
	expect(&calls[8], HTTP_ABANDONED, false, "enough", "abandoned while waiting");

	set_gate(false);
	for (size_t i = 0; i < 10; i++)
		calls[i] = get_gated(arena, "/gate");
	run(arena, calls, 10, 20000);
	is_int(count_results(calls, 10, HTTP_ANSWERED), 10, "%s: no place was lost by that",
	    mode_name);
}

/* Some calls to the gate, run by a thread of their own. */
struct at_gate {
	pthread_t thread;
	struct arena *arena;
	struct http_call calls[MOST + 1];
	size_t n;
	int64_t timeout_ms;
	bool until_enough; /* given up after 900 ms */
};

static void *
at_gate_main(void *context)
{
	struct at_gate *at_gate = context;
	struct enough enough = { .thread = pthread_self() };
	struct http_batch batch = {
		.calls = at_gate->calls,
		.n = at_gate->n,
		.timeout_ms = at_gate->timeout_ms,
	};

	if (at_gate->until_enough) {
		batch.calls[batch.n++] = get(at_gate->arena, web.port, "/slower");
		batch.enough = is_enough;
		batch.context = &enough;
	}
	http->run(http, at_gate->arena, &batch);
	return NULL;
}

/* Shut the gate and send calls there, which are under way on return. */
static void
at_gate_start(struct at_gate *at_gate, size_t n, int64_t timeout_ms, bool until_enough)
{
	set_gate(true);
	*at_gate = (struct at_gate){
		.arena = arena_new(),
		.n = n,
		.timeout_ms = timeout_ms,
		.until_enough = until_enough,
	};
	for (size_t i = 0; i < n; i++)
		at_gate->calls[i] = get_gated(at_gate->arena, "/gate");
	/* The most, since calls with a short timeout may be gone when this looks. */
	gated.most_open = 0;
	pthread_create(&at_gate->thread, NULL, at_gate_main, at_gate);
	while (gated.most_open < (int)n)
		sleep_ms(5);
}

/* Wait until the calls are done; returns how many have that result. */
static size_t
at_gate_end(struct at_gate *at_gate, enum http_result result)
{
	pthread_join(at_gate->thread, NULL);
	size_t count = count_results(at_gate->calls, at_gate->n, result);
	arena_free(at_gate->arena);
	return count;
}

/* What one caller's calls do to another's. */
static void
test_crowd(struct arena *arena)
{
	struct at_gate at_gate;

	/* No call of its own, and no timeout, tells the second caller. */
	at_gate_start(&at_gate, MOST, 60000, false);
	struct http_call calls[20];
	for (size_t i = 0; i < 3; i++)
		calls[i] = get_gated(arena, "/echo");
	run(arena, calls, 3, 50000);
	is_int(count_results(calls, 3, HTTP_BUSY), 3, "all places taken: busy");
	int64_t first_ms = calls[2].elapsed_ms;
	run(arena, calls, 3, 50000);
	is_int(count_results(calls, 3, HTTP_BUSY), 3, "still busy");
	ok(calls[0].elapsed_ms < first_ms, "at once: %lld ms, and %lld ms before",
	    (long long)calls[0].elapsed_ms, (long long)first_ms);
	gated.shut = false;
	is_int(at_gate_end(&at_gate, HTTP_ANSWERED), MOST, "the gate opens");
	for (size_t i = 0; i < 20; i++)
		calls[i] = get_gated(arena, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "after that nobody is busy");

	/* One call that takes long, a create perhaps, then a crowd. */
	at_gate_start(&at_gate, 1, 60000, false);
	sleep_ms(1200);
	for (size_t i = 0; i < 20; i++)
		calls[i] = get_gated(arena, "/slow");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd after a slow call");
	gated.shut = false;
	is_int(at_gate_end(&at_gate, HTTP_ANSWERED), 1, "the slow call");

	/* One call that times out while others are answered. */
	at_gate_start(&at_gate, 1, 500, false);
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd beside a timeout");
	is_int(at_gate_end(&at_gate, HTTP_TIMEOUT), 1, "the timeout");

	/* Calls that were given up had no chance to be answered. */
	at_gate_start(&at_gate, MOST, 60000, true);
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd behind a search");
	is_int(at_gate_end(&at_gate, HTTP_ABANDONED), MOST, "which finds elsewhere");

	/* Nor had one without any time. */
	run(arena, calls, 1, 0);
	expect(&calls[0], HTTP_TIMEOUT, false, "within 0 ms", "no time");
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd after that");

	/* A timeout, then silence: what was known is out of date. */
	at_gate_start(&at_gate, 1, 300, false);
	is_int(at_gate_end(&at_gate, HTTP_TIMEOUT), 1, "a timeout");
	sleep_ms(1200);
	run(arena, calls, 20, 30000);
	is_int(count_results(calls, 20, HTTP_ANSWERED), 20, "a crowd later on");
	set_gate(false);
}

static void
test_places(struct arena *arena, enum http_curl_mode mode)
{
	/* A long time to connect, or its end would wake the loop at the right time. */
	struct http_curl_options options = { mode, 20000, NULL, "tinyscale/test", MOST, 1 };
	struct http *without = http;

	server_start(&gated);
	http = http_curl_open(&options);
	test_maximum(arena);
	test_waiting_ends(arena);
	if (mode == HTTP_CURL_THREAD)
		test_crowd(arena);
	http->close(http);
	http = without;
	server_stop(&gated);
}

int
main(void)
{
	return test_modes(test_places);
}

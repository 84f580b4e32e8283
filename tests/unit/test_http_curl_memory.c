/*
 * The transport while memory is short: calls are made again and again, and of all that libcurl
 * allocates for them the first block is refused, then the second, and so on.  Where that block
 * alone is refused all calls are answered; where from there on there is only what is given
 * back, a call is answered or fails for the shortage, and none is held against a server.
 */
#include "test_http_curl.h"

#include <malloc.h>

#include "base/mem.h"

/* ---- Memory ------------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all of it */
static int blocks;                                        /* that libcurl has */
static int asked;      /* for blocks since memory_short() … */
static int refused_at; /* … and the one that is refused; 0: none is */
static bool is_lasting, is_short;
static size_t left; /* bytes, while it is short */

/* With the mutex locked: has a block of that size to be refused? */
static bool
refuse(size_t size)
{
	if (++asked == refused_at) {
		is_short = is_lasting;
		left = 0;
		return true;
	}
	return is_short && size > left;
}

/* With the mutex locked: one block is in place of the other, and both may be NULL. */
static void
count(size_t old_size, void *block)
{
	size_t size = malloc_usable_size(block);

	left += old_size;
	left -= size < left ? size : left;
}

static void *
short_realloc(void *block, size_t size)
{
	void *resized = NULL;

	pthread_mutex_lock(&mutex);
	size_t old_size = malloc_usable_size(block);
	if (!refuse(size))
		resized = realloc(block, size);
	if (resized) {
		count(old_size, resized);
		blocks += !block;
	}
	pthread_mutex_unlock(&mutex);
	return resized;
}

static void *
short_malloc(size_t size)
{
	return short_realloc(NULL, size);
}

static void *
short_calloc(size_t n, size_t size)
{
	void *block = short_realloc(NULL, n * size);

	return block ? memset(block, 0, n * size) : NULL;
}

static void
short_free(void *block)
{
	pthread_mutex_lock(&mutex);
	count(malloc_usable_size(block), NULL);
	blocks -= block != NULL;
	free(block);
	pthread_mutex_unlock(&mutex);
}

/* In place of what the library has: libcurl asks here. */
#define malloc short_malloc
#define calloc short_calloc
#define realloc short_realloc
#define free short_free
#include "adapters/curl/memory.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

static void
memory_short(int at, bool lasts)
{
	pthread_mutex_lock(&mutex);
	refused_at = at;
	is_lasting = lasts;
	asked = 0;
	pthread_mutex_unlock(&mutex);
}

/* Memory is there again.  Returns whether any was refused. */
static bool
memory_back(void)
{
	pthread_mutex_lock(&mutex);
	bool was_refused = refused_at > 0 && asked >= refused_at;
	refused_at = 0;
	is_short = false;
	pthread_mutex_unlock(&mutex);
	return was_refused;
}

/* How many blocks libcurl has, the threads of its look-ups having ended. */
static int
blocks_left(int wanted)
{
	int n = -1;

	for (int try = 0; try < 2000 && n != wanted; try++) {
		if (try > 0)
			sleep_ms(5);
		pthread_mutex_lock(&mutex);
		n = blocks;
		pthread_mutex_unlock(&mutex);
	}
	return n;
}

/* ---- Calls ---------------------------------------------------------------------------- */

#define MOST_CALLS 3
#define TIMEOUT_MS 60000

/* What the server answers with what it was sent. */
#define HEADER "X-Forwarded-For: 192.0.2.7"

static const struct kind {
	const char *name;
	bool by_name, is_kept; /* over a connection that a call before has left? */
	const char *path, *body;
	size_t n; /* calls, each to a server of its own */
	int status;
	const char *wanted; /* in the answer */
} kinds[] = {
	{ "GET", false, false, "/echo?x=1", NULL, 1, 200, "GET /echo?x=1" },
	{ "a redirect", false, false, "/redirect", NULL, 1, 302, "" },
	{ "a long answer", false, true, "/bytes", NULL, 1, 200, "" },
	{ "POST", false, false, "/echo", "name=value&text=long", 1, 200, "text=long" },
	{ "three servers", false, false, "/chunked", NULL, MOST_CALLS, 200, "hello" },
	{ "a server by its name", true, false, "/echo", NULL, 1, 200, HEADER },
};

static int n_runs, n_short;

/* Make the calls of that kind. */
static void
make_calls(struct arena *arena, const struct kind *kind, struct http_call *calls)
{
	for (size_t i = 0; i < kind->n; i++) {
		calls[i] = get(arena, web.port, kind->path);
		calls[i].server = str_printf(arena, "server-%zu", i);
		calls[i].forwarded_for = STR("192.0.2.7");
		if (kind->by_name)
			calls[i].url = str_printf(arena, "http://localhost:%d%s", web.port,
			    kind->path);
		if (kind->body) {
			calls[i].method = "POST";
			calls[i].once = true;
			calls[i].body = str_from(kind->body);
			calls[i].content_type = STR("application/x-www-form-urlencoded");
		}
	}
	run(arena, calls, kind->n, TIMEOUT_MS);
}

static void
check_answer(const struct http_call *call, const struct kind *kind, const char *when)
{
	ok_in_run(call->result == HTTP_ANSWERED && call->status == kind->status &&
	        str_find(call->answer, str_from(kind->wanted), 0) != SIZE_MAX &&
	        (call->status != 302 ||
	            str_is(call->location, "https://elsewhere.example/join?x=1")),
	    "%s: %d %d %s", when, call->result, call->status, call->problem ?: "");
}

static void
check_call(const struct http_call *call, const struct kind *kind, bool lasts, int n_requests,
    const char *when)
{
	if (!lasts || call->result != HTTP_SHORTAGE) {
		check_answer(call, kind, when);
		return;
	}
	n_short++;
	ok_in_run(strcmp(call->problem, "short of memory here") == 0, "%s: the problem is: %s",
	    when, call->problem);
	ok_in_run(call->sent || kind->n > 1 || n_requests == 0, "%s: it was sent", when);
}

/* Make calls with that block refused; 0: none.  Returns whether any was. */
static bool
run_kind(struct arena *arena, enum http_curl_mode mode, const struct kind *kind, int at,
    bool lasts)
{
	const struct http_curl_options options = { mode, 1000, NULL, "tinyscale/test", 1, 1 };
	const char *when = str_printf(arena, "%s: %s, block %d%s", mode_name, kind->name, at,
	    lasts ? " and all after it" : "");
	struct http_call calls[MOST_CALLS];
	int had = blocks_left(-1);

	if (!kind->is_kept)
		memory_short(at, lasts);
	http = http_curl_open(&options);
	if (kind->is_kept) {
		make_calls(arena, kind, calls);
		memory_short(at, lasts);
	}
	int n_requests = -web.requests;
	make_calls(arena, kind, calls);
	bool was_refused = memory_back();
	n_runs += was_refused;
	struct http_call again[MOST_CALLS];
	make_calls(arena, kind, again);
	/* Over a connection of its own: those before it were accepted then. */
	struct http_call last = get(arena, web.port, "/echo");
	last.once = true;
	run(arena, &last, 1, TIMEOUT_MS);
	http->close(http);
	/* A request whose call has ended may still be read. */
	while (web.live > 0)
		sleep_ms(1);
	n_requests += web.requests - (int)kind->n - 1;
	ok_in_run(n_requests <= (int)kind->n, "%s: it is sent %d times", when, n_requests);
	for (size_t i = 0; i < kind->n; i++) {
		check_call(&calls[i], kind, was_refused && lasts, n_requests, when);
		check_answer(&again[i], kind, str_printf(arena, "%s: once more", when));
	}
	ok_in_run(at == 0 || blocks_left(had) == had, "%s: %d blocks are left", when,
	    blocks_left(had) - had);
	arena_reset(arena);
	return was_refused;
}

static void
test_kind(struct arena *arena, enum http_curl_mode mode, const struct kind *kind)
{
	int n = 0;

	mode_name = mode == HTTP_CURL_THREAD ? "thread" : "inline";
	const int failed = tap_failed; /* further runs would only tell the same */
	n_short = 0;
	run_kind(arena, mode, kind, 0, false);
	for (int lasts = 0; lasts < 2; lasts++)
		for (n = 1; run_kind(arena, mode, kind, n, lasts) && tap_failed == failed; n++)
			continue;
	ok(tap_failed == failed && n > 20, "%s: %s, without each of %d blocks", mode_name,
	    kind->name, n - 1);
	ok(n_short > 0, "%s: %s: %d calls fail for it", mode_name, kind->name, n_short);
}

/* ---- Many at once ----------------------------------------------------------------------- */

#define JOBS 8
#define CALLS_EACH 32

static pthread_barrier_t together;
static atomic_int n_answered, n_refused;

static void *
make_many(void *context)
{
	struct arena *arena = arena_new();
	struct http_call calls[CALLS_EACH];

	(void)context;
	for (size_t i = 0; i < CALLS_EACH; i++) {
		calls[i] = get(arena, web.port, "/echo?x=1");
		calls[i].server = str_printf(arena, "server-%zu", i);
	}
	pthread_barrier_wait(&together);
	run(arena, calls, CALLS_EACH, TIMEOUT_MS);
	for (size_t i = 0; i < CALLS_EACH; i++) {
		n_answered += calls[i].result == HTTP_ANSWERED;
		n_refused += calls[i].result == HTTP_SHORTAGE;
	}
	arena_free(arena);
	return NULL;
}

/* Look-ups of many begin in one turn of the loop: the reserve is for all of them. */
static void
test_many(int at)
{
	const struct http_curl_options options = { HTTP_CURL_THREAD, 1000, NULL,
		"tinyscale/test", 2 * JOBS, CALLS_EACH };
	pthread_t threads[JOBS];

	n_answered = n_refused = 0;
	http = http_curl_open(&options);
	pthread_barrier_init(&together, NULL, JOBS + 1);
	for (size_t i = 0; i < JOBS; i++)
		if (pthread_create(&threads[i], NULL, make_many, NULL) != 0)
			exit(1);
	memory_short(at, true);
	pthread_barrier_wait(&together);
	for (size_t i = 0; i < JOBS; i++)
		pthread_join(threads[i], NULL);
	ok(memory_back() && n_refused > 0 && n_answered + n_refused == JOBS * CALLS_EACH,
	    "%d calls at once, block %d and all after it: %d answered, the others refused",
	    JOBS * CALLS_EACH, at, n_answered);
	http->close(http);
	pthread_barrier_destroy(&together);
}

int
main(void)
{
	struct arena *arena = arena_new();
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	server_start(&web);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		test_kind(arena, HTTP_CURL_INLINE, &kinds[i]);
		test_kind(arena, HTTP_CURL_THREAD, &kinds[i]);
	}
	for (int at = 50; at <= 3200; at *= 4)
		test_many(at);
	diag("%d runs", n_runs);
	server_stop(&web);
	arena_free(arena);
	return done_testing();
}

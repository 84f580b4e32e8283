#include "adapters/curl/http_curl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/curl/loop.h"
#include "base/blocking.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/processors.h"

/* libcurl and OpenSSL stay far below; the resolver has threads of its own. */
#define STACK_BYTES ((size_t)256 << 10)

/* So many loops share the servers at the most: what a few threads begin and read at a time is
 * more than the workers can make anything of. */
#define LOOPS_MOST 4

struct http_curl {
	struct http http;
	enum http_curl_mode mode;
	pthread_mutex_t inline_lock; /* one INLINE run at a time */
	size_t n_loops, n_threads;
	struct loop loops[LOOPS_MOST];
	pthread_t threads[LOOPS_MOST];
};

static void *
transfer_thread(void *context)
{
	struct loop *loop = context;

	loop_start(loop);
	while (loop_once(loop))
		loop_wait(loop);
	return NULL;
}

/* Take over what finished, in that order; *seen counts it.  Returns whether that was enough. */
static bool
take_over(struct task *tasks, const struct http_batch *batch, struct arena *arena, size_t *seen)
{
	bool enough = false;

	for (struct task *task = tasks; task; task = task_next(task)) {
		struct http_call *call = &batch->calls[task->transfer.call - batch->calls];

		++*seen;
		transfer_hand_over(&task->transfer, call, arena);
		call->until_us = task->until_us;
		if (call->result == HTTP_ANSWERED && batch->enough &&
		    batch->enough(call, batch->context))
			enough = true;
	}
	return enough;
}

/* Be the loop until something has finished. */
static void
run_loop(struct loop *loop, struct caller *caller)
{
	int n_told;

	for (;;) {
		loop_once(loop);
		if (sem_getvalue(&caller->told, &n_told) == 0 && n_told > 0)
			return;
		loop_wait(loop);
	}
}

/* One run(). */
struct run {
	struct http_curl *http;
	const struct http_batch *batch;
	struct caller caller;
	struct job jobs[LOOPS_MOST]; /* of each loop what is its; none where n is 0 */
};

/* All calls to one server are the same loop's, with its connections and its limit. */
static size_t
loop_of(const struct http_curl *self, const struct http_call *call)
{
	return self->n_loops == 1 ? 0 : str_hash(str_from(call->server)) % self->n_loops;
}

/* Make a job of what is one loop's.  Returns where the next one's tasks begin. */
static struct task *
make_job(struct run *run, size_t loop, struct task *tasks, int64_t start_us)
{
	const struct http_batch *batch = run->batch;
	struct job *job = &run->jobs[loop];

	*job = (struct job){
		.caller = &run->caller,
		.tasks = tasks,
		.is_alone = batch->n == 1,
		.timeout_ms = batch->timeout_ms,
		.start_us = start_us,
	};
	for (size_t i = 0; i < batch->n; i++) {
		if (loop_of(run->http, &batch->calls[i]) != loop)
			continue;
		tasks[job->n].job = job;
		transfer_init(&tasks[job->n++].transfer, &batch->calls[i]);
	}
	return tasks + job->n;
}

/* The caller has enough. */
static void
abandon(struct run *run)
{
	for (size_t i = 0; i < run->http->n_loops; i++)
		if (run->jobs[i].n > 0 && !atomic_exchange(&run->jobs[i].is_abandoned, true))
			loop_tell(&run->http->loops[i]);
}

/* Be the loop until all jobs are done, or wait for the threads that are. */
static void
see_through(struct run *run, struct arena *arena)
{
	struct http_curl *self = run->http;
	size_t seen = 0;

	for (size_t i = 0; i < self->n_loops; i++)
		if (run->jobs[i].n > 0)
			loop_bring(&self->loops[i], &run->jobs[i]);
	while (seen < run->batch->n) {
		if (self->mode == HTTP_CURL_INLINE)
			run_loop(&self->loops[0], &run->caller);
		blocking_begin();
		struct task *tasks = caller_take(&run->caller);
		blocking_end();
		/* To read answers is work. */
		if (take_over(tasks, run->batch, arena, &seen))
			abandon(run);
	}
}

/* Make jobs of the batch and see them through. */
static void
run_batch(struct http_curl *self, struct arena *arena, const struct http_batch *batch,
    int64_t start_us)
{
	struct run run = { .http = self, .batch = batch };
	struct task *tasks = mem_alloc(batch->n * sizeof(*tasks)), *next = tasks;

	caller_init(&run.caller);
	for (size_t i = 0; i < self->n_loops; i++)
		next = make_job(&run, i, next, start_us);
	see_through(&run, arena);
	for (size_t i = 0; i < batch->n; i++)
		transfer_free(&tasks[i].transfer);
	caller_fini(&run.caller);
	free(tasks);
}

/* Count the batch's calls as under way, or as done. */
static void
count_calls(const struct http_batch *batch, bool is_done)
{
	for (size_t i = 0; i < batch->n; i++) {
		const struct http_call *call = &batch->calls[i];

		metrics_server_add(METRIC_SERVER_IN_FLIGHT, call->server, is_done ? -1 : 1);
		if (!is_done)
			continue;
		metrics_server_add(METRIC_SERVER_CALLS, call->server, 1);
		if (call->result != HTTP_ANSWERED && call->result != HTTP_ABANDONED)
			metrics_server_add(METRIC_SERVER_CALL_FAILURES, call->server, 1);
	}
}

static void
http_curl_run(struct http *http, struct arena *arena, struct http_batch *batch)
{
	struct http_curl *self = (struct http_curl *)http;
	bool ready = true;

	if (self->mode == HTTP_CURL_INLINE) {
		pthread_mutex_lock(&self->inline_lock);
		ready = loop_load(&self->loops[0]) == 0;
		loop_start(&self->loops[0]);
	}
	int64_t start_us = clock_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < batch->n; i++)
		transfer_begin_outcome(&batch->calls[i],
		    ready ? NULL : "libcurl cannot be loaded");
	count_calls(batch, false);
	if (ready && batch->n > 0)
		run_batch(self, arena, batch, start_us);
	count_calls(batch, true);
	if (self->mode == HTTP_CURL_INLINE)
		pthread_mutex_unlock(&self->inline_lock);
}

static void
http_curl_close(struct http *http)
{
	struct http_curl *self = (struct http_curl *)http;

	for (size_t i = 0; i < self->n_threads; i++)
		loop_stop(&self->loops[i]);
	for (size_t i = 0; i < self->n_threads; i++)
		pthread_join(self->threads[i], NULL);
	for (size_t i = 0; i < self->n_loops; i++)
		loop_free(&self->loops[i]);
	pthread_mutex_destroy(&self->inline_lock);
	free(self);
}

/* Let a thread be the next loop. */
static int
start_thread(struct http_curl *self)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int error = pthread_create(&self->threads[self->n_threads], &attributes,
	    transfer_thread, &self->loops[self->n_threads]);
	pthread_attr_destroy(&attributes);
	if (error != 0) {
		log_error("a transfer thread cannot be made", "reason", strerrordesc_np(error));
		return -1;
	}
	self->n_threads++;
	return 0;
}

static size_t
loops_wanted(enum http_curl_mode mode)
{
	unsigned n = mode == HTTP_CURL_INLINE ? 1 : processors_count();

	return n > LOOPS_MOST ? LOOPS_MOST : n;
}

struct http *
http_curl_open(const struct http_curl_options *options)
{
	struct http_curl *self = mem_alloc(sizeof(*self));

	self->http.run = http_curl_run;
	self->http.close = http_curl_close;
	self->mode = options->mode;
	self->n_loops = loops_wanted(options->mode);
	for (size_t i = 0; i < self->n_loops; i++)
		loop_init(&self->loops[i], options, self->n_loops);
	pthread_mutex_init(&self->inline_lock, NULL);
	for (size_t i = 0; self->mode == HTTP_CURL_THREAD && i < self->n_loops; i++)
		if (loop_load(&self->loops[i]) == -1 || start_thread(self) == -1) {
			http_curl_close(&self->http);
			return NULL;
		}
	return &self->http;
}

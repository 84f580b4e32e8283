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

/* libcurl and OpenSSL stay far below; the resolver has threads of its own. */
#define STACK_BYTES ((size_t)256 << 10)

struct http_curl {
	struct http http;
	enum http_curl_mode mode;
	pthread_t thread;
	pthread_mutex_t inline_lock; /* one INLINE run at a time */
	struct loop loop;
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

/* Be the loop until the job is done, or wait for the thread that is. */
static void
see_through(struct http_curl *self, struct job *job, const struct http_batch *batch,
    struct arena *arena)
{
	size_t seen = 0;

	loop_bring(&self->loop, job);
	while (seen < job->n) {
		if (self->mode == HTTP_CURL_INLINE)
			run_loop(&self->loop, job->caller);
		struct task *tasks = caller_take(job->caller);
		if (take_over(tasks, batch, arena, &seen) &&
		    !atomic_exchange(&job->is_abandoned, true))
			loop_tell(&self->loop);
	}
}

/* Make a job of the batch and see it through. */
static void
run_job(struct http_curl *self, struct arena *arena, const struct http_batch *batch,
    int64_t start_us)
{
	struct caller caller;
	struct job job = {
		.caller = &caller,
		.n = batch->n,
		.is_alone = batch->n == 1,
		.timeout_ms = batch->timeout_ms,
		.start_us = start_us,
	};

	job.tasks = mem_alloc(batch->n * sizeof(*job.tasks));
	caller_init(&caller);
	for (size_t i = 0; i < batch->n; i++) {
		job.tasks[i].job = &job;
		transfer_init(&job.tasks[i].transfer, &batch->calls[i]);
	}
	see_through(self, &job, batch, arena);
	for (size_t i = 0; i < batch->n; i++)
		transfer_free(&job.tasks[i].transfer);
	caller_fini(&caller);
	free(job.tasks);
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
		ready = loop_load(&self->loop) == 0;
		loop_start(&self->loop);
	}
	int64_t start_us = clock_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < batch->n; i++)
		transfer_begin_outcome(&batch->calls[i],
		    ready ? NULL : "libcurl cannot be loaded");
	count_calls(batch, false);
	if (ready && batch->n > 0) {
		blocking_begin();
		run_job(self, arena, batch, start_us);
		blocking_end();
	}
	count_calls(batch, true);
	if (self->mode == HTTP_CURL_INLINE)
		pthread_mutex_unlock(&self->inline_lock);
}

static void
http_curl_free(struct http_curl *self)
{
	loop_free(&self->loop);
	pthread_mutex_destroy(&self->inline_lock);
	free(self);
}

static void
http_curl_close(struct http *http)
{
	struct http_curl *self = (struct http_curl *)http;

	if (self->mode == HTTP_CURL_THREAD) {
		loop_stop(&self->loop);
		pthread_join(self->thread, NULL);
	}
	http_curl_free(self);
}

static int
start_thread(struct http_curl *self)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int error = pthread_create(&self->thread, &attributes, transfer_thread, &self->loop);
	pthread_attr_destroy(&attributes);
	if (error == 0)
		return 0;
	log_error("the transfer thread cannot be made", "reason", strerrordesc_np(error));
	return -1;
}

struct http *
http_curl_open(const struct http_curl_options *options)
{
	struct http_curl *self = mem_alloc(sizeof(*self));

	self->http.run = http_curl_run;
	self->http.close = http_curl_close;
	self->mode = options->mode;
	loop_init(&self->loop, options);
	pthread_mutex_init(&self->inline_lock, NULL);
	if (self->mode == HTTP_CURL_THREAD &&
	    (loop_load(&self->loop) == -1 || start_thread(self) == -1)) {
		http_curl_free(self);
		return NULL;
	}
	return &self->http;
}

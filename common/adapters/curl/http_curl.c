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

/* Take over what finished since the last time, in that order; *seen counts it.  Returns
 * whether that was enough.  The lock is held, but not while tasks are taken over. */
static bool
take_over_finished(struct http_curl *self, struct job *job, const struct http_batch *batch,
    struct arena *arena, size_t *seen)
{
	struct task *task = job->finished;
	bool enough = false;

	job->finished = NULL;
	job->finished_end = &job->finished;
	pthread_mutex_unlock(&self->loop.lock);
	for (; task; task = task->next_finished) {
		struct http_call *call = &batch->calls[task - job->tasks];

		++*seen;
		transfer_hand_over(&task->transfer, call, arena);
		call->until_us = job->deadline_us;
		if (call->result == HTTP_ANSWERED && batch->enough &&
		    batch->enough(call, batch->context))
			enough = true;
	}
	pthread_mutex_lock(&self->loop.lock);
	return enough;
}

/* Be the loop until the job is done, or wait for the thread that is. */
static void
see_through(struct http_curl *self, struct job *job, const struct http_batch *batch,
    struct arena *arena)
{
	pthread_mutex_lock(&self->loop.lock);
	loop_bring(&self->loop, job);
	size_t seen = 0;
	while (seen < job->n) {
		if (self->mode == HTTP_CURL_INLINE) {
			pthread_mutex_unlock(&self->loop.lock);
			loop_once(&self->loop);
			if (!job->finished)
				loop_wait(&self->loop);
			pthread_mutex_lock(&self->loop.lock);
		} else {
			while (!job->finished)
				pthread_cond_wait(&job->changed, &self->loop.lock);
		}
		if (take_over_finished(self, job, batch, arena, &seen) &&
		    !atomic_exchange(&job->is_abandoned, true))
			loop_tell(&self->loop);
	}
	pthread_mutex_unlock(&self->loop.lock);
}

/* Make a job of the batch and see it through. */
static void
run_job(struct http_curl *self, struct arena *arena, const struct http_batch *batch,
    int64_t start_us)
{
	struct job job = {
		.n = batch->n,
		.timeout_ms = batch->timeout_ms,
		.start_us = start_us,
	};

	job.tasks = mem_alloc(batch->n * sizeof(*job.tasks));
	pthread_cond_init(&job.changed, NULL);
	for (size_t i = 0; i < batch->n; i++) {
		job.tasks[i].job = &job;
		transfer_init(&job.tasks[i].transfer, &batch->calls[i]);
	}
	see_through(self, &job, batch, arena);
	for (size_t i = 0; i < batch->n; i++)
		transfer_free(&job.tasks[i].transfer);
	pthread_cond_destroy(&job.changed);
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

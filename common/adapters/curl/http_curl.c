#include "adapters/curl/http_curl.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/curl/functions.h"
#include "adapters/curl/lanes.h"
#include "adapters/curl/loop_clock.h"
#include "adapters/curl/transfer.h"
#include "base/blocking.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

/* Easy handles kept for the next calls. */
#define POOL_MAX 64

/* libcurl and OpenSSL stay far below; the resolver has threads of its own. */
#define STACK_BYTES ((size_t)256 << 10)

/* So long a call that is alone in its batch may take with its turn, if it is longer than its
 * timeout: web servers and clients wait no longer. */
#define WITH_TURN_US (INT64_C(30) * 1000000)

/* The longest sleep of an idle transfer thread. */
#define IDLE_US (INT64_C(600) * 1000000)

/* One call of a job.  The loop writes all of it until it stands in the job's list of what
 * finished, then it is the caller's. */
struct task {
	struct transfer transfer; /* first: libcurl knows the task by it */
	struct job *job;
	struct lane_place place;
	bool was_late; /* time was up, and it was under way */
	bool finished;
	struct task *next_finished;
};

/* One run().  It lives until the caller has got all n: whoever publishes the last task must
 * not look at it again. */
struct job {
	struct job *next;
	struct task *tasks;
	size_t n;
	int64_t start_us, deadline_us, timeout_ms;
	int64_t still_us; /* of that time, while this process stood still */
	size_t left;      /* the loop's */
	/* Under the lock: what the caller has not taken over yet, and that it has enough. */
	struct task *finished, **finished_end;
	bool abandon;
	pthread_cond_t changed; /* there is something finished */
};

struct http_curl {
	struct http http;
	enum http_curl_mode mode;

	pthread_t thread;
	pthread_mutex_t lock;        /* incoming, stop, and what job says */
	pthread_mutex_t inline_lock; /* one INLINE run at a time */
	struct job *incoming, **incoming_end;
	bool stop;

	/* The loop's alone. */
	struct transfer_setup setup;
	CURLM *multi;
	struct job *jobs;
	CURL *pool[POOL_MAX];
	size_t n_pool;
	size_t n_under_way, most_under_way; /* transfers; the most since none was */
	size_t n_servers;
	struct lanes *lanes;
	struct loop_clock clock;
};

/* Let the job have the time that it lost while this process stood still. */
static void
make_up_for(struct http_curl *self, struct job *job, int64_t lost_us)
{
	job->deadline_us += lost_us;
	job->still_us += lost_us;
	for (size_t i = 0; i < job->n; i++)
		transfer_prolong(&job->tasks[i].transfer, &self->setup, lost_us / 1000);
}

/* Look at the clock, and let no deadline count the time for which this process stood still. */
static void
look_at_clock(struct http_curl *self)
{
	int64_t still_us = loop_clock_look(&self->clock, clock_us(CLOCK_MONOTONIC));
	char seconds[32];

	if (still_us == 0 || !self->jobs)
		return;
	snprintf(seconds, sizeof(seconds), "%.1f", (double)still_us / 1e6);
	log_warn("this host stood still: calls under way have so much more time", "seconds",
	    seconds);
	for (struct job *job = self->jobs; job; job = job->next)
		make_up_for(self, job, still_us);
}

/*
 * Ending a task
 */

/* Take the transfer back from libcurl, which knows nothing of it after. */
static void
let_go(struct http_curl *self, struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	if (!easy)
		return;
	if (transfer->is_added)
		self->setup.curl->multi_remove_handle(self->multi, easy);
	transfer_release(transfer, &self->setup);
	if (self->n_pool < POOL_MAX) {
		self->setup.curl->easy_reset(easy);
		self->pool[self->n_pool++] = easy;
	} else {
		self->setup.curl->easy_cleanup(easy);
	}
	if (--self->n_under_way > 0)
		return;
	/* The memory of hundreds of calls at once is not kept for the next time. */
	if (self->most_under_way > POOL_MAX)
		malloc_trim(0);
	self->most_under_way = 0;
}

/* Hand the finished task to its caller.  When it was the job's last, the job is gone on
 * return. */
static void
publish(struct http_curl *self, struct task *task)
{
	struct job *job = task->job;
	int64_t elapsed_us = clock_us(CLOCK_MONOTONIC) - job->start_us - job->still_us;

	transfer_note_standstill(&task->transfer, job->still_us);
	let_go(self, &task->transfer);
	lanes_leave(&task->place,
	    lanes_end_of(task->transfer.result, task->was_late && task->job->still_us == 0),
	    loop_clock_running_us(&self->clock));
	task->transfer.elapsed_ms = elapsed_us / 1000;
	if (--job->left == 0) {
		struct job **link;
		for (link = &self->jobs; *link != job; link = &(*link)->next)
			continue;
		*link = job->next;
	}
	pthread_mutex_lock(&self->lock);
	task->finished = true;
	*job->finished_end = task;
	job->finished_end = &task->next_finished;
	/* Under the lock, since the caller destroys the condition as soon as it has the
	 * lock. */
	pthread_cond_signal(&job->changed);
	pthread_mutex_unlock(&self->lock);
}

/* End a task for a reason of our own. */
static void
give_up(struct http_curl *self, struct task *task, enum http_result result, const char *problem)
{
	transfer_give_up(&task->transfer, &self->setup, result, problem);
	publish(self, task);
}

/* End a task whose time is up. */
static void
give_up_late(struct http_curl *self, struct task *task)
{
	bool is_under_way = task->transfer.is_added;

	task->was_late = is_under_way;
	char problem[80];
	if (task->place.waited && !is_under_way) {
		snprintf(problem, sizeof(problem),
		    "too many calls to it are under way: no turn within %lld ms",
		    (long long)(task->job->deadline_us - task->job->start_us) / 1000);
		give_up(self, task, HTTP_BUSY, problem);
		return;
	}
	snprintf(problem, sizeof(problem), "no %s within %lld ms",
	    transfer_was_sent(&task->transfer, &self->setup) ? "answer" : "connection",
	    (long long)task->job->timeout_ms);
	task->transfer.waited = task->place.waited;
	give_up(self, task, HTTP_TIMEOUT, problem);
}

/* End a task as libcurl did. */
static void
conclude(struct http_curl *self, struct task *task, CURLcode code)
{
	bool is_timeout = code == CURLE_OPERATION_TIMEDOUT;

	/* Else the time to connect was up, or libcurl's net was. */
	if (is_timeout &&
	    (transfer_was_sent(&task->transfer, &self->setup) ||
	        clock_us(CLOCK_MONOTONIC) >= task->job->deadline_us)) {
		give_up_late(self, task);
		return;
	}
	task->was_late = is_timeout;
	transfer_conclude(&task->transfer, &self->setup, code);
	publish(self, task);
}

/*
 * Starting a task
 */

/* The task waits for its turn.  Others that wait with it must not cost it its time. */
static void
await_turn(struct task *task)
{
	struct job *job = task->job;

	if (job->n == 1 && job->timeout_ms * 1000 < WITH_TURN_US)
		job->deadline_us = job->start_us + WITH_TURN_US;
}

/* Its turn has come, and its time begins. */
static void
end_turn(struct task *task)
{
	struct job *job = task->job;

	if (job->n != 1)
		return;
	job->start_us = clock_us(CLOCK_MONOTONIC);
	if (job->start_us + job->timeout_ms * 1000 < job->deadline_us)
		job->deadline_us = job->start_us + job->timeout_ms * 1000;
}

/* Hand the task to libcurl. */
static void
launch(struct http_curl *self, struct task *task)
{
	const struct curl_functions *curl = self->setup.curl;
	struct transfer *transfer = &task->transfer;
	int64_t left_us = task->job->deadline_us - self->clock.looked_us;

	if (left_us <= 0) {
		give_up_late(self, task);
		return;
	}
	CURL *easy = self->n_pool > 0 ? self->pool[--self->n_pool] : curl->easy_init();
	if (easy && ++self->n_under_way > self->most_under_way)
		self->most_under_way = self->n_under_way;
	if (!transfer_prepare(transfer, &self->setup, easy, (left_us + 999) / 1000)) {
		publish(self, task);
		return;
	}
	CURLMcode code = curl->multi_add_handle(self->multi, easy);
	if (code == CURLM_OK)
		transfer->is_added = true;
	else if (code == CURLM_OUT_OF_MEMORY)
		give_up(self, task, HTTP_SHORTAGE, "short of memory here");
	else
		give_up(self, task, HTTP_UNREACHABLE, "libcurl refused the call");
}

/* Launch the task, or let it wait for its turn. */
static void
start(struct http_curl *self, struct task *task)
{
	const struct http_call *call = task->transfer.call;

	task->place.holder = task;
	task->place.since_us = task->job->start_us + task->job->still_us - self->clock.still_us;
	if (call->at_once ||
	    lanes_enter(self->lanes, call->server, &task->place,
	        loop_clock_running_us(&self->clock)))
		launch(self, task);
	else
		await_turn(task);
}

/* Launch those that wait and whose turn it is; refuse those that wait for a server that
 * is stuck. */
static void
serve_waiting(struct http_curl *self)
{
	struct lane_place *place;
	enum lane_turn turn;

	while ((turn = lanes_next(self->lanes, loop_clock_running_us(&self->clock), &place)) !=
	    LANE_NOBODY) {
		if (turn == LANE_GO) {
			end_turn(place->holder);
			launch(self, place->holder);
		} else {
			give_up(self, place->holder, HTTP_BUSY,
			    "too many calls to it are under way, and it answers none");
		}
	}
}

/*
 * The loop
 */

/* End all tasks of a job; the job is gone on return. */
static void
end_job(struct http_curl *self, struct job *job, bool abandoned)
{
	size_t left = job->left;

	for (struct task *task = job->tasks; left > 0; task++) {
		if (task->finished)
			continue;
		left--;
		if (abandoned)
			give_up(self, task, HTTP_ABANDONED, "another answer was enough");
		else
			give_up_late(self, task);
	}
}

/* Start what came in.  Returns false when it is time to stop. */
static bool
take_in(struct http_curl *self)
{
	pthread_mutex_lock(&self->lock);
	struct job *incoming = self->incoming;
	self->incoming = NULL;
	self->incoming_end = &self->incoming;
	bool stop = self->stop;
	pthread_mutex_unlock(&self->lock);

	look_at_clock(self);
	struct job *job;
	while ((job = incoming)) {
		size_t n = job->n; /* the job may be gone when the last is started */
		int64_t late_us = self->clock.looked_us - job->start_us;

		incoming = job->next;
		job->next = self->jobs;
		self->jobs = job;
		if (late_us >= LOOP_CLOCK_STILL_US)
			make_up_for(self, job, late_us);
		for (size_t i = 0; i < n; i++)
			start(self, &job->tasks[i]);
	}
	return !stop;
}

/* End the jobs that are late, or whose caller has had enough. */
static void
end_jobs(struct http_curl *self)
{
	struct job *next;

	for (struct job *job = self->jobs; job; job = next) {
		next = job->next;
		pthread_mutex_lock(&self->lock);
		bool abandon = job->abandon;
		pthread_mutex_unlock(&self->lock);
		if (abandon || job->deadline_us <= self->clock.looked_us)
			end_job(self, job, abandon);
	}
}

/* Conclude what libcurl has finished. */
static void
take_finished(struct http_curl *self)
{
	const struct curl_functions *curl = self->setup.curl;
	CURLMsg *message;
	int n;

	while ((message = curl->multi_info_read(self->multi, &n))) {
		/* The message dies with the handle's removal. */
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;

		struct task *task;
		if (message->msg == CURLMSG_DONE &&
		    curl->easy_getinfo(easy, CURLINFO_PRIVATE, &task) == CURLE_OK)
			conclude(self, task, result);
	}
}

/* Do all there is to do now, without waiting.  Returns false when it is time to stop. */
static bool
loop_once(struct http_curl *self)
{
	const struct curl_functions *curl = self->setup.curl;
	bool go_on = take_in(self);
	int n;

	CURLMcode code = curl->multi_perform(self->multi, &n);
	if (code != CURLM_OK)
		log_error("libcurl cannot go on", "reason", curl->multi_strerror(code));
	look_at_clock(self);
	take_finished(self);
	end_jobs(self);
	/* After all answers that are there were taken, however late that is. */
	serve_waiting(self);
	return go_on;
}

/* Sleep until a socket, a timer of libcurl, a deadline, the end of the patience with a
 * server, or a caller calls. */
static void
wait_for_work(struct http_curl *self)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };

	look_at_clock(self);
	int64_t until = self->clock.looked_us + (self->jobs ? LOOP_CLOCK_SLEEP_US : IDLE_US);
	for (const struct job *job = self->jobs; job; job = job->next)
		if (job->deadline_us < until)
			until = job->deadline_us;
	int64_t patience_end = lanes_patience_end_us(self->lanes);
	if (patience_end < until - self->clock.still_us)
		until = patience_end + self->clock.still_us;
	int64_t sleep_us = loop_clock_sleep(&self->clock, until);
	/* Rounded up, or the last millisecond would be spun away.  A failure returns at
	 * once, so it must not be spun away either. */
	if (self->setup.curl->multi_poll(self->multi, NULL, 0, (int)((sleep_us + 999) / 1000),
	        NULL) != CURLM_OK)
		nanosleep(&pause, NULL);
}

static void *
transfer_thread(void *context)
{
	struct http_curl *self = context;

	loop_clock_start(&self->clock, clock_us(CLOCK_MONOTONIC));
	while (loop_once(self))
		wait_for_work(self);
	return NULL;
}

/* Load libcurl and make the loop's part, if not yet done. */
static int
loop_init(struct http_curl *self)
{
	const char *ca_file = NULL;

	if (self->multi)
		return 0;
	const struct curl_functions *curl;
	curl = self->setup.curl = curl_functions_load();
	if (!curl)
		return -1;
	CURL *easy = curl->easy_init();
	if (!easy)
		goto fail;
	self->multi = curl->multi_init();
	if (!self->multi)
		goto fail_easy;
	/* Without descriptors for it libcurl goes on, and nobody would ever be woken. */
	if (self->mode == HTTP_CURL_THREAD && curl->multi_wakeup(self->multi) != CURLM_OK)
		goto fail_multi;
	curl->easy_getinfo(easy, CURLINFO_CAINFO, &ca_file);
	self->setup.has_ca_file = self->setup.ca_file || ca_file;
	curl->multi_setopt(self->multi, CURLMOPT_MAXCONNECTS,
	    transfer_connections_most(self->n_servers));
	self->pool[self->n_pool++] = easy;
	return 0;

fail_multi:
	curl->multi_cleanup(self->multi);
	self->multi = NULL;
fail_easy:
	curl->easy_cleanup(easy);
fail:
	log_error("libcurl does not start", "reason", "out of memory or descriptors");
	return -1;
}

/*
 * The caller's side
 */

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
	pthread_mutex_unlock(&self->lock);
	for (; task; task = task->next_finished) {
		struct http_call *call = &batch->calls[task - job->tasks];

		++*seen;
		transfer_hand_over(&task->transfer, call, arena);
		call->until_us = job->deadline_us;
		if (call->result == HTTP_ANSWERED && batch->enough &&
		    batch->enough(call, batch->context))
			enough = true;
	}
	pthread_mutex_lock(&self->lock);
	return enough;
}

/* Be the loop until the job is done, or wait for the thread that is. */
static void
see_through(struct http_curl *self, struct job *job, const struct http_batch *batch,
    struct arena *arena)
{
	pthread_mutex_lock(&self->lock);
	*self->incoming_end = job;
	self->incoming_end = &job->next;
	if (self->mode == HTTP_CURL_THREAD)
		self->setup.curl->multi_wakeup(self->multi);
	size_t seen = 0;
	while (seen < job->n) {
		if (self->mode == HTTP_CURL_INLINE) {
			pthread_mutex_unlock(&self->lock);
			loop_once(self);
			if (!job->finished)
				wait_for_work(self);
			pthread_mutex_lock(&self->lock);
		} else {
			while (!job->finished)
				pthread_cond_wait(&job->changed, &self->lock);
		}
		if (take_over_finished(self, job, batch, arena, &seen) && !job->abandon) {
			job->abandon = true;
			if (self->mode == HTTP_CURL_THREAD)
				self->setup.curl->multi_wakeup(self->multi);
		}
	}
	pthread_mutex_unlock(&self->lock);
}

/* Make a job of the batch and see it through. */
static void
run_job(struct http_curl *self, struct arena *arena, const struct http_batch *batch,
    int64_t start_us)
{
	struct job job = {
		.n = batch->n,
		.left = batch->n,
		.timeout_ms = batch->timeout_ms,
		.start_us = start_us,
	};
	job.finished_end = &job.finished;

	/* A timeout beyond all reason must not overflow. */
	if (job.timeout_ms < 0)
		job.timeout_ms = 0;
	else if (job.timeout_ms > INT32_MAX / 2)
		job.timeout_ms = INT32_MAX / 2;
	job.deadline_us = job.start_us + job.timeout_ms * 1000;

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
		ready = loop_init(self) == 0;
		loop_clock_start(&self->clock, clock_us(CLOCK_MONOTONIC));
	}
	int64_t start_us = clock_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < batch->n; i++) {
		struct http_call *call = &batch->calls[i];

		call->result = HTTP_SHORTAGE;
		call->sent = call->waited = false;
		call->still_ms = call->status = 0;
		call->answer = call->answer_type = call->location = call->set_cookie =
		    (struct str){ NULL, 0 };
		call->elapsed_ms = 0;
		call->problem = ready ? NULL : "libcurl cannot be loaded";
	}
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
	/* The handles first, then the connections they may own. */
	while (self->n_pool > 0)
		self->setup.curl->easy_cleanup(self->pool[--self->n_pool]);
	if (self->multi)
		self->setup.curl->multi_cleanup(self->multi);
	pthread_mutex_destroy(&self->inline_lock);
	pthread_mutex_destroy(&self->lock);
	lanes_free(self->lanes);
	free(self->setup.agent);
	free(self->setup.ca_file);
	free(self);
}

static void
http_curl_close(struct http *http)
{
	struct http_curl *self = (struct http_curl *)http;

	if (self->mode == HTTP_CURL_THREAD) {
		pthread_mutex_lock(&self->lock);
		self->stop = true;
		pthread_mutex_unlock(&self->lock);
		self->setup.curl->multi_wakeup(self->multi);
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
	int error = pthread_create(&self->thread, &attributes, transfer_thread, self);
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
	int64_t connect_timeout_ms = options->connect_timeout_ms;

	/* 0 would mean libcurl's own 300 s (CURLOPT_CONNECTTIMEOUT_MS(3)). */
	if (connect_timeout_ms < 1)
		connect_timeout_ms = 1;
	else if (connect_timeout_ms > INT32_MAX / 2)
		connect_timeout_ms = INT32_MAX / 2;

	self->http.run = http_curl_run;
	self->http.close = http_curl_close;
	self->mode = options->mode;
	self->setup.ca_file = mem_strdup(options->ca_file);
	self->setup.agent = mem_strdup(options->agent);
	self->setup.connect_timeout_ms = (long)connect_timeout_ms;
	self->lanes = lanes_new(options->max_calls_per_server);
	self->n_servers = options->n_servers;
	self->incoming_end = &self->incoming;
	pthread_mutex_init(&self->lock, NULL);
	pthread_mutex_init(&self->inline_lock, NULL);
	if (self->mode == HTTP_CURL_THREAD &&
	    (loop_init(self) == -1 || start_thread(self) == -1)) {
		http_curl_free(self);
		return NULL;
	}
	return &self->http;
}

#include "adapters/curl/http_curl.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/curl/functions.h"
#include "adapters/curl/handles.h"
#include "adapters/curl/lanes.h"
#include "adapters/curl/loop_clock.h"
#include "adapters/curl/sockets.h"
#include "adapters/curl/transfer.h"
#include "base/blocking.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

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
	bool was_late;     /* time was up, and it was under way */
	bool is_unwatched; /* nothing that comes on its socket would be seen */
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
	int64_t still_us;         /* of that time, while this process stood still */
	size_t left;              /* the loop's */
	atomic_bool is_abandoned; /* its caller has enough */
	/* Under the lock: what the caller has not taken over yet. */
	struct task *finished, **finished_end;
	pthread_cond_t changed; /* there is something finished */
};

struct http_curl {
	struct http http;
	enum http_curl_mode mode;

	pthread_t thread;
	pthread_mutex_t lock; /* incoming, stop, has_news, is_asleep, and what job says */
	pthread_mutex_t inline_lock; /* one INLINE run at a time */
	struct job *incoming, **incoming_end;
	bool stop;
	bool has_news;  /* for the loop: there is something incoming, or a job is to end */
	bool is_asleep; /* the loop; whoever has news for it rings */

	/* The loop's alone. */
	struct transfer_setup setup;
	CURLM *multi;
	struct sockets sockets;
	struct job *jobs;
	bool has_unwatched; /* transfers whose sockets cannot be watched */
	struct handles handles;
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
	handles_give_back(&self->handles, easy);
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
	CURL *easy = handles_take(&self->handles);
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

/* End the tasks of a job whose caller has had enough, or whose time is up; the job is gone on
 * return.  Of any other, end those whose sockets cannot be watched. */
static void
end_tasks(struct http_curl *self, struct job *job, bool is_abandoned, bool is_late)
{
	size_t left = job->left;

	for (struct task *task = job->tasks; left > 0; task++) {
		if (task->finished)
			continue;
		left--;
		if (is_abandoned)
			give_up(self, task, HTTP_ABANDONED, "another answer was enough");
		else if (task->is_unwatched)
			give_up(self, task, HTTP_SHORTAGE, "short of memory here");
		else if (is_late)
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
	self->is_asleep = self->has_news = false;
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

/* End what is late, or not wanted any more, or cannot go on. */
static void
end_jobs(struct http_curl *self)
{
	bool has_unwatched = self->has_unwatched;
	struct job *next;

	self->has_unwatched = false;
	for (struct job *job = self->jobs; job; job = next) {
		next = job->next;
		bool is_abandoned = atomic_load(&job->is_abandoned);
		bool is_late = job->deadline_us <= self->clock.looked_us;
		if (is_abandoned || is_late || has_unwatched)
			end_tasks(self, job, is_abandoned, is_late);
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

/* A socket cannot be watched. */
static void
note_unwatched(CURL *easy, void *context)
{
	struct http_curl *self = context;
	struct task *task = NULL;

	if (self->setup.curl->easy_getinfo(easy, CURLINFO_PRIVATE, &task) == CURLE_OK && task)
		task->is_unwatched = self->has_unwatched = true;
}

/* Do all there is to do now, without waiting.  Returns false when it is time to stop. */
static bool
loop_once(struct http_curl *self)
{
	bool go_on = take_in(self);

	CURLMcode code = sockets_act(&self->sockets);
	if (code != CURLM_OK)
		log_error("libcurl cannot go on", "reason",
		    self->setup.curl->multi_strerror(code));
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
	look_at_clock(self);
	int64_t until = self->clock.looked_us + (self->jobs ? LOOP_CLOCK_SLEEP_US : IDLE_US);
	for (const struct job *job = self->jobs; job; job = job->next)
		if (job->deadline_us < until)
			until = job->deadline_us;
	int64_t patience_end = lanes_patience_end_us(self->lanes);
	if (patience_end < until - self->clock.still_us)
		until = patience_end + self->clock.still_us;
	int64_t sleep_us = loop_clock_sleep(&self->clock, until);
	pthread_mutex_lock(&self->lock);
	bool is_asleep = self->is_asleep = !self->has_news;
	pthread_mutex_unlock(&self->lock);
	sockets_wait(&self->sockets, is_asleep ? sleep_us : 0);
}

/* Tell the loop that there is news.  The lock is held. */
static void
tell_loop(struct http_curl *self)
{
	self->has_news = true;
	if (self->is_asleep && self->mode == HTTP_CURL_THREAD)
		sockets_ring(&self->sockets);
	self->is_asleep = false;
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
	self->handles.curl = curl;
	CURL *easy = handles_take(&self->handles);
	if (!easy)
		goto fail;
	self->multi = curl->multi_init();
	if (!self->multi)
		goto fail_easy;
	if (!sockets_open(&self->sockets, curl, self->multi, self->mode == HTTP_CURL_THREAD,
	        note_unwatched, self))
		goto fail_multi;
	curl->easy_getinfo(easy, CURLINFO_CAINFO, &ca_file);
	self->setup.has_ca_file = self->setup.ca_file || ca_file;
	curl->multi_setopt(self->multi, CURLMOPT_MAXCONNECTS,
	    transfer_connections_most(self->n_servers));
	handles_give_back(&self->handles, easy);
	return 0;

fail_multi:
	curl->multi_cleanup(self->multi);
	self->multi = NULL;
fail_easy:
	handles_give_back(&self->handles, easy);
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
	tell_loop(self);
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
		if (take_over_finished(self, job, batch, arena, &seen) &&
		    !atomic_exchange(&job->is_abandoned, true))
			tell_loop(self);
	}
	pthread_mutex_unlock(&self->lock);
}

/* A timeout that is beyond all reason must not overflow. */
static int64_t
clamp_ms(int64_t timeout_ms, int64_t least_ms)
{
	const int64_t most_ms = INT32_MAX / 2;

	return timeout_ms < least_ms ? least_ms : timeout_ms > most_ms ? most_ms : timeout_ms;
}

/* Make a job of the batch and see it through. */
static void
run_job(struct http_curl *self, struct arena *arena, const struct http_batch *batch,
    int64_t start_us)
{
	struct job job = {
		.n = batch->n,
		.left = batch->n,
		.timeout_ms = clamp_ms(batch->timeout_ms, 0),
		.start_us = start_us,
	};
	job.finished_end = &job.finished;

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
	/* The handles first, then the connections they may own. */
	handles_free(&self->handles);
	if (self->multi) {
		self->setup.curl->multi_cleanup(self->multi);
		sockets_close(&self->sockets);
	}
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
		tell_loop(self);
		pthread_mutex_unlock(&self->lock);
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

	self->http.run = http_curl_run;
	self->http.close = http_curl_close;
	self->mode = options->mode;
	self->setup.ca_file = mem_strdup(options->ca_file);
	self->setup.agent = mem_strdup(options->agent);
	/* 0 would mean libcurl's own 300 s (CURLOPT_CONNECTTIMEOUT_MS(3)). */
	self->setup.connect_timeout_ms = (long)clamp_ms(options->connect_timeout_ms, 1);
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

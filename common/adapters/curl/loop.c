#include "adapters/curl/loop.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapters/curl/functions.h"
#include "adapters/curl/memory.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* So long a call that is alone in its batch may take with its turn, if it is longer than its
 * timeout: web servers and clients wait no longer. */
#define WITH_TURN_US (INT64_C(30) * 1000000)

/* So many tasks of a job are started in one turn. */
#define TASKS_A_TURN 32

/* The longest sleep of an idle loop. */
#define IDLE_US (INT64_C(600) * 1000000)

/* Let the job have the time that it lost while this process stood still. */
static void
make_up_for(struct loop *loop, struct job *job, int64_t lost_us)
{
	job->deadline_us += lost_us;
	job->still_us += lost_us;
	for (size_t i = 0; i < job->n; i++)
		transfer_prolong(&job->tasks[i].transfer, &loop->setup, lost_us / 1000);
}

/* Look at the clock, and let no deadline count the time for which this process stood still. */
static void
look_at_clock(struct loop *loop)
{
	int64_t still_us = loop_clock_look(&loop->clock, clock_us(CLOCK_MONOTONIC));
	char seconds[32];

	if (still_us == 0 || !loop->jobs)
		return;
	snprintf(seconds, sizeof(seconds), "%.1f", (double)still_us / 1e6);
	log_warn("this host stood still: calls under way have so much more time", "seconds",
	    seconds);
	for (struct job *job = loop->jobs; job; job = job->next)
		make_up_for(loop, job, still_us);
}

/*
 * Ending a task
 */

/* Take the transfer back from libcurl, which knows nothing of it after. */
static void
let_go(struct loop *loop, struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	if (!easy)
		return;
	if (transfer->is_added)
		loop->setup.curl->multi_remove_handle(loop->multi, easy);
	transfer_release(transfer, &loop->setup);
	handles_give_back(&loop->handles, &loop->setup, easy, transfer_wore_out(transfer));
}

static struct task *
task_of(struct inbox_item *item)
{
	return item ? (struct task *)((char *)item - offsetof(struct task, item)) : NULL;
}

/* The task is finished.  When it was the job's last, the job has left the list. */
static void
publish(struct loop *loop, struct task *task)
{
	struct job *job = task->job;
	int64_t elapsed_us = clock_us(CLOCK_MONOTONIC) - job->start_us - job->still_us;

	transfer_note_standstill(&task->transfer, job->still_us);
	let_go(loop, &task->transfer);
	lanes_leave(&task->place,
	    lanes_end_of(task->transfer.result, task->was_late && task->job->still_us == 0),
	    loop_clock_running_us(&loop->clock));
	task->transfer.elapsed_ms = elapsed_us / 1000;
	task->until_us = job->deadline_us;
	if (--job->left == 0) {
		struct job **link;
		for (link = &loop->jobs; *link != job; link = &(*link)->next)
			continue;
		*link = job->next;
	}
	task->finished = true;
	if (!job->newest) {
		job->oldest = &task->item;
		job->next_to_tell = loop->to_tell;
		loop->to_tell = job;
	}
	task->item.next = job->newest;
	job->newest = &task->item;
}

/* Tell the callers what has finished, once a turn: each that is woken wants a processor.  A job
 * of which all is told is gone then. */
static void
tell_callers(struct loop *loop)
{
	struct job *next;

	for (struct job *job = loop->to_tell; job; job = next) {
		struct caller *caller = job->caller;
		struct inbox_item *newest = job->newest, *oldest = job->oldest;

		next = job->next_to_tell;
		job->newest = NULL;
		task_of(newest)->ends_telling = true;
		inbox_put_chain(&caller->finished, newest, oldest);
		/* The caller stays until it has heard this. */
		sem_post(&caller->told);
	}
	loop->to_tell = NULL;
}

/* End a task for a reason of our own. */
static void
give_up(struct loop *loop, struct task *task, enum http_result result, const char *problem)
{
	transfer_give_up(&task->transfer, &loop->setup, result, problem);
	publish(loop, task);
}

/* End a task whose time is up. */
static void
give_up_late(struct loop *loop, struct task *task)
{
	bool is_under_way = task->transfer.is_added;

	task->was_late = is_under_way;
	char problem[80];
	if (!is_under_way && (task->place.waited || task->job->timeout_ms > 0)) {
		/* It tells nothing of the server that this process did not come to it. */
		snprintf(problem, sizeof(problem), "%s within %lld ms",
		    task->place.waited ?
		        "too many calls to it are under way: no turn" :
		        "this host is too busy: nothing was sent",
		    (long long)(task->job->deadline_us - task->job->start_us) / 1000);
		give_up(loop, task, task->place.waited ? HTTP_BUSY : HTTP_SHORTAGE, problem);
		return;
	}
	snprintf(problem, sizeof(problem), "no %s within %lld ms",
	    transfer_was_sent(&task->transfer, &loop->setup) ? "answer" : "connection",
	    (long long)task->job->timeout_ms);
	task->transfer.waited = task->place.waited;
	give_up(loop, task, HTTP_TIMEOUT, problem);
}

/* End a task as libcurl did. */
static void
conclude(struct loop *loop, struct task *task, CURLcode code)
{
	bool is_timeout = code == CURLE_OPERATION_TIMEDOUT;

	/* Else the time to connect was up, or libcurl's net was. */
	if (is_timeout &&
	    (transfer_was_sent(&task->transfer, &loop->setup) ||
	        clock_us(CLOCK_MONOTONIC) >= task->job->deadline_us)) {
		give_up_late(loop, task);
		return;
	}
	task->was_late = is_timeout;
	transfer_conclude(&task->transfer, &loop->setup, code);
	publish(loop, task);
}

/*
 * Starting a task
 */

/* The task waits for its turn.  Others that wait with it must not cost it its time. */
static void
await_turn(struct task *task)
{
	struct job *job = task->job;

	if (job->is_alone && job->timeout_ms * 1000 < WITH_TURN_US)
		job->deadline_us = job->start_us + WITH_TURN_US;
}

/* Its turn has come, and its time begins. */
static void
end_turn(struct task *task)
{
	struct job *job = task->job;

	if (!job->is_alone)
		return;
	job->start_us = clock_us(CLOCK_MONOTONIC);
	if (job->start_us + job->timeout_ms * 1000 < job->deadline_us)
		job->deadline_us = job->start_us + job->timeout_ms * 1000;
}

/* Hand the task to libcurl, unless memory is short. */
static void
launch(struct loop *loop, struct task *task)
{
	const struct curl_functions *curl = loop->setup.curl;
	struct transfer *transfer = &task->transfer;
	int64_t left_us = task->job->deadline_us - loop->clock.looked_us;

	if (left_us <= 0) {
		give_up_late(loop, task);
		return;
	}
	if (memory_is_short()) {
		give_up(loop, task, HTTP_SHORTAGE, "short of memory here");
		return;
	}
	CURL *easy = handles_take(&loop->handles, &loop->setup);
	if (!transfer_prepare(transfer, &loop->setup, easy, (left_us + 999) / 1000)) {
		publish(loop, task);
		return;
	}
	CURLMcode code = curl->multi_add_handle(loop->multi, easy);
	if (code == CURLM_OK)
		transfer->is_added = true;
	else if (code == CURLM_OUT_OF_MEMORY)
		give_up(loop, task, HTTP_SHORTAGE, "short of memory here");
	else
		give_up(loop, task, HTTP_UNREACHABLE, "libcurl refused the call");
}

/* Launch the task, or let it wait for its turn. */
static void
start(struct loop *loop, struct task *task)
{
	const struct http_call *call = task->transfer.call;

	task->place.holder = task;
	task->place.since_us = task->job->start_us + task->job->still_us - loop->clock.still_us;
	if (call->at_once ||
	    lanes_enter(loop->lanes, call->server, &task->place,
	        loop_clock_running_us(&loop->clock)))
		launch(loop, task);
	else
		await_turn(task);
}

/* Launch those that wait and whose turn it is; refuse those that wait for a server that
 * is stuck. */
static void
serve_waiting(struct loop *loop)
{
	struct lane_place *place;
	enum lane_turn turn;

	while ((turn = lanes_next(loop->lanes, loop_clock_running_us(&loop->clock), &place)) !=
	    LANE_NOBODY) {
		if (turn == LANE_GO) {
			end_turn(place->holder);
			launch(loop, place->holder);
		} else {
			give_up(loop, place->holder, HTTP_BUSY,
			    "too many calls to it are under way, and it answers none");
		}
	}
}

/*
 * The loop
 */

/* End the tasks of a job whose caller has had enough, or whose time is up.  Of any other, end
 * those that memory is short for. */
static void
end_tasks(struct loop *loop, struct job *job, bool is_abandoned, bool is_late)
{
	size_t left = job->left;

	for (struct task *task = job->tasks; left > 0; task++) {
		if (task->finished)
			continue;
		left--;
		if (is_abandoned)
			give_up(loop, task, HTTP_ABANDONED, "another answer was enough");
		else if (task->is_short)
			give_up(loop, task, HTTP_SHORTAGE, "short of memory here");
		else if (is_late)
			give_up_late(loop, task);
	}
}

/* Take what came in.  Returns false when it is time to stop. */
static bool
take_in(struct loop *loop)
{
	atomic_store(&loop->is_asleep, false);
	/* Before what is told of is looked for. */
	atomic_store(&loop->has_news, false);
	bool stop = atomic_load(&loop->stop);
	struct inbox_item *incoming = inbox_take(&loop->incoming);

	look_at_clock(loop);
	struct inbox_item *next;
	for (struct inbox_item *item = incoming; item; item = next) {
		struct job *job = (struct job *)((char *)item - offsetof(struct job, item));
		int64_t late_us = loop->clock.looked_us - job->start_us;

		next = item->next;
		job->next = loop->jobs;
		loop->jobs = job;
		if (late_us >= LOOP_CLOCK_STILL_US)
			make_up_for(loop, job, late_us);
	}
	return !stop;
}

/* Start some tasks of each job: a look-up at hundreds of servers leaves time for the others. */
static void
start_tasks(struct loop *loop)
{
	struct job *next;

	loop->has_unstarted = false;
	for (struct job *job = loop->jobs; job; job = next) {
		next = job->next; /* the job leaves the list with its last task */
		for (size_t n = 0; n < TASKS_A_TURN && job->n_started < job->n; n++) {
			struct task *task = &job->tasks[job->n_started++];

			if (!task->finished)
				start(loop, task);
		}
		loop->has_unstarted |= job->n_started < job->n;
	}
}

/* End what is late, or not wanted any more, or cannot go on. */
static void
end_jobs(struct loop *loop)
{
	bool has_short = loop->has_short;
	struct job *next;

	loop->has_short = false;
	for (struct job *job = loop->jobs; job; job = next) {
		next = job->next;
		bool is_abandoned = atomic_load(&job->is_abandoned);
		bool is_late = job->deadline_us <= loop->clock.looked_us;
		if (is_abandoned || is_late || has_short)
			end_tasks(loop, job, is_abandoned, is_late);
	}
}

/* Conclude what libcurl has finished. */
static void
take_finished(struct loop *loop)
{
	const struct curl_functions *curl = loop->setup.curl;
	CURLMsg *message;
	int n;

	while ((message = curl->multi_info_read(loop->multi, &n))) {
		/* The message dies with the handle's removal. */
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;

		struct task *task;
		if (message->msg == CURLMSG_DONE &&
		    curl->easy_getinfo(easy, CURLINFO_PRIVATE, &task) == CURLE_OK)
			conclude(loop, task, result);
	}
}

/* What libcurl has of its memory is its reserve: all that it does is to end. */
static void
end_for_memory(struct loop *loop)
{
	for (struct job *job = loop->jobs; job; job = job->next)
		for (size_t i = 0; i < job->n_started; i++)
			if (job->tasks[i].transfer.is_added)
				job->tasks[i].is_short = loop->has_short = true;
}

/* A socket cannot be watched. */
static void
note_unwatched(CURL *easy, void *context)
{
	struct loop *loop = context;
	struct task *task = NULL;

	if (loop->setup.curl->easy_getinfo(easy, CURLINFO_PRIVATE, &task) == CURLE_OK && task)
		task->is_short = loop->has_short = true;
}

bool
loop_once(struct loop *loop)
{
	bool go_on = take_in(loop);

	start_tasks(loop);
	CURLMcode code = sockets_act(&loop->sockets);
	if (code != CURLM_OK)
		log_error("libcurl cannot go on", "reason",
		    loop->setup.curl->multi_strerror(code));
	look_at_clock(loop);
	take_finished(loop);
	if (memory_is_short())
		end_for_memory(loop);
	end_jobs(loop);
	/* After all answers that are there were taken, however late that is. */
	serve_waiting(loop);
	tell_callers(loop);
	return go_on;
}

/* … a socket, a timer of libcurl, a deadline, the end of the patience with a server, or a
 * caller. */
void
loop_wait(struct loop *loop)
{
	look_at_clock(loop);
	int64_t until = loop->clock.looked_us + (loop->jobs ? LOOP_CLOCK_SLEEP_US : IDLE_US);
	for (const struct job *job = loop->jobs; job; job = job->next)
		if (job->deadline_us < until)
			until = job->deadline_us;
	int64_t patience_end = lanes_patience_end_us(loop->lanes);
	if (patience_end < until - loop->clock.still_us)
		until = patience_end + loop->clock.still_us;
	int64_t tend_us = handles_tend(&loop->handles, &loop->setup, loop->clock.looked_us);
	if (tend_us < until)
		until = tend_us;
	int64_t sleep_us = loop_clock_sleep(&loop->clock, until);
	bool sleeps = !loop->has_unstarted;
	if (sleeps) {
		atomic_store(&loop->is_asleep, true);
		/* Who has told before that does not ring. */
		sleeps = !atomic_load(&loop->has_news);
	}
	sockets_wait(&loop->sockets, sleeps ? sleep_us : 0);
}

void
loop_tell(struct loop *loop)
{
	atomic_store(&loop->has_news, true);
	if (atomic_exchange(&loop->is_asleep, false) && loop->has_bell)
		sockets_ring(&loop->sockets);
}

/* A timeout that is beyond all reason must not overflow. */
static int64_t
clamp_ms(int64_t timeout_ms, int64_t least_ms)
{
	const int64_t most_ms = INT32_MAX / 2;

	return timeout_ms < least_ms ? least_ms : timeout_ms > most_ms ? most_ms : timeout_ms;
}

void
loop_bring(struct loop *loop, struct job *job)
{
	job->timeout_ms = clamp_ms(job->timeout_ms, 0);
	job->deadline_us = job->start_us + job->timeout_ms * 1000;
	job->left = job->n;
	inbox_put(&loop->incoming, &job->item);
	loop_tell(loop);
}

void
loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	loop_tell(loop);
}

void
loop_start(struct loop *loop)
{
	loop_clock_start(&loop->clock, clock_us(CLOCK_MONOTONIC));
}

void
loop_init(struct loop *loop, const struct http_curl_options *options, size_t n_loops)
{
	*loop = (struct loop){
		.setup.ca_file = mem_strdup(options->ca_file),
		.setup.agent = mem_strdup(options->agent),
		/* 0 would mean libcurl's own 300 s (CURLOPT_CONNECTTIMEOUT_MS(3)). */
		.setup.connect_timeout_ms = (long)clamp_ms(options->connect_timeout_ms, 1),
		.lanes = lanes_new(options->max_calls_per_server),
		.connections_most = transfer_connections_most(options->n_servers, n_loops),
		.has_bell = options->mode == HTTP_CURL_THREAD,
	};
}

int
loop_load(struct loop *loop)
{
	const char *ca_file = NULL;

	if (loop->multi)
		return 0;
	const struct curl_functions *curl;
	curl = loop->setup.curl = curl_functions_load();
	if (!curl)
		return -1;
	CURL *easy = curl->easy_init();
	if (!easy)
		goto fail;
	loop->multi = curl->multi_init();
	if (!loop->multi)
		goto fail_easy;
	if (!sockets_open(&loop->sockets, curl, loop->multi, loop->has_bell, note_unwatched,
	        loop))
		goto fail_multi;
	curl->easy_getinfo(easy, CURLINFO_CAINFO, &ca_file);
	loop->setup.has_ca_file = loop->setup.ca_file || ca_file;
	curl->multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, loop->connections_most);
	curl->easy_cleanup(easy);
	return 0;

fail_multi:
	curl->multi_cleanup(loop->multi);
	loop->multi = NULL;
fail_easy:
	curl->easy_cleanup(easy);
fail:
	log_error("libcurl does not start", "reason", "out of memory or descriptors");
	return -1;
}

void
loop_free(struct loop *loop)
{
	/* The handles first, then the connections they may own. */
	handles_free(&loop->handles, &loop->setup);
	if (loop->multi) {
		loop->setup.curl->multi_cleanup(loop->multi);
		sockets_close(&loop->sockets);
	}
	lanes_free(loop->lanes);
	free(loop->setup.agent);
	free(loop->setup.ca_file);
}

void
caller_init(struct caller *caller)
{
	*caller = (struct caller){ 0 };
	sem_init(&caller->told, 0, 0);
}

struct task *
caller_take(struct caller *caller)
{
	while (sem_wait(&caller->told) != 0)
		;
	caller->n_waited++;
	struct task *tasks = task_of(inbox_take(&caller->finished));
	for (const struct task *task = tasks; task; task = task_next(task))
		caller->n_told += task->ends_telling;
	return tasks;
}

struct task *
task_next(const struct task *task)
{
	return task_of(task->item.next);
}

void
caller_fini(struct caller *caller)
{
	/* What was taken may be told yet. */
	while (caller->n_waited < caller->n_told)
		caller_take(caller);
	sem_destroy(&caller->told);
}

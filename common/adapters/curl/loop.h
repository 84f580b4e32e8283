/*
 * The loop that runs all transfers of an adapter on one multi handle of libcurl: it starts
 * them, lets them wait for their turns (lanes.h), and ends them at their deadlines.
 *
 * One thread is the loop: it alone calls loop_once() and loop_wait(), in turn.  Callers are any
 * threads.  They bring jobs, batches of calls, and take over what has finished, as it comes; no
 * lock is between them and the loop:
 *
 *	caller_init(&caller);
 *	job.caller = &caller;
 *	loop_bring(loop, &job);
 *	while (...) {               not all n have come
 *		tasks = caller_take(&caller);
 *		...                 with each, by task_next()
 *	}
 *	caller_fini(&caller);
 */
#ifndef LOOP_H
#define LOOP_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/curl/handles.h"
#include "adapters/curl/http_curl.h"
#include "adapters/curl/inbox.h"
#include "adapters/curl/lanes.h"
#include "adapters/curl/loop_clock.h"
#include "adapters/curl/sockets.h"
#include "adapters/curl/transfer.h"

/* One call of a job, zeroed but for its job and its transfer, which is begun.  The loop writes
 * all of it until it is told that it has finished, then it is the caller's. */
struct task {
	struct transfer transfer; /* first: libcurl knows the task by it */
	struct job *job;
	struct inbox_item item; /* next: the one that finished after it */
	int64_t until_us;       /* when its time was up */

	/* Private. */
	struct lane_place place;
	bool was_late; /* time was up, and it was under way */
	bool is_short; /* of memory: nothing that comes on its socket would be seen, or all that
	                  libcurl has left is its reserve */
	bool finished;
	bool ends_telling; /* the last of those that were told of at once */
};

/* Who waits for jobs, of one loop or of several. */
struct caller {
	sem_t told; /* there may be something to take */
	/* Private. */
	struct inbox finished;
	size_t n_told;   /* how often it was told of what it took … */
	size_t n_waited; /* … and how often it waited for that */
};

/* One run(), or the part of it that is one loop's; zeroed but for what is said to be "in".  It
 * lives until the caller has got all n: whoever tells of the last task must not look at it
 * again. */
struct job {
	struct caller *caller; /* in */
	struct task *tasks;    /* in */
	size_t n;              /* in */
	bool is_alone;         /* in: its call is the only one of the run() */
	int64_t start_us;      /* in: by CLOCK_MONOTONIC; the loop moves it on, to its turn */
	int64_t timeout_ms;    /* in */
	atomic_bool is_abandoned; /* its caller has enough; see loop_tell() */

	/* Private. */
	int64_t deadline_us, still_us; /* when its time is up; for how long of it this process
	                                  stood still */
	struct inbox_item item;        /* of what comes in */
	struct job *next;
	size_t n_started, left;
	struct inbox_item *newest, *oldest; /* what is finished, and not told yet */
	struct job *next_to_tell;
};

struct loop {
	struct transfer_setup setup;

	/* Private. */
	struct inbox incoming;
	atomic_bool stop;
	/* Is there something for the loop to take in, or to end?  Does the loop sleep, so that
	 * whoever has news for it rings? */
	atomic_bool has_news, is_asleep;

	/* The loop's alone. */
	bool has_bell;
	CURLM *multi;
	struct sockets sockets;
	struct job *jobs;    /* those under way */
	struct job *to_tell; /* those of which something is to be told */
	bool has_unstarted;  /* tasks that are to be started in the next turn */
	bool has_short;      /* tasks that memory is short for */
	struct handles handles;
	long connections_most;
	struct lanes *lanes;
	struct loop_clock clock;
};

/* Make the loop, one of so many that share the servers; the options are copied.  Nothing is
 * loaded yet. */
void loop_init(struct loop *loop, const struct http_curl_options *options, size_t n_loops);

/* Load libcurl and make what the loop needs of it, if that is not done yet.  Returns -1, with
 * the reason logged, when it cannot be had. */
int loop_load(struct loop *loop);

/* Free all of it.  No job may be under way. */
void loop_free(struct loop *loop);

/* Begin to be the loop: the time before counts for nothing. */
void loop_start(struct loop *loop);

/* Do all there is to do now, without waiting.  Returns false when it is time to stop. */
bool loop_once(struct loop *loop);

/* Sleep until there is something to do. */
void loop_wait(struct loop *loop);

/* Bring a job. */
void loop_bring(struct loop *loop, struct job *job);

/* Tell the loop that a job was abandoned. */
void loop_tell(struct loop *loop);

/* Tell the loop to stop. */
void loop_stop(struct loop *loop);

/* Begin to wait for jobs that are going to be brought. */
void caller_init(struct caller *caller);

/* Wait until something has finished, and return it, the first one first; NULL: all of it was
 * taken before.  Of a loop that is the calling thread's own each turn has to be run first. */
struct task *caller_take(struct caller *caller);

/* The task that finished after this one; NULL: no other was taken with it. */
struct task *task_next(const struct task *task);

/* All n of all jobs were taken. */
void caller_fini(struct caller *caller);

#endif

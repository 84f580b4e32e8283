#include "crew.h"

#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/log.h"

#define STACK_BYTES ((size_t)512 << 10)

/* Threads in all for each that may be at work, and where that ends. */
#define THREADS_EACH 8
#define THREADS_MOST 1024

/* Where nobody has begun anything for so long, and nobody is idle, those at work get on with
 * nothing. */
#define GUARD_MS 5

/* That no thread can be had is told again after so long. */
#define TELL_MS 10000

/* Where a thread rests.  A semaphore, so that who is called need not have the mutex first. */
struct crew_seat {
	sem_t called;
	struct crew_seat *next;
};

/* The calling thread's; NULL: it is no crew's. */
static _Thread_local struct crew *own_crew;
static _Thread_local struct crew_seat own_seat;

/* What is to be done for another thread, once the mutex is let go. */
enum another { NONE, CALLED, TO_BE_MADE };

/*
 * Let another be idle, unless one is or so many are at work.  The last that came to rest is
 * called, whose memory is in the caches yet; *seat is its.  Where none rests one is to be made.
 * It counts as idle from here on.  The mutex is held.
 */
static enum another
call_another(struct crew *crew, unsigned most, struct crew_seat **seat)
{
	unsigned at_work = crew->n - crew->n_idle - crew->n_blocked - crew->n_resting;

	if (crew->is_ending || crew->n_idle > 0 || at_work >= most)
		return NONE;
	*seat = crew->resting;
	if (!*seat && crew->n >= crew->most)
		return NONE;
	crew->n_idle++;
	if (*seat) {
		crew->resting = (*seat)->next;
		crew->n_resting--;
		return CALLED;
	}
	crew->n++;
	return TO_BE_MADE;
}

/* The last thing that a thread does.  Each joins the one that ended before it, so that one
 * at most is left to be joined. */
static void
leave(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	pthread_t before = crew->ended;
	bool has_before = crew->has_ended;
	crew->ended = pthread_self();
	crew->has_ended = true;
	if (--crew->n == 0)
		pthread_cond_signal(&crew->none_left);
	pthread_mutex_unlock(&crew->mutex);
	if (has_before)
		pthread_join(before, NULL);
}

static void *
thread_main(void *argument)
{
	struct crew *crew = argument;

	own_crew = crew;
	sem_init(&own_seat.called, 0, 0);
	crew->run(crew->context);
	leave(crew);
	return NULL;
}

/* Start a thread.  Returns 0 or an error's number. */
static int
start_thread(pthread_t *thread, void *(*run)(void *), struct crew *crew)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int error = pthread_create(thread, &attributes, run, crew);
	pthread_attr_destroy(&attributes);
	return error;
}

/* Let the guard look where nobody is idle any more.  The mutex is held. */
static void
wake_guard(struct crew *crew)
{
	if (crew->n_idle > 0 || !crew->guard_rests)
		return;
	crew->guard_rests = false;
	pthread_cond_signal(&crew->guard_called);
}

/* Make a thread that is counted already.  Returns 0 or an error's number. */
static int
make_thread(struct crew *crew)
{
	pthread_t thread;
	int error = start_thread(&thread, thread_main, crew);

	if (error == 0)
		return 0;
	pthread_mutex_lock(&crew->mutex);
	if (--crew->n == 0)
		pthread_cond_signal(&crew->none_left);
	crew->n_idle--;
	wake_guard(crew);
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	bool tell = crew->told_ms == 0 || now_ms - crew->told_ms >= TELL_MS;
	if (tell)
		crew->told_ms = now_ms;
	pthread_mutex_unlock(&crew->mutex);
	if (tell)
		log_error("cannot start a thread", "reason", strerror(error));
	return error;
}

static void
bring_another(struct crew *crew, enum another another, struct crew_seat *seat)
{
	if (another == CALLED)
		sem_post(&seat->called);
	else if (another == TO_BE_MADE)
		make_thread(crew);
}

/* The thread waits for somebody else, or goes on. */
static void
blocked(bool begins)
{
	struct crew *crew = own_crew;
	struct crew_seat *seat = NULL;

	if (!crew)
		return;
	pthread_mutex_lock(&crew->mutex);
	crew->n_blocked += begins ? 1U : -1U;
	enum another another = begins ? call_another(crew, crew->most_awake, &seat) : NONE;
	pthread_mutex_unlock(&crew->mutex);
	bring_another(crew, another, seat);
}

/* ---- The guard ---------------------------------------------------------------- */

/* Wait for a while, or until the crew ends.  The mutex is held. */
static void
guard_wait(struct crew *crew)
{
	struct timespec until = clock_timespec(clock_us(CLOCK_MONOTONIC) + GUARD_MS * 1000);

	pthread_cond_timedwait(&crew->guard_called, &crew->mutex, &until);
}

/* Call another thread where those at work get on with nothing.  As long as one is idle there is
 * nothing to see to: then the guard sleeps until the last one begins something. */
static void *
guard_main(void *argument)
{
	struct crew *crew = argument;

	pthread_mutex_lock(&crew->mutex);
	while (!crew->is_ending) {
		crew->guard_rests = crew->n_idle > 0;
		if (crew->guard_rests) {
			pthread_cond_wait(&crew->guard_called, &crew->mutex);
			continue;
		}
		unsigned n_begun = crew->n_begun;
		guard_wait(crew);
		if (crew->n_begun != n_begun)
			continue;
		struct crew_seat *seat;
		enum another another = call_another(crew, crew->most_at_work, &seat);
		pthread_mutex_unlock(&crew->mutex);
		bring_another(crew, another, seat);
		pthread_mutex_lock(&crew->mutex);
	}
	pthread_mutex_unlock(&crew->mutex);
	return NULL;
}

static int
guard_open(struct crew *crew)
{
	int error = start_thread(&crew->guard, guard_main, crew);

	crew->has_guard = error == 0;
	if (error != 0)
		log_error("cannot start a thread", "reason", strerror(error));
	return error == 0 ? 0 : -1;
}

/* ---- The crew -------------------------------------------------------------------- */

int
crew_open(struct crew *crew, unsigned most_at_work, unsigned most_awake,
    void (*run)(void *context), void *context)
{
	unsigned most = most_at_work * THREADS_EACH;

	if (most_at_work == 1)
		most = 1;
	else if (most > THREADS_MOST)
		most = THREADS_MOST;
	*crew = (struct crew){
		.run = run,
		.context = context,
		.most = most,
		.most_at_work = most_at_work,
		.most_awake = most_awake < most_at_work ? most_awake : most_at_work,
	};
	pthread_mutex_init(&crew->mutex, NULL);
	pthread_cond_init(&crew->none_left, NULL);
	clock_cond_init(&crew->guard_called);
	blocking_listen(blocked);
	for (unsigned i = 0; i < crew->most_awake; i++) {
		pthread_mutex_lock(&crew->mutex);
		crew->n++;
		crew->n_idle++;
		pthread_mutex_unlock(&crew->mutex);
		if (make_thread(crew) != 0)
			return -1;
	}
	return most > 1 ? guard_open(crew) : 0;
}

void
crew_begin(struct crew *crew)
{
	struct crew_seat *seat = NULL;

	pthread_mutex_lock(&crew->mutex);
	crew->n_idle--;
	crew->n_begun++;
	enum another another = call_another(crew, crew->most_awake, &seat);
	wake_guard(crew);
	pthread_mutex_unlock(&crew->mutex);
	bring_another(crew, another, seat);
}

/* Rest until somebody calls, who counts the thread as idle.  The mutex is held. */
static void
sit_down(struct crew *crew)
{
	own_seat.next = crew->resting;
	crew->resting = &own_seat;
	crew->n_resting++;
	pthread_mutex_unlock(&crew->mutex);
	while (sem_wait(&own_seat.called) != 0)
		;
	pthread_mutex_lock(&crew->mutex);
}

/* Is the calling thread, which has nothing to do, needed?  One is to be idle at any time; while
 * others wait, who come back soon, more are: to rest, and to be called by the next that waits,
 * takes longer.  The mutex is held. */
static bool
is_needed(const struct crew *crew)
{
	unsigned others = crew->n - crew->n_blocked - crew->n_resting - 1;

	return crew->n_idle == 0 || others < crew->most_awake ||
	    (crew->n_blocked > 0 && crew->n_idle < crew->most_awake);
}

bool
crew_rest(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	bool stays = !crew->is_ending;

	if (stays && is_needed(crew)) {
		crew->n_idle++;
	} else if (stays && crew->n_idle + crew->n_resting < crew->most_at_work) {
		sit_down(crew);
		stays = !crew->is_ending;
		crew->n_idle -= !stays;
	} else {
		stays = false;
	}
	pthread_mutex_unlock(&crew->mutex);
	return stays;
}

void
crew_stop(struct crew *crew)
{
	struct crew_seat *next;

	pthread_mutex_lock(&crew->mutex);
	crew->is_ending = true;
	pthread_cond_signal(&crew->guard_called);
	for (struct crew_seat *seat = crew->resting; seat; seat = next) {
		next = seat->next;
		crew->n_resting--;
		crew->n_idle++;
		sem_post(&seat->called);
	}
	crew->resting = NULL;
	pthread_mutex_unlock(&crew->mutex);
}

void
crew_close(struct crew *crew)
{
	crew_stop(crew);
	pthread_mutex_lock(&crew->mutex);
	while (crew->n > 0)
		pthread_cond_wait(&crew->none_left, &crew->mutex);
	pthread_mutex_unlock(&crew->mutex);
	if (crew->has_ended)
		pthread_join(crew->ended, NULL);
	if (crew->has_guard)
		pthread_join(crew->guard, NULL);
	pthread_mutex_destroy(&crew->mutex);
	pthread_cond_destroy(&crew->none_left);
	pthread_cond_destroy(&crew->guard_called);
}

#include "crew.h"

#include <string.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/log.h"

#define STACK_BYTES ((size_t)512 << 10)

/* Threads in all for each that may be at work, and where that ends. */
#define THREADS_EACH 8
#define THREADS_MOST 1024

/* That no thread can be had is told again after so long. */
#define TELL_MS 10000

/* The calling thread's, or NULL. */
static _Thread_local struct crew *own_crew;

/* Is a thread to be made now?  Then it counts as idle from here on.  The mutex is held. */
static bool
take_on(struct crew *crew)
{
	unsigned at_work = crew->n - crew->n_idle - crew->n_blocked;

	if (crew->is_ending || crew->n_idle > 0 || at_work >= crew->most_at_work ||
	    crew->n >= crew->most)
		return false;
	crew->n++;
	crew->n_idle++;
	return true;
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
	crew->run(crew->context);
	leave(crew);
	return NULL;
}

/* Make a thread that was taken on.  Returns 0 or an error's number. */
static int
make_thread(struct crew *crew)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_t thread;
	int error = pthread_create(&thread, &attributes, thread_main, crew);
	pthread_attr_destroy(&attributes);
	if (error == 0)
		return 0;
	pthread_mutex_lock(&crew->mutex);
	crew->n--;
	crew->n_idle--;
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	bool tell = crew->told_ms == 0 || now_ms - crew->told_ms >= TELL_MS;
	if (tell)
		crew->told_ms = now_ms;
	pthread_mutex_unlock(&crew->mutex);
	if (tell)
		log_error("cannot start a thread", "reason", strerror(error));
	return error;
}

/* The thread waits for somebody else, or goes on. */
static void
blocked(bool begins)
{
	struct crew *crew = own_crew;

	if (!crew)
		return;
	pthread_mutex_lock(&crew->mutex);
	crew->n_blocked += begins ? 1U : -1U;
	bool more = begins && take_on(crew);
	pthread_mutex_unlock(&crew->mutex);
	if (more)
		make_thread(crew);
}

int
crew_open(struct crew *crew, unsigned most_at_work, void (*run)(void *context), void *context)
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
	};
	pthread_mutex_init(&crew->mutex, NULL);
	pthread_cond_init(&crew->none_left, NULL);
	blocking_listen(blocked);
	for (unsigned i = 0; i < most_at_work; i++) {
		pthread_mutex_lock(&crew->mutex);
		crew->n++;
		crew->n_idle++;
		pthread_mutex_unlock(&crew->mutex);
		if (make_thread(crew) != 0)
			return -1;
	}
	return 0;
}

void
crew_begin(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	crew->n_idle--;
	bool more = take_on(crew);
	pthread_mutex_unlock(&crew->mutex);
	if (more)
		make_thread(crew);
}

bool
crew_rest(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	bool stays = !crew->is_ending && crew->n_idle < crew->most_at_work;
	crew->n_idle += stays;
	pthread_mutex_unlock(&crew->mutex);
	return stays;
}

void
crew_stop(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	crew->is_ending = true;
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
	pthread_mutex_destroy(&crew->mutex);
	pthread_cond_destroy(&crew->none_left);
}

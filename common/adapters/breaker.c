#include "adapters/breaker.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"

/* How soon the mender tries, and how seldom in the end.  What was in the way is mostly
 * another's write that has just ended, and until then processes do not see each other's
 * claims. */
#define MEND_LEAST_MS 10
#define MEND_MOST_MS 200

/* The reason while the first try is under way. */
#define NO_ANSWER_YET "it has not answered yet"

static struct timespec
after_ms(int64_t ms)
{
	return clock_timespec((clock_ms(CLOCK_MONOTONIC) + ms) * 1000);
}

static bool
is_any_set(struct breaker *breaker)
{
	return atomic_load(&breaker->is_set[false]) || atomic_load(&breaker->is_set[true]);
}

void
breaker_init(struct breaker *breaker, const char *key, const char *value,
    void (*mend)(void *context), void *context)
{
	*breaker = (struct breaker){
		.key = key,
		.value = value,
		.mend = mend,
		.context = context,
	};
	pthread_mutex_init(&breaker->mutex, NULL);
	clock_cond_init(&breaker->changed);
}

static void *
mender_run(void *argument)
{
	struct breaker *breaker = argument;

	pthread_mutex_lock(&breaker->mutex);
	int64_t pause_ms = breaker->is_hasty ? 0 : MEND_LEAST_MS;
	while (!breaker->is_stopping) {
		if (!is_any_set(breaker)) {
			pause_ms = MEND_LEAST_MS;
			pthread_cond_wait(&breaker->changed, &breaker->mutex);
			continue;
		}
		struct timespec until = after_ms(pause_ms);
		int error = pause_ms == 0 ? ETIMEDOUT : 0;

		while (!breaker->is_stopping && error == 0)
			error = pthread_cond_timedwait(&breaker->changed, &breaker->mutex,
			    &until);
		pause_ms = pause_ms < MEND_LEAST_MS ?
		    MEND_LEAST_MS :
		    pause_ms < MEND_MOST_MS / 2 ?
		    2 * pause_ms :
		    MEND_MOST_MS;
		if (breaker->is_stopping)
			break;
		pthread_mutex_unlock(&breaker->mutex);
		breaker->mend(breaker->context);
		pthread_mutex_lock(&breaker->mutex);
		breaker->has_tried = true;
		pthread_cond_broadcast(&breaker->changed);
	}
	pthread_mutex_unlock(&breaker->mutex);
	return NULL;
}

/* With the mutex locked: false where no mender can be had. */
static bool
start_mender(struct breaker *breaker)
{
	if (!breaker->is_mending)
		breaker->is_mending =
		    pthread_create(&breaker->mender, NULL, mender_run, breaker) == 0;
	return breaker->is_mending;
}

/* With the mutex locked. */
static void
set_one(struct breaker *breaker, bool writes)
{
	if (!atomic_exchange(&breaker->is_set[writes], true))
		metrics_gauge_add(METRIC_STATE_BROKEN, writes, 1);
}

/* With the mutex locked. */
static void
note(struct breaker *breaker, const char *reason)
{
	snprintf(breaker->reason, sizeof(breaker->reason), "%s", reason);
}

void
breaker_note(struct breaker *breaker, const char *reason)
{
	pthread_mutex_lock(&breaker->mutex);
	note(breaker, reason);
	pthread_mutex_unlock(&breaker->mutex);
}

const char *
breaker_problem(struct breaker *breaker, struct arena *arena)
{
	pthread_mutex_lock(&breaker->mutex);
	const char *reason = breaker->reason[0] != '\0' ?
	    str_copy(arena, str_from(breaker->reason)) :
	    is_any_set(breaker) ?
	    NO_ANSWER_YET :
	    NULL;
	pthread_mutex_unlock(&breaker->mutex);
	return reason;
}

void
breaker_set(struct breaker *breaker, bool writes, const char *reason)
{
	pthread_mutex_lock(&breaker->mutex);
	note(breaker, reason);
	if (start_mender(breaker)) {
		set_one(breaker, writes);
		pthread_cond_broadcast(&breaker->changed);
	}
	bool was_told = breaker->is_told[writes] && breaker->is_mending;

	breaker->is_told[writes] = true;
	pthread_mutex_unlock(&breaker->mutex);
	if (!was_told)
		log_warn(writes ? "the state cannot be written; serving without it" :
		                  "the state cannot be read; serving without it",
		    breaker->key, breaker->value, "reason", reason);
}

void
breaker_begin_set(struct breaker *breaker)
{
	pthread_mutex_lock(&breaker->mutex);
	breaker->is_hasty = true;
	set_one(breaker, false);
	set_one(breaker, true);
	start_mender(breaker);
	pthread_mutex_unlock(&breaker->mutex);
}

void
breaker_reset(struct breaker *breaker, bool writes)
{
	if (!atomic_exchange(&breaker->is_set[writes], false))
		return;
	metrics_gauge_add(METRIC_STATE_BROKEN, writes, -1);
	pthread_mutex_lock(&breaker->mutex);
	bool was_told = breaker->is_told[writes];

	breaker->is_told[writes] = false;
	pthread_mutex_unlock(&breaker->mutex);
	if (was_told)
		log_info(writes ? "the state can be written again" :
		                  "the state can be read again",
		    breaker->key, breaker->value);
}

void
breaker_wait_for_try(struct breaker *breaker, int64_t wait_ms)
{
	struct timespec until = after_ms(wait_ms);

	pthread_mutex_lock(&breaker->mutex);
	int error = 0;
	while (breaker->is_mending && !breaker->has_tried && error == 0)
		error = pthread_cond_timedwait(&breaker->changed, &breaker->mutex, &until);
	bool is_late = breaker->is_mending && !breaker->has_tried;
	pthread_mutex_unlock(&breaker->mutex);
	/* It is tried anew, if the try was successful just now. */
	for (int writes = 0; writes < 2 && is_late; writes++)
		breaker_set(breaker, writes, NO_ANSWER_YET);
}

void
breaker_end(struct breaker *breaker)
{
	if (breaker->is_mending) {
		pthread_mutex_lock(&breaker->mutex);
		breaker->is_stopping = true;
		pthread_cond_broadcast(&breaker->changed);
		pthread_mutex_unlock(&breaker->mutex);
		pthread_join(breaker->mender, NULL);
	}
	for (int writes = 0; writes < 2; writes++)
		if (atomic_load(&breaker->is_set[writes]))
			metrics_gauge_add(METRIC_STATE_BROKEN, (size_t)writes, -1);
	pthread_cond_destroy(&breaker->changed);
	pthread_mutex_destroy(&breaker->mutex);
}

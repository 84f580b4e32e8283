#include "base/crowd.h"

#include <stddef.h>

#include "base/blocking.h"
#include "base/clock.h"

void
crowd_init(struct crowd *crowd)
{
	*crowd = (struct crowd){ 0 };
	pthread_mutex_init(&crowd->mutex, NULL);
	crowd->end = &crowd->first;
}

void
crowd_forget(struct crowd *crowd)
{
	pthread_mutex_lock(&crowd->mutex);
	crowd->n_expected = 0;
	pthread_mutex_unlock(&crowd->mutex);
}

static void
begin_item(struct crowd_item *item)
{
	item->next = NULL;
	item->is_taken = item->is_done = false;
	item->came_us = clock_us(CLOCK_MONOTONIC);
	clock_cond_init(&item->changed);
}

/* Wait for a change of the item, until then at the latest, with the mutex held.  False: that
 * time is over. */
static bool
wait_until(struct crowd *crowd, struct crowd_item *item, int64_t until_us)
{
	const struct timespec until = clock_timespec(until_us);

	if (until_us <= clock_us(CLOCK_MONOTONIC))
		return false;
	pthread_cond_timedwait(&item->changed, &crowd->mutex, &until);
	return true;
}

/* Wait until the item is done, or a round with it may begin, with the mutex held. */
static void
wait_its_turn(struct crowd *crowd, struct crowd_item *item, const struct crowd_manners *manners)
{
	while (!item->is_done &&
	    (item->is_taken || crowd->gatherer || crowd->n_rounds >= manners->rounds))
		if (item->is_taken || crowd->gatherer || manners->patience_us < 0)
			pthread_cond_wait(&item->changed, &crowd->mutex);
		else if (!wait_until(crowd, item, item->came_us + manners->patience_us))
			break;
}

/* Let those come in who were here a moment ago, with the mutex held. */
static void
gather(struct crowd *crowd, struct crowd_item *item, int64_t gather_us)
{
	crowd->gatherer = item;
	while (crowd->n_waiting < crowd->n_expected &&
	    wait_until(crowd, item, crowd->ended_us + gather_us))
		;
	crowd->gatherer = NULL;
}

/* Take all who wait, with the mutex held. */
static struct crowd_item *
take_all(struct crowd *crowd)
{
	struct crowd_item *items = crowd->first;

	crowd->first = NULL;
	crowd->end = &crowd->first;
	crowd->n_waiting = 0;
	for (struct crowd_item *item = items; item; item = item->next)
		item->is_taken = true;
	return items;
}

struct crowd_item *
crowd_enter_by(struct crowd *crowd, struct crowd_item *item,
    const struct crowd_manners *manners)
{
	struct crowd_item *items = NULL;

	begin_item(item);
	/* Before the mutex, which others need. */
	blocking_begin();
	pthread_mutex_lock(&crowd->mutex);
	*crowd->end = item;
	crowd->end = &item->next;
	if (++crowd->n_waiting >= crowd->n_expected && crowd->gatherer)
		pthread_cond_signal(&crowd->gatherer->changed);
	wait_its_turn(crowd, item, manners);
	if (!item->is_done) {
		if (crowd->n_rounds++ == 0 && manners->gather_us > 0)
			gather(crowd, item, manners->gather_us);
		items = take_all(crowd);
		item->is_done = true;
	}
	pthread_mutex_unlock(&crowd->mutex);
	blocking_end();
	pthread_cond_destroy(&item->changed);
	return items;
}

struct crowd_item *
crowd_enter(struct crowd *crowd, struct crowd_item *item)
{
	static const struct crowd_manners manners = { .rounds = 1, .patience_us = -1 };

	return crowd_enter_by(crowd, item, &manners);
}

void
crowd_leave(struct crowd *crowd, struct crowd_item *items)
{
	struct crowd_item *next;

	pthread_mutex_lock(&crowd->mutex);
	crowd->n_rounds--;
	crowd->ended_us = clock_us(CLOCK_MONOTONIC);
	crowd->n_expected = crowd->n_waiting;
	/* Under the mutex: an item is gone as soon as its thread has it. */
	for (struct crowd_item *item = items; item; item = next) {
		next = item->next;
		crowd->n_expected++;
		if (item->is_done)
			continue; /* the caller's own */
		item->is_done = true;
		pthread_cond_signal(&item->changed);
	}
	if (crowd->first)
		pthread_cond_signal(&crowd->first->changed);
	pthread_mutex_unlock(&crowd->mutex);
}

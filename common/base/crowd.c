#include "base/crowd.h"

#include <stddef.h>

void
crowd_init(struct crowd *crowd)
{
	*crowd = (struct crowd){ 0 };
	pthread_mutex_init(&crowd->mutex, NULL);
	crowd->end = &crowd->first;
}

struct crowd_item *
crowd_enter(struct crowd *crowd, struct crowd_item *item)
{
	struct crowd_item *items = NULL;

	item->next = NULL;
	item->is_done = false;
	pthread_cond_init(&item->changed, NULL);
	pthread_mutex_lock(&crowd->mutex);
	*crowd->end = item;
	crowd->end = &item->next;
	while (!item->is_done && crowd->is_led)
		pthread_cond_wait(&item->changed, &crowd->mutex);
	if (!item->is_done) {
		crowd->is_led = item->is_done = true;
		items = crowd->first;
		crowd->first = NULL;
		crowd->end = &crowd->first;
	}
	pthread_mutex_unlock(&crowd->mutex);
	pthread_cond_destroy(&item->changed);
	return items;
}

void
crowd_leave(struct crowd *crowd, struct crowd_item *items)
{
	struct crowd_item *next;

	pthread_mutex_lock(&crowd->mutex);
	crowd->is_led = false;
	/* Under the mutex: an item is gone as soon as its thread has it. */
	for (struct crowd_item *item = items; item; item = next) {
		next = item->next;
		if (item->is_done)
			continue; /* the caller's own */
		item->is_done = true;
		pthread_cond_signal(&item->changed);
	}
	if (crowd->first)
		pthread_cond_signal(&crowd->first->changed);
	pthread_mutex_unlock(&crowd->mutex);
}

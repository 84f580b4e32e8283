#include "adapters/curl/inbox.h"

#include <stddef.h>

void
inbox_put_chain(struct inbox *inbox, struct inbox_item *newest, struct inbox_item *oldest)
{
	oldest->next = atomic_load(&inbox->newest);
	while (!atomic_compare_exchange_weak(&inbox->newest, &oldest->next, newest))
		;
}

void
inbox_put(struct inbox *inbox, struct inbox_item *item)
{
	inbox_put_chain(inbox, item, item);
}

struct inbox_item *
inbox_take(struct inbox *inbox)
{
	struct inbox_item *newest = atomic_exchange(&inbox->newest, NULL), *oldest = NULL;

	while (newest) {
		struct inbox_item *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

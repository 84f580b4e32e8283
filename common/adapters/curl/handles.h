/*
 * libcurl's easy handles, set up for this adapter and kept for the next calls: to make one and
 * set it up costs more than a call does.  All of it belongs to one thread, the loop's.
 */
#ifndef HANDLES_H
#define HANDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/curl/transfer.h"

/* So many are kept in any case. */
#define HANDLES_KEPT 64

/* Zeroed at first. */
struct handles {
	/* Private. */
	CURL **kept;
	size_t n_kept, n_most;  /* those kept, and for how many there is room */
	size_t n_out, most_out; /* in use; the most of them at once since tended_us */
	int64_t tended_us;
};

/* Take a handle, which knows what all calls have in common (transfer_set_up); NULL when memory
 * is short. */
CURL *handles_take(struct handles *handles, const struct transfer_setup *setup);

/* Give back a handle that was taken, which is in no multi handle.  One that is worn out is not
 * kept. */
void handles_give_back(struct handles *handles, const struct transfer_setup *setup, CURL *easy,
    bool is_worn_out);

/*
 * Once a second free the handles that were not needed in the second before, and give back the
 * memory of hundreds.  The time is of any clock that does not go back.  Returns when to call
 * it again; INT64_MAX: there is nothing to free.
 */
int64_t handles_tend(struct handles *handles, const struct transfer_setup *setup,
    int64_t now_us);

/* Free those that are kept; the others were given back. */
void handles_free(struct handles *handles, const struct transfer_setup *setup);

#endif

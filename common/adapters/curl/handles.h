/*
 * libcurl's easy handles, kept for the next calls: making one costs more than the call's own
 * options.  All of it belongs to one thread, the loop's.
 */
#ifndef HANDLES_H
#define HANDLES_H

#include <stddef.h>

#include "adapters/curl/functions.h"

/* So many are kept. */
#define HANDLES_KEPT 64

/* Zeroed at first, but for curl, which is borrowed. */
struct handles {
	const struct curl_functions *curl;
	/* Private. */
	CURL *kept[HANDLES_KEPT];
	size_t n_kept;
	size_t n_out, most_out; /* in use; the most since none was */
};

/* Take a handle, fresh or reset; NULL when memory is short. */
CURL *handles_take(struct handles *handles);

/* Give back a handle that was taken, which is in no multi handle. */
void handles_give_back(struct handles *handles, CURL *easy);

/* Free those that are kept. */
void handles_free(struct handles *handles);

#endif

#include "adapters/curl/handles.h"

#include <malloc.h>

CURL *
handles_take(struct handles *handles)
{
	CURL *easy = handles->n_kept > 0 ?
	    handles->kept[--handles->n_kept] :
	    handles->curl->easy_init();

	if (easy && ++handles->n_out > handles->most_out)
		handles->most_out = handles->n_out;
	return easy;
}

void
handles_give_back(struct handles *handles, CURL *easy)
{
	if (handles->n_kept < HANDLES_KEPT) {
		handles->curl->easy_reset(easy);
		handles->kept[handles->n_kept++] = easy;
	} else {
		handles->curl->easy_cleanup(easy);
	}
	if (--handles->n_out > 0)
		return;
	/* The memory of hundreds of calls at once is not kept for the next time. */
	if (handles->most_out > HANDLES_KEPT)
		malloc_trim(0);
	handles->most_out = 0;
}

void
handles_free(struct handles *handles)
{
	while (handles->n_kept > 0)
		handles->curl->easy_cleanup(handles->kept[--handles->n_kept]);
}

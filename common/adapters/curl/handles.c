#include "adapters/curl/handles.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/mem.h"

#define SECOND_US (INT64_C(1) * 1000000)

CURL *
handles_take(struct handles *handles, const struct transfer_setup *setup)
{
	CURL *easy;

	if (handles->n_kept > 0) {
		easy = handles->kept[--handles->n_kept];
	} else {
		easy = setup->curl->easy_init();
		if (easy && !transfer_set_up(setup, easy)) {
			setup->curl->easy_cleanup(easy);
			easy = NULL;
		}
	}
	if (easy && ++handles->n_out > handles->most_out)
		handles->most_out = handles->n_out;
	return easy;
}

void
handles_give_back(struct handles *handles, const struct transfer_setup *setup, CURL *easy,
    bool is_worn_out)
{
	handles->n_out--;
	if (is_worn_out) {
		setup->curl->easy_cleanup(easy);
		return;
	}
	if (handles->n_kept == handles->n_most) {
		handles->n_most = handles->n_most > 0 ? 2 * handles->n_most : HANDLES_KEPT;
		handles->kept = mem_resize(handles->kept,
		    handles->n_most * sizeof(*handles->kept));
	}
	handles->kept[handles->n_kept++] = easy;
}

int64_t
handles_tend(struct handles *handles, const struct transfer_setup *setup, int64_t now_us)
{
	size_t n_freed = 0;

	if (now_us - handles->tended_us >= SECOND_US) {
		size_t most = handles->most_out > HANDLES_KEPT ?
		    handles->most_out :
		    HANDLES_KEPT;

		for (; handles->n_kept > 0 && handles->n_kept + handles->n_out > most;
		     n_freed++)
			setup->curl->easy_cleanup(handles->kept[--handles->n_kept]);
		if (n_freed > HANDLES_KEPT)
			malloc_trim(0);
		handles->most_out = handles->n_out;
		handles->tended_us = now_us;
	}
	return handles->n_kept > HANDLES_KEPT ? handles->tended_us + SECOND_US : INT64_MAX;
}

void
handles_free(struct handles *handles, const struct transfer_setup *setup)
{
	while (handles->n_kept > 0)
		setup->curl->easy_cleanup(handles->kept[--handles->n_kept]);
	free(handles->kept);
	handles->kept = NULL;
	handles->n_most = 0;
}

#include "model/known_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/mem.h"
#include "model/reconcile.h"

bool
known_list_is(const struct known_list *known, struct str document, struct list_mark *mark)
{
	*mark = (struct list_mark){ .len = document.len };
	if (document.len == 0 || document.len != known->mark.len)
		return false;
	checksum_hash(document, mark->hash);
	mark->is_hashed = true;
	return known->mark.is_hashed &&
	    memcmp(mark->hash, known->mark.hash, sizeof(mark->hash)) == 0;
}

/* A copy of the meetings in one block, with their meetingIDs behind them. */
static struct polled *
copy_meetings(const struct polled *meetings, size_t n, size_t bytes)
{
	struct polled *copy = mem_alloc(bytes);
	char *text = (char *)(copy + n);

	for (size_t i = 0; i < n; i++) {
		struct str id = meetings[i].meeting_id;

		copy[i] = meetings[i];
		copy[i].meeting_id = (struct str){ text, id.len };
		if (id.len > 0)
			memcpy(text, id.data, id.len);
		text += id.len;
	}
	return copy;
}

void
known_list_keep(struct known_list *known, const struct list_mark *mark,
    const struct polled *meetings, size_t n, long users)
{
	size_t bytes = n * sizeof(*meetings);

	if (mark->len == 0)
		return;
	known_list_forget(known);
	for (size_t i = 0; i < n; i++)
		bytes += meetings[i].meeting_id.len;
	if (bytes > LIMIT_KNOWN_LIST_BYTES)
		return;
	known->mark = *mark;
	if (!mark->is_hashed)
		return;
	known->meetings = copy_meetings(meetings, n, bytes);
	known->n = n;
	known->users = users;
}

void
known_list_forget(struct known_list *known)
{
	free(known->meetings);
	*known = (struct known_list){ 0 };
}

/*
 * Lists of recordings: read from the servers' answers, and merged into one.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct server;
struct xml_list;

struct recording {
	struct str id;               /* recordID; may be empty */
	struct str raw;              /* the element, borrowed from the document */
	const struct server *server; /* as it was given for the document */
	int64_t start_ms, end_ms;    /* 0 where there is none */
	int rank;                    /* of its state, see recording_list_merge */
	bool is_deleted;             /* is that its state? */
	size_t place;                /* in the order in which they were added */
};

struct recording_list {
	struct recording *list; /* in the arena */
	size_t n;
	size_t capacity; /* private */
};

/* What xml_read is to read of an answer to getRecordings. */
extern const struct xml_list recording_wanted;

/*
 * Add the recordings of one answer, read as recording_wanted says; its document is
 * borrowed.  An answer without any, and one that has no list at all, as when a
 * server refuses to list everything (RecordingServiceFileImpl.java,
 * allowFetchAllRecordings), add nothing.  server is noted in each and may be NULL.
 */
void recording_list_add(struct recording_list *recordings, struct arena *arena,
    const struct xml_list *read, const struct server *server);

/*
 * Keep one recording of each recordID and order them: the newest startTime first,
 * and equal ones by recordID, so that pages of the list fit together.
 *
 * Servers have a recording of one recordID twice where it was copied.  Of those
 * the one whose state is further stays (published or unpublished, processed,
 * processing, deleted), so that one that can be watched wins; then the newer one, by
 * endTime and then startTime; then the one that was added first.  Recordings
 * without a recordID all stay.
 */
void recording_list_merge(struct recording_list *recordings);

/* Of two copies of a recording, is it a that stays, whichever was added first? */
bool recording_is_before(const struct recording *a, const struct recording *b);

/* The recording of exactly that recordID, or NULL. */
const struct recording *recording_list_find(const struct recording_list *recordings,
    struct str id);

#endif

/*
 * Find the servers that have recordings.
 *
 * A recording may have copies on several servers: it was imported on a second one, or a
 * pool was put together anew.  What changes a recording has to reach all of them, what reads
 * it needs one.  Which copies there are is known by the servers alone, so a change asks all
 * of them each time, which is rare.  What the state remembers counts where a server says
 * nothing.
 *
 * Silence is never taken for a no:
 *
 * - A server that is remembered to have a copy, and does not say which recordings it has,
 *   has it until it says otherwise.  While it is down, the recording is unsure.
 * - A recording that no server is known to have is unsure while a server says nothing.
 * - Of a recording that others have, a server that says nothing and is not remembered to
 *   have a copy is passed over, or nothing could be deleted while one server of ten is
 *   down.  If it has a copy after all, that stays as it is; the log tells of the server.
 *
 * A disabled server counts in nothing: it is neither asked nor waited for.
 */
#ifndef FIND_RECORDINGS_H
#define FIND_RECORDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"

struct recording;
struct recording_list;

/* What is known of a server's copy of a recording. */
enum copy {
	COPY_NONE,       /* it has none */
	COPY_SILENT,     /* it does not say, and none is remembered */
	COPY_DOWN,       /* one is remembered, and the server is down */
	COPY_REMEMBERED, /* one is remembered, and the server does not say otherwise */
	COPY_THERE,      /* it says that it has one … */
	COPY_DELETED,    /* … which is deleted, at least in the format that it lists */
	COPY_GONE        /* it has none, though one was remembered or listed */
};

struct sought {
	struct str id;
	unsigned char *copies;          /* enum copy, for each of the configuration's servers */
	const struct recording *listed; /* of the copies that servers told of the one that
	                                   getRecordings lists, or NULL */
};

struct sought_list {
	struct sought *list; /* in the arena, in the client's order, each recordID once */
	size_t n;
};

/*
 * Read a list of recordIDs as BBB does: the parameter's value is decoded a second
 * time and split at its commas (ParamsProcessorUtil.java, decodeIds); but empty
 * ones are left out, for updateRecordings takes them as the beginning of any.  BBB
 * makes recordIDs of lower-case letters, and publishes and deletes them however they
 * are written (RecordingServiceFileImpl.java): so they become lower-case here.
 * Returns 0, or -1 when there are more than LIMIT_RECORD_IDS.
 */
int find_recordings_read(struct call *call, struct str ids, struct sought_list *sought);

/* A list of one, whose recordID is taken as it is. */
void find_recordings_begin(struct call *call, struct str id, struct sought_list *sought);

/*
 * Find all copies: what is remembered, and what all usable servers say that are asked in
 * parallel, with getRecordings.  Only a whole recordID counts, BBB finds prefixes too; one
 * longer than LIMIT_RECORD_ID_BYTES nobody has, since BBB names a directory by it.
 */
void find_recordings(struct call *call, struct sought_list *sought);

/*
 * Find one copy of the one recording of the list: the server of the only one that is
 * remembered, or else, all servers having been asked, of the one that getRecordings lists
 * (recording_list_merge).  Where those do not answer that are remembered, it is the first of
 * them.  NULL: none is known.
 */
const struct server *find_recordings_listed(struct call *call, struct sought_list *sought);

/* The same after a server whose copy was remembered turned out not to have it: all are
 * asked, and what that one lists is not believed. */
const struct server *find_recordings_elsewhere(struct call *call, struct sought_list *sought,
    const struct server *server);

/* May a server have a copy that nothing can be said of, by the rules above? */
bool find_recordings_is_unsure(const struct call *call, const struct sought *one);

/* Some of the recordings that a server has. */
struct sought_part {
	const struct server *server;
	struct str ids;  /* comma list, in the client's order, encoded once; the value of
	                    a parameter which BBB decodes twice */
	size_t from, to; /* where in the list they are */
};

/*
 * Divide the recordings by the servers that have a copy, or may as is remembered, in the
 * order of the configuration; so many to a part as fit in a query.  The parts are in the
 * arena.
 */
struct sought_part *find_recordings_parts(struct call *call, const struct sought_list *sought,
    size_t *n);

/* Note what the server said of the recordings of a part: that it has none of them
 * (COPY_GONE), or that it deleted them (COPY_DELETED). */
void find_recordings_note(const struct call *call, const struct sought_list *sought,
    const struct sought_part *part, enum copy copy);

/* Remember what was learnt of the copies of the list. */
void find_recordings_save(struct call *call, const struct sought_list *sought);

/* Remember, when the client has its answer, the recordings that were listed, before they
 * are merged: all copies that have a server.  One that is deleted is forgotten: what is done
 * to a recording does not reach it. */
void find_recordings_remember(struct call *call, const struct recording_list *recordings);

#endif

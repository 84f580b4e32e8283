/*
 * Find the servers that have recordings: the state first, then the servers.
 */
#ifndef FIND_RECORDINGS_H
#define FIND_RECORDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/call.h"

struct recording_list;

struct sought {
	struct str id;
	const struct server *server;  /* that has it, or NULL */
	const struct server *refused; /* that said it does not have it, or NULL */
	bool is_remembered;           /* is server what the state remembers, and not
	                                 what the server said just now? */
	bool is_unsure;               /* without a server: may one have it that did not
	                                 answer? */
	size_t part;                  /* of find_recordings_parts */
};

struct sought_list {
	struct sought *list; /* in the arena, in the client's order */
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

/*
 * Find the servers of the recordings.  What the state does not know is asked of the
 * servers by find_recordings_ask.  Of a recording whose server is disabled the others are
 * asked; one whose server is down is not looked for but is_unsure.
 */
void find_recordings(struct call *call, struct sought_list *sought);

/*
 * Ask all usable servers, in parallel with getRecordings, for those recordings that
 * have no server.  Only a whole recordID counts, BBB finds prefixes too; a server
 * that refused it is not believed.  Where several have it, recording_list_merge
 * tells which one counts.  What was learnt is remembered.
 */
void find_recordings_ask(struct call *call, struct sought_list *sought);

/* Take the server's word that it does not have the recordings of that part: they
 * have no server then, and what the state remembered is forgotten. */
void find_recordings_refuse(struct call *call, struct sought_list *sought, size_t part);

/* Remember where the recordings of the list are, if they have a server. */
void find_recordings_remember(struct call *call, const struct recording_list *recordings);

/* Some of the recordings: those of one server, or those without one. */
struct sought_part {
	const struct server *server;
	struct buf ids; /* comma list, in the client's order, encoded once; the value of
	                   a parameter which BBB decodes twice */
};

/*
 * Divide the recordings by their servers, in the arena, in the order of their first
 * recordings; so many to a part as fit in a query.  Those that are unsure are in
 * none.
 */
struct sought_part *find_recordings_parts(struct call *call, struct sought_list *sought,
    size_t *n);

#endif

/*
 * Make what is mapped to a server agree with the meetings that a poll found there.  Pure:
 * it takes what is mapped, what was polled and the time, and says what to change.
 */
#ifndef RECONCILE_H
#define RECONCILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/meeting.h"
#include "model/server.h"

struct arena;

/* A meeting that a poll found. */
struct polled {
	struct str meeting_id;
	long users;   /* those in its breakout rooms counted along */
	bool is_room; /* a breakout room keeps a mapping but is given none: mostly BBB made
	                 it by itself, and no client asks for it */
};

/* What a poll found on one server. */
struct reconcile_poll {
	const char *server;
	const struct polled *meetings; /* of those of one ID the first counts */
	size_t n;
	bool is_complete; /* were all that run there readable? */
	int64_t asked_ms; /* when the server was asked */
	int64_t now_ms;
};

enum reconcile_reason {
	RECONCILE_FOUND,   /* it runs and is not mapped to the server: map it, if it is
	                      not mapped at all */
	RECONCILE_COUNTED, /* it runs, with other people, or was not seen for long */
	RECONCILE_GONE     /* it no longer runs: drop the mapping */
};

/* One change: from what is there (NULL: nothing) to what is to be (NULL: nothing). */
struct reconcile_change {
	enum reconcile_reason reason;
	struct str meeting_id;
	const struct meeting *from;
	const struct meeting *to;
};

/* For how long a mapping is kept whose meeting no poll has shown yet. */
struct reconcile_rules {
	int64_t create_timeout_ms;
	int64_t poll_interval_ms;
};

/*
 * What is to change, in the arena; returns the number of changes.
 *
 * A mapping whose meeting the poll shows is kept; how many people there are, and by the
 * hour that it was seen, is written down.  One whose meeting the poll does not show goes,
 * unless
 *
 *   the list is not complete: then nothing is dropped;
 *   its create may be under way (meeting_is_new, for one interval longer); or
 *   a create was sent after the server was asked, or shortly before, so that the list
 *   cannot show the meeting (MEETING_CREATE_SPARE_MS).
 *
 * After a successful end only a create that came after the poll's question keeps it.
 */
size_t reconcile(struct arena *arena, const struct reconcile_poll *poll,
    const struct mapped *mapped, size_t n_mapped, const struct reconcile_rules *rules,
    struct reconcile_change **changes);

/*
 * Is a meeting that is mapped to another server, and was found on this one too, a
 * leftover that may be settled by ending a copy?  Only if the mapping was made while this
 * server was failing and before it came back, so that the meeting can have been placed
 * anew for that.  Another double may be a server's lie or a client's doing, and no meeting
 * is ended for it.
 */
bool reconcile_is_leftover(const struct meeting *mapping, const struct server_facts *facts);

#endif

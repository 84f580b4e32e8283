/*
 * Where a meeting lives: the mapping of a meetingID to its server.
 */
#ifndef MEETING_H
#define MEETING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct meeting {
	const char *server; /* the server's name, in the arena; NULL: no mapping */
	uint64_t version;   /* the store gives each change another; never 0 */
	int64_t claimed_ms; /* when it was mapped to this server */
	int64_t create_ms;  /* when its last create was sent there, to some seconds */
	int64_t seen_ms;    /* a poll that showed it, at most an hour before the last
	                       one that did; 0: none has shown it yet */
	bool is_ending;     /* an `end` succeeded, and no create came after it */
	long seats;         /* reserved for it (load.h) */
	long users, peak;   /* at the last poll; the most at any poll */
	const char *copy;   /* a server that was found to have it too, or "" */
};

/* A mapping with its meetingID. */
struct mapped {
	struct str meeting_id;
	struct meeting meeting;
};

/*
 * Is the meeting in the making?  Its create may be under way, so that its server need
 * not know it yet.  That lasts for create_timeout_ms at most, ends as soon as a poll
 * has shown the meeting, and never comes back.
 */
bool meeting_is_new(const struct meeting *meeting, int64_t now_ms, int64_t create_timeout_ms);

/* How long ago a create may have been sent that a server has not dealt with, so that its
 * list of meetings does not show it yet; and how often a mapping takes note of one. */
#define MEETING_CREATE_SPARE_MS 5000

/*
 * May a create of the meeting be under way, so that a server that says it does not have it
 * is not to be believed yet?  In the making (meeting_is_new), or created anew less than
 * MEETING_CREATE_SPARE_MS ago and not ended since then.
 */
bool meeting_may_be_under_way(const struct meeting *meeting, int64_t now_ms,
    int64_t create_timeout_ms);

/*
 * Is the mapping in doubt?  It was made before the state lost something (whole_ms, store.h)
 * or could not be used: the meeting may have ended since then and begun anew on another
 * server, and nobody could note it.  That ends when the meeting is seen on its server, or
 * created there again; or, for one that a poll has shown before, with the next good poll of
 * its server (good_ms), which would have dropped it.
 */
bool meeting_is_in_doubt(const struct meeting *meeting, int64_t good_ms, int64_t whole_ms);

/* Would another create of the meeting have to be noted in its mapping? */
bool meeting_wants_note(const struct meeting *meeting, int64_t now_ms);

/* Read a number of people as BBB writes it: from 1000 on it may read "1,234", or have
 * another separator (get-meetings.ftlx).  What is no number counts as none. */
long meeting_number(struct str text);

#endif

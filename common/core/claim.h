/*
 * Claiming a meetingID: choose a server and write the choice down, before the server is
 * called, so that of many who create one meeting at once all follow one choice.
 *
 * The choice is pure (placement.h); the state only compares and sets.  Facts are read, a
 * server is chosen by them, and the mapping is set together with what it does to the
 * server's load, on the condition that neither has changed.  Where another was faster,
 * the other's mapping is followed, or the choice is made anew with the other's load.
 * Threads of one process do so together (crowd.h): each by itself would choose the server that
 * is least loaded, and all but one would have to think again.  One thread reads and writes for
 * all who have come, in two ways to the state, and each chooses by what those before it chose.
 *
 * Where the state cannot be used the meetingID's hash chooses.  So it does for a moment after
 * the state is back, since other processes may not know it yet and choose without it.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include "core/call.h"
#include "model/placement.h"

enum claim_kind {
	CLAIM_OURS,     /* this request made the mapping */
	CLAIM_FOLLOWED, /* another did */
	CLAIM_ALONE,    /* the state cannot be used: chosen by the hash of the meetingID,
	                   by which every process chooses alike */
	CLAIM_NONE      /* no server can take the meeting */
};

struct claim {
	struct placement placement;
	bool *tried; /* which servers did not answer a moment ago, in the configuration's order;
	                NULL where another's claim is followed */
	enum claim_kind kind;
	const struct server *server; /* NULL with CLAIM_NONE */
	struct meeting meeting;      /* the mapping, but with CLAIM_ALONE and CLAIM_NONE */
};

/* Begin: from what the create asks for.  Servers that did not answer the look-up just
 * now are passed over. */
void claim_init(struct claim *claim, struct call *call);

/* Begin with the mapping that the look-up has found, as with another's claim. */
void claim_follow(struct claim *claim, struct call *call);

/*
 * Map the meetingID to a server.  from is a mapping that is of no use, which the claim
 * replaces, or NULL: then there is none.
 */
void claim_make(struct claim *claim, struct call *call, const struct meeting *from);

/* Choose the server that claim_make would choose now, for people to see why
 * (claim->placement.candidates): nothing is written, so that the next create may find it
 * otherwise. */
void claim_explain(struct claim *claim, struct call *call);

/*
 * No connection could be made to claim->server: choose the next best, if there is one.
 * The mapping is moved if it is still the claim's, and nobody who followed it has made the
 * meeting (claim_made).  Who follows another's claim takes the server that it has moved
 * to, and moves nothing.
 */
void claim_move(struct claim *claim, struct call *call);

/* The create made the meeting.  Where another's claim was followed that is noted, or the
 * other, to whom the server refused the connection a moment ago, would move the claim.
 * Where there was no claim, because the state could not be used, it may be made now. */
void claim_made(struct claim *claim, struct call *call);

/* Map the meetingID to that server and no other, in place of from (NULL: of none): for a
 * breakout room beside its parent. */
void claim_beside(struct claim *claim, struct call *call, const struct server *server,
    const struct meeting *from);

/*
 * Note in the mapping that a create of the meeting is sent to its server, so that no poll
 * takes it for gone before the server has it; or, with is_ending, that an `end` of it
 * succeeded, so that the mapping goes with the first poll that no longer shows the
 * meeting, unless a create was noted while it was under way.  Best effort; *meeting becomes
 * what is there then.
 */
void claim_note(struct call *call, struct meeting *meeting, bool is_ending);

/* Do one change of a mapping, and return what came of it (store.h): with CONFLICT,
 * change->found is what another has set. */
enum store_result claim_set(struct call *call, struct store_change *change);

/* Drop a mapping, if it is still this one, and free its seats.  Returns whether it was
 * dropped. */
bool claim_drop(struct call *call, struct str meeting_id, const struct meeting *meeting);

/* The server refused the create: drop the mapping if it is this request's own. */
void claim_release(struct claim *claim, struct call *call);

#endif

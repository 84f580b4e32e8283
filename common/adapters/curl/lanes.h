/*
 * How many calls may be under way to one server, which calls wait for their turn,
 * and when waiting is in vain: the bulkhead that http_curl.h describes.
 *
 * This is bookkeeping and nothing else.  It makes no call, wakes nobody and reads no
 * clock: the time is an argument, in microseconds of any clock that does not go back.
 * One thread at a time may use a struct lanes and the places in it.
 *
 *	place->holder = transfer;
 *	if (lanes_enter(lanes, "server-1", place, now_us))
 *		...                      under way at once
 *	lanes_leave(place, LANE_ANSWERED, now_us);
 *	while ((turn = lanes_next(lanes, now_us, &place)) != LANE_NOBODY)
 *		...                      one that waited is under way, or is refused
 */
#ifndef LANES_H
#define LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "ports/http.h"

struct lanes;
struct lane;

/* One call's place, zeroed before it enters.  It stays where it is in memory until it
 * has left. */
struct lane_place {
	void *holder;     /* in: the caller's, not looked at */
	int64_t since_us; /* in: when the caller's batch began */
	bool waited;      /* out: it was not under way at once */

	/* Private. */
	struct lane *lane;               /* NULL when neither waiting nor under way */
	struct lane_place *next, **link; /* link: NULL when not waiting */
};

/* How a call ended. */
enum lane_end {
	LANE_ANSWERED, /* the server sent something: it is not stuck */
	LANE_SILENT,   /* it was under way until its time was up */
	LANE_GIVEN_UP, /* the caller did not want the answer any more */
	LANE_FAILED    /* otherwise, which tells nothing */
};

/* How a call ended that had this result; was_late: its time was up, though this process did not
 * stand still. */
enum lane_end lanes_end_of(enum http_result result, bool was_late);

enum lane_turn {
	LANE_NOBODY, /* nobody's turn has come */
	LANE_GO,     /* the place is under way now */
	LANE_REFUSED /* the server is stuck: the place has left its lane */
};

/* Return lanes that let that many calls to one server be under way; 0: any number,
 * and nobody waits.  The caller frees them with lanes_free(). */
struct lanes *lanes_new(unsigned max_under_way);

/* Free the lanes.  No place may be in them.  NULL is ignored. */
void lanes_free(struct lanes *lanes);

/*
 * Enter the lane of that server, whose name is copied.  Returns true when the call is
 * under way, false when it waits: until lanes_next() returns it or it leaves.
 */
bool lanes_enter(struct lanes *lanes, const char *server, struct lane_place *place,
    int64_t now_us);

/*
 * Leave the lane, waiting or under way; of one that waits, end is not looked at.
 * Does nothing for a place that is in no lane.  Calls that wait are let in by
 * lanes_next() alone, so that this can be called in the midst of anything.
 */
void lanes_leave(struct lane_place *place, enum lane_end end, int64_t now_us);

/*
 * Find a call whose waiting is over, and set *place to it.  Call it until it returns
 * LANE_NOBODY, after every lanes_leave() and when lanes_patience_end_us() has come.
 */
enum lane_turn lanes_next(struct lanes *lanes, int64_t now_us, struct lane_place **place);

/* When patience with a server ends for which calls wait: the earliest of all, or
 * INT64_MAX when no call waits. */
int64_t lanes_patience_end_us(const struct lanes *lanes);

#endif

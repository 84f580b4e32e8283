/*
 * Load: how many people a server has, and how many more are to be expected.  Pure.
 *
 * Between a create and the first people in the room a server looks as idle as
 * before, and a hundred lessons that begin at once would all go to the same one.  So
 * each create reserves seats on its server.  The reservation is used up by the people
 * who come, and what is left of it fades: who has not come after a quarter of an
 * hour will not.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>

#include "model/server.h"

/* A reservation is gone after this. */
#define LOAD_RESERVATION_MS (INT64_C(15) * 60 * 1000)

/* How long a server that was added, or was down, is started gently, and how much
 * more its reservations weigh at the beginning. */
#define LOAD_SLOW_START_MS (INT64_C(5) * 60 * 1000)
#define LOAD_SLOW_START_FACTOR 4.0

/* The most seats that are reserved for one meeting, and what is reserved when nothing
 * is known of any. */
#define LOAD_SEATS_MOST 500
#define LOAD_SEATS_UNKNOWN 15

/*
 * How many seats to reserve for a new meeting: what the create asked for
 * (maxParticipants; 0 or less, or more than LOAD_SEATS_MOST, is no answer), else the
 * most people this meetingID had last time (0: it had none, or is new), else what
 * is typical.  At least 1, at most LOAD_SEATS_MOST.
 */
long load_seats(long asked, long last_peak, double typical);

/*
 * What is left of a reservation of that many seats, age_ms after the create, when users
 * have come.  A request that waited for others finds what they reserved after its own
 * time: that is a negative age, and counts as none.  LOAD_RESERVATION_MS in the future
 * nothing is left: a clock was set back.
 */
double load_reserved(long seats, long users, int64_t age_ms);

/* What is left of the seats that are reserved on a server, age_ms after they were
 * counted, as of load_reserved: nobody has come since then that is known of. */
double load_fade(double reserved, int64_t age_ms);

/* The seats that are reserved on a server now. */
double load_reserved_now(const struct server_facts *facts, int64_t now_ms);

/* Place a meeting with that many seats on a server, and take one away. */
void load_reserve(struct server_facts *facts, long seats, int64_t now_ms);
void load_release(struct server_facts *facts, long seats, int64_t now_ms);

/* By how much the reservations count of a server that has been up for up_ms:
 * LOAD_SLOW_START_FACTOR at first, 1 from LOAD_SLOW_START_MS on.  The future is as
 * above. */
double load_slow_start(int64_t up_ms);

/*
 * The running median of how many people meetings have: the estimate after one more
 * meeting that had peak people at once.  It moves by a step towards each, so half of
 * them end up on either side; the step is a twentieth, so that a school's first day
 * is enough, and one odd day does little.  0 stands for "none yet".
 */
double load_typical_next(double typical, long peak);

#endif

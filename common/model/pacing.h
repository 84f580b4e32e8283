/*
 * Join pacing: when each of many joins at once is let in at one server.  A BigBlueButton
 * server breaks when some twenty people a second begin a session (greenlight#4253).
 *
 * It is virtual scheduling, as of the generic cell rate algorithm (ITU-T I.371): what is
 * kept of a server is one number, the moment from which on it takes its next join.  A join
 * gets that moment, or now if that is later, as its slot, and the next one may come a step
 * after it.  So joins are let in with equal spaces between them, in the order in which they
 * came, and in no second are there more than the rate, however many wait.
 *
 * All of it is pure: no clock, no state, no I/O.
 */
#ifndef PACING_H
#define PACING_H

#include <stdbool.h>
#include <stdint.h>

/* A program waits no longer for its answer. */
#define PACING_PROGRAM_MS 2000

/* Nor does a person; who has longer to wait gets a page, and comes back between the two
 * before the slot, to wait for the rest.  So a browser may be late by two seconds. */
#define PACING_PERSON_MS 3000
#define PACING_BACK_MS 2000

/* So long after its slot a browser may come back and is let in: those that are hidden come
 * back late. */
#define PACING_LATE_MS 120000

/* A moment that was written down so long after now is of a clock that was set back since:
 * a request only waits for less. */
#define PACING_AHEAD_MS 5000

/* Nor is there so long a line: a moment later than that is none that was written here. */
#define PACING_LONGEST_MS 3600000

/* What is kept of a server; all 0 before its first join. */
struct pacing {
	int64_t next_us;  /* from when on its next join may be let in, wall clock */
	int64_t taken_ms; /* when the last slot was taken */
};

/* A slot, and when it was taken. */
struct pacing_slot {
	int64_t at_us;
	int64_t taken_ms;
};

/* What becomes of a join. */
struct pacing_verdict {
	int64_t wait_ms; /* it waits so long before it is answered; 0: not at all */
	int refresh_s;   /* its browser gets a page, and comes back after so long; 0: it is
	                    let in after the wait */
	int64_t ahead;   /* how many are let in before it */
};

/* The space between two joins at so many in a second, which is 1 at least. */
int64_t pacing_step_us(int64_t per_second);

/* Take the next slot.  What was kept by a clock that was set back since, or is beyond
 * PACING_LONGEST_MS, counts for nothing. */
struct pacing_slot pacing_take(struct pacing *pacing, int64_t now_ms, int64_t step_us);

/* May a slot that a browser was given still be used?  Not when it is long past, nor when
 * it was taken before the clock was set back. */
bool pacing_is_good(struct pacing_slot slot, int64_t now_ms);

/*
 * What becomes of the join that has the slot.  One whose time has come is let in, and one
 * whose slot is near waits for it.  A longer wait is a page for a person, who comes back
 * before the slot and waits for the rest: the header that brings a browser back counts in
 * whole seconds, and all that come back in one would come at once.  A program knows no
 * pages; it waits as long as one may, and is let in.
 */
struct pacing_verdict pacing_judge(struct pacing_slot slot, int64_t now_ms, int64_t step_us,
    bool is_person);

/* The number as one tells it to people: to the next ten from 20 on, to the next fifty
 * from 100 on. */
int64_t pacing_roughly(int64_t ahead);

#endif

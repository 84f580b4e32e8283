/*
 * How many processors there are for this process.
 */
#ifndef PROCESSORS_H
#define PROCESSORS_H

/* Return how many processors the calling thread may use (sched_setaffinity(2)); at least 1.  A
 * limit of time on them, as of a container, is not looked at. */
unsigned processors_count(void);

#endif

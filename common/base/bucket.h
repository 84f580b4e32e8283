/*
 * A bucket of tokens: so much may be spent a second, and what was not spent in the last
 * second is there for one burst.  May be used by many threads at once.
 */
#ifndef BUCKET_H
#define BUCKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct bucket {
	pthread_mutex_t mutex;
	double level;  /* may be below 0: overdrawn */
	int64_t at_ms; /* when it was that full; 0: it is full */
};

/* Make it full. */
void bucket_init(struct bucket *bucket);

/*
 * Spend cost tokens, where per_second are filled in each second.  False when there are not
 * so many; but a full bucket may be overdrawn once, or what costs more than one second's
 * worth could never be had.  now_ms is the clock; when it was set back, the time in
 * between fills nothing.
 */
bool bucket_take(struct bucket *bucket, int64_t cost, int64_t per_second, int64_t now_ms);

#endif

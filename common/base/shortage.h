/*
 * Telling of a shortage once: thousands of calls may fail for want of the same thing within
 * a second.  May be used by many threads at once.
 */
#ifndef SHORTAGE_H
#define SHORTAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Things that one shortage may be of and that are told; of further ones nothing is. */
#define SHORTAGE_KINDS 8

/* A shortage is over when it was not met for so long: until then some get what others do
 * not. */
#define SHORTAGE_OVER_MS 5000

struct shortage {
	pthread_mutex_t mutex;
	atomic_bool is_met; /* since the last that was over */
	uint32_t told[SHORTAGE_KINDS];
	size_t n_told;
	size_t n_met;
	int64_t met_ms; /* the last time */
};

/* Begin; there is none. */
void shortage_init(struct shortage *shortage);

/* It was met: something is short of that.  Returns whether it is to be told, as the first of
 * its kind in this shortage. */
bool shortage_meet(struct shortage *shortage, const char *of, int64_t now_ms);

/* Something was to be had.  Returns 0; or, once, when the shortage is over, how often it was
 * met. */
size_t shortage_end(struct shortage *shortage, int64_t now_ms);

#endif

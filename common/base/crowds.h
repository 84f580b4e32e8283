/*
 * Crowds (crowd.h) by what they come for: threads whose work is equal meet in one, and others
 * do not wait for them.
 *
 * There is a place for each that somebody is in, up to CROWDS_PLACES.  When the last has gone
 * another may have it.
 */
#ifndef CROWDS_H
#define CROWDS_H

#include <pthread.h>
#include <stddef.h>

#include "base/crowd.h"
#include "base/str.h"

/* More than that, or with a longer key, go alone: half a megabyte at the most. */
#define CROWDS_PLACES 64
#define CROWDS_KEY_BYTES 8192

struct crowds {
	/* Private. */
	pthread_mutex_t mutex; /* for what follows, but not for what is in the crowds */
	struct crowds_place {
		struct crowd crowd; /* first */
		unsigned n;         /* threads that are in it */
		char *key;          /* NULL: the place is free */
		size_t len;
		uint64_t hash; /* of the key, and when that is gone of the last one */
	} places[CROWDS_PLACES];
};

/* Begin; nobody is there. */
void crowds_init(struct crowds *crowds);

/* Come to the crowd of that key, byte for byte, which is copied; its work is done by
 * crowd_enter…().  NULL: there is no place for it, and the caller goes alone.  Else
 * crowds_part() must follow. */
struct crowd *crowds_meet(struct crowds *crowds, struct str key);

/* Leave it for good. */
void crowds_part(struct crowds *crowds, struct crowd *crowd);

#endif

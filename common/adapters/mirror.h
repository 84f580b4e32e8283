/*
 * The facts of all servers as this process last read them, so that only what changed since
 * then is read anew.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "model/server.h"

struct mirror {
	pthread_mutex_t mutex; /* the caller's to lock */
	int64_t born;          /* of which state they are: the adapter's */
	uint64_t version;      /* the last that was read: the adapter's, 0 when it is empty */
	struct mirrored {
		char *name;
		struct server_facts facts;
	} * slots; /* by the hash of the name, open addressing */
	size_t n, capacity;
};

/* Begin with an empty one, and end it. */
void mirror_init(struct mirror *mirror);
void mirror_free(struct mirror *mirror);

/* Forget all facts. */
void mirror_clear(struct mirror *mirror);

/* Remember a server's facts, in place of those that are there. */
void mirror_put(struct mirror *mirror, const char *name, const struct server_facts *facts);

/* The server in a slot below capacity, or NULL where there is none. */
const struct mirrored *mirror_at(const struct mirror *mirror, size_t slot);

/* A server's facts, or those of one that nothing is known of. */
struct server_facts mirror_find(const struct mirror *mirror, const char *name);

#endif

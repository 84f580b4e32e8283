#include "base/crowds.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
crowds_init(struct crowds *crowds)
{
	pthread_mutex_init(&crowds->mutex, NULL);
	for (size_t i = 0; i < CROWDS_PLACES; i++) {
		crowds->places[i] = (struct crowds_place){ .n = 0 };
		crowd_init(&crowds->places[i].crowd);
	}
}

/* The place of that key; or a free one, if there is one that it had before; or NULL. */
static struct crowds_place *
find_place(struct crowds *crowds, struct str key, uint64_t hash)
{
	struct crowds_place *found = NULL;

	for (size_t i = 0; i < CROWDS_PLACES; i++) {
		struct crowds_place *place = &crowds->places[i];

		if (place->n == 0 && (!found || place->hash == hash))
			found = place;
		if (place->n > 0 && str_equal(key, (struct str){ place->key, place->len }))
			return place;
	}
	return found;
}

/* Let the place be that key's. */
static void
take_place(struct crowds_place *place, struct str key, uint64_t hash)
{
	place->key = mem_alloc(key.len + 1);
	place->len = key.len;
	memcpy(place->key, key.data, key.len);
	if (place->hash != hash)
		crowd_forget(&place->crowd);
	place->hash = hash;
}

struct crowd *
crowds_meet(struct crowds *crowds, struct str key)
{
	uint64_t hash = str_hash(key);

	if (key.len > CROWDS_KEY_BYTES)
		return NULL;
	pthread_mutex_lock(&crowds->mutex);
	struct crowds_place *place = find_place(crowds, key, hash);
	if (place && place->n++ == 0)
		take_place(place, key, hash);
	pthread_mutex_unlock(&crowds->mutex);
	return place ? &place->crowd : NULL;
}

void
crowds_part(struct crowds *crowds, struct crowd *crowd)
{
	struct crowds_place *place = (struct crowds_place *)crowd;

	pthread_mutex_lock(&crowds->mutex);
	if (--place->n == 0) {
		free(place->key);
		place->key = NULL;
	}
	pthread_mutex_unlock(&crowds->mutex);
}

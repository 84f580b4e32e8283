#include "adapters/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void
mirror_init(struct mirror *mirror)
{
	pthread_mutex_init(&mirror->mutex, NULL);
}

void
mirror_clear(struct mirror *mirror)
{
	for (size_t i = 0; i < mirror->capacity; i++)
		free(mirror->slots[i].name);
	free(mirror->slots);
	mirror->slots = NULL;
	mirror->n = mirror->capacity = 0;
	mirror->version = 0;
}

void
mirror_free(struct mirror *mirror)
{
	mirror_clear(mirror);
	pthread_mutex_destroy(&mirror->mutex);
}

/* The slot of the name, or the free one where it would go; NULL when there is none. */
static struct mirrored *
mirror_slot(const struct mirror *mirror, const char *name)
{
	if (mirror->capacity == 0)
		return NULL;
	size_t at = str_hash(str_from(name)) & (mirror->capacity - 1);

	while (mirror->slots[at].name && strcmp(mirror->slots[at].name, name) != 0)
		at = (at + 1) & (mirror->capacity - 1);
	return &mirror->slots[at];
}

static void
mirror_grow(struct mirror *mirror)
{
	struct mirror grown = *mirror;

	grown.capacity = mirror->capacity > 0 ? 2 * mirror->capacity : 64;
	grown.slots = mem_alloc(grown.capacity * sizeof(*grown.slots));
	for (size_t i = 0; i < mirror->capacity; i++)
		if (mirror->slots[i].name)
			*mirror_slot(&grown, mirror->slots[i].name) = mirror->slots[i];
	free(mirror->slots);
	mirror->slots = grown.slots;
	mirror->capacity = grown.capacity;
}

void
mirror_put(struct mirror *mirror, const char *name, const struct server_facts *facts)
{
	if (2 * mirror->n >= mirror->capacity)
		mirror_grow(mirror);
	struct mirrored *slot = mirror_slot(mirror, name);

	if (!slot->name) {
		slot->name = mem_strdup(name);
		mirror->n++;
	}
	slot->facts = *facts;
}

const struct mirrored *
mirror_at(const struct mirror *mirror, size_t slot)
{
	return mirror->slots[slot].name ? &mirror->slots[slot] : NULL;
}

struct server_facts
mirror_find(const struct mirror *mirror, const char *name)
{
	const struct mirrored *slot = mirror_slot(mirror, name);

	return slot && slot->name ? slot->facts : (struct server_facts){ 0 };
}

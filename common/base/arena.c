#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_BYTES 16384

/* The first capacity of an array that grows one by one. */
#define ROOM_LEAST 16

/* A piece of the arena: a block that many allocations share, or one
 * allocation of its own. */
struct chunk {
	struct chunk *next;
	void *taken; /* a block handed over with arena_take, or NULL */
	size_t used;
	size_t capacity;
	max_align_t data[];
};

struct arena {
	struct chunk *chunks; /* the first one is being filled */
};

static struct chunk *
chunk_add(struct arena *arena, size_t capacity)
{
	struct chunk *chunk;

	if (capacity > SIZE_MAX - sizeof(*chunk))
		mem_die();
	chunk = mem_alloc(sizeof(*chunk) + capacity);
	chunk->capacity = capacity;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

struct arena *
arena_new(void)
{
	return mem_alloc(sizeof(struct arena));
}

void
arena_reset(struct arena *arena)
{
	struct chunk *next;

	for (struct chunk *chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk->taken);
		free(chunk);
	}
	arena->chunks = NULL;
}

void
arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_reset(arena);
	free(arena);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t rounded;
	void *piece;

	if (size > SIZE_MAX / 2)
		mem_die();
	rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
#ifdef ARENA_EMULATE
	return chunk_add(arena, size)->data;
#endif
	if (!chunk || chunk->capacity - chunk->used < rounded)
		chunk = chunk_add(arena, rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES);
	piece = (char *)chunk->data + chunk->used;
	chunk->used += rounded;
	return piece;
}

void *
arena_room(struct arena *arena, void *array, size_t size, size_t n, size_t more,
    size_t *capacity)
{
	if (n + more <= *capacity)
		return array;
	*capacity = n + more > ROOM_LEAST / 2 ? 2 * (n + more) : ROOM_LEAST;
	void *grown = arena_alloc(arena, *capacity * size);
	if (n > 0)
		memcpy(grown, array, n * size);
	return grown;
}

void *
arena_take(struct arena *arena, void *block)
{
	struct chunk *filling = arena->chunks;

	if (!block)
		return NULL;
	struct chunk *holder = chunk_add(arena, 0);
	holder->taken = block;
	/* Keep the chunk being filled in front: the holder has no room. */
	if (filling) {
		arena->chunks = filling;
		holder->next = filling->next;
		filling->next = holder;
	}
	return block;
}

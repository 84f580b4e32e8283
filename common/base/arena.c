#include "base/arena.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_BYTES 16384

/* Smaller ones are used again before long: so much a create takes that looks at all servers. */
#define MUCH_BYTES ((size_t)1 << 20)

/* The first capacity of an array that grows one by one. */
#define ROOM_LEAST 16

/* A piece of the arena: a block that many allocations share, or one
 * allocation of its own. */
struct chunk {
	struct chunk *next;
	void (*at_reset)(void *argument); /* what was put off with arena_at_reset, or NULL */
	void *argument;
	size_t used;
	size_t capacity;
	max_align_t data[];
};

struct arena {
	struct chunk *chunks; /* the first one is being filled */
};

/* Add a chunk.  If that may fail: NULL when it is a large one that cannot be had (mem.h).
 * Whoever cannot do without has the memory that is left for that. */
static struct chunk *
chunk_add(struct arena *arena, size_t capacity, bool may_fail)
{
	struct chunk *chunk;

	if (capacity > SIZE_MAX - sizeof(*chunk))
		mem_die();
	if (may_fail && capacity >= MEM_LARGE_BYTES) {
		chunk = mem_try_alloc(sizeof(*chunk) + capacity);
		if (!chunk)
			return NULL;
	} else {
		chunk = mem_alloc(sizeof(*chunk) + capacity);
	}
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
	size_t bytes = 0;

	for (struct chunk *chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		bytes += chunk->capacity;
		if (chunk->at_reset == free)
			bytes += malloc_usable_size(chunk->argument);
		if (chunk->at_reset)
			chunk->at_reset(chunk->argument);
		free(chunk);
	}
	arena->chunks = NULL;
	if (bytes >= MUCH_BYTES)
		mem_give_back(bytes);
}

void
arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_reset(arena);
	free(arena);
}

void
arena_wipe(struct arena *arena)
{
	if (!arena)
		return;
	for (struct chunk *chunk = arena->chunks; chunk; chunk = chunk->next) {
		explicit_bzero(chunk->data, chunk->capacity);
		if (chunk->at_reset == free && chunk->argument)
			explicit_bzero(chunk->argument, malloc_usable_size(chunk->argument));
	}
	arena_free(arena);
}

static void *
take(struct arena *arena, size_t size, bool may_fail)
{
	struct chunk *chunk = arena->chunks;
	size_t rounded;

	if (size > SIZE_MAX / 2)
		mem_die();
	rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
#ifdef ARENA_EMULATE
	chunk = chunk_add(arena, size, may_fail);
	return chunk ? chunk->data : NULL;
#endif
	if (!chunk || chunk->capacity - chunk->used < rounded)
		chunk = chunk_add(arena, rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES,
		    may_fail);
	if (!chunk)
		return NULL;
	void *piece = (char *)chunk->data + chunk->used;
	chunk->used += rounded;
	return piece;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	return take(arena, size, false);
}

void *
arena_try_alloc(struct arena *arena, size_t size)
{
	return take(arena, size, true);
}

static void *
make_room(struct arena *arena, void *array, size_t size, size_t n, size_t more,
    size_t *capacity, bool may_fail)
{
	if (n + more <= *capacity)
		return array;
	size_t wanted = n + more > ROOM_LEAST / 2 ? 2 * (n + more) : ROOM_LEAST;
	void *grown = take(arena, wanted * size, may_fail);
	if (!grown)
		return NULL;
	*capacity = wanted;
	if (n > 0)
		memcpy(grown, array, n * size);
	return grown;
}

void *
arena_room(struct arena *arena, void *array, size_t size, size_t n, size_t more,
    size_t *capacity)
{
	return make_room(arena, array, size, n, more, capacity, false);
}

void *
arena_try_room(struct arena *arena, void *array, size_t size, size_t n, size_t more,
    size_t *capacity)
{
	return make_room(arena, array, size, n, more, capacity, true);
}

void
arena_at_reset(struct arena *arena, void (*work)(void *argument), void *argument)
{
	struct chunk *filling = arena->chunks;

	struct chunk *holder = chunk_add(arena, 0, false);
	holder->at_reset = work;
	holder->argument = argument;
	/* Keep the chunk being filled in front: the holder has no room. */
	if (filling) {
		arena->chunks = filling;
		holder->next = filling->next;
		filling->next = holder;
	}
}

void *
arena_take(struct arena *arena, void *block)
{
	if (block)
		arena_at_reset(arena, free, block);
	return block;
}

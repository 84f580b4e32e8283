/*
 * Memory that is short when the torture says so.  The program short_driver is linked with
 * -Wl,--wrap=NAME for each function here (ld(1)): the core's calls come here, and what is
 * passed on goes to mem.c and arena.c.  arena.c's calls of its own do not come
 * here, so arena_alloc is never refused anything.
 */
#include "short_memory.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "blocks.h"

/* The names are the linker's. */
// NOLINTBEGIN(bugprone-reserved-identifier)
void *__real_arena_try_alloc(struct arena *arena, size_t size);
void *__real_arena_try_room(struct arena *arena, void *array, size_t size, size_t n,
    size_t more, size_t *capacity);
void *__wrap_mem_try_resize(void *block, size_t size);
void *__wrap_arena_try_alloc(struct arena *arena, size_t size);
void *__wrap_arena_try_room(struct arena *arena, void *array, size_t size, size_t n,
    size_t more, size_t *capacity);

/* As most of them are small here, none needs the reserve, which sanitizers are slow to make. */
void *
__wrap_mem_try_resize(void *block, size_t size)
{
	return blocks_refuse() ? NULL : mem_resize(block, size);
}

void *
__wrap_arena_try_alloc(struct arena *arena, size_t size)
{
	return blocks_refuse() ? NULL : __real_arena_try_alloc(arena, size);
}

/* Where there is room nothing is asked for. */
void *
__wrap_arena_try_room(struct arena *arena, void *array, size_t size, size_t n, size_t more,
    size_t *capacity)
{
	return n + more > *capacity && blocks_refuse() ?
	    NULL :
	    __real_arena_try_room(arena, array, size, n, more, capacity);
}
// NOLINTEND(bugprone-reserved-identifier)

void *
short_memory_resize(void *block, size_t size)
{
	return blocks_refuse() ? NULL : realloc(block, size);
}

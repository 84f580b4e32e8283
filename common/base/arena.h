/*
 * Arenas: memory that is given up in one go.
 *
 * The law of ownership.  What belongs to a request is in its arena and dies with it.  A
 * function that is given an arena returns memory of that arena: nobody frees such a piece,
 * and every pointer to it, and every span over it, is borrowed until the arena is reset or
 * freed.  What must outlive the request is copied out (mem_strdup); the copy has an owner,
 * who frees it.  What was allocated elsewhere becomes the arena's by arena_take.  What
 * belongs to the process is in no arena.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

struct arena;

/*
 * Return an empty arena: a pool that holds all the data of one request and
 * gives it up in one go.  The caller frees it with arena_free().  An arena
 * belongs to one thread at a time.
 *
 * Built with -DARENA_EMULATE each piece is a block of its own, so that
 * sanitizers and valgrind see every overrun and every use after the reset.
 */
struct arena *arena_new(void);

/* Give up everything the arena holds; the arena stays usable.  When it was much, the system
 * has it back (mem_give_back). */
void arena_reset(struct arena *arena);

/* Free the arena and all it holds.  NULL is ignored. */
void arena_free(struct arena *arena);

/* The same, with all that it holds overwritten first: there are secrets in it. */
void arena_wipe(struct arena *arena);

/* Return size zeroed bytes, aligned for any type, that live until the arena
 * is reset.  When there are none the process ends (mem.h). */
void *arena_alloc(struct arena *arena, size_t size);

/* The same; NULL when it is a large block that cannot be had (mem.h). */
void *arena_try_alloc(struct arena *arena, size_t size);

/*
 * Return an array with room for so many more elements: the array itself, of which n of
 * *capacity elements of that size are in use, or a copy with twice the room, whose capacity
 * *capacity then is.  array may be NULL where n is 0.
 */
void *arena_room(struct arena *arena, void *array, size_t size, size_t n, size_t more,
    size_t *capacity);

/* The same; NULL when it is a large block that cannot be had.  Then the array is what it
 * was. */
void *arena_try_room(struct arena *arena, void *array, size_t size, size_t n, size_t more,
    size_t *capacity);

/* Have that done at the reset.  The argument is no memory of the arena. */
void arena_at_reset(struct arena *arena, void (*work)(void *argument), void *argument);

/* Hand a malloc'ed block (or NULL) over to the arena, which frees it at the
 * reset.  Returns the block. */
void *arena_take(struct arena *arena, void *block);

#endif

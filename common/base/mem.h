/*
 * Memory that is there or ends the process, and arenas.
 *
 * Every size a stranger controls is capped before it reaches this module, so
 * running out of memory means the machine is out of memory; going on would
 * only move the failure.  Nothing here returns NULL.
 */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

struct arena;

/*
 * Return size zeroed bytes (at least one).  The caller frees them with free().
 */
void *mem_alloc(size_t size);

/*
 * Resize a block of mem_alloc (or NULL) to size bytes.  New bytes are not
 * zeroed.  The caller frees the result with free().
 */
void *mem_resize(void *block, size_t size);

/*
 * Return a copy of the NUL-terminated text.  The caller frees it with free().
 * NULL gives NULL.
 */
char *mem_strdup(const char *text);

/*
 * Return an empty arena: a pool that holds all the data of one request and
 * gives it up in one go.  The caller frees it with arena_free().  An arena
 * belongs to one thread at a time.
 *
 * Built with -DARENA_EMULATE each piece is a block of its own, so that
 * sanitizers and valgrind see every overrun and every use after the reset.
 */
struct arena *arena_new(void);

/* Give up everything the arena holds; the arena stays usable. */
void arena_reset(struct arena *arena);

/* Free the arena and all it holds.  NULL is ignored. */
void arena_free(struct arena *arena);

/* Return size zeroed bytes, aligned for any type, that live until the arena
 * is reset. */
void *arena_alloc(struct arena *arena, size_t size);

/* Hand a malloc'ed block (or NULL) over to the arena, which frees it at the
 * reset.  Returns the block. */
void *arena_take(struct arena *arena, void *block);

#endif

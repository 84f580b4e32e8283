/*
 * Memory that is there or ends the process.
 *
 * Every size a stranger controls is capped before it reaches this module, so
 * running out of memory means the machine is out of memory; going on would
 * only move the failure.  Nothing here returns NULL but mem_try_…, for the
 * large blocks of a server's long answer: without one the request fails, and all
 * others go on.
 */
#ifndef MEM_H
#define MEM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Return size zeroed bytes (at least one).  The caller frees them with free().
 */
void *mem_alloc(size_t size);

/*
 * Resize a block of mem_alloc (or NULL) to size bytes.  New bytes are not
 * zeroed.  The caller frees the result with free().
 */
void *mem_resize(void *block, size_t size);

/* From here on a block is a large one. */
#define MEM_LARGE_BYTES ((size_t)1 << 20)

/*
 * The same for a large block; NULL, and block is what it was, when there is no such block,
 * or when it would leave less than MEM_RESERVE_BYTES to those who cannot do without.
 */
void *mem_try_resize(void *block, size_t size);

/* The same for a new block of zeroed bytes. */
void *mem_try_alloc(size_t size);

#define MEM_RESERVE_BYTES ((size_t)16 << 20)

/* Is less than that left? */
bool mem_is_short(void);

/*
 * So many bytes were freed that belonged together, as a request's.  After each 8 MB of such
 * all that is free goes back to the system: what else these requests had lies in pieces all
 * over the heaps of threads (malloc(3)), which would keep it for good.
 */
void mem_give_back(size_t bytes);

/*
 * Return a copy of the NUL-terminated text.  The caller frees it with free().
 * NULL gives NULL.
 */
char *mem_strdup(const char *text);

/*
 * Overwrite what functions that have returned left on this thread's stack below the
 * caller, 16 KiB of it: a copy of a secret that libc or the compiler put there.
 */
void mem_wipe_stack(void);

/* Say that there is no memory left, and end the process. */
_Noreturn void mem_die(void);

#endif

/*
 * What libcurl allocates: by malloc(3) and the others, with a reserve for when these have none.
 *
 * libcurl does not bear to have none.  It says then that a name was not found, waits for a
 * socket of which nobody is told, so that a healthy server seems silent, or divides by zero
 * (singlesocket in multi.c of libcurl 7.88).  So it always has its memory, and its loop, which
 * knows that the reserve is used, ends the calls: for want of memory here.
 *
 * Where the reserve does not do either, the process ends, as in mem.h.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* More than libcurl needs for what it does before the loop looks again: for a thousand calls
 * that begin, 32 KiB each. */
#define MEMORY_RESERVE_BYTES ((size_t)32 << 20)

/* As malloc(3), free(3), realloc(3), strdup(3) and calloc(3), for curl_global_init_mem(3);
 * never NULL.  May be called by many threads at once. */
void *memory_malloc(size_t size);
void memory_free(void *block);
void *memory_realloc(void *block, size_t size);
char *memory_strdup(const char *text);
void *memory_calloc(size_t n, size_t size);

/* Is the reserve used, and not to be had again?  Also makes the reserve, before libcurl
 * begins. */
bool memory_is_short(void);

/* Is there so little that those who have no reserve (mem.h) may have failed for it?  Ask only
 * about what has failed: it takes some microseconds. */
bool memory_is_scarce(void);

#endif

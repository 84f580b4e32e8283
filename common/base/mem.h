/*
 * Memory that is there or ends the process.
 *
 * Every size a stranger controls is capped before it reaches this module, so
 * running out of memory means the machine is out of memory; going on would
 * only move the failure.  Nothing here returns NULL.
 */
#ifndef MEM_H
#define MEM_H

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

/*
 * Return a copy of the NUL-terminated text.  The caller frees it with free().
 * NULL gives NULL.
 */
char *mem_strdup(const char *text);

/* Say that there is no memory left, and end the process. */
_Noreturn void mem_die(void);

#endif

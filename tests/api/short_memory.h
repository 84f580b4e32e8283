/*
 * What short_memory.c has for a source that calls realloc(3) itself and bears NULL.
 */
#ifndef SHORT_MEMORY_H
#define SHORT_MEMORY_H

#include <stddef.h>

/* realloc(3), but for the block that is refused (blocks.h). */
void *short_memory_resize(void *block, size_t size);

#endif

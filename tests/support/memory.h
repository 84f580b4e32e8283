/*
 * A store in this process's memory: for tests, which need one that starts empty and
 * forgets.  It keeps the contract of store.h in the plainest way: lists that are searched
 * from the start, under one lock.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include <stdint.h>

struct store;

/* The caller frees it with its verb close. */
struct store *store_memory_open(void);

/* Say since when it is whole, as if it had lost something: before that, always (0). */
void store_memory_whole(struct store *store, int64_t whole_ms);

#endif

/*
 * A store in this process's memory: for tests, which need one that starts empty and
 * forgets.  It keeps the contract of store.h in the plainest way: lists that are searched
 * from the start, under one lock.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

struct store;

/* The caller frees it with its verb close. */
struct store *store_memory_open(void);

#endif

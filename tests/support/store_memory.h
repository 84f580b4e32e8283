/*
 * A store in this process's memory: for tests, which need one that starts
 * empty and forgets.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

struct store;

/* The caller frees it with its verb close. */
struct store *store_memory_open(void);

#endif

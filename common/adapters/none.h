/*
 * The store of "state": "none": it remembers nothing, each verb says so, and
 * the gateway asks the servers each time.
 */
#ifndef STORE_NONE_H
#define STORE_NONE_H

struct store;

/* Never fails; close need not be called, but may be. */
struct store *store_none_open(void);

#endif

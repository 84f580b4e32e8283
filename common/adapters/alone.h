/*
 * What the stores have in common that no hosts share: there is no engine to describe, and no
 * other host to leave a poll to (store.h).
 */
#ifndef STORE_ALONE_H
#define STORE_ALONE_H

#include "ports/store.h"

/* NOT_FOUND. */
enum store_result alone_describe(struct store *store, struct arena *arena,
    struct store_description *description);

/* NULL: they have no problem. */
const char *alone_problem(struct store *store, struct arena *arena);

/* OK, and no server is left. */
enum store_result alone_polls_begin(struct store *store, struct store_poll *polls, size_t n);

#endif

/*
 * The state in a Redis 6.2 or later, or a Valkey, shared by any number of processes on any
 * number of hosts.
 *
 * Each change is one script, so it is atomic; what decides stays in C, above the port.  The
 * engine's clock counts: times are kept by it, and given and taken by this host's, so hosts
 * may be minutes apart.  Keys begin with "{PREFIX}:", one hash tag (Redis Cluster
 * specification).  Nothing in a request looks through keys.
 *
 * The engine may be emptied, may lose its last writes, may hang, or go: verbs then fail, and
 * since when nothing was lost (whole_ms) begins anew.
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/state_url.h"

struct store;

/*
 * Use the engine at the URL, with keys of that prefix.  files is the path beside which this
 * host's own files lie (turns.h).  All are borrowed until the store is closed.  Never fails:
 * while the engine cannot be used its verbs fail, and a thread of the store's own tries.  The
 * first try is waited for, but not longer than wait_ms: STORE_WAIT_MS, where a client waits.
 * is_seen says whether reading notes that this host is there (store_host): a gateway's does,
 * but not what only looks after one.
 * Call it after the last fork and with signals blocked.  Close it with verbs->close.
 */
struct store *store_redis_open(const struct state_url *url, const char *prefix,
    const char *files, int64_t wait_ms, bool is_seen);

/* The version of the hiredis that it was built with: "0.14.1". */
const char *store_redis_version(void);

#endif

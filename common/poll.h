/*
 * The poll: ask every server for its meetings, and set health, load, the last known
 * lists and the mappings by what they say.
 */
#ifndef TINYSCALE_POLL_H
#define TINYSCALE_POLL_H

#include <stdbool.h>
#include <stdint.h>

struct api;
struct arena;

/*
 * Poll the servers that are due, all in parallel under probe_timeout_ms, if this
 * process (owner, a random number of its own) holds or gets the lease; else do
 * nothing.  is_round polls all servers, due or not.
 *
 * Each server's answer is one contact for its health.  Of a server that answered,
 * meetings that run and are not mapped are mapped to it, and mappings to
 * it that no longer run are forgotten, unless younger than one interval and
 * create_timeout_ms: their create may be under way.  A failed poll forgets
 * nothing.
 */
void poll_run(const struct api *api, struct arena *arena, int64_t now_ms,
	uint64_t nonce, uint64_t owner, bool is_round);

/* Give the lease back, so that another process need not wait for its end. */
void poll_end(const struct api *api, int64_t now_ms, uint64_t owner);

#endif

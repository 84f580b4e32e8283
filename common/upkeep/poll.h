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
 * Poll the servers that are due, all in parallel under probe_timeout_ms; is_round
 * polls all, due or not.  A lease in the state sees to it that one process does so
 * at a time: while another polls, nothing is done.  When each server is due is in
 * the state too, so it does not matter who polls next.
 *
 * Each server's answer is one contact for its health.  Of a server that answered,
 * meetings that run and are not mapped are mapped to it, and mappings to
 * it that no longer run are forgotten, unless younger than one interval and
 * create_timeout_ms: their create may be under way.  A call that was not sent, or failed
 * while this host stood still, is no contact, nor is an answer that is older than the
 * lease on polling holds.  A failed poll forgets nothing, nor does a list that breaks off
 * or has an ill-formed item; its other items count.  Meetings that run on two servers are
 * settled (copies.h).
 *
 * A list that is known from a poll before (known_list.h) is not parsed, and all else is done
 * as if it had been.  So of the threads of a process one polls with one configuration.
 */
void poll_run(const struct api *api, struct arena *arena, int64_t now_ms, uint64_t nonce,
    bool is_round);

/* Is any server due?  Read from the state; no server is asked. */
bool poll_is_due(const struct api *api, struct arena *arena, int64_t now_ms);

#endif

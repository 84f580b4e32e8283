/*
 * The servers' versions of BBB, for people who look after them (status.h).
 *
 * A server tells its version in the document at its API's root, and only where its
 * administrator allows that (allowRevealOfBBBVersion in bigbluebutton.properties).  No call
 * needs it, so an answer to this question that is odd, or late, says nothing of a server's
 * health (RELAY_EXTRA in relay.h).
 */
#ifndef RELEASES_H
#define RELEASES_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"

/* Ask those of the n servers, which have just answered a poll, that are due by their facts
 * (server_release_is_due), and save what they say.  holder has the lease. */
void releases_sync(struct call *call, uint64_t holder, const struct server *const *servers,
    const struct server_facts *facts, size_t n);

#endif

/*
 * Equal questions that come at the same time are asked once.
 *
 * A list of meetings or recordings is a question to all servers.  When a thousand clients ask
 * for the same list at once, each server need not be asked a thousand times: calls with the
 * flag TOGETHER in api.c's table go in a crowd (crowd.h).  The first asks at once.  Those that
 * come while it does wait, and then one of them asks for all.
 *
 * No answer is older than the request that it answers: what is under way when a request comes
 * is not for it, as a client may have created a meeting just before it lists them.
 *
 * Equal are requests whose answers would be the same byte for byte: the same call, method,
 * query without its checksum, form and body with its type, under one configuration.  What the
 * servers get of a client's address (X-Forwarded-For) is that of the one that asks.  Clients
 * that know different secrets never share.  Requests that differ do not wait for each other,
 * and one whose question is longer than CROWDS_KEY_BYTES goes alone.
 *
 * Who has waited for a third of probe_timeout_ms for the round before asks beside it.  So an
 * answer takes a third of that time, and 20 ms, longer at the most than it takes alone; or all
 * of that twice, after a shortage (below).
 *
 * Each request is logged and counted for itself; what its answer taught of the servers, by the
 * one that asked.
 */
#ifndef TOGETHER_H
#define TOGETHER_H

#include "core/call.h"

/* Answer the call. */
typedef void together_ask(struct call *call, const void *context);

/*
 * Answer the call by ask, or by what ask leaves in the response of an equal call.  Nothing may
 * have been read of the state, nor asked, before: it might be older than the wait.
 *
 * The answer's body is copied once for all who take it, and freed with the last of them.  Where
 * something is missing in it for want of memory or the like here (was_short in response.h) the
 * others ask once more, together: what one could not have another may.
 */
void together_answer(struct call *call, together_ask *ask, const void *context);

#endif

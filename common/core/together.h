/*
 * Equal questions that come at the same time are asked once.
 *
 * A list of meetings or recordings is a question to all servers, and getMeetingInfo is what a
 * hundred browsers ask of one of them while they wait for a meeting to begin.  When a thousand
 * clients ask for the same at once, no server need be asked a thousand times: calls with the
 * flag TOGETHER in api.c's table go in a crowd (crowd.h).  The first asks at once.  Those that
 * come while it does wait, and then one of them asks for all.
 *
 * No answer is older than the request that it answers: what is under way when a request comes
 * is not for it, as a client may have created a meeting just before it lists them, or ended
 * one just before it asks for it.  So a round begins with the look-up of the meeting.
 *
 * Equal are requests whose answers would be the same byte for byte: the same call, method,
 * query without its checksum, form and body with its type, under one configuration.  What the
 * servers get of a client's address (X-Forwarded-For) is that of the one that asks.  Clients
 * that know different secrets never share.  Requests that differ do not wait for each other,
 * and one whose question is longer than CROWDS_KEY_BYTES goes alone, as does one that comes
 * while CROWDS_PLACES others are under way.
 *
 * How they wait:
 *
 * - A list: one round is under way, and the next begins up to 20 ms after it, so that those
 *   can be in it who have just had their answer.  Who has waited for a third of
 *   probe_timeout_ms for the round before asks beside it.  So an answer takes a third of that
 *   time, and 20 ms, longer at the most than it takes alone.
 * - A question about one meeting is answered within a few milliseconds.  Three rounds may be
 *   under way, so two or three clients that ask again and again, in step or out of it, never
 *   wait for each other, and one call that hangs holds up nobody.  Nothing is gathered: a pause
 *   would be longer than the question.  Who has waited for a tenth of probe_timeout_ms asks
 *   beside the three, so an answer takes that much longer at the most: with call_timeout_ms
 *   before it (4.5 s and 0.3 s) it still comes within the five seconds after which some clients
 *   give up.
 *
 * After a shortage (below) it may be twice that.
 *
 * Each request is logged and counted for itself; what its answer taught of the servers, and of
 * where the meeting is, by the one that asked.
 */
#ifndef TOGETHER_H
#define TOGETHER_H

#include "core/call.h"

/* Answer the call. */
typedef void together_ask(struct call *call, const void *context);

/*
 * Answer the call by ask, or by what ask leaves in the response of an equal call.  Nothing may
 * have been read of the state, nor asked, before: it might be older than the wait.  A call with
 * a meeting_id is a question about that meeting, every other one is a list.
 *
 * Of the response all is shared but the name of the call and the meetingID, which are the
 * request's own, and what no such answer has: cookies, a page's policy, a wait.
 *
 * The answer's body is copied once for all who take it, and freed with the last of them.  Where
 * something is missing in it for want of memory or the like here (was_short in response.h) the
 * others ask once more, together: what one could not have another may.
 */
void together_answer(struct call *call, together_ask *ask, const void *context);

#endif

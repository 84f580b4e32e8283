/*
 * Join pacing on the way of a call: take a slot (pacing.h) for a join to a server with
 * max_joins_per_second, and let it in, let it wait, or show a person the queue.
 *
 * A browser that is shown the queue keeps its slot in a cookie, as nothing can be added to
 * the signed URL, under an HMAC with the gateway's secret.  The slot is good for that URL
 * and that server alone.  A browser that keeps no cookies gets another slot each time.
 */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>

struct call;

/*
 * Is the join to call->server not to be let in yet?  Then response->wait_ms says after what
 * time api_handle is to be called once more, or the response is the page of the queue.  A
 * server without the key costs nothing, nor does HEAD, by which nobody joins; and while
 * the state cannot be used everybody is let in.
 */
bool pace_holds(struct call *call);

/* The browser was let in: let it forget its slot, so that none is used twice.  For an
 * answer that goes to a person. */
void pace_forget(struct call *call);

#endif

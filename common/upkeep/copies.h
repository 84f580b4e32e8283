/*
 * A meeting that runs on two servers.  It comes about when a server is taken for
 * down, its meeting is created anew elsewhere, and then it returns with its people
 * still in the old room.
 */
#ifndef COPIES_H
#define COPIES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"

/* A meeting that was found on a server it is not mapped to, which was down since it was
 * mapped (reconcile_is_leftover), or whose mapping is in doubt (meeting_is_in_doubt). */
struct copy {
	struct str meeting_id;
	const struct server *server;
	bool is_leftover; /* may the room with fewer people be ended? */
};

/*
 * Settle n such meetings.  Both servers are asked (getMeetingInfo).  Where both have the
 * meeting, and it is a leftover, the one with fewer people is ended, with its own
 * moderatorPW, and the mapping points to the other; where as many are in both, the mapped
 * one stays.  Where only the copy is left, it is mapped instead, unless the mapping is so
 * young that its create may be under way, and not in doubt.  Nothing is done about a meeting
 * while either server does not answer.  What is done is logged.
 *
 * Takes up to twice probe_timeout_ms.
 */
void copies_settle(struct call *call, const struct copy *copies, size_t n);

#endif

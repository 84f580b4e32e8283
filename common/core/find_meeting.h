/*
 * Find the server that has a meeting: the state first, then the servers.
 */
#ifndef FIND_MEETING_H
#define FIND_MEETING_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"

/*
 * Find call->meeting_id and fill in server, meeting and is_mapped.  What the
 * state does not know is asked of all usable servers by find_meeting_ask.  A meeting
 * mapped to a server that is disabled or down counts as unknown; its mapping
 * stays.  One that is mapped to a server that only other processes know, as in the moment
 * of a reload, is_foreign.
 */
void find_meeting(struct call *call);

/*
 * Ask all usable servers but one (NULL: all) for the meeting, in parallel with
 * getMeetingInfo.  Only an exact meetingID or internalMeetingID counts: BBB
 * itself also finds prefixes of internal ids (ServiceUtils.java,
 * findMeetingFromMeetingID).  The first that has it is enough.  Returns that
 * server, or NULL.  What was learnt is remembered: where it is, at once, for then the
 * call goes there; or, if every server answered, that it is nowhere, when the client has
 * its answer.  call->silent tells who did not answer.
 *
 * Of 500 servers a question to each is too much for each new meeting.  So look-ups may
 * cost a process lookups_per_second questions; beyond that, and if the picture is complete
 * (health_is_complete), nobody is asked, and what is not mapped is nowhere.
 */
const struct server *find_meeting_ask(struct call *call, const struct server *except);

/* Does this server say, when asked, that it does not have the meeting?  (No
 * answer is not such a word.) */
bool find_meeting_is_gone(struct call *call, const struct server *server);

#endif

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
 * stays.  A mapping in doubt (meeting_is_in_doubt) is no answer by itself: its server is
 * asked and, where that denies it or cannot be called, all others.  Whichever has the
 * meeting is mapped; where none has it the mapping stays and is followed.  One that is
 * mapped to a server that only other processes know, as in the moment of a reload,
 * is_foreign.  Returns whether the call can be served now: not where it is, nor where a server
 * was not heard for a shortage here (is_unheard), since the meeting may run there.
 */
bool find_meeting(struct call *call);

/*
 * The same for a create.  For a meeting that is on no usable server it waits for the turn
 * to place it (store.h), which is then the call's until its end, so that no other create of
 * it is under way on this host, whatever becomes of the state: the other's claim is seen in
 * the state, or its meeting on its server.  Returns false, too, when another's create has
 * had the turn for create_timeout_ms.
 */
bool find_meeting_in_turn(struct call *call);

/*
 * Ask all usable servers but one (NULL: all) for the meeting, in parallel with
 * getMeetingInfo.  Only an exact meetingID or internalMeetingID counts: BBB
 * itself also finds prefixes of internal ids (ServiceUtils.java,
 * findMeetingFromMeetingID).  The first that has it is enough.  Returns that
 * server, or NULL.  What was learnt is remembered: where it is, at once, for then the
 * call goes there; or, if every server answered, that it is nowhere, when the client has
 * its answer.  call->silent tells who did not answer; they
 * are not asked again for this request.  call->is_unheard tells whether an answer was lost
 * for a shortage here or, of a create, whether a server could not be asked for one: then
 * NULL does not mean that the meeting is nowhere.
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

/*
 * The calls about one meeting: they go to its server, and its answer comes
 * back byte for byte.  They differ in what an unknown meeting is told.
 */
#include <string.h>

#include "core/call.h"
#include "core/claim.h"
#include "core/find_meeting.h"
#include "core/relay.h"
#include "core/reply.h"

/*
 * A server that no longer has a meeting mapped to it: the record is dropped, if
 * no create of it may be under way, and the other
 * servers are asked.  Returns the server that has it, or NULL.
 */
static const struct server *
follow_stale_record(struct call *call)
{
	if (!call->is_mapped ||
	    meeting_may_be_under_way(&call->meeting, call->request->now_ms,
	        call->config->create_timeout_ms))
		return NULL;
	claim_drop(call, call->meeting_id, &call->meeting);
	call->is_mapped = false;
	return find_meeting_ask(call, call->server);
}

/* The meeting has ended: the next poll that does not show it drops its mapping. */
static void
note_end(struct call *call, void *argument)
{
	(void)argument;
	claim_note(call, &call->meeting, true);
}

static void
forward(struct call *call)
{
	if (relay_may_redirect(call)) {
		relay_redirect(call, call->server);
		return;
	}
	struct relay_answer answer;
	relay_send(call, call->server, &answer);
	if (answer.verdict == RELAY_FAILED && reply_is_unknown_meeting(answer.message_key)) {
		const struct server *elsewhere = follow_stale_record(call);
		if (elsewhere) {
			call->server = elsewhere;
			relay_send(call, elsewhere, &answer);
		} else if (call->is_unheard) {
			call_refuse(call, REPLY_UNAVAILABLE);
			return;
		}
	}
	if (answer.verdict == RELAY_SUCCESS && call->is_mapped &&
	    strcmp(call->name, "end") == 0)
		call_later(call, note_end, NULL);
	relay_answer(call, &answer, false);
}

void
call_meeting(struct call *call)
{
	if (call->server)
		forward(call);
	else
		reply_error(call->response, call->arena, REPLY_NOT_FOUND);
}

void
call_chat(struct call *call)
{
	if (call->server)
		forward(call);
	else
		reply_error(call->response, call->arena, REPLY_CHAT_NOT_FOUND);
}

void
call_running(struct call *call)
{
	if (call->server)
		forward(call);
	else
		reply_not_running(call->response);
}

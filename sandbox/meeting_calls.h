/*
 * Calls that change a meeting, but for join: create, end, insertDocument,
 * sendChatMessage.  See bbb-web's ApiController.groovy and the request classes
 * of bbb-common-web.  Each fills the answer of the call.
 */
#ifndef SANDBOX_MEETING_CALLS_H
#define SANDBOX_MEETING_CALLS_H

struct call;

/*
 * Creates a meeting.  One that is there already is answered for again when both
 * passwords are the same or none is given, as BBB 3.0 does.
 */
void meeting_calls_create(struct call *call);

/* Ends a meeting at once, where BBB takes a few seconds. */
void meeting_calls_end(struct call *call);

/* Takes a body with a document and does nothing with it. */
void meeting_calls_insert_document(struct call *call);

/* Takes a message for a meeting that somebody is in, and does nothing with it. */
void meeting_calls_send_chat_message(struct call *call);

#endif

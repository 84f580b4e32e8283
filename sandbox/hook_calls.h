/*
 * hooks/create, hooks/list, hooks/destroy, hooks/ping: bbb-webhooks, a program
 * beside bbb-web with checks and answers of its own (its src/out/webhooks/api/
 * api.js and responses.js).  Each fills the answer of the call.
 *
 * Ids are numbers, as of bbb-webhooks before 3.0, which has UUIDs: what holds
 * for both is that they are text which differs from server to server.
 */
#ifndef SANDBOX_HOOK_CALLS_H
#define SANDBOX_HOOK_CALLS_H

struct call;

/* Makes a hook; a URL that has one gets that one's id and duplicateWarning. */
void hook_calls_create(struct call *call);

/* Lists the hooks; with meetingID those of all meetings and of that one. */
void hook_calls_list(struct call *call);

/* Removes a hook, if it is there and not permanent. */
void hook_calls_destroy(struct call *call);

/* Answers without a checksum that it lives. */
void hook_calls_ping(struct call *call);

#endif

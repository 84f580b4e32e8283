/*
 * The answers of the gateway's own, in BBB's words.
 *
 * One table holds every error with its messageKey, text and HTTP status, as
 * BBB's constraints and api-error.ftlx have them; no other file spells a
 * messageKey.  Answers relayed from a server do not pass through here.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "formats/response.h"

struct arena;
struct webhook;

enum reply_error {
	REPLY_CHECKSUM,
	REPLY_NO_MEETING_ID,
	REPLY_NOT_FOUND,      /* unknown meeting */
	REPLY_JOIN_NOT_FOUND, /* unknown meeting, as join says it */
	REPLY_CHAT_NOT_FOUND, /* unknown meeting, as sendChatMessage says it */
	REPLY_NO_RECORD_ID,
	REPLY_NO_PUBLISH,
	REPLY_RECORDING_NOT_FOUND,   /* none of the recordings is known */
	REPLY_RECORDING_UNAVAILABLE, /* a recording's server gave no proper answer */
	REPLY_CAPTIONS_NOT_FOUND,    /* unknown recording, as the captions' calls say it */
	REPLY_CAPTION_NO_RECORD_ID,  /* as putRecordingTextTrack says it */
	REPLY_NO_SERVER,             /* no server can take a new meeting */
	REPLY_NO_TAG,                /* none with the tags that the create insists on */
	REPLY_UNAVAILABLE,           /* the meeting's server gave no proper answer */
	REPLY_INVALID,               /* bad encoding, limits exceeded */
	REPLY_TOO_LARGE,             /* the same, as HTTP 413, for a large body */
	REPLY_SHORT,                 /* there is no memory here for the body */
	REPLY_CONTENT_TYPE,
	REPLY_UNSUPPORTED,
	REPLY_MISCONFIGURED,   /* the gateway's own configuration is bad */
	REPLY_NO_CALLBACK_URL, /* of bbb-webhooks (its responses.js), as those below */
	REPLY_NO_HOOK_ID,
	REPLY_WEBHOOK_MISSING,
	REPLY_WEBHOOK_CREATE, /* no server took it */
	REPLY_WEBHOOK_LIST,   /* no server answered */
	REPLY_WEBHOOK_DESTROY,
	REPLY_ID_NOT_UNIQUE, /* only to recognise a server's answer */
	REPLY_ERRORS         /* how many there are */
};

/* Answer with an error. */
void reply_error(struct response *response, struct arena *arena, enum reply_error error);

/*
 * Answer with a redirect that tells the error: to the http or https URL, with
 * errors=[{"key":"…","message":"…"}] at the end of its query (ApiController.groovy,
 * respondWithRedirect).
 */
void reply_error_redirect(struct response *response, struct arena *arena,
    enum reply_error error, struct str url);

/*
 * Answer with an error as the calls about captions do, {"response":{…}}
 * (RecordingController.groovy, RecMetaXmlHelper.scala).  detail ends the message; it
 * may be absent.
 */
void reply_json_error(struct response *response, struct arena *arena, enum reply_error error,
    struct str detail);

/* Does a server's JSON, as far as can be told without reading it, say that: is it the
 * value of a messageKey in it? */
bool reply_json_is(struct str json, enum reply_error error);

/* Does the redirect by which BBB answers a join say that (reply_error_redirect)? */
bool reply_redirect_is(struct arena *arena, struct str location, enum reply_error error);

/* The key of BBB's second error document, which has a list of them in place of a
 * messageKey: as elements (api-errors.ftlx) or, up to 2.3, as attributes
 * (ApiController.groovy, respondWithErrors).  A refused checksum comes first.  Absent when
 * the document is none. */
struct str reply_key_in_errors(struct arena *arena, struct str document);

/* Is this the messageKey of that error? */
bool reply_is(struct str message_key, enum reply_error error);

/* Does the messageKey say, for whatever call, that the meeting is unknown? */
bool reply_is_unknown_meeting(struct str message_key);

/* Does the messageKey say that the server cannot do its work, whatever the call?
 * (ApiController.groovy: internalError, apiNotEnabled.) */
bool reply_is_server_fault(struct str message_key);

/* Answer with the version document, which needs no checksum (api-version.ftlx). */
void reply_index(struct response *response);

/* Answer isMeetingRunning for a meeting that is not there. */
void reply_not_running(struct response *response);

/* Does the messageKey of a success say that it was there already? */
bool reply_is_duplicate(struct str message_key);

/* Answer hooks/create, hooks/destroy and hooks/list as bbb-webhooks does. */
void reply_webhook_created(struct response *response, struct arena *arena,
    const struct webhook *hook, bool duplicate);
void reply_webhook_destroyed(struct response *response);
void reply_webhooks(struct response *response, struct arena *arena, const struct webhook *hooks,
    size_t n);

/* Answer with a text, where no API client asks: health, callbacks. */
void reply_text(struct response *response, int status, struct str text);

/* Answer with a 302 that must not be kept by anyone. */
void reply_redirect(struct response *response, const char *location);

/* How BBB words a list call: <response>…<container><item/>…</container>. */
struct reply_list {
	const char *call;
	const char *container;
	const char *item;
	const char *key;       /* the child that identifies an item, or NULL */
	const char *empty;     /* the container without an item */
	const char *empty_key; /* messageKey of the empty list */
	const char *empty_message;
};

/* The list of that call, or NULL. */
const struct reply_list *reply_list_find(struct str call);

/*
 * Answer with the n items, raw fragments one after another; with the empty form
 * when there are none.  more, which may be absent, is XML that follows.  What
 * would be larger than LIMIT_MERGED_BYTES is logged and becomes REPLY_UNAVAILABLE.
 */
void reply_items(struct response *response, struct arena *arena, const struct reply_list *list,
    const struct str *items, size_t n, struct str more);

#endif

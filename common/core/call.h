/*
 * One call under way: what a handler is given, and the handlers.
 *
 * api.c fills this in from the flags of its table before the handler runs.  A
 * handler decides, sends through relay.h, and leaves the answer in response.
 */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "config/config.h"
#include "core/reply.h"
#include "formats/query.h"
#include "formats/request.h"
#include "formats/response.h"
#include "formats/xml.h"
#include "model/meeting.h"
#include "model/server.h"
#include "ports/store.h"

/* The MIME type of a form in the shape of a query. */
#define CALL_FORM_TYPE "application/x-www-form-urlencoded"

struct arena;
struct call;
struct http;
struct relay_answer;

/* Work of a call for when its client has the answer; call is the one that api.c made. */
typedef void call_work(struct call *call, void *argument);

/* The work that is put off of one call: api.c makes the list and runs it. */
struct later {
	struct call *call;
	struct later_work *first;
	struct later_work **end; /* where the next is put */
};

struct later_work {
	struct later_work *next;
	call_work *work;
	void *argument;
};

struct call {
	const struct config *config;
	struct store *store;
	struct http *http;
	struct arena *arena;
	const struct request *request;
	struct response *response;

	const char *secret;      /* the gateway's, that the client signed with, or NULL */
	const char *name;        /* signed and sent, "getMeetingInfo" */
	struct str mount;        /* the path before the name, "/bigbluebutton/api",
	                            or absent where that is not plain */
	bool once;               /* must not be sent twice */
	bool json;               /* may a server answer it in JSON? */
	struct query parameters; /* of the query, or of the form that takes its place or,
	                            by MAPS_GET of api.c, goes along in it */

	/* What is sent on: */
	const char *method; /* "GET" or "POST" */
	struct str query;   /* raw, without the checksum */
	struct str form;    /* fields of a form too long for a query, in a
	                       query's shape; then query is empty */
	struct str body;    /* the client's, unchanged; absent: none */
	struct str content_type;
	const struct query *fields; /* private to call.c: of a body that is a form, or
	                               NULL: not read yet */

	/* Where the meeting lives; see find_meeting.h. */
	struct str meeting_id;             /* decoded and trimmed */
	const struct server *server;       /* NULL: on no usable server */
	struct meeting meeting;            /* the state's mapping, with is_mapped … */
	struct server_facts meeting_facts; /* … and what is known of its server */
	bool is_mapped;                    /* does the state have a mapping? */
	bool is_foreign;                   /* is it to a server that only others know? */
	bool is_in_doubt;                  /* may the meeting be elsewhere (meeting.h)? */
	bool was_whole;                    /* could the state be read and written then? */
	struct store_turn turn;            /* to place it; api.c gives it back */
	bool is_unheard;                   /* was a server's answer to the look-up lost for a
	                                      shortage here, so that it may be there? */
	bool *silent;                      /* which of the configuration's servers did not
	                                      answer the look-up, or NULL: none was asked */

	/* What is known of the servers, once it was asked for; see health.h. */
	struct server_facts *facts;
	int64_t whole_ms;
	struct later *later; /* private to call_later, and of all copies of the call; NULL:
	                        no client waits for it, as for a poll */
};

typedef void call_handler(struct call *call);

call_handler call_create;       /* calls/create.c */
call_handler call_join;         /* calls/join.c */
call_handler call_running;      /* calls/meeting.c: isMeetingRunning */
call_handler call_chat;         /* … sendChatMessage */
call_handler call_meeting;      /* … every other call about one meeting */
call_handler call_lists;        /* calls/lists.c: getMeetings, getSessions */
call_handler call_recordings;   /* calls/recordings.c: getRecordings */
call_handler call_publish;      /* calls/publish.c: publishRecordings */
call_handler call_delete;       /* … deleteRecordings */
call_handler call_update;       /* … updateRecordings */
call_handler call_captions;     /* calls/captions.c: getRecordingTextTracks */
call_handler call_caption_put;  /* … putRecordingTextTrack */
call_handler call_index;        /* calls/health.c */
call_handler call_health;       /* … tinyscale/health */
call_handler call_status;       /* calls/status.c: tinyscale/status */
call_handler call_metrics;      /* calls/metrics.c: tinyscale/metrics */
call_handler call_callback;     /* calls/callback.c: tinyscale/callback */
call_handler call_hooks_create; /* calls/hooks.c */
call_handler call_hooks_list;
call_handler call_hooks_destroy;
call_handler call_unsupported; /* calls/health.c: what is not served */

/*
 * Do the work when the client has its answer (api_finish), in the order in which it was
 * put: nothing is remembered on a client's time.  What decides the answer, or must be known
 * to others before the client knows it, such as a claim, cannot be put off.
 *
 * The argument and all that it points to must live until then, as what is in the arena
 * does, and nothing may write to it meanwhile.  call may be a copy on a stack; the work is
 * given the one that api.c made, so what only the copy knows goes into the argument.  Where
 * no client waits the work is done at once.
 */
void call_later(struct call *call, call_work *work, void *argument);

/*
 * Answer with an error of the gateway's own, as the call's client wants it: a join that
 * names an errorRedirectUrl, http or https, is sent there, as BBB does for whoever
 * knows the secret, and every other call gets the document.
 */
void call_refuse(struct call *call, enum reply_error error);

/*
 * The list that the server last gave to this call, with what else the answer depends on
 * ("": nothing), read as *list says, to stand in for an answer; which is logged.  False
 * when there is none.
 */
bool call_last_known(struct call *call, const struct server *server, const char *filter,
    struct xml_list *list);

/* May a server's list, fresh from it, be remembered as the last one that it gave to that
 * call?  One that is not complete may not take the place of one that is, and one larger
 * than LIMIT_MEETINGS_BYTES is not remembered. */
bool call_may_remember(struct call *call, const struct server *server, const char *filter,
    const struct relay_answer *fresh);

/* Remember n lists of servers, which live in the arena, when the client has its answer. */
void call_remember_lists(struct call *call, const struct store_list *lists, size_t n);

/* The lease on polling outlives what it is for by this. */
#define CALL_LEASE_SPARE_MS 5000

/*
 * Take the lease on polling (store.h) for its holder, or prolong it: for so many rounds
 * of questions, of probe_timeout_ms each, since the call began.  False when another
 * holds it.
 */
bool call_take_lease(struct call *call, uint64_t holder, int rounds);

/*
 * Apply defaults (added when the client sent none) and overrides (set always, or
 * removed) to what is sent on; parameters are those from then on.  A form that goes
 * along with a query counts, as BBB takes both (HttpServletRequest.getParameter): what
 * it has is not absent, and an override is taken out of it.  The configuration's are
 * applied first, then, on a copy of the call, those of the server that is called.
 */
void call_apply_parameters(struct call *call, const struct parameters *defaults,
    const struct parameters *overrides);

/* The MIME type of a Content-Type, without its parameters, as it is written. */
struct str call_mime(struct str content_type);

/* What a server will take for that parameter: the query's, else the form's. */
struct str call_parameter(struct call *call, const char *name);

/* Set one parameter of what is sent on, whatever the client sent; value NULL
 * removes it. */
void call_set_parameter(struct call *call, const char *name, const char *value);

/* Let a query that is too long for a server (LIMIT_FORM_AS_QUERY_BYTES) go as a form, if
 * no body goes along with it.  BBB must take the call by POST. */
void call_use_form(struct call *call);

#endif

/*
 * Re-sign a call and send it on to a server; tell a proper BBB answer from
 * everything else a server may return.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "formats/xml.h"
#include "model/known_list.h"
#include "ports/http.h"

enum relay_verdict {
	RELAY_SUCCESS,     /* a BBB answer that says SUCCESS, or JSON to a call that
	                      BBB answers in it */
	RELAY_FAILED,      /* a BBB answer that says FAILED */
	RELAY_REDIRECT,    /* a 302, proper for join alone */
	RELAY_NO_ANSWER,   /* none, none that is BBB's, one that breaks off and was not
	                      to hold a list, or one that there is no memory for;
	                      logged */
	RELAY_UNREACHABLE, /* no connection, nothing was sent; logged */
	RELAY_BUSY         /* nothing was sent, since too many calls to it are under
	                      way, or for want of something here (HTTP_BUSY,
	                      HTTP_SHORTAGE); logged */
};

struct relay_answer {
	enum relay_verdict verdict;
	struct str message_key; /* of RELAY_SUCCESS and RELAY_FAILED, or absent */
	const char *location;   /* of RELAY_REDIRECT: an http or https URL */
	const char *problem;    /* what went wrong, for the log, or NULL */
	const struct http_call *http;
	struct str document;   /* the answer's body; of XML, as it was mended (xml.h) */
	bool is_alive;         /* it is a BBB document that does not refuse our checksum,
	                          though perhaps not a sound one: whatever the verdict
	                          is, a good contact */
	bool is_lost;          /* there was no memory here to read it: it tells nothing of the
	                          server */
	struct xml_list *list; /* in: what to read from an XML answer on the same
	                          occasion, or NULL; filled in with RELAY_SUCCESS, as far
	                          as it is sound */
	const struct known_list *known; /* in: with a list, the one that this question was
	                                   answered with before, or NULL */
	bool is_known;         /* that is the answer again, byte for byte: RELAY_SUCCESS, and
	                          the list, though complete, was not read */
	struct list_mark mark; /* else, by what a list that is complete, and that was not
	                          mended, is known again: known may be set to it */
};

/* Fill in the outgoing call: the client's query or form, its body with its MIME
 * type, re-signed.  A create's callbacks become the gateway's own where that
 * server's signature would mean nothing to the client (callback.h). */
void relay_prepare(const struct call *call, const struct server *server,
    struct http_call *http);

/* Fill in a question of the gateway's own: GET name?query. */
void relay_prepare_own(const struct call *call, const struct server *server, const char *name,
    struct str query, struct http_call *http);

/* Fill in the question for the document at the API's root.  It is not signed: BBB looks at
 * no checksum there, and one over nothing but the secret is better not sent. */
void relay_prepare_root(const struct server *server, struct http_call *http);

/* Does the server refuse the checksum of that finished call, while it has a secret that
 * the call was not signed with yet? */
bool relay_may_sign_again(const struct call *call, const struct server *server,
    const struct http_call *http);

/* Sign such a call with the next secret, to be run again. */
void relay_sign_again(const struct call *call, const struct server *server,
    struct http_call *http);

/* Whose question an outgoing call was. */
enum relay_origin {
	RELAY_CLIENT, /* a client's: an answer that is not BBB's may be its fault */
	RELAY_SLOW,   /* the same, and a healthy server may take too long over it */
	RELAY_EXTRA,  /* the gateway's own, which a healthy server need not know, nor
	                 answer in time: bbb-webhooks is a program beside BBB */
	RELAY_OWN,    /* the gateway's own, which every healthy server answers */
	RELAY_POLL    /* the poll, to which every healthy server says SUCCESS */
};

/* Give up, for want of time, a call that relay_may_sign_again: it becomes
 * HTTP_ABANDONED, and the next call to the server begins with the next secret. */
void relay_give_up(const struct call *call, enum relay_origin origin,
    const struct server *server, struct http_call *http);

/*
 * Judge a finished outgoing call of that name; of *answer, list and known are to be set before.
 * What is wrong with it is logged, and the server's health is told of the contact
 * (health.h), but for a poll, which knows more.  A call that was not sent for a reason of
 * ours was none, nor was one that waited here and then had too little time, or was under
 * way while this host stood still: they tell nothing of the server, good or bad.  A secret
 * that worked after another was refused is remembered, but not of RELAY_EXTRA: bbb-webhooks
 * may still have the old one.
 */
void relay_judge(struct call *call, enum relay_origin origin, const char *name,
    const struct server *server, const struct http_call *http, struct relay_answer *answer);

/* Send the call to the server and wait for the answer: up to create_timeout_ms
 * for a create and for calls with a body, else call_timeout_ms.  While the server
 * refuses the checksum, its other secrets are tried within that time. */
void relay_send(struct call *call, const struct server *server, struct relay_answer *answer);

/* Pass the answer on to the client byte for byte, or say that the server is
 * not available.  Only with cookies is the server's Set-Cookie passed on. */
void relay_answer(struct call *call, const struct relay_answer *answer, bool cookies);

/* Is a call to one server to be answered with a redirect?  (The configuration's
 * forward; never a call that carries a body, nor one by POST, which clients repeat as a
 * GET.) */
bool relay_may_redirect(const struct call *call);

/* Answer with a 302 to the call on that server, re-signed.  Bytes that a browser
 * would change are encoded before they are signed: what is signed must be what
 * will be sent.  Where that is longer than a Location may be the call is refused. */
void relay_redirect(struct call *call, const struct server *server);

#endif

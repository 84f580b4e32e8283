/*
 * A client's request, as the core sees it: which door it came through is no
 * longer visible.  All spans are borrowed from the request's arena.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum request_problem {
	REQUEST_FINE,
	REQUEST_TOO_LARGE, /* the body is longer than may be */
	REQUEST_LIMIT,     /* path or query beyond bounds.h, or a malformed
	                      CONTENT_LENGTH */
	REQUEST_BODY_CUT,  /* the body ended, or broke, before its length */
	REQUEST_SHORT      /* there was no memory for the body */
};

struct request {
	const char *method;         /* as sent: "GET", "POST", "HEAD", … */
	struct str path;            /* raw, without the query */
	struct str query;           /* raw bytes after "?", without it; may be empty */
	struct str content_type;    /* the header's text, or absent */
	struct str body;            /* absent or empty when there is none */
	struct str client;          /* the client's address, REMOTE_ADDR */
	struct str forwarded_for;   /* the client's X-Forwarded-For, or absent */
	struct str host;            /* the Host header, or absent */
	struct str authorization;   /* the Authorization header, or absent */
	struct str accept;          /* what the client would rather have, or absent: the */
	struct str accept_language; /* headers Accept and Accept-Language */
	struct str cookies;         /* the Cookie header, or absent */
	bool https;                 /* did the client use https? */
	enum request_problem problem;
	int64_t body_length; /* CONTENT_LENGTH; 0: none, -1: unknown */
	bool unread;         /* a part of the body was left unread: the
	                        connection can carry no further request */
	bool has_waited;     /* it was handled before, and has waited as it was told to
	                    (response->wait_ms) */
	int64_t now_ms;      /* wall clock, milliseconds since the epoch */
	uint64_t nonce;      /* random; also the request's id */
};

#define REQUEST_ID_BYTES 17

/* Write the id by which the log and the answer (X-Request-Id) name the request: 16
 * hexadecimal digits of its nonce. */
void request_id(const struct request *request, char id[REQUEST_ID_BYTES]);

#endif

/*
 * The answer to a request, before a door writes it.  All spans and texts are
 * static or borrowed from the request's arena.
 */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct later;

struct response {
	int status; /* HTTP status, 200 for nearly everything */
	const char *content_type;
	struct str body;
	const char *location;  /* absolute URL, or NULL */
	struct str set_cookie; /* Set-Cookie values, one a line, or absent */
	bool no_store;         /* Cache-Control: no-store instead of no-cache */
	bool is_error;         /* is the body the gateway's own document of an error? */
	bool was_short;        /* may something be missing in it for a shortage here, of memory
	                          or descriptors, which another request need not meet? */
	const char *policy;    /* a page's Content-Security-Policy, or NULL: it is none */
	int refresh_s;         /* a page's: when it is loaded anew; 0: never */

	/* Above 0: there is no answer yet.  The request is to be handled once more after so
	 * long, with has_waited. */
	int64_t wait_ms;

	/* What the log line tells, unless there is none. */
	bool is_unlogged;
	struct str call;       /* the call's name, "" for the index */
	struct str meeting_id; /* or absent */
	const char *server;    /* name of the server that was asked, or NULL */
	const char *result;    /* "SUCCESS", a messageKey, "redirect", … */

	struct later *later; /* for api_finish, or NULL */
};

#endif

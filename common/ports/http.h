/*
 * The port to the network: run a batch of HTTP calls in parallel and return
 * when all are decided.
 *
 * The core builds a list of calls, runs it, and goes on with all answers in
 * hand.  The real adapter is http_curl.h; the tests' is a list of expected
 * calls with canned answers.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

enum http_result {
	HTTP_ANSWERED,    /* a whole HTTP answer, of whatever status */
	HTTP_UNREACHABLE, /* no connection: no byte of the request was sent */
	HTTP_TIMEOUT,     /* connected, or connecting, when the deadline passed */
	HTTP_BROKEN,      /* the connection broke, or the answer is no HTTP */
	HTTP_TOO_LARGE,   /* the answer passed max_answer_bytes */
	HTTP_ABANDONED,   /* given up, because another answer was enough */
	HTTP_BUSY,        /* too many calls to this server are under way, and it
	                     answers none, or none ended before the deadline: nothing
	                     was sent, which tells nothing of the server */
	HTTP_SHORTAGE     /* this process or host is short of descriptors, memory,
	                     threads, local ports, libcurl or time, which tells
	                     nothing of the server: nothing was sent, or, with sent,
	                     there was no memory for its answer */
};

struct http_call {
	/* In.  All are borrowed and must live until run() returns. */
	const char *server;       /* the server's name, for limits and logs */
	const char *method;       /* "GET" or "POST" */
	const char *url;          /* http or https; never logged */
	struct str body;          /* sent with a Content-Length if not absent */
	struct str content_type;  /* of the body; sent only along with one */
	struct str forwarded_for; /* X-Forwarded-For's value, or absent */
	struct str authorization; /* Authorization's value, or absent */
	size_t max_answer_bytes;
	bool public_only; /* connect to no address but public ones
	                     (ip.h), and over no kept connection */
	bool once;        /* must not be sent twice: never goes over a
	                     kept connection, which may be dead */
	void *context;    /* the caller's own; not looked at */
	bool at_once;     /* never waits its turn, however many calls to the
	                     server are under way, nor is it one of them: for
	                     the poll, which tells whether the server is well */

	bool wants_certificate; /* tell when the server's certificate ends; over a
	                           connection of its own */

	/* Out.  The spans live in the arena given to run(). */
	enum http_result result;
	bool sent;              /* may a byte of the request have left? */
	bool waited;            /* with HTTP_TIMEOUT: it waited its turn first, so
	                           the server had less than the batch's time, which
	                           tells nothing of it */
	int64_t still_ms;       /* for how long this process, or the whole host, stood
	                           still while the call was under way.  Above 0 a call
	                           without an answer tells nothing of the server, and
	                           an answer may be that much older */
	int status;             /* with HTTP_ANSWERED; with HTTP_TOO_LARGE if
	                           known, else 0 */
	struct str answer;      /* with HTTP_ANSWERED; NUL-terminated */
	struct str answer_type; /* Content-Type, or absent */
	struct str location;    /* Location, or absent */
	struct str set_cookie;  /* Set-Cookie values, one a line, or absent */
	int64_t date_s;         /* Date, in seconds since 1970; 0: none */
	int64_t certificate_s;  /* with wants_certificate: until when the certificate
	                           holds, likewise */
	int64_t elapsed_ms;     /* of the batch's time, without that for which this process
	                           stood still */
	int64_t until_us;       /* when the batch's time is up, by CLOCK_MONOTONIC: what
	                           reads the answer is to be done by then, too; 0: never */
	const char *problem;    /* for the log when not HTTP_ANSWERED: a text
	                        without URL or query, static or in the arena */
};

struct http_batch {
	struct http_call *calls;
	size_t n;
	int64_t timeout_ms; /* for the whole batch, from run()'s start; or, for a call
	                       that is alone in it and waits its turn, from when that
	                       comes, within 30 s; the time for which this process stands
	                       still does not count */

	/*
	 * NULL, or: is this finished call enough, so that waiting for the
	 * others is needless?  Those become HTTP_ABANDONED.  Called in the
	 * thread of run(), once per call with HTTP_ANSWERED.
	 */
	bool (*enough)(const struct http_call *call, void *context);
	void *context;
};

/*
 * An adapter.  run() never fails as a whole: each call tells its own result.
 * It may be called by many threads at once.  No redirect is followed, no proxy
 * of the environment used, no cookie kept.  close() frees the adapter; no
 * run() may be under way.
 */
struct http {
	void (*run)(struct http *http, struct arena *arena, struct http_batch *batch);
	void (*close)(struct http *http);
};

#endif

/*
 * One HTTP call with libcurl: what is asked of it, and what came of it.
 *
 * When a transfer is started, how long it may take and which thread drives it is the
 * business of loop.c, which owns the multi handle.  A transfer belongs to the
 * thread of that handle until the loop has done with it.
 *
 *	transfer_init(&transfer, call);
 *	transfer_prepare(&transfer, setup, easy, left_ms);    easy: transfer_set_up()
 *	...                              the loop runs it
 *	transfer_conclude(&transfer, setup, code);    or transfer_give_up()
 *	easy = transfer_release(&transfer, setup);
 *	...                              in the caller's thread
 *	transfer_hand_over(&transfer, call, arena);
 *	transfer_free(&transfer);
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/curl/functions.h"
#include "base/buf.h"
#include "ports/http.h"

/*
 * The loop's own deadline decides; libcurl's is a net so far below it.  It is more than the
 * loop may be late without noticing, since libcurl looks at the clock before it reads, and
 * would give up what has been answered.
 */
#define TRANSFER_NET_MS 1000

/* What all transfers of an adapter have in common. */
struct transfer_setup {
	const struct curl_functions *curl;
	char *agent;      /* User-Agent */
	char *ca_file;    /* or NULL for the system's */
	bool has_ca_file; /* given, or compiled into libcurl */
	long connect_timeout_ms;
};

struct transfer {
	const struct http_call *call;
	CURL *easy;    /* NULL when not with libcurl */
	bool is_added; /* is easy in the multi handle?  The loop's. */
	struct curl_slist *headers;
	long timeout_ms, connect_timeout_ms; /* libcurl's */
	CURLcode refusal;                    /* libcurl's, of an option */
	char error[CURL_ERROR_SIZE];
	bool refused;         /* an address that is not public was met */
	bool has_socket;      /* one was made, for whatever address */
	int socket_error;     /* why the last one was not made, or 0 */
	const char *short_of; /* what a socket was not made for want of, or NULL */
	bool has_begun;       /* to send the request … */
	bool is_again;        /* … and libcurl was about to do so again */

	/* The answer, while it comes in. */
	struct buf body, type, location, set_cookie, date;
	size_t held; /* of the body, as it counts for LIMIT_ANSWERS_BYTES */
	bool has_no_room;
	size_t header_bytes;
	bool is_in_header;
	bool header_too_large;

	/* The outcome, as in struct http_call. */
	enum http_result result;
	bool sent;
	bool waited; /* the loop's */
	int64_t still_ms;
	int status;
	int64_t date_s, certificate_s;
	int64_t elapsed_ms; /* the loop's */
	char problem[320];  /* holds CURL_ERROR_SIZE and some words */
};

/* How many connections one loop of so many keeps open at most, of so many servers together. */
long transfer_connections_most(size_t n_servers, size_t n_loops);

/* Set the call's outcome to that of one that was not sent, for want of something here; problem
 * is static, or NULL. */
void transfer_begin_outcome(struct http_call *call, const char *problem);

/* Begin a transfer.  The call is borrowed. */
void transfer_init(struct transfer *transfer, const struct http_call *call);

/* Free what came in.  libcurl must not know the transfer any more. */
void transfer_free(struct transfer *transfer);

/* Set the options that all calls have in common, of a fresh handle.  Returns false when memory
 * is short. */
bool transfer_set_up(const struct transfer_setup *setup, CURL *easy);

/*
 * Set all other options of the easy handle, which is set up, or NULL where none could
 * be had, for the call.  After left_ms libcurl gives up by itself, a little later than
 * the loop should.  transfer->easy is set in any case.  Returns false, with the outcome
 * set, when it cannot be done.
 */
bool transfer_prepare(struct transfer *transfer, const struct transfer_setup *setup, CURL *easy,
    int64_t left_ms);

/* If libcurl has the transfer, let it give up so much later, also while it connects. */
void transfer_prolong(struct transfer *transfer, const struct transfer_setup *setup,
    int64_t more_ms);

/* May a byte of the request have left? */
bool transfer_was_sent(const struct transfer *transfer, const struct transfer_setup *setup);

/* Set the outcome that libcurl's code means. */
void transfer_conclude(struct transfer *transfer, const struct transfer_setup *setup,
    CURLcode code);

/* Set an outcome for a reason of our own; the text is copied. */
void transfer_give_up(struct transfer *transfer, const struct transfer_setup *setup,
    enum http_result result, const char *problem);

/* Note with the outcome, also in the problem of one that failed, for how long this process
 * stood still while the transfer was under way; 0: it did not. */
void transfer_note_standstill(struct transfer *transfer, int64_t still_us);

/* Is the handle no good for another call?  libcurl sends a request again when a kept connection
 * turns out to be dead.  It counts that in all calls of a handle together, and fails the sixth
 * (Curl_retry_request in its transfer.c).  Nor is one trusted whose call failed, whatever
 * libcurl may remember of it. */
bool transfer_wore_out(const struct transfer *transfer);

/* Take the easy handle back, which is out of the multi handle by now and knows nothing
 * of the transfer after.  Returns it, for the next call or to be cleaned up. */
CURL *transfer_release(struct transfer *transfer, const struct transfer_setup *setup);

/* Copy the outcome into the call.  What it points to lives in the arena. */
void transfer_hand_over(struct transfer *transfer, struct http_call *call, struct arena *arena);

#endif

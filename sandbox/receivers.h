/*
 * Receivers: what stands for the programs that servers and gateways call back.
 * Each has a name, answers with a status that can be set, and remembers what
 * it was sent, the last RECEIVERS_REQUESTS_MAX requests.  Nothing here locks:
 * the caller holds the sandbox's lock.
 */
#ifndef SANDBOX_RECEIVERS_H
#define SANDBOX_RECEIVERS_H

#include <stddef.h>

#include "checksum.h"
#include "text.h"

#define RECEIVERS_REQUESTS_MAX 1000
/* As much of a body is kept; length and digest are of all of it. */
#define RECEIVERS_BODY_MAX ((size_t)1024 * 1024)

struct received {
	char *method;
	char *target;        /* path and query exactly as sent */
	struct text headers; /* "Name: value" and a line end each */
	struct text body;
	size_t length;
	char sha256[CHECKSUM_HEX_MAX];
	unsigned status; /* what it was answered with */
	struct received *next;
};

struct receiver {
	char *name;
	char *statuses; /* "503,503,200", NULL: 200; the last goes on being given */
	const char *at; /* the next of them */
	long long ms;   /* how long an answer takes */
	struct received *first;
	struct received *last;
	size_t count;
	struct receiver *next;
};

/* Starts as all zeroes. */
struct receivers {
	struct receiver *first;
};

/* Returns the receiver of that name, borrowed, made if there was none. */
struct receiver *receivers_need(struct receivers *receivers, const char *name);

/*
 * Sets what the receiver answers and forgets what it was sent.  Returns 0, or
 * -1 when statuses is not a list of numbers from 200 to 599; NULL stands for
 * 200.
 */
int receivers_set(struct receiver *receiver, const char *statuses, long long ms);

/*
 * Remembers a request (copied; headers is taken over) and chooses its answer's
 * status.  Returns it, borrowed.
 */
const struct received *receivers_take(struct receiver *receiver, const char *method,
    const char *target, struct text *headers, const struct text *body);

/* Removes all receivers. */
void receivers_clear(struct receivers *receivers);

#endif

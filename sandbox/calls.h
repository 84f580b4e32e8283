/*
 * The BBB API of one server: from a request's parts to an answer.
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include "meetings.h"
#include "params.h"
#include "text.h"

/* What calls_answer() reads.  All borrowed; headers are NULL when absent. */
struct calls_request {
	struct meetings *meetings;
	const char *secret;
	bool secret_is_wrong;     /* behave as if the secret had been changed */
	const char *method;
	const char *call;         /* "create"; "" for the API's own root */
	const char *query;        /* raw, "" when there is none */
	const char *body;         /* never NULL */
	size_t body_length;
	bool has_content_length;  /* as opposed to none or a chunked body */
	const char *content_type;
	const char *accept;
	const char *user_agent;
	const char *base_url;     /* "http://127.0.0.1:8001" */
	const struct text *raw;   /* the body to answer with, or NULL */
};

/* Starts as all zeroes; answer_fini() gives back what the texts hold. */
struct answer {
	unsigned status;
	const char *content_type; /* a constant */
	bool is_uncacheable;
	struct text body;
	struct text location;     /* empty: no such header */
	struct text session;      /* value of a JSESSIONID cookie, or empty */
};

/*
 * Carries out one call as BBB 3.0.37 does and fills answer.  The caller holds
 * the lock that guards request->meetings.
 */
void calls_answer(const struct calls_request *request, struct answer *answer);

/* Releases what the answer holds. */
void answer_fini(struct answer *answer);

#endif

/*
 * The BBB API of one server: from a request's parts to an answer.  The table of
 * calls is in calls.c; what each does is in the files NAME_calls.c.
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include "answer.h"
#include "hooks.h"
#include "meetings.h"
#include "params.h"
#include "recordings.h"
#include "text.h"

/* What calls_answer() reads.  All borrowed; headers are NULL when absent. */
struct calls_request {
	struct meetings *meetings;
	struct recordings *recordings;
	struct hooks *hooks;
	const char *const *secrets; /* all are right; NULL ends them */
	bool secret_is_wrong;       /* behave as if the secret had been changed */
	const char *failure;        /* the messageKey that every call fails with, or NULL */
	bool failure_is_list;       /* such a failure has the shape of api-errors.ftlx */
	const char *method;
	const char *call;  /* "create"; "" for the API's own root */
	const char *query; /* raw, "" when there is none */
	const char *body;  /* never NULL */
	size_t body_length;
	bool has_content_length; /* as opposed to none or a chunked body */
	const char *content_type;
	const char *accept;
	const char *user_agent;
	const char *base_url;   /* "http://127.0.0.1:8001" */
	const struct text *raw; /* the body to answer with, or NULL */
};

/* A call under way, for the files that carry calls out. */
struct call {
	const struct calls_request *request;
	const struct call_entry *entry;
	struct params params; /* of the query, then of a form */
	struct answer *answer;
	bool is_refused; /* what /raw set must not take the answer's place */
};

/*
 * Carries out one call as BBB 3.0.37 does and fills answer.  The caller holds
 * the lock that guards what request points to.
 */
void calls_answer(const struct calls_request *request, struct answer *answer);

/* Returns the first value of name, borrowed, or NULL when it is absent. */
const char *calls_find(const struct call *call, const char *name);

/* The same, but NULL also when it is empty. */
const char *calls_find_filled(const struct call *call, const char *name);

/* Tells whether the body is of that MIME type, whatever its parameters. */
bool calls_has_type(const struct calls_request *request, const char *type);

/* Tells whether the body is XML. */
bool calls_has_xml(const struct calls_request *request);

/*
 * Tells whether the request is signed with one of the server's secrets, and notes
 * otherwise that it is refused.  The answer is the caller's to make.
 */
bool calls_check_checksum(struct call *call);

/* Fails as the call does in BBB: join by a redirect, all others by a document. */
void calls_fail(struct call *call, const char *key, const char *message);

/*
 * Answers with the error document (api-error.ftlx), as XML or, where Grails'
 * withFormat would choose it, as JSON.
 */
void calls_fail_document(struct call *call, const char *key, const char *message);

/* Answers with the other shape of errors (api-errors.ftlx), a list of one. */
void calls_fail_list(struct call *call, const char *key, const char *message);

/* Sends the browser away, with the error in the parameter errors of the URL. */
void calls_fail_redirect(struct call *call, const char *key, const char *message);

#endif

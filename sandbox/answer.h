/*
 * What a call answers: status, headers and a body, which is a document of BBB's
 * (bigbluebutton-web/src/main/webapp/WEB-INF/freemarker/) or a page of HTML.
 */
#ifndef SANDBOX_ANSWER_H
#define SANDBOX_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

#define ANSWER_XML_TYPE "text/xml;charset=utf-8"
#define ANSWER_JSON_TYPE "application/json;charset=utf-8"
#define ANSWER_HTML_TYPE "text/html;charset=utf-8"

/* Starts as all zeroes; answer_fini() gives back what the texts hold. */
struct answer {
	unsigned status;
	const char *content_type; /* a constant */
	bool is_uncacheable;
	struct text body;
	struct text location; /* empty: no such header */
	struct text session;  /* value of a JSESSIONID cookie, or empty */
};

/* Releases what the answer holds. */
void answer_fini(struct answer *answer);

/* Begins a document with that returncode.  Returns the body, to add elements to. */
struct text *answer_open(struct answer *answer, const char *returncode);

/* Ends the document. */
void answer_close(struct answer *answer);

/*
 * Makes the answer a page of HTML, as where BBB itself breaks or finds no
 * handler.  What the body held before is gone.
 */
void answer_html(struct answer *answer, unsigned status, const char *title);

/* Each of the following appends one element.  Values are escaped, names are not. */

void answer_add(struct text *body, const char *name, const char *value);
void answer_add_number(struct text *body, const char *name, long long number);
void answer_add_boolean(struct text *body, const char *name, bool value);

/* FreeMarker groups the digits of numbers printed without ?c, as getMeetings does. */
void answer_add_grouped(struct text *body, const char *name, size_t number);

/* A time as Java's Date.toString() writes it, in UTC. */
void answer_add_date(struct text *body, const char *name, long long time_ms);

#endif

/*
 * Request parameters, as a servlet container's parameter map holds them:
 * decoded, repeated names kept, those of the query before those of the body.
 */
#ifndef SANDBOX_PARAMS_H
#define SANDBOX_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

struct param {
	char *name;
	char *value;
	struct param *next;
};

/* Starts as all zeroes. */
struct params {
	struct param *first;
	struct param *last;
};

/* Appends one pair; both strings are copied. */
void params_add(struct params *params, const char *name, const char *value);

/*
 * Reads "a=1&b=2" (a raw query or a form body) and appends its pairs.  '+' is
 * a space; a pair whose percent-encoding is broken is dropped as Tomcat drops
 * it; bytes that are not UTF-8 become U+FFFD; a NUL is left out.
 */
void params_parse_form(struct params *params, const char *form, size_t length);

/*
 * Reads a multipart/form-data body (RFC 7578) and appends its plain fields.
 * Parts with a file name are not parameters and are skipped.  What is
 * malformed ends the reading quietly.
 */
void params_parse_multipart(struct params *params, const char *content_type, const char *body,
    size_t length);

/* A file of a multipart/form-data body. */
struct params_file {
	char *name;       /* as the client calls it; the caller frees it */
	const char *data; /* borrowed from the body */
	size_t length;
};

/*
 * Finds the first part of a multipart/form-data body that is a file and whose
 * field has that name.  Returns false when there is none.
 */
bool params_find_file(const char *content_type, const char *body, size_t length,
    const char *field, struct params_file *file);

/* Returns the first value of name, or NULL.  Borrowed from params. */
const char *params_find(const struct params *params, const char *name);

/* Returns how often name occurs. */
size_t params_count(const struct params *params, const char *name);

/* Takes over the pairs of source behind those of params; source is empty then. */
void params_take(struct params *params, struct params *source);

/*
 * Appends the pairs of source whose name begins with meta_ and goes on as BBB
 * wants it, [a-zA-Z][a-zA-Z0-9-]*, without that beginning and in lower case.
 * Of a repeated name the first counts.  (ParamsProcessorUtil.processMetaParam)
 */
void params_copy_metadata(const struct params *source, struct params *metadata);

/* Makes name occur once, with that value (copied), or not at all when value is NULL. */
void params_set(struct params *params, const char *name, const char *value);

/* Removes all pairs. */
void params_fini(struct params *params);

/*
 * Returns the decoded form of length bytes of percent-encoded text (plus: also
 * '+' to space), or NULL when the encoding is broken.  The caller frees it.
 */
char *params_decode(const char *encoded, size_t length, bool plus);

/*
 * Returns a copy of value without control characters and without outer white
 * space (BBB: org.bigbluebutton.api.util.ParamsUtil.sanitizeString).  The
 * caller frees it.
 */
char *params_sanitize(const char *value);

#endif

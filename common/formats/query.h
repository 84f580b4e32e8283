/*
 * Query strings: read without touching a byte, decoded into copies.
 *
 * The checksum covers the raw bytes, so nothing here ever rebuilds a query
 * from its parameters; what must change is cut out of the text or appended.
 */
#ifndef QUERY_H
#define QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

struct arena;

/* One name=value, decoded: '+' is a space, %xx a byte. */
struct query_parameter {
	struct str name;
	struct str value;
	struct str raw; /* the "name=value" as it stands in the text */
	bool is_utf8;   /* are both well-formed UTF-8? */
};

struct query {
	struct query_parameter *list; /* in the order of the text */
	size_t n;
};

enum query_problem {
	QUERY_FINE,
	QUERY_ENCODING, /* a % without two hex digits, or a NUL */
	QUERY_TOO_MANY, /* more than LIMIT_PARAMETERS */
	QUERY_CUT       /* more than LIMIT_PARAMETERS_READ: those beyond are left out */
};

/*
 * Read a query string, or the body of a form.  Empty segments are passed over.
 * Parameters whose encoding is bad are kept with their raw text as value, and
 * the first problem is returned, so that a caller can still look for the
 * checksum before it complains; so it can where there are too many.  Bytes that are not
 * UTF-8 are no problem: clients cut names in the middle of a character, and BBB reads a
 * replacement character there.
 */
enum query_problem query_parse(struct arena *arena, struct str text, struct query *query);

/* Decode one name or value: '+' is a space, %xx a byte.  Returns 0, or -1 where its
 * encoding is bad or what it says is not UTF-8; then *decoded is the raw text. */
int query_decode(struct arena *arena, struct str raw, struct str *decoded);

/* The first value of that name (names are case-sensitive), or the absent span, also
 * where the value is not UTF-8: see query_is_utf8. */
struct str query_find(const struct query *query, const char *name);

/* Is every value of that name UTF-8? */
bool query_is_utf8(const struct query *query, const char *name);

/* Does the text, a query or a form of any length, have a parameter of that name, which has
 * at most 20 characters?  Nothing is allocated. */
bool query_text_has(struct str text, const char *name);

/* How many parameters have that name? */
size_t query_count(const struct query *query, const char *name);

/*
 * The text without its checksum, by BBB's own rule: all occurrences of
 * "&checksum=V", then of "checksum=V&", then of "checksum=V" are cut, V being
 * the decoded value (GetChecksum.java, removeChecksumFromQueryString).  With an
 * empty V the rule is the same.
 */
struct str query_without_checksum(struct arena *arena, struct str text, struct str checksum);

/* The text without the raw segments whose decoded name is name. */
struct str query_without(struct arena *arena, struct str text, const char *name);

/* Append value with every byte but RFC 3986's unreserved ones as %XX. */
void query_encode(struct buf *out, struct str value);

/*
 * Append text with those bytes as %XX that a browser would change in a
 * Location: controls, space, ", #, <, >, ', and all beyond ASCII (the
 * special-query percent-encode set of the WHATWG URL standard).
 */
void query_encode_for_browser(struct buf *out, struct str text);

/*
 * Append text with those bytes as %XX that no request line may hold and libcurl or
 * Tomcat refuse (RFC 3986, section 3.4; HttpParser.java): controls, space, ", #, <, >,
 * \, ^, `, {, |, }, and all beyond ASCII.
 */
void query_encode_for_request(struct buf *out, struct str text);

/*
 * The text BBB 2.4 to 2.6.17 signed for a form POST without a query: names
 * sorted, checksum left out, values as java.net.URLEncoder writes them, names
 * as they are (ValidationService.java, buildQueryStringFromParamsMap).
 */
struct str query_sorted_form(struct arena *arena, const struct query *form);

/* The form's parameters as a query string, in their order, without checksum. */
struct str query_from_form(struct arena *arena, const struct query *form);

#endif

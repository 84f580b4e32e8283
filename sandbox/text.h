/*
 * Growing text and memory that cannot run out quietly.
 *
 * A struct text starts as all zeroes, grows as it is added to, and is given
 * back with text_fini().  Its data is NULL while nothing was added and ends in
 * a NUL byte (not counted in length) from then on; text_string() hides the
 * difference.  The stand-in is a test tool, so a failed allocation ends the
 * process with a message: no function here reports failure.
 */
#ifndef SANDBOX_TEXT_H
#define SANDBOX_TEXT_H

#include <stddef.h>

struct text {
	char *data;
	size_t length;
	size_t capacity;
};

/* Returns size bytes of zeroes; the caller frees them with free(). */
void *text_new(size_t size);

/* Returns block resized to size bytes; block may be NULL. */
void *text_resize(void *block, size_t size);

/* Returns a copy of string; NULL gives NULL. The caller frees it. */
char *text_duplicate(const char *string);

/* Returns a copy of the first length bytes, with a NUL. The caller frees it. */
char *text_duplicate_part(const char *string, size_t length);

/* Appends length bytes as they are. */
void text_add(struct text *text, const char *data, size_t length);

/* Appends a string as it is. */
void text_add_string(struct text *text, const char *string);

/* Appends formatted text, unescaped. */
void text_add_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

/*
 * Appends string as XML character data.  Like BBB's FreeMarker templates
 * (bigbluebutton-web/src/main/webapp/WEB-INF/freemarker/), which escape
 * & < > " ' and squeeze every run of white space, also inside values: to one
 * line break when the run holds one, else to one space.
 */
void text_add_xml(struct text *text, const char *string);

/*
 * Appends string as XML character data without touching white space, as
 * scala-xml writes recordings (scala.xml.Utility.escape): & < > ".
 */
void text_add_markup(struct text *text, const char *string);

/* Appends string as HTML text or quoted attribute value. */
void text_add_html(struct text *text, const char *string);

/* Appends string as the inside of a JSON string. */
void text_add_json(struct text *text, const char *string);

/* Appends string percent-encoded for a URL's query (RFC 3986 unreserved kept). */
void text_add_url(struct text *text, const char *string);

/* Returns the text as a string, "" when empty.  Borrowed until the next change. */
const char *text_string(const struct text *text);

/* Releases the memory and leaves an empty text. */
void text_fini(struct text *text);

#endif

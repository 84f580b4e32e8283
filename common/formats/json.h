/*
 * Writing JSON (RFC 8259).
 */
#ifndef JSON_H
#define JSON_H

#include "base/buf.h"
#include "base/str.h"

/* Append the text as the inside of a string (section 7).  What would be markup is escaped
 * too, lest somebody takes the answer for a page; bytes that are not UTF-8 are replaced. */
void json_text(struct buf *out, struct str text);

/* Append it as a string, with its quotes; an absent one as null. */
void json_string(struct buf *out, struct str text);

#endif

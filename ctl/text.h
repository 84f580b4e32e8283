/*
 * Text for people and for programs.  What is shown may come from strangers: a meetingID is
 * whatever a client chose, and must not steer a terminal.
 */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct arena;

/*
 * Append the text as a terminal can show it: control characters (C0, DEL, C1), those that
 * turn text around (bidi) and line separators become \u202e and the like, bytes that are
 * not UTF-8 become \xff.
 */
void text_plain(struct buf *out, struct str text);

/* Append a JSON string (RFC 8259): what text_plain escapes is escaped here too; bytes that
 * are not UTF-8 become U+FFFD. */
void text_json(struct buf *out, struct str text);

/* How many columns a terminal needs for a text that text_plain made. */
size_t text_width(const char *text);

/*
 * The text, which text_plain made, in at most width columns: what is too long is cut, with
 * "…" in its place, at the end or, with is_middle, in the middle, where names that begin
 * alike still differ.
 */
const char *text_cut(struct arena *arena, const char *text, size_t width, bool is_middle);

/* A length of time: "3 s", "5 min", "2 h", "4 d".  What is below 0 counts as 0. */
const char *text_age(struct arena *arena, int64_t ms);

/*
 * Read a length of time: a number and "s", "m" or "min", "h" or "d", as "8h".  Returns 0
 * and the seconds, or -1 for anything else and for what is longer than ten years.
 */
int text_read_duration(struct str text, int64_t *seconds);

/*
 * The next time that the clock shows HH:MM, after now and by the local time zone.  Returns
 * 0 and the seconds since 1970, or -1 where the text is no such time.
 */
int text_read_clock(struct str text, int64_t now, int64_t *next);

#endif

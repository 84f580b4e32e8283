/*
 * Which characters XML allows (XML 1.0, sections 2.2 and 4.1), and what takes the
 * place of the others.
 *
 * Allowed are tab, line feed, carriage return and everything from U+0020 on, in
 * UTF-8, but for surrogates, U+FFFE and U+FFFF.
 */
#ifndef XML_CHARS_H
#define XML_CHARS_H

#include <stddef.h>

#include "base/str.h"

struct arena;

/* The length of the character at the beginning of the text: 1 to 4 bytes, or 0 when
 * XML does not allow it or the text is empty. */
size_t xml_chars_length(struct str text);

/* What takes the place of the forbidden bytes at the beginning of the text: as many
 * bytes, and printable.  It is U+FFFD for a whole sequence of three bytes, and '?' for
 * any other single byte. */
struct str xml_chars_substitute(struct str text);

/*
 * Mend a document: bytes that XML forbids are replaced by as many that it allows
 * (xml_chars_substitute; behind '<' by a space, since "<?" begins an instruction), and
 * so are references by number to characters that it forbids ("&#8;", "&#xFFFE;").
 * Returns the document itself where nothing was to be done, else a copy of the same length in
 * the arena; absent, when there is no memory for one.  It is not told whether a reference
 * stands in a CDATA section, where it is mere text: mend no document that can be read as it
 * is.
 */
struct str xml_chars_mend(struct arena *arena, struct str document);

#endif

/*
 * Reading BBB's XML answers: the text of a few direct children, and the items
 * of a list as raw fragments, so that elements this program has never heard of
 * go through unchanged.  And escaping for the answers of our own.
 *
 * BBB's own documents are ill-formed at times: it writes names and keys of its users
 * into them that XML forbids (get-meetings.ftlx).  So one odd item does not make a
 * document worthless.  Whatever a document holds, the fragments that are handed out are
 * well-formed by themselves: no forbidden byte, no undeclared namespace prefix, no more
 * than LIMIT_XML_DEPTH levels with the two around them, and at most LIMIT_LIST_ITEMS.
 * Time is linear in the document's length, and the parser's memory is bounded.
 *
 * Documents are UTF-8 whatever they declare.  White space and a byte order mark before
 * them are skipped.  One with a DOCTYPE is refused: BBB sends none, and a fragment could
 * not take its entities along.
 */
#ifndef XML_H
#define XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct arena;

/* What a document is. */
enum xml_result {
	XML_SOUND,   /* well-formed and whole, and its root is <response> */
	XML_UNSOUND, /* it begins so, with a whole <returncode>; then it breaks off, is
	                ill-formed, or goes beyond a limit */
	XML_FOREIGN  /* none of BBB's */
};

/* A direct child of the root whose text is wanted. */
struct xml_field {
	const char *name;
	struct str text; /* out: of the first such child, entities and CDATA
	                    resolved; absent if there is none.  In an unsound
	                    document, only what stands before the fault. */
};

/* How many children of an item can be asked for. */
#define XML_ITEM_KEYS 8

/* An item of a list: <response><container><item>…</item></container></response>. */
struct xml_item {
	struct str raw; /* the bytes from '<' to '>', borrowed from the document, or
	                   from the mended copy of it */
	struct str text[XML_ITEM_KEYS]; /* of its children that were named as keys */
};

struct xml_list {
	const char *container;
	const char *item;
	const char *keys[XML_ITEM_KEYS]; /* children of item, or NULL */
	struct xml_item *items;          /* out: those that are sound by themselves */
	size_t n;                        /* out */
	bool is_complete;                /* out: nothing is known to be missing: the document is
	                                    sound, and so was each item */
};

/* How long reading may take: until then by CLOCK_MONOTONIC, and in any case so much of
 * the thread's own time (CLOCK_THREAD_CPUTIME_ID), in microseconds.  So a document that
 * comes late is still read if that is quickly done, however busy the host is. */
struct xml_time {
	int64_t until_us;
	int64_t least_us;
};

/*
 * Read a document.  fields and list are filled in; list may be NULL.  Returns XML_SOUND,
 * which is 0; XML_UNSOUND, with the fields before the fault and those items of the list
 * that are sound; or XML_FOREIGN, after which what was filled in means nothing.
 *
 * A document that XML's characters alone make ill-formed is mended in a copy and is
 * sound (xml_chars.h); a document that is well-formed as it came is never copied.
 */
enum xml_result xml_read(struct arena *arena, struct str document, struct xml_field *fields,
    size_t n_fields, struct xml_list *list);

/* The same; *document becomes what was read: itself, or the mended copy, of the same
 * length and in the arena. */
enum xml_result xml_mend(struct arena *arena, struct str *document, struct xml_field *fields,
    size_t n_fields, struct xml_list *list);

/* The same within a time; NULL: any.  A document that takes longer is unsound from there on. */
enum xml_result xml_mend_within(struct arena *arena, const struct xml_time *time,
    struct str *document, struct xml_field *fields, size_t n_fields, struct xml_list *list);

/* Was there too little memory here for the last document that this thread read, so that what it
 * is taken for says nothing of it? */
bool xml_was_short(void);

/* Append the text with & < > " ' escaped, and carriage returns, which a parser would read as
 * line feeds (XML 1.0, section 2.11).  What XML does not allow is replaced
 * (xml_chars_substitute). */
void xml_text(struct buf *out, struct str text);

#endif

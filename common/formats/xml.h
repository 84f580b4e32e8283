/*
 * Reading BBB's XML answers: the text of a few direct children, and the items
 * of a list as raw fragments, so that elements this program has never heard of
 * go through unchanged.  And escaping for the answers of our own.
 *
 * Documents are UTF-8 whatever they declare.  One with a DOCTYPE is refused:
 * BBB sends none, and a fragment could not take its entities along.
 */
#ifndef XML_H
#define XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

struct arena;

/* A direct child of the root whose text is wanted. */
struct xml_field {
	const char *name;
	struct str text; /* out: of the first such child, entities and CDATA
	                    resolved; absent if there is none */
};

/* How many children of an item can be asked for. */
#define XML_ITEM_KEYS 8

/* An item of a list: <response><container><item>…</item></container></response>. */
struct xml_item {
	struct str raw; /* the bytes from '<' to '>', borrowed from the document */
	struct str text[XML_ITEM_KEYS]; /* of its children that were named as keys */
};

struct xml_list {
	const char *container;
	const char *item;
	const char *keys[XML_ITEM_KEYS]; /* children of item, or NULL */
	struct xml_item *items;          /* out */
	size_t n;                        /* out */
};

/*
 * Read a document whose root is <response>.  fields and list are filled in;
 * list may be NULL.  Returns 0, or -1 when the document is not well-formed, not
 * whole, or has another root; what was filled in by then means nothing.
 */
int xml_read(struct arena *arena, struct str document, struct xml_field *fields,
    size_t n_fields, struct xml_list *list);

/* Append the text with & < > " ' escaped.  Bytes that XML 1.0 does not allow
 * (controls other than tab, line feed, carriage return) become '?'. */
void xml_text(struct buf *out, struct str text);

#endif

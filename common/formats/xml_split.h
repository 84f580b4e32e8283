/*
 * Where the items of a list stand in a text that is not well-formed.
 */
#ifndef XML_SPLIT_H
#define XML_SPLIT_H

#include <stddef.h>

#include "base/str.h"

struct arena;

/* What to look for. */
struct xml_split {
	const char *container; /* the name of the list's element … */
	const char *item;      /* … and of its items */
	size_t most;           /* this many items, or items begun and not ended, end it all */
};

/*
 * Find the items in the text, which begins inside of the container: from the '<' of each
 * start tag to the '>' of the end tag that belongs to it.  Tags are paired as brackets
 * are, whatever other elements do, and a pair inside of another is no item.  So an item
 * that has lost its end takes no other along, and elements of an item's name inside of an
 * item (metadata have names that clients choose) are none.  Tags in comments, CDATA
 * sections and instructions are text; where the end of one is missing, it is not taken
 * for one.  The list ends with the last end tag of the container that has no start tag.
 *
 * What is found need not be well-formed.  Each byte is looked at a constant number of
 * times.  Returns how many there are; *items is in the arena, its spans in the text.
 */
size_t xml_split(struct arena *arena, struct str text, const struct xml_split *split,
    struct str **items);

#endif

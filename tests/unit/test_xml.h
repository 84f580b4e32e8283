/*
 * What the tests of xml.h share.
 */
#ifndef TEST_XML_H
#define TEST_XML_H

#include "base/arena.h"
#include "formats/xml.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HEAD "<response><returncode>SUCCESS</returncode>"
#define LIST(items) HEAD "<meetings>" items "</meetings></response>"

static struct arena *arena;

static inline const char *
text_of(struct str s)
{
	return s.data ? str_copy(arena, s) : NULL;
}

#endif

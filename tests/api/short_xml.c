/*
 * xml.c, where each block of Expat's may be refused, the small ones, too: it is realloc(3) that
 * it asks for these, and not mem.h.  Those that a parser begins with are had or not, and count
 * as one: a document takes a dozen of them.
 */
#include <expat.h>
#include <stdlib.h>

#include "blocks.h"
#include "short_memory.h"

static XML_Parser
create_parser(const XML_Char *encoding, const XML_Memory_Handling_Suite *memory,
    const XML_Char *separator)
{
	blocks_as_one_begin();
	XML_Parser parser = XML_ParserCreate_MM(encoding, memory, separator);
	blocks_as_one_end();
	return parser;
}

#define XML_ParserCreate_MM create_parser
#define realloc short_memory_resize
#include "formats/xml.c"

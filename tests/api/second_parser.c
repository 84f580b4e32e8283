#include "second_parser.h"

#include <string.h>

#ifdef HAVE_LIBXML2

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

bool
second_parser_is_there(void)
{
	return true;
}

/* The last that it complained about; of a document that is not well-formed that is why
 * it stopped. */
static const char *
last_complaint(struct arena *arena, xmlParserCtxt *parser)
{
	const xmlError *error = xmlCtxtGetLastError(parser);

	if (!error || !error->message)
		return NULL;
	/* By the name of a name space nothing is looked up: it need be no URI (Namespaces in
	 * XML 1.0, section 2.2, wants one of whoever writes, not of whoever reads). */
	if (error->code == XML_WAR_NS_URI || error->code == XML_WAR_NS_URI_RELATIVE)
		return NULL;
	return str_printf(arena, "line %d: %.*s", error->line,
	    (int)strcspn(error->message, "\n"), error->message);
}

const char *
second_parser_complaint(struct arena *arena, struct str document)
{
	/* Unbound prefixes are complained about, but end no parsing: so whatever is
	 * complained about counts, warnings too. */
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
	xmlParserCtxt *parser = xmlNewParserCtxt();
	xmlDoc *doc = xmlCtxtReadMemory(parser, document.data, (int)document.len, NULL, "UTF-8",
	    options);
	const char *complaint = last_complaint(arena, parser);

	if (!complaint && !doc)
		complaint = "it cannot be parsed";
	if (!complaint && xmlGetIntSubset(doc))
		complaint = "it has a document type";
	xmlFreeDoc(doc);
	xmlFreeParserCtxt(parser);
	return complaint;
}

void
second_parser_close(void)
{
	xmlCleanupParser();
}

#else

bool
second_parser_is_there(void)
{
	return false;
}

const char *
second_parser_complaint(struct arena *arena, struct str document)
{
	(void)arena;
	(void)document;
	return NULL;
}

void
second_parser_close(void)
{
}

#endif

/*
 * The XML body of create and insertDocument (modules with documents).
 */
#ifndef SANDBOX_MODULES_H
#define SANDBOX_MODULES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Tells whether the bytes are one well-formed XML element with what may stand
 * around it.  A light check: tags balance, attributes are quoted, comments,
 * CDATA and processing instructions end.  Document types are not accepted.
 */
bool modules_are_well_formed(const char *xml, size_t length);

/* Tells whether the XML holds a presentation module with a document. */
bool modules_have_document(const char *xml, size_t length);

#endif

/*
 * A second opinion on the XML that the gateway composes: libxml2, by which clients in
 * PHP, Ruby and Python read it.  Only the tests use it, and only if it was there when
 * the tree was configured.
 */
#ifndef SECOND_PARSER_H
#define SECOND_PARSER_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

/* Was it there? */
bool second_parser_is_there(void);

/*
 * What is wrong with the document, in libxml2's words, in the arena; NULL when nothing
 * is.  It must be well-formed, UTF-8, with every namespace prefix bound, no deeper than
 * libxml2's own limit, and without a document type, which could declare entities.
 * Without libxml2 nothing is wrong with any.
 */
const char *second_parser_complaint(struct arena *arena, struct str document);

/* For the end of the program: free what libxml2 keeps. */
void second_parser_close(void);

#endif

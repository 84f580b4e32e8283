/*
 * Spoiling a right answer.  Each function changes the document in text and
 * leaves it as it is where it has nothing to spoil.
 */
#ifndef SANDBOX_SPOIL_H
#define SANDBOX_SPOIL_H

#include <stddef.h>

#include "text.h"

/* Cuts a list of meetings or recordings in the middle of its last item. */
void spoil_cut_item(struct text *text);

/* Puts count line breaks and an XML declaration before the document. */
void spoil_add_blank_lines(struct text *text, long long count);

/*
 * Puts length bytes behind the tag that opens the number-th element (from 1)
 * of that name.
 */
void spoil_add_bytes(struct text *text, const char *element, long long number,
    const char *bytes, size_t length);

#endif

/*
 * What a client would rather have: content negotiation (RFC 9110, section 12.5) as far as
 * the gateway's own answers need it.
 *
 * Headers are read leniently: an item that is malformed is not there, and an absent
 * header asks for nothing.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/*
 * Does the Accept header ask for a page?  It must name text/html, and prefer it to both
 * types of XML.  Browsers do when a person follows a link; API clients ask for anything,
 * or for nothing.  One of them is an exception that counts as these: Java's
 * HttpURLConnection names text/html first unless its caller says otherwise
 * (sun.net.www.protocol.http.HttpURLConnection, acceptString).
 */
bool accept_is_page(struct str accept);

/*
 * The language that the Accept-Language header prefers: the number of one of the n tags,
 * which are primary subtags in lower case ("de").  A range stands for a language when
 * its first subtag does ("de-AT"; RFC 4647, section 3.4); of equal ones the first counts.
 * 0, the language by default, when there is none.
 */
size_t accept_language(struct str header, const char *const *tags, size_t n);

#endif

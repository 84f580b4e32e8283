/*
 * The URLs of servers and of the gateway, "https://bbb1.example.org:8443/path", taken
 * apart and brought into one form (RFC 3986, sections 3.2 and 6.2).
 */
#ifndef URL_H
#define URL_H

#include "base/str.h"

/* A host name as text (RFC 1035, section 2.3.4), a port, and the NUL. */
#define URL_HOST_BYTES 253
#define URL_HOST_SIZE (URL_HOST_BYTES + 1)
#define URL_AUTHORITY_SIZE (URL_HOST_BYTES + 10)

struct url {
	const char *scheme;                 /* "http" or "https", static */
	char authority[URL_AUTHORITY_SIZE]; /* host and port: in lower case, an IPv6
	                                       address in its shortest form, without
	                                       the scheme's own port */
	struct str path;                    /* what follows, with its "/", borrowed from
	                                       the text; may be empty */
};

/*
 * Take the text apart.  A query, a fragment, a user name, blanks and host names that
 * are not in ASCII are refused.  Returns NULL, or what is wrong, for people to read;
 * it does not repeat the text.
 */
const char *url_parse(struct str text, struct url *url);

/*
 * Take "HOST" or "HOST:PORT" apart, as in such a URL: host becomes lower case, an IPv6
 * address keeps its brackets; *port is left alone where the text names none.  Returns NULL,
 * or what is wrong, as above.
 */
const char *url_parse_host(struct str text, char host[URL_HOST_SIZE], int *port);

#endif

/*
 * RFC 3875 in both directions: meta-variables and a body to a request, a
 * response to a header block and a body.  Both doors use it: FastCGI carries
 * the same variables.
 */
#ifndef CGI_H
#define CGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "formats/request.h"
#include "formats/response.h"

struct arena;

/* How a door's bytes are read and written. */
struct cgi_stream {
	/* The value of a meta-variable, or NULL; valid while the request lives. */
	const char *(*variable)(void *context, const char *name);

	/* Read up to size bytes of the body: the number read, 0 at its end, -1 on an error,
	 * of which one is that it comes too slowly (cgi_body_allowance_ms). */
	long (*read)(void *context, char *data, size_t size);

	/* Write all of it; a client that has gone is nobody's error. */
	void (*write)(void *context, struct str bytes);

	/* The answer is complete: let the client have it, whatever this program does from
	 * now on.  is_read: was the request's body read to its end, so that the connection
	 * can carry another?  No other function is called after it. */
	void (*finish)(void *context, bool is_read);

	void *context;
};

/*
 * Read a request without its body, of which only the length is known then.  The path and
 * the query are taken raw from REQUEST_URI, and only where that is absent from SCRIPT_NAME
 * + PATH_INFO and QUERY_STRING: web servers normalise those, and the checksum covers the
 * bytes sent.  Without a CONTENT_LENGTH, or with the -1 that lighttpd passes on for an
 * unknown one, a POST has a body of unknown length.  What is wrong stands in
 * request->problem; a body is unread until it is read.  now_ms and nonce are the caller's
 * to fill.
 */
void cgi_read_head(struct arena *arena, const struct cgi_stream *stream,
    struct request *request);

/*
 * Read the body, of at most max_bytes, to request->body: as many bytes as the request's
 * length says, or, where that is unknown, all there are.  A longer one is read and dropped,
 * up to four times as much, so that the connection can carry the next request;
 * request->problem then says so, as it does for one that is cut, and for one that there is no
 * memory for.
 */
void cgi_read_body(struct arena *arena, const struct cgi_stream *stream, size_t max_bytes,
    struct request *request);

/*
 * How long, from when it was begun to be read, a body may take of which so many bytes have
 * come: twenty seconds, one more for each 4 KiB, five minutes at most.  A body that is cut
 * for it came more slowly than any line in use, or is meant to hold what it can.
 */
int64_t cgi_body_allowance_ms(int64_t received);

/* How long a web server may go on with a body that is not wanted, after the answer. */
#define CGI_DROP_MS 2000

/*
 * Read and drop what still comes of a body, until its end, or for CGI_DROP_MS.  The answer of a
 * program that does not read on may be lost: mod_proxy_fcgi looks at none whose connection is
 * closed, and mod_cgid's socket is reset with it.
 */
void cgi_drop_body(int fd);

/*
 * Append the header block, from "Status:" to the empty line; X-Request-Id is the id of
 * the request's line in the log.  A response whose header cannot be written (a location
 * with a line break) is answered as a 500 without one.
 */
void cgi_write_header(const struct request *request, const struct response *response,
    struct buf *out);

/* Write the header block and, unless the method was HEAD, the body.  A header that is longer
 * than any can be (LIMIT_LOCATION_BYTES) is such a 500, too. */
void cgi_write_response(const struct cgi_stream *stream, const struct request *request,
    const struct response *response);

#endif

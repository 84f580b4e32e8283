/*
 * What comes on a FastCGI connection, checked before libfcgi has it (FastCGI specification
 * 1.0, sections 3.3 to 5.3).
 *
 * libfcgi 2.4 believes each length that it reads, and where there is no memory for so much it
 * ends the process (Malloc in fcgiapp.c).  So it is given the head of a request, its records up
 * to the end of PARAMS, when that is whole and sound; the body is read here.
 *
 * One request after the other may use an intake, each from its own connection.  It belongs to
 * one thread at a time.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The longest head.  No client of BBB's API sends as much; Apache would let it, with its 100
 * headers of 8190 bytes (LimitRequestFields, LimitRequestFieldSize). */
#define INTAKE_HEAD_BYTES ((size_t)256 << 10)

/* After so long no more of a head is waited for, nor of what is no body between a body's
 * records. */
#define INTAKE_HEAD_MS 10000

struct intake {
	int fd; /* the connection, borrowed */
	unsigned char *bytes;
	size_t room, n; /* of the bytes, and how many are there */
	size_t at;      /* where the first is that nobody has taken */
	unsigned id;    /* the request's */
	size_t content; /* of the record that is read: what is left of it */
	size_t padding; /* and what follows */
	bool is_at_end; /* of the body */
	const char *problem;
};

enum intake_result {
	INTAKE_WHOLE,
	INTAKE_NOTHING, /* not a byte has come yet */
	INTAKE_ENDED,   /* the web server closed the connection, or was too slow */
	INTAKE_UNSOUND, /* problem says why; close the connection */
};

/* Begin an intake, which no connection uses. */
void intake_init(struct intake *intake);

/* Give back the room that it has.  It is as after intake_init then, and may be used again; the
 * next head takes its room anew. */
void intake_fini(struct intake *intake);

/*
 * Read the head of the next request on a blocking socket, whose timeout for receiving is
 * INTAKE_HEAD_MS or less.  WHOLE: *head is BEGIN_REQUEST and the PARAMS, without other records
 * and padding, for libfcgi; it is valid until the body is read.  Management records before it
 * are answered; what came late of requests that have ended is left out.  It waits for the rest
 * of a head that has begun (blocking.h), and for nothing else.
 */
enum intake_result intake_head(struct intake *intake, int fd, struct str *head);

/* Read up to size bytes of the body: the number read, 0 at its end, -1 when the connection is
 * broken or what comes is no body. */
long intake_body(struct intake *intake, void *data, size_t size);

/* The request's body was read, or has none.  Can the connection carry the next request?  Not
 * when more came than belongs to this one. */
bool intake_is_done(struct intake *intake);

/* After intake_is_done(): has the end of the body come, so that nothing more is sent?  Apache
 * may still be sending it when it has its answer. */
bool intake_has_end(const struct intake *intake);

#endif

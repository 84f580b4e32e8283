#include "intake.h"

#include <errno.h>
#include <fastcgi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/mem.h"

/* What most heads fit into. */
#define USUAL_BYTES ((size_t)8 << 10)

#define MULTIPLEXES "FCGI_MPXS_CONNS"

/* ---- Receiving ------------------------------------------------------------------- */

void
intake_init(struct intake *intake)
{
	*intake = (struct intake){ .fd = -1 };
}

void
intake_fini(struct intake *intake)
{
	free(intake->bytes);
	intake_init(intake);
}

/* As recv(2), again when it was interrupted. */
static ssize_t
receive(const struct intake *intake, void *data, size_t size, int flags)
{
	ssize_t got;

	do
		got = recv(intake->fd, data, size, flags);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Receive what is there, or else wait for it. */
static ssize_t
receive_waiting(const struct intake *intake, void *data, size_t size)
{
	ssize_t got = receive(intake, data, size, MSG_DONTWAIT);

	if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		return got;
	blocking_begin();
	got = receive(intake, data, size, 0);
	blocking_end();
	return got;
}

static size_t
left(const struct intake *intake)
{
	return intake->n - intake->at;
}

/* Make room for more bytes behind those that are there. */
static void
make_room(struct intake *intake)
{
	if (intake->at > 0) {
		memmove(intake->bytes, intake->bytes + intake->at, left(intake));
		intake->n -= intake->at;
		intake->at = 0;
	}
	if (intake->n == intake->room) {
		intake->room = intake->room > 0 ? 2 * intake->room : USUAL_BYTES;
		intake->bytes = mem_resize(intake->bytes, intake->room);
	}
}

/* Receive more behind the bytes that are there, or, with waits, wait for it.  As recv(2). */
static ssize_t
receive_more(struct intake *intake, bool waits)
{
	make_room(intake);
	unsigned char *to = intake->bytes + intake->n;
	const size_t room = intake->room - intake->n;
	ssize_t got = waits ?
	    receive_waiting(intake, to, room) :
	    receive(intake, to, room, MSG_DONTWAIT);

	if (got > 0)
		intake->n += (size_t)got;
	return got;
}

/* ---- Records --------------------------------------------------------------------- */

struct record {
	unsigned version, type, id;
	size_t content; /* its length */
	size_t whole;   /* with header and padding */
};

/* Read the header of the record at an offset; false when it has not come as a whole. */
static bool
read_header(const struct intake *intake, size_t at, struct record *record)
{
	FCGI_Header header;

	if (intake->n - at < sizeof(header))
		return false;
	memcpy(&header, intake->bytes + at, sizeof(header));
	record->version = header.version;
	record->type = header.type;
	record->id = (unsigned)header.requestIdB1 << 8 | header.requestIdB0;
	record->content = (size_t)header.contentLengthB1 << 8 | header.contentLengthB0;
	record->whole = sizeof(header) + record->content + header.paddingLength;
	return true;
}

static void
send_record(const struct intake *intake, int type, const void *content, size_t len)
{
	unsigned char bytes[sizeof(FCGI_Header) + UINT8_MAX] = { FCGI_VERSION_1,
		(unsigned char)type, 0, 0, 0, (unsigned char)len };

	memcpy(bytes + sizeof(FCGI_Header), content, len);
	/* Who does not take so few bytes at once takes no answer either. */
	(void)!send(intake->fd, bytes, sizeof(FCGI_Header) + len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Answer a management record (section 4): of the variables that a web server may ask for,
 * only whether requests may share a connection at a time is known, which they may not. */
static void
answer_management(const struct intake *intake, size_t at, const struct record *record)
{
	static const char no[] = "\17\1" MULTIPLEXES "0";
	const struct str names = { (const char *)intake->bytes + at + sizeof(FCGI_Header),
		record->content };
	const bool is_asked = str_find(names, STR(MULTIPLEXES), 0) != SIZE_MAX;
	const FCGI_UnknownTypeBody unknown = { .type = (unsigned char)record->type };

	if (record->type == FCGI_GET_VALUES)
		send_record(intake, FCGI_GET_VALUES_RESULT, no, is_asked ? sizeof(no) - 1 : 0);
	else
		send_record(intake, FCGI_UNKNOWN_TYPE, &unknown, sizeof(unknown));
}

/* ---- The head -------------------------------------------------------------------- */

/* Names and values as they come in one record after the other (section 3.4). */
struct pairs {
	unsigned char lengths[8];
	size_t n;    /* bytes of the lengths that are there */
	size_t skip; /* bytes of the name and the value that are to come */
};

/* Read a length of one byte or of four at an offset, which moves on; false when it is not
 * there as a whole. */
static bool
read_length(const struct pairs *pairs, size_t *at, size_t *length)
{
	const unsigned char *bytes = pairs->lengths + *at;

	if (*at >= pairs->n)
		return false;
	if ((bytes[0] & 0x80) == 0) {
		*length = bytes[0];
		*at += 1;
		return true;
	}
	*length = (size_t)(bytes[0] & 0x7f) << 24 | (size_t)bytes[1] << 16 |
	    (size_t)bytes[2] << 8 | bytes[3];
	*at += 4;
	return *at <= pairs->n;
}

/* Take what comes next; false when a name and a value are longer than a head may be. */
static bool
take_pairs(struct pairs *pairs, const unsigned char *data, size_t len)
{
	while (len > 0) {
		size_t step = pairs->skip < len ? pairs->skip : len, at = 0, name, value;

		if (step == 0) {
			step = 1;
			pairs->lengths[pairs->n++] = *data;
			if (read_length(pairs, &at, &name) && read_length(pairs, &at, &value)) {
				pairs->n = 0;
				pairs->skip = name + value;
			}
			if (pairs->skip > INTAKE_HEAD_BYTES)
				return false;
		} else {
			pairs->skip -= step;
		}
		data += step;
		len -= step;
	}
	return true;
}

/* What looking at the bytes that are there found. */
struct look {
	enum { LOOK_MORE, LOOK_WHOLE, LOOK_UNSOUND } result;
	bool has_begun;
	struct pairs pairs;
};

static void
find_unsound(struct intake *intake, struct look *look, const char *problem)
{
	intake->problem = problem;
	look->result = LOOK_UNSOUND;
}

/* A record before the request begins. */
static void
look_before(struct intake *intake, struct look *look, size_t at, const struct record *record)
{
	const unsigned char *begin = intake->bytes + at + sizeof(FCGI_Header);

	if (record->id != FCGI_NULL_REQUEST_ID && record->type == FCGI_BEGIN_REQUEST) {
		look->has_begun = true;
		intake->id = record->id;
		if (record->content != sizeof(FCGI_BeginRequestBody))
			find_unsound(intake, look,
			    "the beginning of a request has another length");
		else if (begin[0] != 0 || begin[1] < FCGI_RESPONDER || begin[1] > FCGI_FILTER)
			find_unsound(intake, look, "there is no such role");
		return;
	}
	/* Whatever is of a request that is not there is to be ignored (section 3.3). */
	if (record->id == FCGI_NULL_REQUEST_ID)
		answer_management(intake, at, record);
	intake->at = at + record->whole;
}

/* A record between the beginning and the end of PARAMS. */
static void
look_within(struct intake *intake, struct look *look, size_t at, const struct record *record)
{
	struct pairs *pairs = &look->pairs;

	if (record->id != intake->id || record->type != FCGI_PARAMS)
		find_unsound(intake, look, "another record among the parameters");
	else if (!take_pairs(pairs, intake->bytes + at + sizeof(FCGI_Header), record->content))
		find_unsound(intake, look, "a parameter is too long");
	else if (record->content > 0)
		return;
	else if (pairs->n > 0 || pairs->skip > 0)
		find_unsound(intake, look, "the parameters end within one");
	else
		look->result = LOOK_WHOLE;
}

/* Look at all records that are there.  WHOLE: the head ends at *end. */
static void
look_at_head(struct intake *intake, struct look *look, size_t *end)
{
	struct record record;

	*look = (struct look){ .result = LOOK_MORE };
	for (size_t at = intake->at; look->result == LOOK_MORE; at = *end) {
		if (!read_header(intake, at, &record))
			return;
		if (record.version != FCGI_VERSION_1) {
			find_unsound(intake, look, "no FastCGI of version 1");
			return;
		}
		if (intake->n - at < record.whole)
			return;
		*end = at + record.whole;
		if (look->has_begun)
			look_within(intake, look, at, &record);
		else
			look_before(intake, look, at, &record);
	}
}

/* Take the padding out of the head that ends there: libfcgi forgets that of BEGIN_REQUEST, and
 * takes it for records (SetReaderType in fcgiapp.c).  Returns the head. */
static struct str
strip_padding(struct intake *intake, size_t end)
{
	unsigned char *to = intake->bytes + intake->at;
	struct record record;

	for (size_t at = intake->at; at < end && read_header(intake, at, &record);
	     at += record.whole) {
		const size_t len = sizeof(FCGI_Header) + record.content;

		memmove(to, intake->bytes + at, len);
		to[offsetof(FCGI_Header, paddingLength)] = 0;
		to += len;
	}
	struct str head = { (const char *)intake->bytes + intake->at, 0 };
	head.len = (size_t)((const char *)to - head.data);
	return head;
}

/* Receive something of the head. */
static enum intake_result
receive_head(struct intake *intake, int64_t until_ms)
{
	const bool is_first = left(intake) == 0;
	ssize_t got = receive_more(intake, !is_first);

	if (got < 0 && is_first && (errno == EAGAIN || errno == EWOULDBLOCK))
		return INTAKE_NOTHING;
	if (got <= 0 || clock_ms(CLOCK_MONOTONIC) > until_ms)
		return INTAKE_ENDED;
	return INTAKE_WHOLE;
}

enum intake_result
intake_head(struct intake *intake, int fd, struct str *head)
{
	const int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + INTAKE_HEAD_MS;
	struct look look;
	size_t end = 0;

	intake->fd = fd;
	intake->n = intake->at = intake->content = intake->padding = 0;
	intake->is_at_end = false;
	do {
		enum intake_result result = receive_head(intake, until_ms);

		if (result != INTAKE_WHOLE)
			return result;
		look_at_head(intake, &look, &end);
		if ((look.result == LOOK_MORE ? intake->n : end) - intake->at >
		    INTAKE_HEAD_BYTES)
			find_unsound(intake, &look, "the parameters are too long");
	} while (look.result == LOOK_MORE);
	if (look.result == LOOK_UNSOUND)
		return INTAKE_UNSOUND;
	*head = strip_padding(intake, end);
	intake->at = end;
	return INTAKE_WHOLE;
}

/* ---- The body -------------------------------------------------------------------- */

/* Take the padding of the record before and the next header, which is there; false when that
 * is no record of the body. */
static bool
take_header(struct intake *intake)
{
	struct record record;

	intake->at += intake->padding;
	intake->padding = 0;
	if (!read_header(intake, intake->at, &record) || record.version != FCGI_VERSION_1 ||
	    record.type != FCGI_STDIN || record.id != intake->id)
		return false;
	intake->at += sizeof(FCGI_Header);
	intake->content = record.content;
	intake->padding = record.whole - record.content - sizeof(FCGI_Header);
	intake->is_at_end = record.content == 0;
	return true;
}

static bool
has_header(const struct intake *intake)
{
	return left(intake) >= intake->padding + sizeof(FCGI_Header);
}

long
intake_body(struct intake *intake, void *data, size_t size)
{
	const int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + INTAKE_HEAD_MS;

	/* Padding and headers are not counted by who counts how fast a body comes. */
	while (intake->content == 0) {
		if (intake->is_at_end)
			return 0;
		if (!has_header(intake)) {
			if (receive_more(intake, true) <= 0 ||
			    clock_ms(CLOCK_MONOTONIC) > until_ms)
				return -1;
		} else if (!take_header(intake)) {
			return -1;
		}
	}
	if (size > intake->content)
		size = intake->content;
	if (left(intake) > 0) {
		size = size < left(intake) ? size : left(intake);
		memcpy(data, intake->bytes + intake->at, size);
		intake->at += size;
	} else {
		ssize_t got = receive_waiting(intake, data, size);
		if (got <= 0)
			return -1;
		size = (size_t)got;
	}
	intake->content -= size;
	return (long)size;
}

bool
intake_is_done(struct intake *intake)
{
	/* The end of the body may not have come; it is left out before the next head then. */
	while (!intake->is_at_end && intake->content == 0) {
		if (!has_header(intake)) {
			if (receive_more(intake, false) <= 0)
				break;
		} else if (!take_header(intake)) {
			return false;
		}
	}
	return intake->content == 0 && left(intake) == intake->padding;
}

bool
intake_has_end(const struct intake *intake)
{
	return intake->is_at_end && left(intake) == intake->padding;
}

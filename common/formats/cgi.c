#include "formats/cgi.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/clock.h"

#define READ_BYTES 16384

/* How many times the limit is read and dropped before the connection is
 * given up. */
#define DROP_FACTOR 4

/* See cgi_body_allowance_ms. */
#define GRACE_MS 20000
#define LEAST_BYTES_PER_S 4096
#define MOST_MS 300000

static struct str
variable(struct arena *arena, const struct cgi_stream *stream, const char *name)
{
	const char *value = stream->variable(stream->context, name);
	struct str copy = { 0 };

	if (value) {
		copy.len = strlen(value);
		copy.data = str_copy(arena, str_from(value));
	}
	return copy;
}

/* REQUEST_URI may be in absolute form (RFC 9112, 3.2.2): drop scheme and
 * authority. */
static struct str
without_authority(struct str uri)
{
	if (uri.len > 0 && uri.data[0] == '/')
		return uri;
	size_t slashes = str_find(uri, STR("://"), 0);
	if (slashes == SIZE_MAX)
		return uri;
	size_t path = str_find(uri, STR("/"), slashes + 3);
	size_t mark = str_find(uri, STR("?"), slashes + 3);
	return str_part(uri, path < mark ? path : mark, SIZE_MAX);
}

static void
read_target(struct arena *arena, const struct cgi_stream *stream, struct request *request)
{
	struct str uri = variable(arena, stream, "REQUEST_URI");

	if (uri.len > 0) {
		uri = without_authority(uri);
		size_t mark = str_find(uri, STR("?"), 0);
		request->path = str_part(uri, 0, mark);
		request->query = mark == SIZE_MAX ? STR("") : str_part(uri, mark + 1, SIZE_MAX);
		return;
	}
	struct str script = variable(arena, stream, "SCRIPT_NAME");
	struct str info = variable(arena, stream, "PATH_INFO");
	request->path = str_from(str_printf(arena, "%.*s%.*s", STR_ARG(script), STR_ARG(info)));
	request->query = variable(arena, stream, "QUERY_STRING");
}

/* How long the body is: 0 for none, -1 where that is unknown. */
static void
read_length(struct arena *arena, const struct cgi_stream *stream, struct request *request)
{
	struct str text = variable(arena, stream, "CONTENT_LENGTH");

	if (text.len > 0 && str_to_int(text, -1, INT64_MAX, &request->body_length) != 0) {
		request->problem = REQUEST_LIMIT;
		request->unread = true;
		return;
	}
	/* A GET without a length: nothing to wait for. */
	if (text.len == 0 && strcmp(request->method, "POST") == 0)
		request->body_length = -1;
	request->unread = request->body_length != 0;
}

void
cgi_read_head(struct arena *arena, const struct cgi_stream *stream, struct request *request)
{
	struct str method = variable(arena, stream, "REQUEST_METHOD");
	struct str https = variable(arena, stream, "HTTPS");

	*request = (struct request){
		.method = method.len > 0 ? method.data : "GET",
		.content_type = variable(arena, stream, "CONTENT_TYPE"),
		.client = variable(arena, stream, "REMOTE_ADDR"),
		.forwarded_for = variable(arena, stream, "HTTP_X_FORWARDED_FOR"),
		.host = variable(arena, stream, "HTTP_HOST"),
		.authorization = variable(arena, stream, "HTTP_AUTHORIZATION"),
		.accept = variable(arena, stream, "HTTP_ACCEPT"),
		.accept_language = variable(arena, stream, "HTTP_ACCEPT_LANGUAGE"),
		.cookies = variable(arena, stream, "HTTP_COOKIE"),
	};
	request->https = (https.len > 0 && !str_is_nocase(https, "off")) ||
	    str_is_nocase(variable(arena, stream, "REQUEST_SCHEME"), "https");
	read_target(arena, stream, request);
	read_length(arena, stream, request);
	if (request->problem == REQUEST_FINE &&
	    (request->path.len > LIMIT_PATH_BYTES || request->query.len > LIMIT_QUERY_BYTES))
		request->problem = REQUEST_LIMIT;
}

/* How many bytes are read of the body, at most. */
static int64_t
most_bytes(int64_t max, int64_t length)
{
	int64_t dropped = max * DROP_FACTOR;

	if (length < 0)
		return max + 1 + dropped;
	return length <= max || length <= dropped ? length : 0;
}

void
cgi_read_body(struct arena *arena, const struct cgi_stream *stream, size_t max_bytes,
    struct request *request)
{
	int64_t max = (int64_t)max_bytes, length = request->body_length;
	int64_t most = most_bytes(max, length), n = 0;
	struct buf bytes;

	buf_init_large(&bytes, max_bytes + 1);
	long got = 1;
	while (n < most && got > 0) {
		char data[READ_BYTES];
		int64_t want = most - n;
		got = stream->read(stream->context, data,
		    want < READ_BYTES ? (size_t)want : sizeof(data));
		if (got <= 0)
			break;
		n += got;
		if (length <= max && n <= max)
			buf_add(&bytes, data, (size_t)got);
		else
			buf_free(&bytes);
	}
	bool is_whole = length >= 0 ? n == length : got == 0;

	request->unread = !is_whole;
	if (length > max || n > max)
		request->problem = REQUEST_TOO_LARGE;
	else if (!is_whole)
		request->problem = REQUEST_BODY_CUT;
	else if (bytes.is_short)
		request->problem = REQUEST_SHORT;
	else if (n > 0)
		request->body = buf_take(&bytes, arena);
	buf_free(&bytes);
}

int64_t
cgi_body_allowance_ms(int64_t received)
{
	int64_t ms = GRACE_MS + received * 1000 / LEAST_BYTES_PER_S;

	return ms < MOST_MS ? ms : MOST_MS;
}

void
cgi_drop_body(int fd)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + CGI_DROP_MS, left_ms = CGI_DROP_MS;
	char dropped[READ_BYTES];

	while (left_ms > 0) {
		struct pollfd input = { .fd = fd, .events = POLLIN };
		ssize_t got = 1;

		if (poll(&input, 1, (int)left_ms) > 0)
			got = read(fd, dropped, sizeof(dropped));
		if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
			break;
		left_ms = until_ms - clock_ms(CLOCK_MONOTONIC);
	}
}

static const char *
status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 302:
		return "Found";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 410:
		return "Gone";
	case 413:
		return "Content Too Large";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	default:
		return "Answer";
	}
}

/* A value with a line break would let a stranger write headers. */
static bool
is_header_value(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
			return false;
	return true;
}

static void
write_failure(const struct request *request, struct buf *out)
{
	char id[REQUEST_ID_BYTES];

	request_id(request, id);
	buf_printf(out,
	    "Status: 500 Internal Server Error\r\nX-Request-Id: %s\r\n"
	    "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n",
	    id);
}

void
cgi_write_header(const struct request *request, const struct response *response,
    struct buf *out)
{
	struct str cookies = response->set_cookie;
	char id[REQUEST_ID_BYTES];

	if (response->location && !is_header_value(str_from(response->location))) {
		write_failure(request, out);
		return;
	}
	request_id(request, id);
	buf_printf(out, "Status: %d %s\r\n", response->status, status_text(response->status));
	if (response->location)
		buf_printf(out, "Location: %s\r\n", response->location);
	while (cookies.len > 0) {
		size_t end = str_find(cookies, STR("\n"), 0);
		struct str cookie = str_part(cookies, 0, end);
		cookies = str_part(cookies, end == SIZE_MAX ? cookies.len : end + 1, SIZE_MAX);
		if (cookie.len > 0 && is_header_value(cookie))
			buf_printf(out, "Set-Cookie: %.*s\r\n", STR_ARG(cookie));
	}
	/* The type may be a server's. */
	buf_printf(out, "Content-Type: %s\r\n",
	    is_header_value(str_from(response->content_type)) ?
	        response->content_type :
	        "text/xml; charset=utf-8");
	/* A server's answer is no page of this host's, whatever a browser takes it for. */
	buf_text(out, "X-Content-Type-Options: nosniff\r\n");
	buf_printf(out, "X-Request-Id: %s\r\n", id);
	/* The URL of a page, signed as it is, is nobody else's business. */
	if (response->policy)
		buf_printf(out,
		    "Content-Security-Policy: %s\r\nReferrer-Policy: no-referrer\r\n",
		    response->policy);
	if (response->refresh_s > 0)
		buf_printf(out, "Refresh: %d\r\n", response->refresh_s);
	buf_printf(out, "Cache-Control: %s\r\n", response->no_store ? "no-store" : "no-cache");
	buf_printf(out, "Content-Length: %zu\r\n\r\n", response->body.len);
}

void
cgi_write_response(const struct cgi_stream *stream, const struct request *request,
    const struct response *response)
{
	struct buf header;

	buf_init(&header, LIMIT_LOCATION_BYTES + 2 * LIMIT_HEADER_BYTES);
	cgi_write_header(request, response, &header);
	bool is_whole = !buf_failed(&header);
	if (!is_whole) {
		buf_free(&header);
		write_failure(request, &header);
	}
	stream->write(stream->context, buf_view(&header));
	if (is_whole && strcmp(request->method, "HEAD") != 0)
		stream->write(stream->context, response->body);
	buf_free(&header);
}

#include "reply.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "sandbox.h"
#include "spoil.h"

/* How often a waiting answer looks whether its client is still there. */
#define WATCH_MS 50
#define FOREVER_MS (LLONG_MAX / 2)

static const char broken[] =
    "<!DOCTYPE html><html><head><title>Internal Server Error</title>"
    "</head><body><h1>500 Internal Server Error</h1></body></html>";
static const char welcome[] =
    "<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head>"
    "<body><h1>Welcome to nginx!</h1></body></html>";

static bool
client_has_left(int socket)
{
	struct pollfd watch = { .fd = socket, .events = POLLRDHUP };

	return poll(&watch, 1, 0) > 0 &&
	    (watch.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

long long
reply_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Waits ms milliseconds, FOREVER_MS for any time, but, with a call, no longer than its fault
 * of that kind lasts.  Returns false when there is no one left to answer, or nothing to
 * answer with because the server stops.
 */
static bool
wait_for(struct server *server, int socket, long long ms, const char *call,
    enum fault_kind kind)
{
	struct sandbox *sandbox = server->sandbox;
	const long long end_ms = reply_now_ms() + ms;

	pthread_mutex_lock(&sandbox->lock);
	bool is_wanted = true;
	for (;;) {
		const long long now_ms = reply_now_ms();
		long long until_ms = now_ms + WATCH_MS;

		if (server->stopping || client_has_left(socket)) {
			is_wanted = false;
			break;
		}
		if (now_ms >= end_ms ||
		    (call && !faults_lasts(&server->faults, call, kind, now_ms)))
			break;
		if (end_ms < until_ms)
			until_ms = end_ms;
		struct timespec until;
		until.tv_sec = (time_t)(until_ms / 1000);
		until.tv_nsec = (long)(until_ms % 1000) * 1000000L;
		pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &until);
	}
	pthread_mutex_unlock(&sandbox->lock);
	return is_wanted;
}

/* A body that is made while it is sent: by stall, drip, huge, break_off. */
struct stream {
	struct server *server;
	int socket;
	char *call;           /* stall, drip: whose fault it is, */
	enum fault_kind kind; /* which it is, */
	long long ms;         /* and how long a byte waits */
	struct text body;     /* huge: how it begins; else all of it */
	const char *tail;     /* huge: how it ends */
	uint64_t length;
	uint64_t kept; /* break_off: what is sent of it */
};

static void
free_stream(void *argument)
{
	struct stream *stream = argument;

	text_fini(&stream->body);
	free(stream->call);
	free(stream);
}

/* Makes what the kernel may hold of the bytes before leave at once. */
static void
push(const struct stream *stream)
{
	int yes = 1;

	setsockopt(stream->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

static ssize_t
read_drip(void *argument, uint64_t position, char *out, size_t room)
{
	struct stream *stream = argument;

	if (position >= stream->length || room == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	push(stream);
	if (position > 0 &&
	    !wait_for(stream->server, stream->socket, stream->ms, stream->call, stream->kind))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	out[0] = stream->body.data[position];
	return 1;
}

static ssize_t
read_break_off(void *argument, uint64_t position, char *out, size_t room)
{
	struct stream *stream = argument;

	if (position >= stream->kept) {
		push(stream);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (stream->kept - position < room)
		room = (size_t)(stream->kept - position);
	memcpy(out, stream->body.data + position, room);
	return (ssize_t)room;
}

static ssize_t
read_huge(void *argument, uint64_t position, char *out, size_t room)
{
	struct stream *stream = argument;
	const size_t tail_length = strlen(stream->tail);

	if (position >= stream->length)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (stream->length - position < room)
		room = (size_t)(stream->length - position);
	for (size_t i = 0; i < room; i++) {
		uint64_t at = position + i;

		if (at < stream->body.length)
			out[i] = stream->body.data[at];
		else if (stream->length - at <= tail_length)
			out[i] = stream->tail[tail_length - (size_t)(stream->length - at)];
		else
			out[i] = 'x';
	}
	return (ssize_t)room;
}

static enum MHD_Result
queue_answer(struct http_request *request, const struct answer *answer,
    struct MHD_Response *response, bool with_cookie)
{
	if (answer->content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
		    answer->content_type);
	if (answer->is_uncacheable)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	if (answer->location.length > 0)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION,
		    answer->location.data);
	if (with_cookie)
		MHD_add_response_header(response, "X-Sandbox", "1");
	struct text cookie = { 0 };
	if (answer->session.length > 0 || with_cookie) {
		text_add_format(&cookie, "JSESSIONID=%s; Path=/; HttpOnly",
		    answer->session.length > 0 ?
		        answer->session.data :
		        "0123456789ABCDEF0123456789ABCDEF");
		MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie.data);
		text_fini(&cookie);
	}
	enum MHD_Result queued = MHD_queue_response(request->connection, answer->status,
	    response);
	MHD_destroy_response(response);
	return queued;
}

/* Sends the first length bytes of the answer. */
static enum MHD_Result
send_answer(struct http_request *request, const struct answer *answer, size_t length,
    bool with_cookie)
{
	struct text copy = { 0 };

	text_add(&copy, text_string(&answer->body), length);
	struct MHD_Response *response = MHD_create_response_from_buffer(length, copy.data,
	    MHD_RESPMEM_MUST_FREE);
	if (!response) {
		text_fini(&copy);
		return MHD_NO;
	}
	return queue_answer(request, answer, response, with_cookie);
}

/*
 * Sends the answer by read, which gets stream, a piece of at most block bytes at
 * a time.  Takes the stream over.
 */
static enum MHD_Result
send_stream(struct http_request *request, const struct answer *answer, struct stream *stream,
    uint64_t length, size_t block, MHD_ContentReaderCallback read)
{
	struct MHD_Response *response = MHD_create_response_from_callback(length, block, read,
	    stream, free_stream);

	if (!response) {
		free_stream(stream);
		return MHD_NO;
	}
	return queue_answer(request, answer, response, false);
}

/* Returns a stream of the answer's body. */
static struct stream *
new_stream(struct server *server, struct http_request *request, const struct answer *answer)
{
	struct stream *stream = text_new(sizeof(*stream));

	stream->server = server;
	stream->socket = http_find_socket(request);
	text_add(&stream->body, text_string(&answer->body), answer->body.length);
	stream->length = answer->body.length;
	return stream;
}

static enum MHD_Result
send_huge(struct server *server, struct http_request *request, struct answer *answer,
    const struct fault *fault)
{
	answer->status = 200;
	answer->content_type = ANSWER_XML_TYPE;
	text_fini(&answer->location);
	text_fini(&answer->body);
	text_add_string(&answer->body, "<response><returncode>SUCCESS</returncode><message>");
	struct stream *stream = new_stream(server, request, answer);
	stream->tail = "</message></response>";
	stream->length = (uint64_t)fault->bytes;
	/* Chunked, so that no Content-Length gives warning. */
	return send_stream(request, answer, stream, MHD_SIZE_UNKNOWN, 65536, read_huge);
}

/* Returns how many bytes of the answer a fault leaves. */
static size_t
kept_of(const struct answer *answer, const struct fault *fault)
{
	if (fault->bytes < 0)
		return answer->body.length / 2;
	return (size_t)fault->bytes < answer->body.length ?
	    (size_t)fault->bytes :
	    answer->body.length;
}

/* Ends the connection with a RST. */
static enum MHD_Result
reset_connection(struct http_request *request)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int socket = http_find_socket(request);

	setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	/*
	 * libmicrohttpd shuts the socket down before it closes it, which would
	 * send a FIN first.  Dissolving the connection sends the RST now.
	 */
	if (connect(socket, &nowhere, sizeof(nowhere)) != 0)
		shutdown(socket, SHUT_RDWR);
	return MHD_NO;
}

/* Sends a page as the web server in front of BBB makes it. */
static enum MHD_Result
send_status(struct http_request *request, unsigned status, const char *location)
{
	const char *reason = MHD_get_reason_phrase_for(status);
	struct text title = { 0 };

	text_add_format(&title, "%u %s", status, reason);
	struct answer answer = { 0 };
	answer_html(&answer, status, title.data);
	text_add_string(&answer.location, location);
	enum MHD_Result result = send_answer(request, &answer, answer.body.length, false);
	text_fini(&title);
	answer_fini(&answer);
	return result;
}

/* Sends a part of the answer, or all of it piece by piece. */
static enum MHD_Result
send_part(struct server *server, struct http_request *request, const char *call,
    struct answer *answer, const struct fault *fault)
{
	if (fault->kind == FAULT_CUT || answer->body.length == 0)
		return send_answer(request, answer, kept_of(answer, fault), false);
	struct stream *stream = new_stream(server, request, answer);
	if (fault->kind == FAULT_DRIP || fault->kind == FAULT_STALL) {
		stream->call = text_duplicate(call);
		stream->kind = fault->kind;
		stream->ms = fault->kind == FAULT_DRIP ? fault->ms : FOREVER_MS;
		return send_stream(request, answer, stream, stream->length, 1, read_drip);
	}
	stream->kept = kept_of(answer, fault);
	return send_stream(request, answer, stream, stream->length, 65536, read_break_off);
}

enum MHD_Result
reply_send(struct server *server, struct http_request *request, const char *call,
    struct answer *answer, const struct fault *fault)
{
	int socket = http_find_socket(request);

	switch (fault->kind) {
	case FAULT_DELAY:
		if (!wait_for(server, socket, fault->ms, NULL, FAULT_NONE))
			return MHD_NO;
		break;
	case FAULT_HANG:
		if (!wait_for(server, socket, FOREVER_MS, call, FAULT_HANG))
			return MHD_NO;
		break;
	case FAULT_RESET:
		return reset_connection(request);
	case FAULT_HTTP500:
		return http_reply(request, 500, ANSWER_HTML_TYPE, broken, sizeof(broken) - 1);
	case FAULT_STATUS:
		return send_status(request, fault->status, "");
	case FAULT_REDIRECT:
		return send_status(request, 302, fault->text);
	case FAULT_HTML:
		return http_reply(request, 200, ANSWER_HTML_TYPE, welcome, sizeof(welcome) - 1);
	case FAULT_EMPTY:
		return http_reply(request, 200, ANSWER_XML_TYPE, "", 0);
	case FAULT_HUGE:
		return send_huge(server, request, answer, fault);
	case FAULT_CUT:
	case FAULT_BREAK_OFF:
	case FAULT_DRIP:
	case FAULT_STALL:
		return send_part(server, request, call, answer, fault);
	case FAULT_CUT_ITEM:
		spoil_cut_item(&answer->body);
		break;
	case FAULT_BLANK_LINES:
		spoil_add_blank_lines(&answer->body, fault->number);
		break;
	case FAULT_BYTE:
		spoil_add_bytes(&answer->body, fault->element, fault->number, fault->text,
		    fault->text_length);
		break;
	case FAULT_SET_COOKIE:
	case FAULT_FAILED:
	case FAULT_LONG_QUERY:
	case FAULT_NONE:
	case FAULT_REFUSE:
	case FAULT_DEAF:
	case FAULT_WRONG_SECRET:
		break;
	}
	return send_answer(request, answer, answer->body.length,
	    fault->kind == FAULT_SET_COOKIE);
}

#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "calls.h"
#include "checksum.h"
#include "params.h"
#include "sandbox.h"

/* What nginx in front of BBB takes as a request line (large_client_header_buffers). */
#define TARGET_MAX 8192

/* How often a waiting answer looks whether its client is still there. */
#define WATCH_MS 50

static bool
client_has_left(int socket)
{
	struct pollfd watch = { .fd = socket, .events = POLLRDHUP };

	return poll(&watch, 1, 0) > 0 &&
	       (watch.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static long long
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Waits ms milliseconds or, with hanging_call, as long as that call hangs.
 * Returns false when there is no one left to answer, or nothing to answer
 * with because the server stops.
 */
static bool
wait_for(struct server *server, int socket, long long ms, const char *hanging_call)
{
	struct sandbox *sandbox = server->sandbox;
	const long long end_ms = monotonic_ms() + ms;
	bool is_wanted = true;

	pthread_mutex_lock(&sandbox->lock);
	for (;;) {
		const long long now_ms = monotonic_ms();
		long long until_ms = now_ms + WATCH_MS;
		struct timespec until;

		if (server->stopping || client_has_left(socket)) {
			is_wanted = false;
			break;
		}
		if (hanging_call != NULL) {
			if (faults_find(&server->faults, hanging_call).kind != FAULT_HANG)
				break;
		} else if (now_ms >= end_ms) {
			break;
		} else if (end_ms < until_ms) {
			until_ms = end_ms;
		}
		until.tv_sec = (time_t)(until_ms / 1000);
		until.tv_nsec = (long)(until_ms % 1000) * 1000000L;
		pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &until);
	}
	pthread_mutex_unlock(&sandbox->lock);
	return is_wanted;
}

/* A body that is made while it is sent: drip and huge. */
struct stream {
	struct server *server;
	int socket;
	long long ms;
	struct text body;   /* drip: all of it; huge: how it begins */
	const char *tail;   /* huge: how it ends */
	uint64_t length;
	bool is_first;
};

static void
free_stream(void *argument)
{
	struct stream *stream = argument;

	text_fini(&stream->body);
	free(stream);
}

static ssize_t
read_drip(void *argument, uint64_t position, char *out, size_t room)
{
	struct stream *stream = argument;
	int yes = 1;

	if (position >= stream->length || room == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	/* Setting it pushes out the byte before, which the kernel may hold. */
	setsockopt(stream->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (position > 0 && !wait_for(stream->server, stream->socket, stream->ms, NULL))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	out[0] = stream->body.data[position];
	return 1;
}

static ssize_t
read_huge(void *argument, uint64_t position, char *out, size_t room)
{
	struct stream *stream = argument;
	const size_t tail_length = strlen(stream->tail);
	uint64_t left;

	if (position >= stream->length)
		return MHD_CONTENT_READER_END_OF_STREAM;
	left = stream->length - position;
	if (left < room)
		room = (size_t)left;
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
	struct text cookie = { 0 };
	enum MHD_Result queued;

	if (answer->content_type != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					answer->content_type);
	if (answer->is_uncacheable)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	if (answer->location.length > 0)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, answer->location.data);
	if (with_cookie)
		MHD_add_response_header(response, "X-Sandbox", "1");
	if (answer->session.length > 0 || with_cookie) {
		text_add_format(&cookie, "JSESSIONID=%s; Path=/; HttpOnly",
				answer->session.length > 0 ? answer->session.data
							   : "0123456789ABCDEF0123456789ABCDEF");
		MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie.data);
		text_fini(&cookie);
	}
	queued = MHD_queue_response(request->connection, answer->status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result
send_answer(struct http_request *request, const struct answer *answer,
				   size_t length, bool with_cookie)
{
	struct text copy = { 0 };
	struct MHD_Response *response;

	text_add(&copy, text_string(&answer->body), length);
	response = MHD_create_response_from_buffer(length, copy.data, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		text_fini(&copy);
		return MHD_NO;
	}
	return queue_answer(request, answer, response, with_cookie);
}

static enum MHD_Result
send_stream(struct server *server, struct http_request *request,
				   struct answer *answer, struct fault fault)
{
	struct stream *stream = text_new(sizeof(*stream));
	struct MHD_Response *response;
	bool is_drip = fault.kind == FAULT_DRIP;

	stream->server = server;
	stream->socket = http_find_socket(request);
	stream->ms = fault.ms;
	if (is_drip) {
		text_add(&stream->body, text_string(&answer->body), answer->body.length);
		stream->length = answer->body.length;
	} else {
		text_add_string(&stream->body, "<response><returncode>SUCCESS</returncode><message>");
		stream->tail = "</message></response>";
		stream->length = (uint64_t)fault.bytes;
		answer->status = 200;
		answer->content_type = "text/xml;charset=utf-8";
		text_fini(&answer->location);
	}
	/* Chunked when huge, so that no Content-Length gives warning. */
	response = MHD_create_response_from_callback(is_drip ? stream->length : MHD_SIZE_UNKNOWN,
						     is_drip ? 1 : 65536,
						     is_drip ? read_drip : read_huge, stream,
						     free_stream);
	if (response == NULL) {
		free_stream(stream);
		return MHD_NO;
	}
	return queue_answer(request, answer, response, false);
}

/* Ends the connection with a RST. */
static enum MHD_Result
reset_connection(struct http_request *request)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	int socket = http_find_socket(request);

	setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	/*
	 * libmicrohttpd shuts the socket down before it closes it, which would
	 * send a FIN first.  Dissolving the connection sends the RST now.
	 */
	if (connect(socket, &nowhere, sizeof(nowhere)) != 0)
		shutdown(socket, SHUT_RDWR);
	return MHD_NO;
}

static enum MHD_Result
send_with_fault(struct server *server, struct http_request *request,
				       const char *call, struct answer *answer, struct fault fault)
{
	static const char broken[] = "<!DOCTYPE html><html><head><title>Internal Server Error</title>"
		"</head><body><h1>500 Internal Server Error</h1></body></html>";
	static const char page[] = "<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head>"
		"<body><h1>Welcome to nginx!</h1></body></html>";
	int socket = http_find_socket(request);

	switch (fault.kind) {
	case FAULT_DELAY:
		if (!wait_for(server, socket, fault.ms, NULL))
			return MHD_NO;
		break;
	case FAULT_HANG:
		if (!wait_for(server, socket, 0, call))
			return MHD_NO;
		break;
	case FAULT_RESET:
		return reset_connection(request);
	case FAULT_HTTP500:
		return http_reply(request, 500, "text/html;charset=utf-8", broken,
				  sizeof(broken) - 1);
	case FAULT_HTML:
		return http_reply(request, 200, "text/html;charset=utf-8", page, sizeof(page) - 1);
	case FAULT_EMPTY:
		return http_reply(request, 200, "text/xml;charset=utf-8", "", 0);
	case FAULT_CUT:
		return send_answer(request, answer, answer->body.length / 2, false);
	case FAULT_DRIP:
		if (answer->body.length == 0)
			break;
		return send_stream(server, request, answer, fault);
	case FAULT_HUGE:
		return send_stream(server, request, answer, fault);
	case FAULT_SET_COOKIE:
	case FAULT_NONE:
	case FAULT_REFUSE:
	case FAULT_WRONG_SECRET:
		break;
	}
	return send_answer(request, answer, answer->body.length, fault.kind == FAULT_SET_COOKIE);
}

/* Appends one field of a log line: '-' when absent, never a tab or line break. */
static void
add_field(struct text *line, const char *value)
{
	if (line->length > 0)
		text_add_string(line, "\t");
	if (value == NULL || value[0] == '\0')
		value = "-";
	for (; *value != '\0'; value++)
		text_add(line, strchr("\t\r\n", *value) != NULL ? " " : value, 1);
}

static void
log_call(struct server *server, const struct http_request *request,
		     const char *call, const char *query)
{
	char digest[CHECKSUM_HEX_MAX] = "";
	struct text length = { 0 };
	struct text line = { 0 };

	text_add_format(&length, "%zu", request->body.length);
	if (request->body.length > 0)
		checksum_write_digest(request->body.data, request->body.length, 64, digest);
	add_field(&line, request->method);
	add_field(&line, call);
	add_field(&line, query);
	add_field(&line, http_find_header(request, "Content-Type"));
	add_field(&line, length.data);
	add_field(&line, digest);
	add_field(&line, http_find_header(request, "X-Forwarded-For"));
	add_field(&line, http_find_header(request, "Accept"));
	pthread_mutex_lock(&server->sandbox->lock);
	calllog_add(&server->log, server->sandbox->arrivals++, call, line.data);
	pthread_mutex_unlock(&server->sandbox->lock);
	text_fini(&length);
	text_fini(&line);
}

/* Returns the server's own base URL, as the client wrote its host. */
static char *
make_base_url(const struct server *server, const struct http_request *request)
{
	static const char legal[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]";
	const char *host = http_find_header(request, "Host");
	const char *scheme = server->port.certificate != NULL ? "https" : "http";
	struct text url = { 0 };

	if (host != NULL && host[0] != '\0' && host[strspn(host, legal)] == '\0')
		text_add_format(&url, "%s://%s", scheme, host);
	else
		text_add_format(&url, "%s://%s:%u", scheme, server->port.address,
				(unsigned)server->port.number);
	return url.data;
}

static enum MHD_Result
handle_call(struct server *server, struct http_request *request,
				   const char *call, const char *query)
{
	/* The root has no name of its own; faults and log know it as "index". */
	const char *log_name = call[0] == '\0' ? "index" : call;
	const char *content_length = http_find_header(request, "Content-Length");
	char *base_url = make_base_url(server, request);
	struct calls_request parts = {
		.meetings = &server->meetings,
		.recordings = &server->recordings,
		.hooks = &server->hooks,
		.secret = server->secret,
		.method = request->method,
		.call = call,
		.query = query,
		.body = text_string(&request->body),
		.body_length = request->body.length,
		.has_content_length = content_length != NULL,
		.content_type = http_find_header(request, "Content-Type"),
		.accept = http_find_header(request, "Accept"),
		.user_agent = http_find_header(request, "User-Agent"),
		.base_url = base_url,
	};
	struct answer answer = { 0 };
	struct fault fault;
	enum MHD_Result result;

	pthread_mutex_lock(&server->sandbox->lock);
	fault = faults_find(&server->faults, log_name);
	parts.secret_is_wrong = fault.kind == FAULT_WRONG_SECRET;
	parts.raw = faults_find_raw(&server->faults, log_name);
	calls_answer(&parts, &answer);
	pthread_mutex_unlock(&server->sandbox->lock);

	result = send_with_fault(server, request, log_name, &answer, fault);
	answer_fini(&answer);
	free(base_url);
	return result;
}

/* The page a successful join leads to. */
static enum MHD_Result
handle_join_page(struct server *server, struct http_request *request,
					const char *query)
{
	static const char type[] = "text/html;charset=utf-8";
	struct params params = { 0 };
	struct text page = { 0 };
	struct meeting *meeting = NULL;
	struct user *user = NULL;
	const char *token;
	enum MHD_Result result;

	params_parse_form(&params, query, strlen(query));
	token = params_find(&params, "sessionToken");
	text_add_string(&page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
	pthread_mutex_lock(&server->sandbox->lock);
	if (token != NULL)
		user = meetings_find_session(&server->meetings, token, &meeting);
	text_add_html(&page, user == NULL ? "No such session" : meeting->name);
	text_add_string(&page, "</title>\n<style>body{font:16px/1.5 sans-serif;max-width:36em;"
			"margin:4em auto;padding:0 1em;color:#222}dt{color:#666}"
			"dd{margin:0 0 .8em;font-size:1.2em;overflow-wrap:anywhere}</style>\n"
			"</head>\n<body>\n");
	if (user == NULL) {
		text_add_string(&page, "<h1>No such session</h1>\n");
		text_add_string(&page, "<p>The meeting has ended, or the link is wrong.</p>\n");
	} else {
		text_add_string(&page, "<h1>");
		text_add_html(&page, meeting->name);
		text_add_string(&page, "</h1>\n<dl>\n<dt>Meeting ID</dt><dd>");
		text_add_html(&page, meeting->meeting_id);
		text_add_string(&page, "</dd>\n<dt>Name</dt><dd>");
		text_add_html(&page, user->full_name);
		text_add_format(&page, "</dd>\n<dt>Role</dt><dd>%s</dd>\n",
				user->is_moderator ? "Moderator" : "Viewer");
	}
	pthread_mutex_unlock(&server->sandbox->lock);
	text_add_format(&page, "%sServer %u, port %u%s", user == NULL ? "<p>"
			: "<dt>BigBlueButton stand-in</dt><dd>", server->number,
			(unsigned)server->port.number, user == NULL ? "</p>\n" : "</dd>\n</dl>\n");
	text_add_string(&page, "</body>\n</html>\n");
	result = http_reply(request, user == NULL ? 404 : 200, type, page.data, page.length);
	text_fini(&page);
	params_fini(&params);
	return result;
}

/* Decodes the path, makes one slash of several, and drops one at the end. */
static char *
normalize_path(const char *target, size_t length)
{
	char *path = params_decode(target, length, false);
	char *out = path;

	if (path == NULL)
		return text_duplicate("");
	for (const char *in = path; *in != '\0'; in++)
		if (*in != '/' || out == path || out[-1] != '/')
			*out++ = *in;
	if (out > path + 1 && out[-1] == '/')
		out--;
	*out = '\0';
	return path;
}

/* Tomcat refuses a target with characters that RFC 3986 wants encoded. */
static bool
is_legal_target(const char *target)
{
	for (; *target != '\0'; target++) {
		unsigned char c = (unsigned char)*target;

		if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL)
			return false;
	}
	return true;
}

enum MHD_Result
server_handle(void *argument, struct http_request *request)
{
	static const char prefix[] = "/bigbluebutton/api";
	static const char type[] = "text/html;charset=utf-8";
	static const char bad[] = "<html><body><h1>400 Bad Request</h1></body></html>";
	static const char too_long[] = "<html><body><h1>414 Request-URI Too Large</h1></body></html>";
	static const char unknown[] = "<html><body><h1>404 Not Found</h1></body></html>";
	struct server *server = argument;
	const char *mark = strchr(request->target, '?');
	size_t path_length = mark == NULL ? strlen(request->target)
					  : (size_t)(mark - request->target);
	const char *query = mark == NULL ? "" : mark + 1;
	char *path = normalize_path(request->target, path_length);
	const char *call = NULL;
	enum MHD_Result result;

	if (strncmp(path, prefix, sizeof(prefix) - 1) == 0) {
		call = path + sizeof(prefix) - 1;
		if (*call == '/')
			call++;
		else if (*call != '\0')
			call = NULL;
	}
	if (call != NULL)
		log_call(server, request, call[0] == '\0' ? "index" : call, query);

	if (strlen(request->target) > TARGET_MAX)
		result = http_reply(request, 414, type, too_long, sizeof(too_long) - 1);
	else if (!is_legal_target(request->target))
		result = http_reply(request, 400, type, bad, sizeof(bad) - 1);
	else if (call != NULL)
		result = handle_call(server, request, call, query);
	else if (strcmp(path, "/html5client/join") == 0)
		result = handle_join_page(server, request, query);
	else if (strcmp(path, "/bigbluebutton/ping") == 0)
		result = http_reply(request, 200, "text/plain", "", 0);
	else
		result = http_reply(request, 404, type, unknown, sizeof(unknown) - 1);
	free(path);
	return result;
}

static void
stop_listening(struct server *server)
{
	struct sandbox *sandbox = server->sandbox;

	pthread_mutex_lock(&sandbox->lock);
	server->stopping = true;
	pthread_cond_broadcast(&sandbox->changed);
	pthread_mutex_unlock(&sandbox->lock);
	http_port_stop(&server->port);
	pthread_mutex_lock(&sandbox->lock);
	server->stopping = false;
	pthread_mutex_unlock(&sandbox->lock);
}

int
server_apply_listening(struct server *server)
{
	bool refuses;

	pthread_mutex_lock(&server->sandbox->lock);
	refuses = server->faults.all.kind == FAULT_REFUSE;
	pthread_cond_broadcast(&server->sandbox->changed);
	pthread_mutex_unlock(&server->sandbox->lock);

	if (refuses && server->port.daemon != NULL) {
		stop_listening(server);
		/* Keeps the number, without listening. */
		return http_port_bind(&server->port);
	}
	if (!refuses && server->port.daemon == NULL) {
		if (server->port.socket < 0 && http_port_bind(&server->port) != 0)
			return -1;
		return http_port_start(&server->port);
	}
	return 0;
}

void
server_fini(struct server *server)
{
	stop_listening(server);
	meetings_clear(&server->meetings);
	recordings_clear(&server->recordings);
	hooks_clear(&server->hooks);
	faults_clear(&server->faults);
	calllog_clear(&server->log);
}

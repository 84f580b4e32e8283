#include "server.h"

#include <stdlib.h>
#include <time.h>
#include <string.h>

#include "calls.h"
#include "checksum.h"
#include "params.h"
#include "reply.h"
#include "sandbox.h"

/* What nginx in front of BBB takes as a request line (large_client_header_buffers). */
#define TARGET_MAX 8192

/* Appends one field of a log line: '-' when absent, never a tab or line break. */
static void
add_field(struct text *line, const char *value)
{
	if (line->length > 0)
		text_add_string(line, "\t");
	if (!value || value[0] == '\0')
		value = "-";
	for (; *value != '\0'; value++)
		text_add(line, strchr("\t\r\n", *value) ? " " : value, 1);
}

static void
log_call(struct server *server, const struct http_request *request, const char *call,
    const char *query)
{
	struct text length = { 0 };

	text_add_format(&length, "%zu", request->body.length);
	char digest[CHECKSUM_HEX_MAX] = "";
	if (request->body.length > 0)
		checksum_write_digest(request->body.data, request->body.length, 64, digest);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct text arrived = { 0 };
	text_add_format(&arrived, "%lld", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	struct text line = { 0 };
	add_field(&line, request->method);
	add_field(&line, call);
	add_field(&line, query);
	add_field(&line, http_find_header(request, "Content-Type"));
	add_field(&line, length.data);
	add_field(&line, digest);
	add_field(&line, http_find_header(request, "X-Forwarded-For"));
	add_field(&line, http_find_header(request, "Accept"));
	add_field(&line, arrived.data);
	pthread_mutex_lock(&server->sandbox->lock);
	calllog_add(&server->log, server->sandbox->arrivals++, call, line.data);
	pthread_mutex_unlock(&server->sandbox->lock);
	text_fini(&length);
	text_fini(&arrived);
	text_fini(&line);
}

/* Returns the server's own base URL, as the client wrote its host. */
static char *
make_base_url(const struct server *server, const struct http_request *request)
{
	static const char legal[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]";
	const char *host = http_find_header(request, "Host");
	const char *scheme = server->port.certificate ? "https" : "http";
	struct text url = { 0 };

	if (host && host[0] != '\0' && host[strspn(host, legal)] == '\0')
		text_add_format(&url, "%s://%s", scheme, host);
	else
		text_add_format(&url, "%s://%s:%u", scheme, server->port.address,
		    (unsigned)server->port.number);
	return url.data;
}

/* Takes the fault for one request.  The caller holds the lock. */
static struct fault
take_fault(struct server *server, const char *call, const char *query)
{
	struct fault fault = faults_take(&server->faults, call, reply_now_ms());

	if (fault.kind == FAULT_LONG_QUERY && (long long)strlen(query) > fault.bytes) {
		fault.kind = FAULT_STATUS;
		fault.status = 414;
	}
	return fault;
}

static enum MHD_Result
handle_call(struct server *server, struct http_request *request, const char *call,
    const char *query)
{
	/* The root has no name of its own; faults and log know it as "index". */
	const char *log_name = call[0] == '\0' ? "index" : call;
	const char *content_length = http_find_header(request, "Content-Length");
	char *base_url = make_base_url(server, request);
	struct calls_request parts = {
		.meetings = &server->meetings,
		.recordings = &server->recordings,
		.hooks = &server->hooks,
		.secrets = (const char *const *)server->secrets,
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

	pthread_mutex_lock(&server->sandbox->lock);
	struct fault fault = take_fault(server, log_name, query);
	parts.secret_is_wrong = fault.kind == FAULT_WRONG_SECRET;
	if (fault.kind == FAULT_FAILED) {
		parts.failure = fault.text;
		parts.failure_is_list = fault.is_list;
	}
	parts.raw = faults_find_raw(&server->faults, log_name);
	struct answer answer = { 0 };
	/* What the web server answers by itself never comes to BBB. */
	if (fault.kind != FAULT_STATUS && fault.kind != FAULT_REDIRECT)
		calls_answer(&parts, &answer);
	pthread_mutex_unlock(&server->sandbox->lock);

	enum MHD_Result result = reply_send(server, request, log_name, &answer, &fault);
	answer_fini(&answer);
	free(base_url);
	return result;
}

/* The page a successful join leads to. */
static enum MHD_Result
handle_join_page(struct server *server, struct http_request *request, const char *query)
{
	static const char type[] = "text/html;charset=utf-8";
	struct params params = { 0 };

	params_parse_form(&params, query, strlen(query));
	const char *token = params_find(&params, "sessionToken");
	struct text page = { 0 };
	text_add_string(&page,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
	pthread_mutex_lock(&server->sandbox->lock);
	struct meeting *meeting = NULL;
	struct user *user = NULL;
	if (token)
		user = meetings_find_session(&server->meetings, token, &meeting);
	text_add_html(&page, user ? meeting->name : "No such session");
	text_add_string(&page,
	    "</title>\n<style>body{font:16px/1.5 sans-serif;max-width:36em;"
	    "margin:4em auto;padding:0 1em;color:#222}dt{color:#666}"
	    "dd{margin:0 0 .8em;font-size:1.2em;overflow-wrap:anywhere}</style>\n"
	    "</head>\n<body>\n");
	if (!user) {
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
	text_add_format(&page, "%sServer %u, port %u%s",
	    user ? "<dt>BigBlueButton stand-in</dt><dd>" : "<p>", server->number,
	    (unsigned)server->port.number, user ? "</dd>\n</dl>\n" : "</p>\n");
	text_add_string(&page, "</body>\n</html>\n");
	enum MHD_Result result = http_reply(request, user ? 200 : 404, type, page.data,
	    page.length);
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

	if (!path)
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

		if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c))
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
	static const char too_long[] =
	    "<html><body><h1>414 Request-URI Too Large</h1></body></html>";
	static const char unknown[] = "<html><body><h1>404 Not Found</h1></body></html>";
	struct server *server = argument;
	const char *mark = strchr(request->target, '?');
	size_t path_length = mark ? (size_t)(mark - request->target) : strlen(request->target);
	const char *query = mark ? mark + 1 : "";
	char *path = normalize_path(request->target, path_length);
	const char *call = NULL;

	if (strncmp(path, prefix, sizeof(prefix) - 1) == 0) {
		call = path + sizeof(prefix) - 1;
		if (*call == '/')
			call++;
		else if (*call != '\0')
			call = NULL;
	}
	if (call)
		log_call(server, request, call[0] == '\0' ? "index" : call, query);

	enum MHD_Result result;
	if (strlen(request->target) > TARGET_MAX)
		result = http_reply(request, 414, type, too_long, sizeof(too_long) - 1);
	else if (!is_legal_target(request->target))
		result = http_reply(request, 400, type, bad, sizeof(bad) - 1);
	else if (call)
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

void
server_set_secrets(struct server *server, const char *const *secrets, size_t count)
{
	for (size_t i = 0; i < SERVER_SECRETS_MAX; i++) {
		free(server->secrets[i]);
		server->secrets[i] = i < count ? text_duplicate(secrets[i]) : NULL;
	}
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
	pthread_mutex_lock(&server->sandbox->lock);
	enum fault_kind kind = server->faults.all.kind;
	pthread_cond_broadcast(&server->sandbox->changed);
	pthread_mutex_unlock(&server->sandbox->lock);

	if (kind == FAULT_REFUSE || kind == FAULT_DEAF) {
		stop_listening(server);
		/* Keeps the number, without listening. */
		int bound = http_port_bind(&server->port);
		return bound == 0 && kind == FAULT_DEAF ?
		    http_port_deafen(&server->port) :
		    bound;
	}
	if (!server->port.daemon) {
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

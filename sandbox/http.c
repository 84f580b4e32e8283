#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Room for the request's header and a part of its body.  Far more than any
 * real server takes, so that it is the stand-in's own rule which says no.
 */
#define CONNECTION_MEMORY ((size_t)256 * 1024)
#define CONNECTIONS_MAX 4000U
#define STACK_SIZE ((size_t)1024 * 1024)

/*
 * Runs before libmicrohttpd splits and decodes the target in place, which is
 * the only moment at which the raw text can be had.
 */
static void *
note_target(void *argument, const char *target, struct MHD_Connection *connection)
{
	struct http_request *request = text_new(sizeof(*request));

	(void)argument;
	request->connection = connection;
	request->target = text_duplicate(target);
	return request;
}

static void
forget_request(void *argument, struct MHD_Connection *connection, void **slot,
    enum MHD_RequestTerminationCode reason)
{
	struct http_request *request = *slot;

	(void)argument;
	(void)connection;
	(void)reason;
	if (!request)
		return;
	free(request->target);
	text_fini(&request->body);
	free(request);
	*slot = NULL;
}

static enum MHD_Result
take_request(void *argument, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *length, void **slot)
{
	struct http_port *port = argument;
	struct http_request *request = *slot;

	(void)connection;
	(void)path;
	(void)version;
	if (!request)
		return MHD_NO;
	request->method = method;
	if (!request->started) {
		request->started = true;
		return MHD_YES;
	}
	if (*length > 0) {
		if (request->body.length + *length > HTTP_BODY_MAX)
			request->too_large = true;
		else
			text_add(&request->body, data, *length);
		*length = 0;
		return MHD_YES;
	}
	if (request->too_large) {
		static const char page[] = "<html><body><h1>413</h1></body></html>";

		return http_reply(request, MHD_HTTP_CONTENT_TOO_LARGE, "text/html", page,
		    sizeof(page) - 1);
	}
	return port->handle(port->argument, request);
}

int
http_port_bind(struct http_port *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port->number) };
	int yes = 1;
	int saved;

	port->socket = -1;
	if (inet_pton(AF_INET, port->address, &address.sin_addr) != 1) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	port->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->socket < 0)
		return -1;
	if (setsockopt(port->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0)
		goto fail;
	if (bind(port->socket, (const struct sockaddr *)&address, sizeof(address)) != 0)
		goto fail;
	return 0;
fail:
	saved = errno;
	close(port->socket);
	port->socket = -1;
	errno = saved;
	return -1;
}

int
http_port_deafen(struct http_port *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port->number) };

	inet_pton(AF_INET, port->address, &address.sin_addr);
	port->filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (port->filler < 0)
		return -1;
	port->is_deaf = true;
	if (listen(port->socket, 0) != 0)
		return -1;
	return connect(port->filler, (const struct sockaddr *)&address, sizeof(address));
}

/* What waits for a deaf port's queue goes on when its client tries again. */
static void
end_deafness(struct http_port *port)
{
	if (port->is_deaf)
		close(port->filler);
	port->is_deaf = false;
}

int
http_port_start(struct http_port *port)
{
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_END, 0, NULL },
		{ MHD_OPTION_END, 0, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	char *certificate = text_duplicate(port->certificate);
	char *key = text_duplicate(port->key);

	if (listen(port->socket, 1024) != 0)
		goto out;
	end_deafness(port);
	if (port->certificate) {
		flags |= MHD_USE_TLS;
		tls[0].option = MHD_OPTION_HTTPS_MEM_CERT;
		tls[0].ptr_value = certificate;
		tls[1].option = MHD_OPTION_HTTPS_MEM_KEY;
		tls[1].ptr_value = key;
	}
	port->daemon = MHD_start_daemon(flags, port->number, NULL, NULL, take_request, port,
	    MHD_OPTION_ARRAY, tls, MHD_OPTION_LISTEN_SOCKET, port->socket,
	    MHD_OPTION_URI_LOG_CALLBACK, note_target, NULL, MHD_OPTION_NOTIFY_COMPLETED,
	    forget_request, NULL, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE,
	    STACK_SIZE, MHD_OPTION_END);
out:
	/* The daemon has parsed both by now. */
	free(certificate);
	free(key);
	return port->daemon ? 0 : -1;
}

void
http_port_stop(struct http_port *port)
{
	end_deafness(port);
	if (port->daemon) {
		/* Closes the listening socket, too. */
		MHD_stop_daemon(port->daemon);
		port->daemon = NULL;
	} else if (port->socket >= 0) {
		close(port->socket);
	}
	port->socket = -1;
}

const char *
http_find_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result
add_header(void *argument, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	text_add_format(argument, "%s: %s\n", name, value ? value : "");
	return MHD_YES;
}

void
http_add_headers(const struct http_request *request, struct text *text)
{
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_header, text);
}

int
http_find_socket(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection,
	    MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

enum MHD_Result
http_reply(struct http_request *request, unsigned status, const char *content_type,
    const char *body, size_t length)
{
	struct text copy = { 0 };

	/* The copy becomes the response's own; its type wants it writable. */
	text_add(&copy, body, length);
	struct MHD_Response *response = MHD_create_response_from_buffer(length, copy.data,
	    MHD_RESPMEM_MUST_FREE);
	if (!response) {
		text_fini(&copy);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	enum MHD_Result queued = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

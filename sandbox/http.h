/*
 * HTTP by libmicrohttpd: a thread for every connection, whole requests with
 * their raw target and body, and a port that can stop and start listening.
 */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* A longer body is read to its end and answered with status 413. */
#define HTTP_BODY_MAX ((size_t)64 * 1024 * 1024)

struct http_request {
	struct MHD_Connection *connection;
	const char *method;
	char *target; /* path and query exactly as sent */
	struct text body;
	bool started;
	bool too_large;
};

/*
 * One port.  handle is called in the connection's own thread, once per whole
 * request, and may block; it queues a response or returns MHD_NO to close the
 * connection without one.  The first six members are the caller's to fill;
 * certificate and key are PEM text for https, else NULL.  All is borrowed.
 */
struct http_port {
	const char *address;
	uint16_t number;
	const char *certificate;
	const char *key;
	enum MHD_Result (*handle)(void *argument, struct http_request *request);
	void *argument;

	int socket;
	struct MHD_Daemon *daemon;
	bool is_deaf;
	int filler; /* while it is deaf: the connection that fills its queue */
};

/*
 * Binds the port without listening: connections are refused, and no one else
 * can take the number.  Returns 0, or -1 with errno set.
 */
int http_port_bind(struct http_port *port);

/*
 * Listens on a bound port so that no connection comes about: its queue has room for one
 * (listen(2)), which is there.  Returns 0, or -1 with errno set.
 */
int http_port_deafen(struct http_port *port);

/* Begins to listen on a bound port, or a deaf one.  Returns 0, or -1. */
int http_port_start(struct http_port *port);

/*
 * Ends listening and all connections, and waits for their threads: whatever a
 * handler blocks on must have been woken before.  Does nothing when stopped.
 */
void http_port_stop(struct http_port *port);

/* Returns the request's header of that name, borrowed, or NULL. */
const char *http_find_header(const struct http_request *request, const char *name);

/* Appends "Name: value" and a line end for each of the request's headers. */
void http_add_headers(const struct http_request *request, struct text *text);

/* Returns the connection's socket, for watching it; it stays the server's. */
int http_find_socket(const struct http_request *request);

/* Queues a response with that status, type and (copied) body. */
enum MHD_Result http_reply(struct http_request *request, unsigned status,
    const char *content_type, const char *body, size_t length);

#endif

/*
 * The HTTP side of one BBB server: API calls and the page a join leads to.
 */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include "http.h"

struct server;

/* Handles one request; argument is the struct server (see struct http_port). */
enum MHD_Result server_handle(void *argument, struct http_request *request);

/*
 * Makes the port listen, or not, as the server's faults say.  Connections
 * that are open when it stops listening are cut.  The caller holds
 * sandbox->listening and not sandbox->lock.  Returns 0, or -1 when the port
 * could not be had again.
 */
int server_apply_listening(struct server *server);

/*
 * Replaces the secrets that are right, count of them (copied), at most
 * SERVER_SECRETS_MAX.  The caller holds sandbox->lock.
 */
void server_set_secrets(struct server *server, const char *const *secrets, size_t count);

/* Stops the server for good and frees its state. */
void server_fini(struct server *server);

#endif

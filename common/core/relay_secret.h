/*
 * Which of a server's secrets calls to it are signed with.
 *
 * While a server's secret is being changed the configuration has several.  A call is
 * signed with the one that worked last.  When the server refuses the checksum, the call
 * is signed with the next and sent again (relay.h).  Calls that must not be sent twice
 * are no exception: BBB looks at the checksum before all else (ValidationService.java),
 * so what it refused for its checksum it did not do.
 */
#ifndef RELAY_SECRET_H
#define RELAY_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"
#include "model/server.h"
#include "ports/http.h"

/*
 * The secret to begin with, its place in server->secrets: the one that worked last, as
 * this process remembers it, or the state, where the request has read what it knows of
 * the server; else the first.  The server is one of call->config's.
 */
size_t relay_secret(const struct call *call, const struct server *server);

/* That secret was accepted after another was refused: remember it, and log the change
 * once. */
void relay_secret_works(struct call *call, const struct server *server, size_t at);

/* That secret was refused, and there is no time to try another with this call: the
 * next call begins with the next one, unless another call has found a better one. */
void relay_secret_fails(const struct call *call, const struct server *server, size_t at);

/*
 * Does the answer say that the checksum is wrong?  As a document with that messageKey,
 * or with a list of errors (api-error.ftlx, api-errors.ftlx); as JSON (calls about
 * captions); or as a join's redirect with the errors in its query (ApiController.groovy,
 * respondWithRedirect).
 */
bool relay_secret_is_refused(struct arena *arena, const struct http_call *http);

#endif

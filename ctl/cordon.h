/*
 * The operator's state of a server.
 */
#ifndef CTL_CORDON_H
#define CTL_CORDON_H

#include <stdbool.h>

#include "ctl.h"
#include "model/server.h"

/*
 * Set the operator's state of the server, with the state open.  SERVER_ENABLED undoes what
 * an operator set, and wins over a configuration that says otherwise.  Every process that
 * uses the state acts on it with its next request.  *before becomes what was known of the
 * server until then.  False, which was written, when the state cannot be written.
 */
bool cordon_set(struct ctl *ctl, const struct server *server, enum server_state state,
    struct server_facts *before);

#endif

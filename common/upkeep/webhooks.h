/*
 * Webhooks on all servers: what each has, what it should have, and how the one
 * becomes the other.
 *
 * A hook is registered at every server: as the client's own URL where the client can
 * verify what that server signs, else as a URL of the gateway's that carries it
 * (callback.h).  So a server's list tells all that the state may have lost.  Not
 * every server has bbb-webhooks installed; one that has not is none the worse.
 */
#ifndef WEBHOOKS_H
#define WEBHOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "model/server.h"
#include "model/webhook.h"

/* A hook as a server has it. */
struct webhooks_found {
	const struct server *server;
	struct str server_id;  /* the server's own hookID */
	struct str registered; /* the callbackURL there … */
	struct webhook hook;   /* … and what it is to clients */
	bool is_ours;          /* surely: else someone may have registered it at that
	                          server itself */
};

struct webhooks {
	struct webhooks_found *list;
	size_t n;
	const struct server **answered; /* by whom */
	size_t n_answered;
};

/* Ask the servers for their hooks, all at once.  Permanent ones, which are the
 * server's own configuration, are left out, and so is what a gateway made that
 * had another secret. */
void webhooks_ask(struct call *call, const struct server *const *servers, size_t n,
    struct webhooks *hooks);

/* All servers to which anything may be sent; *n of them, in the arena. */
const struct server **webhooks_servers(struct call *call, size_t *n);

/* Something to be done at a server. */
struct webhooks_order {
	const struct server *server;
	const struct webhook *hook; /* to be registered there, or NULL: … */
	struct str server_id;       /* … to be destroyed */
};

/* What came of it. */
struct webhooks_done {
	size_t n_done;
	size_t n_duplicates; /* of these, what was registered there already */
};

/* Do all that at once. */
void webhooks_do(struct call *call, const struct webhooks_order *orders, size_t n,
    struct webhooks_done *done);

/* The hook of that id, or NULL. */
struct webhook *webhooks_find(struct webhook *hooks, size_t n, const char *id);

/*
 * After a poll to which the servers have answered, before which their facts were
 * these: compare hooks with the state of some of them, and let the two agree.
 * Looked at is a server that is new to the state or came back; all others once in
 * five minutes, if there are hooks at all.  A hook that the state does not
 * know is learnt, one that was dropped is destroyed, and one that is missing, or
 * registered with another URL than it should be, is registered.  A hook of one
 * meeting is dropped when it is a day old and the meeting does not run: at the
 * servers that had the meeting, bbb-webhooks did so at its end.  Before anyone is
 * asked, the poll's lease is prolonged for its holder.
 */
void webhooks_sync(struct call *call, uint64_t holder, const struct server *const *servers,
    const struct server_facts *before, size_t n);

#endif

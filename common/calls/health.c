/*
 * The calls that need no meeting and no server: the index, the health probe, and
 * the answer to what is not served.
 */
#include "core/call.h"
#include "core/health.h"
#include "core/reply.h"

void
call_index(struct call *call)
{
	reply_index(call->response);
}

/* For load balancers and monitors: can a meeting be placed now?  Answered from
 * the state; no server is asked. */
void
call_health(struct call *call)
{
	const struct config *config = call->config;
	const struct server_facts *facts = health_facts(call);

	for (size_t i = 0; i < config->n_servers; i++) {
		if (server_takes_meetings(&config->servers[i], &facts[i])) {
			reply_text(call->response, 200, STR("ok\n"));
			return;
		}
	}
	reply_text(call->response, 503, STR("no server can take a new meeting\n"));
}

void
call_unsupported(struct call *call)
{
	reply_error(call->response, call->arena, REPLY_UNSUPPORTED);
}

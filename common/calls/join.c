/*
 * join: the browser itself must go to the meeting's server, which sets the
 * session's cookie on its own host name (ApiController.join).
 */
#include <string.h>

#include "core/call.h"
#include "core/relay.h"
#include "core/reply.h"

void
call_join(struct call *call)
{
	const struct config *config = call->config;

	call_apply_parameters(call, &config->join_defaults, &config->join_overrides);
	if (!call->server) {
		call_refuse(call, REPLY_JOIN_NOT_FOUND);
		return;
	}
	call_apply_parameters(call, &call->server->join_defaults,
	    &call->server->join_overrides);
	if (str_is_nocase(query_find(&call->parameters, "redirect"), "false")) {
		/* Here someone joins, which whoever only looks does not mean. */
		if (strcmp(call->request->method, "HEAD") == 0) {
			reply_error(call->response, call->arena, REPLY_UNSUPPORTED);
			return;
		}
		struct relay_answer answer;
		relay_send(call, call->server, &answer);
		relay_answer(call, &answer, true);
		return;
	}
	relay_redirect(call, call->server);
}

/*
 * join: the browser itself must go to the meeting's server, which sets the
 * session's cookie on its own host name (ApiController.join).
 */
#include "buf.h"
#include "call.h"
#include "bounds.h"
#include "mem.h"
#include "relay.h"
#include "reply.h"

void
call_join(struct call *call)
{
	const struct config *config = call->config;
	struct relay_answer answer;
	struct buf query;

	if (!call->server) {
		reply_error(call->response, call->arena, REPLY_JOIN_NOT_FOUND);
		return;
	}
	call_apply_parameters(call, &config->join_defaults, &config->join_overrides);
	if (str_is_nocase(query_find(&call->parameters, "redirect"), "false")) {
		relay_send(call, call->server, &answer);
		relay_answer(call, call->server, &answer, true);
		return;
	}
	/* What is signed must be what the browser will send. */
	buf_init(&query, LIMIT_ANSWER_BYTES);
	query_encode_for_browser(&query, call->query);
	reply_redirect(call->response, relay_url(call->arena, call->server, call->name,
	    buf_take(&query, call->arena)));
	call->response->server = call->server->name;
}

/*
 * join: the browser itself must go to the meeting's server, which sets the
 * session's cookie on its own host name (ApiController.join).
 */
#include <string.h>

#include "core/call.h"
#include "core/pace.h"
#include "core/page.h"
#include "core/relay.h"
#include "core/reply.h"

/*
 * Does the server of a person's join fail its polls?  Soon it is up again or down.
 * Until then the person is better off with a page that tries again than with a browser
 * that waits for a dead host.  A call that failed tells less than a poll, and programs
 * are sent on in any case: what is not down is tried.
 */
static bool
has_failed_polls(struct call *call)
{
	return call->is_mapped && call->meeting_facts.health == SERVER_SUSPECT &&
	    call->meeting_facts.failures > 0 &&
	    query_count(&call->parameters, "errorRedirectUrl") == 0 &&
	    page_is_wanted(call->arena, call->request);
}

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
		if (pace_holds(call))
			return;
		struct relay_answer answer;
		relay_send(call, call->server, &answer);
		relay_answer(call, &answer, true);
		return;
	}
	if (has_failed_polls(call)) {
		call_refuse(call, REPLY_UNAVAILABLE);
		call->response->server = call->server->name;
		return;
	}
	if (pace_holds(call))
		return;
	relay_redirect(call, call->server);
	pace_forget(call);
}

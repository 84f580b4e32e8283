/*
 * tinyscale/callback: what a server calls back in place of the client (callback.h).
 *
 * The server's signature, made with any of its secrets, is verified and replaced by one
 * with the gateway's secret that the client knows.  The receiver's answer is returned: by
 * its status BBB decides whether it was heard, is to try again, or has found no one.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/call.h"
#include "core/callback.h"
#include "core/client.h"
#include "core/reply.h"
#include "formats/checksum.h"
#include "formats/jwt.h"
#include "ports/http.h"

/* What is posted on. */
struct outgoing {
	const char *url;
	struct str body;
	struct str content_type;
	struct str authorization;
};

/* Refuse what did not come from the server: 401, which BBB takes for a secret that
 * differs. */
static bool
refuse(struct call *call, const struct server *server, const char *reason)
{
	log_warn("callback refused", "server", server->name, "reason", reason);
	reply_text(call->response, 401, STR("The callback's signature is not valid.\n"));
	return false;
}

/* By what the client verifies the token of a recording: as BBB signs it, but where it is
 * to know nothing below SHA-512, as Scalelite does (scalelite#1250). */
static enum jwt_algorithm
recording_algorithm(const struct config *config)
{
	return config->checksum_algorithms == 1u << CHECKSUM_SHA512 ? JWT_HS512 : JWT_HS256;
}

/* Sign the server's token anew; false when that is answered. */
static bool
sign_token(struct call *call, const struct server *server, enum jwt_algorithm algorithm,
    struct str token, enum jwt_algorithm new_algorithm, const char *new_secret,
    struct str *anew)
{
	enum jwt_result result = JWT_INVALID;

	for (size_t i = 0; i < server->n_secrets && result == JWT_INVALID; i++)
		result = jwt_sign_anew(call->arena, algorithm, token,
		    str_from(server->secrets[i]), new_algorithm, str_from(new_secret),
		    call->request->now_ms, anew);
	switch (result) {
	case JWT_FINE:
		return true;
	case JWT_INVALID:
		return refuse(call, server, "its token is not signed with the server's secret");
	case JWT_EXPIRED:
		return refuse(call, server, "its token has expired");
	case JWT_UNAVAILABLE:
		break;
	}
	reply_text(call->response, 503, STR("Callbacks cannot be signed at present.\n"));
	return false;
}

/* post_publish_recording_ready_callback.rb: a form of one field. */
static bool
sign_recording(struct call *call, const struct server *server, const char *secret,
    struct outgoing *outgoing)
{
	struct query form;

	if (query_parse(call->arena, call->request->body, &form) != QUERY_FINE)
		return refuse(call, server, "its body is no form");
	struct str token;
	if (!sign_token(call, server, JWT_HS256, query_find(&form, "signed_parameters"),
	        recording_algorithm(call->config), secret, &token))
		return false;
	/* A token is of letters that a form need not encode. */
	outgoing->body = str_from(
	    str_printf(call->arena, "signed_parameters=%.*s", STR_ARG(token)));
	outgoing->content_type = STR(CALL_FORM_TYPE);
	return true;
}

/* What follows "Bearer " (RFC 6750, section 2.1), or the absent span. */
static struct str
bearer(struct str authorization)
{
	if (!str_is_nocase(str_part(authorization, 0, 7), "Bearer "))
		return (struct str){ NULL, 0 };
	return str_trim(str_part(authorization, 7, SIZE_MAX));
}

/* post_events_analytics_callback.rb: JSON, the token in the header. */
static bool
sign_analytics(struct call *call, const struct server *server, const char *secret,
    struct outgoing *outgoing)
{
	struct str token;

	if (!sign_token(call, server, JWT_HS512, bearer(call->request->authorization),
	        JWT_HS512, secret, &token))
		return false;
	outgoing->authorization = str_from(
	    str_printf(call->arena, "Bearer %.*s", STR_ARG(token)));
	outgoing->body = call->request->body;
	outgoing->content_type = call->request->content_type;
	return true;
}

/* Is given the checksum of bbb-webhooks over what the server was told to call and the
 * body?  *algorithm gets its own. */
static bool
is_hook_checksum(struct call *call, const struct server *server, struct str given,
    enum checksum_algorithm *algorithm)
{
	const struct request *request = call->request;
	struct str registered = str_from(str_printf(call->arena, "%.*s/%s?%.*s",
	    STR_ARG(callback_base(call->arena, call->config, request, call->mount)), call->name,
	    STR_ARG(query_without_checksum(call->arena, request->query, given))));

	for (int a = 0; a < CHECKSUM_ALGORITHMS; a++) {
		*algorithm = (enum checksum_algorithm)a;
		for (size_t i = 0; i < server->n_secrets; i++)
			if (checksum_verify(1u << a, registered, request->body,
			        str_from(server->secrets[i]), given))
				return true;
	}
	return false;
}

/* Is that one of the server's secrets? */
static bool
is_secret_of(const struct server *server, struct str given)
{
	bool good = false;

	for (size_t i = 0; i < server->n_secrets; i++)
		good |= checksum_same(given, str_from(server->secrets[i]));
	return good;
}

/* bbb-webhooks, callback-emitter.js: a form, and a checksum over URL, body and secret
 * in the query; or, with its auth2_0, the secret itself in the header. */
static bool
sign_hook(struct call *call, const struct server *server, const struct query *parameters,
    const struct callback *callback, struct outgoing *outgoing)
{
	const struct request *request = call->request;
	struct str secret = str_from(callback->secret);
	struct str given = query_find(parameters, "checksum");

	outgoing->body = request->body;
	outgoing->content_type = request->content_type;
	if (given.len == 0) {
		if (!is_secret_of(server, bearer(request->authorization)))
			return refuse(call, server, "it has neither checksum nor secret");
		outgoing->authorization = str_from(
		    str_printf(call->arena, "Bearer %.*s", STR_ARG(secret)));
		return true;
	}
	enum checksum_algorithm algorithm;
	if (!is_hook_checksum(call, server, given, &algorithm))
		return refuse(call, server,
		    "its checksum is not made with the server's secret");
	char hex[CHECKSUM_HEX_SIZE];
	checksum_make(algorithm, callback->url, request->body, secret, hex);
	outgoing->url = str_printf(call->arena, "%s%schecksum=%s", outgoing->url,
	    str_find(callback->url, STR("?"), 0) == SIZE_MAX ? "?" : "&", hex);
	return true;
}

/* Answer with what the receiver answered.  Statuses that allow no body are bad for
 * a CGI answer, which has its length in the header; a redirect, which is not
 * followed, is a failure to BBB whatever its number. */
static void
answer_as_receiver(struct call *call, const struct http_call *http)
{
	int status = http->status;

	if (status == 204 || status == 205)
		status = 200;
	else if (status < 200 || (status >= 300 && status < 400))
		status = 502;
	reply_text(call->response, status,
	    str_part(http->answer, 0, LIMIT_CALLBACK_RELAY_BYTES));
}

/* Count one more under way, unless there are so many; 0: any number may be. */
static bool
count_one(atomic_uint *n, unsigned most)
{
	unsigned before = atomic_fetch_add(n, 1);

	if (most == 0 || before < most)
		return true;
	atomic_fetch_sub(n, 1);
	return false;
}

/* A receiver that hangs costs others nothing: it has a lane of its own, and a part of the
 * threads, even while its callbacks wait there. */
static bool
take_place(struct config_runtime *runtime, size_t receiver)
{
	if (!count_one(&runtime->callbacks_to[receiver], runtime->most_callbacks_to))
		return false;
	if (count_one(&runtime->callbacks, runtime->most_callbacks))
		return true;
	atomic_fetch_sub(&runtime->callbacks_to[receiver], 1);
	return false;
}

static void
give_place(struct config_runtime *runtime, size_t receiver)
{
	atomic_fetch_sub(&runtime->callbacks, 1);
	atomic_fetch_sub(&runtime->callbacks_to[receiver], 1);
}

/* Post it on; the answer becomes the response. */
static void
post(struct call *call, const struct outgoing *outgoing)
{
	size_t receiver = callback_receiver(str_from(outgoing->url));
	struct http_call *http = arena_alloc(call->arena, sizeof(*http));
	struct http_batch batch = {
		.calls = http,
		.n = 1,
		.timeout_ms = call->config->call_timeout_ms,
	};
	struct response *response = call->response;

	*http = (struct http_call){
		/* With no server: no name of a server has a space. */
		.server = str_printf(call->arena, " callback %zu", receiver),
		.method = "POST",
		.url = outgoing->url,
		.body = outgoing->body.data ? outgoing->body : STR(""),
		.content_type = outgoing->content_type,
		.authorization = outgoing->authorization,
		.max_answer_bytes = LIMIT_CALLBACK_ANSWER_BYTES,
		.public_only = !call->config->allow_private_callbacks,
		.once = true,
	};
	if (take_place(call->config->runtime, receiver)) {
		call->http->run(call->http, call->arena, &batch);
		give_place(call->config->runtime, receiver);
	} else {
		http->result = HTTP_BUSY;
		http->problem = "too many are under way";
	}
	/* Of a long answer the status still tells all. */
	if (http->result == HTTP_ANSWERED ||
	    (http->result == HTTP_TOO_LARGE && http->status != 0)) {
		answer_as_receiver(call, http);
		return;
	}
	log_warn("receiver of a callback did not answer", "server", response->server, "problem",
	    http->problem);
	if (http->result == HTTP_BUSY)
		reply_text(response, 503, STR("Too many callbacks are under way.\n"));
	else if (http->result == HTTP_SHORTAGE)
		reply_text(response, 503, STR("The gateway cannot send it just now.\n"));
	else if (http->result == HTTP_TIMEOUT)
		reply_text(response, 504, STR("The receiver did not answer in time.\n"));
	else
		reply_text(response, 502, STR("The receiver cannot be reached.\n"));
}

void
call_callback(struct call *call)
{
	const struct request *request = call->request;
	struct callback callback;
	struct query parameters;

	if (query_parse(call->arena, request->query, &parameters) != QUERY_FINE ||
	    callback_read(call->arena, call->config,
	        callback_base(call->arena, call->config, request, call->mount), &parameters,
	        &callback) != 0) {
		log_warn("callback refused", "client",
		    client_for_log(call->arena, call->config, request), "reason",
		    "its URL was not made by this gateway");
		reply_text(call->response, 403, STR("This is no URL of this gateway's.\n"));
		return;
	}
	const struct server *server = config_server_find(call->config,
	    str_copy(call->arena, callback.server));
	if (!server) {
		log_warn("callback refused", "server", str_copy(call->arena, callback.server),
		    "reason", "the configuration has no such server");
		reply_text(call->response, 401, STR("This server is not known.\n"));
		return;
	}
	call->response->server = server->name;
	struct outgoing outgoing = { 0 };
	outgoing.url = callback_target(call->arena, callback.url);
	bool is_signed = false;
	switch (callback.kind) {
	case CALLBACK_RECORDING:
		is_signed = sign_recording(call, server, callback.secret, &outgoing);
		break;
	case CALLBACK_ANALYTICS:
		is_signed = sign_analytics(call, server, callback.secret, &outgoing);
		break;
	case CALLBACK_WEBHOOK:
		is_signed = sign_hook(call, server, &parameters, &callback, &outgoing);
		break;
	case CALLBACK_KINDS:
		refuse(call, server, "its kind is not known");
		break;
	}
	if (is_signed)
		post(call, &outgoing);
}

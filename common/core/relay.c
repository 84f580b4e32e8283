#include "core/relay.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/callback.h"
#include "core/health.h"
#include "core/relay_secret.h"
#include "core/reply.h"
#include "formats/checksum.h"
#include "formats/xml.h"

/* What an outgoing call is signed over (its context), so that it can be signed again. */
struct relay_signed {
	const char *name;
	struct str text; /* the query, or the fields of a form */
	bool is_form;
	size_t first, at; /* which of the server's secrets: at first, and now */
};

/* The call's URL on that server, signed with that secret.  query is signed and sent byte
 * for byte, but for what query_encode_for_request changes. */
static const char *
signed_url(struct arena *arena, const struct server *server, size_t secret_at, const char *name,
    struct str query)
{
	struct buf sent;

	buf_init(&sent, LIMIT_ANSWER_BYTES);
	query_encode_for_request(&sent, query);
	query = buf_take(&sent, arena);
	char hex[CHECKSUM_HEX_SIZE];
	checksum_make(server->algorithm, str_from(name), query,
	    str_from(server->secrets[secret_at]), hex);
	return str_printf(arena, "%s/%s?%.*s%schecksum=%s", server->base, name, STR_ARG(query),
	    query.len > 0 ? "&" : "", hex);
}

/* Sign the outgoing call by its context. */
static void
sign(struct arena *arena, const struct server *server, struct http_call *http)
{
	const struct relay_signed *over = http->context;

	if (!over->is_form) {
		http->url = signed_url(arena, server, over->at, over->name, over->text);
		return;
	}
	char hex[CHECKSUM_HEX_SIZE];
	/* BBB signs a form without a query over the empty query
	 * (GetChecksum.java). */
	checksum_make(server->algorithm, str_from(over->name), STR(""),
	    str_from(server->secrets[over->at]), hex);
	http->url = str_printf(arena, "%s/%s", server->base, over->name);
	http->body = str_from(str_printf(arena, "%.*s&checksum=%s", STR_ARG(over->text), hex));
}

/* Sign the outgoing call for the first time. */
static void
sign_first(const struct call *call, const struct server *server, const char *name,
    struct str text, bool is_form, struct http_call *http)
{
	struct relay_signed *over = arena_alloc(call->arena, sizeof(*over));

	*over = (struct relay_signed){ .name = name, .text = text, .is_form = is_form };
	over->first = over->at = relay_secret(call, server);
	http->context = over;
	sign(call->arena, server, http);
}

bool
relay_may_sign_again(const struct call *call, const struct server *server,
    const struct http_call *http)
{
	const struct relay_signed *over = http->context;

	return server->n_secrets > 1 && over &&
	    (over->at + 1) % server->n_secrets != over->first &&
	    relay_secret_is_refused(call->arena, http);
}

void
relay_sign_again(const struct call *call, const struct server *server, struct http_call *http)
{
	struct relay_signed *over = http->context;

	over->at = (over->at + 1) % server->n_secrets;
	*http = (struct http_call){
		.server = http->server,
		.method = http->method,
		.url = http->url,
		.body = http->body,
		.content_type = http->content_type,
		.forwarded_for = http->forwarded_for,
		.max_answer_bytes = http->max_answer_bytes,
		.once = http->once,
		.at_once = http->at_once,
		.context = over,
	};
	sign(call->arena, server, http);
}

void
relay_give_up(const struct call *call, enum relay_origin origin, const struct server *server,
    struct http_call *http)
{
	const struct relay_signed *over = http->context;

	if (origin != RELAY_EXTRA)
		relay_secret_fails(call, server, over->at);
	http->result = HTTP_ABANDONED;
}

/* X-Forwarded-For with the client's address at its end (RFC 7239, section 7.4,
 * tells of the header).  What the client sent is kept only if it can be a list of
 * addresses. */
static struct str
forwarded_for(struct arena *arena, const struct request *request)
{
	static const char allowed[] = "0123456789abcdefABCDEF.:, []";
	struct str before = request->forwarded_for;

	for (size_t i = 0; i < before.len; i++)
		if (!strchr(allowed, before.data[i]))
			return request->client;
	if (before.len == 0 || before.len > 1024)
		return request->client;
	if (request->client.len == 0)
		return before;
	return str_from(
	    str_printf(arena, "%.*s, %.*s", STR_ARG(before), STR_ARG(request->client)));
}

/* The first releases that looked at the type compared it as a whole, so that
 * "text/xml; charset=UTF-8" failed (bigbluebutton#20384): send the bare type.
 * A multipart body cannot be read without its boundary. */
static struct str
bare_type(struct str content_type)
{
	struct str mime = call_mime(content_type);

	return str_is_nocase(str_part(mime, 0, strlen("multipart/")), "multipart/") ?
	    content_type :
	    mime;
}

void
relay_prepare(const struct call *call, const struct server *server, struct http_call *http)
{
	bool is_form = call->form.len > 0;
	struct str text = is_form ? call->form : call->query;

	if (strcmp(call->name, "create") == 0)
		text = callback_rewrite(call->arena, call->config, call->secret,
		    callback_base(call->arena, call->config, call->request, call->mount),
		    server, text);
	*http = (struct http_call){
		.server = server->name,
		.method = call->method,
		.body = call->body,
		.content_type = bare_type(call->content_type),
		.forwarded_for = forwarded_for(call->arena, call->request),
		.max_answer_bytes = LIMIT_ANSWER_BYTES,
		.once = call->once,
	};
	if (is_form) {
		http->method = "POST";
		http->content_type = STR(CALL_FORM_TYPE);
	}
	sign_first(call, server, call->name, text, is_form, http);
}

void
relay_prepare_own(const struct call *call, const struct server *server, const char *name,
    struct str query, struct http_call *http)
{
	*http = (struct http_call){
		.server = server->name,
		.method = "GET",
		.max_answer_bytes = LIMIT_ANSWER_BYTES,
	};
	sign_first(call, server, name, query, false, http);
}

void
relay_prepare_root(const struct server *server, struct http_call *http)
{
	*http = (struct http_call){
		.server = server->name,
		.method = "GET",
		.url = server->base,
		.max_answer_bytes = LIMIT_ANSWER_BYTES,
	};
}

/* To a client, whose own checksum is good, a server's complaint about ours says
 * nothing but that the server is of no use: whoever runs the gateway is told. */
static void
log_refused_checksum(const struct server *server)
{
	log_error(
	    "server refuses our checksum: check its secret and checksum_algorithm in "
	    "the configuration",
	    "server", server->name);
}

/* Is it JSON, and proper for the call?  What the gateway asks on behalf of a call has
 * another name, and is answered in XML. */
static bool
is_json(const struct call *call, const char *name, const struct http_call *http)
{
	return call->json && strcmp(name, call->name) == 0 && http->status == 200 &&
	    str_is_nocase(call_mime(http->answer_type), "application/json") &&
	    http->answer.len > 0 && http->answer.data[0] == '{';
}

static void
judge_json(const struct server *server, const struct http_call *http,
    struct relay_answer *answer)
{
	if (reply_json_is(http->answer, REPLY_CHECKSUM))
		log_refused_checksum(server);
	else
		answer->verdict = RELAY_SUCCESS;
}

/* Where the server's redirect leads: a reference that begins with a slash is one to the
 * server (RFC 9110, section 10.2.2), which the client would take for one to the gateway.  NULL
 * when it is no URL to follow. */
static const char *
redirect_target(const struct call *call, const struct server *server, struct str location)
{
	const char *authority = strstr(server->base, "://") + 3;
	size_t scheme = str_find(location, STR("://"), 0);

	if (str_starts(location, "//"))
		return str_printf(call->arena, "%.*s%.*s", (int)(authority - 2 - server->base),
		    server->base, STR_ARG(location));
	if (str_starts(location, "/"))
		return str_printf(call->arena, "%.*s%.*s",
		    (int)(authority - server->base + (ptrdiff_t)strcspn(authority, "/")),
		    server->base, STR_ARG(location));
	if (scheme == SIZE_MAX ||
	    (!str_is_nocase(str_part(location, 0, scheme), "http") &&
	        !str_is_nocase(str_part(location, 0, scheme), "https")))
		return NULL;
	return str_copy(call->arena, location);
}

/* A redirect is an answer to join alone: the way to the client, or, with errors in its
 * query, BBB's complaint. */
static void
judge_redirect(const struct call *call, const struct server *server,
    const struct http_call *http, struct relay_answer *answer)
{
	if (reply_redirect_is(call->arena, http->location, REPLY_CHECKSUM)) {
		log_refused_checksum(server);
		return;
	}
	answer->location = redirect_target(call, server, http->location);
	if (answer->location)
		answer->verdict = RELAY_REDIRECT;
	else
		log_warn("server redirects to what is no URL", "server", server->name, "call",
		    call->name);
}

/* Something is missing for a shortage here; a poll has nobody to answer. */
static void
note_shortage(const struct call *call)
{
	if (call->response)
		call->response->was_short = true;
}

/* There is no memory here to read the answer. */
static void
lose(const struct call *call, const char *name, const struct server *server,
    struct relay_answer *answer)
{
	answer->is_lost = true;
	note_shortage(call);
	log_warn("server's answer is lost", "server", server->name, "call", name, "problem",
	    "short of memory here");
}

static void
judge_xml(const struct call *call, const char *name, const struct server *server,
    const struct http_call *http, struct relay_answer *answer)
{
	char status[16];

	snprintf(status, sizeof(status), "%d", http->status);
	struct xml_field fields[] = { { .name = "returncode" }, { .name = "messageKey" } };
	enum xml_result result = XML_FOREIGN;
	const struct xml_time time = { http->until_us, LIMIT_XML_LATE_MS * 1000 };
	if (http->status == 200)
		result = xml_mend_within(call->arena, http->until_us > 0 ? &time : NULL,
		    &answer->document, fields, 2, answer->list);
	/* Of a list what was read counts. */
	if (http->status == 200 && result != XML_SOUND && xml_was_short() &&
	    !(result == XML_UNSOUND && answer->list && str_is(fields[0].text, "SUCCESS"))) {
		lose(call, name, server, answer);
		return;
	}
	if (result == XML_FOREIGN) {
		log_warn("server's answer is not a BigBlueButton answer", "server",
		    server->name, "call", name, "status", status);
		return;
	}
	answer->message_key = fields[1].text;
	if (answer->message_key.len == 0 && str_is(fields[0].text, "FAILED")) {
		answer->message_key = reply_key_in_errors(call->arena, http->answer);
		if (answer->message_key.len == 0 && xml_was_short()) {
			lose(call, name, server, answer);
			return;
		}
	}
	if (reply_is(answer->message_key, REPLY_CHECKSUM)) {
		log_refused_checksum(server);
		return;
	}
	if (!str_is(fields[0].text, "SUCCESS") && !str_is(fields[0].text, "FAILED")) {
		log_warn("server's answer has no returncode", "server", server->name, "call",
		    name);
		return;
	}
	answer->is_alive = true;
	if (result == XML_UNSOUND && !answer->list) {
		log_warn("server's answer breaks off or is ill-formed", "server", server->name,
		    "call", name);
		return;
	}
	if (answer->list && !answer->list->is_complete && xml_was_short())
		note_shortage(call);
	if (answer->list && !answer->list->is_complete)
		log_warn(xml_was_short() ?
		        "short of memory for all of a server's list; what was read counts" :
		        "server's list breaks off or has ill-formed items; the others count",
		    "server", server->name, "call", name);
	answer->verdict = str_is(fields[0].text, "SUCCESS") ? RELAY_SUCCESS : RELAY_FAILED;
}

/* Judge a document that may be the list that is known. */
static void
judge_known(const struct call *call, const char *name, const struct server *server,
    const struct http_call *http, struct relay_answer *answer)
{
	struct list_mark mark = { 0 };

	if (answer->known && http->status == 200 &&
	    known_list_is(answer->known, http->answer, &mark)) {
		answer->verdict = RELAY_SUCCESS;
		answer->is_alive = answer->is_known = answer->list->is_complete = true;
		return;
	}
	judge_xml(call, name, server, http, answer);
	if (answer->verdict == RELAY_SUCCESS && answer->list && answer->list->is_complete &&
	    answer->document.data == http->answer.data)
		answer->mark = mark;
}

static void
judge_document(const struct call *call, enum relay_origin origin, const char *name,
    const struct server *server, const struct http_call *http, struct relay_answer *answer)
{
	if (http->status == 302 && http->location.len > 0 && strcmp(name, "join") == 0)
		judge_redirect(call, server, http, answer);
	else if (is_json(call, name, http))
		judge_json(server, http, answer);
	else if (http->status == 404 && origin == RELAY_EXTRA)
		log_debug("server does not know the call", "server", server->name, "call",
		    name);
	else
		judge_known(call, name, server, http, answer);
	if (origin == RELAY_POLL && answer->verdict == RELAY_FAILED)
		log_warn("server fails its poll", "server", server->name, "call", name,
		    "messageKey", str_copy(call->arena, answer->message_key));
}

/* A call was not sent for want of something here, which may concern thousands of them. */
static void
tell_shortage(const struct call *call, const char *name, const struct server *server,
    const struct http_call *http)
{
	if (shortage_meet(&call->config->runtime->shortage, http->problem ?: "",
	        call->request->now_ms))
		log_warn("server was not asked", "server", server->name, "call", name,
		    "problem", http->problem);
	else
		log_debug("server was not asked", "server", server->name, "call", name,
		    "problem", http->problem);
}

/* One was answered. */
static void
tell_shortage_end(const struct call *call)
{
	size_t n = shortage_end(&call->config->runtime->shortage, call->request->now_ms);

	if (n > 0)
		log_info("the shortage here is over", "calls",
		    str_printf(call->arena, "%zu", n));
}

/* Judge all but the server's health. */
static void
judge_answer(const struct call *call, enum relay_origin origin, const char *name,
    const struct server *server, const struct http_call *http, struct relay_answer *answer)
{
	*answer = (struct relay_answer){
		.verdict = RELAY_NO_ANSWER,
		.http = http,
		.document = http->answer,
		.list = answer->list,
		.known = answer->known,
	};
	switch (http->result) {
	case HTTP_ANSWERED:
		tell_shortage_end(call);
		judge_document(call, origin, name, server, http, answer);
		return;
	case HTTP_ABANDONED:
		return;
	case HTTP_SHORTAGE:
		note_shortage(call);
		if (http->sent) {
			log_warn("server's answer is lost", "server", server->name, "call",
			    name, "problem", http->problem);
			return;
		}
		answer->verdict = RELAY_BUSY;
		tell_shortage(call, name, server, http);
		return;
	case HTTP_BUSY:
		answer->verdict = RELAY_BUSY;
		log_warn("server was not asked", "server", server->name, "call", name,
		    "problem", http->problem);
		return;
	case HTTP_UNREACHABLE:
		answer->verdict = RELAY_UNREACHABLE;
		break;
	case HTTP_TIMEOUT:
	case HTTP_BROKEN:
	case HTTP_TOO_LARGE:
		if (!http->sent)
			answer->verdict = RELAY_UNREACHABLE;
		break;
	}
	log_warn("server did not answer", "server", server->name, "call", name, "problem",
	    http->problem);
}

/* Does the call's end tell nothing of the server's health?  One that was abandoned, or
 * not sent, or had to wait here until little time was left, or was under way while this
 * host stood still, or whose answer there was no memory for, does not.  An answer to a
 * client's own call that is wrong, or too large, may be what the client's parameters led
 * to; so may the time that a slow question takes.  Only a refused checksum is ours alone.
 * What a poll says is weighed where it is saved (poll.c). */
static bool
is_no_contact(enum relay_origin origin, const struct http_call *http,
    const struct relay_answer *answer)
{
	if (http->result == HTTP_ABANDONED || http->result == HTTP_BUSY ||
	    http->result == HTTP_SHORTAGE || (http->result == HTTP_TIMEOUT && http->waited) ||
	    http->still_ms > 0 || answer->is_lost || origin == RELAY_POLL)
		return true;
	if (answer->is_alive || origin == RELAY_OWN || answer->verdict != RELAY_NO_ANSWER ||
	    reply_is(answer->message_key, REPLY_CHECKSUM))
		return false;
	return http->result == HTTP_ANSWERED || http->result == HTTP_TOO_LARGE ||
	    (http->result == HTTP_TIMEOUT && origin != RELAY_CLIENT);
}

/* What went wrong, for the log; NULL: nothing. */
static const char *
problem_of(struct arena *arena, const struct http_call *http, const struct relay_answer *answer)
{
	if (answer->verdict != RELAY_NO_ANSWER && answer->verdict != RELAY_UNREACHABLE)
		return answer->verdict == RELAY_FAILED ?
		    str_copy(arena, answer->message_key) :
		    NULL;
	if (http->result != HTTP_ANSWERED)
		return http->problem;
	if (reply_is(answer->message_key, REPLY_CHECKSUM))
		return "our checksum is refused";
	return http->status == 200 ?
	    "no BigBlueButton answer" :
	    str_printf(arena, "status %d", http->status);
}

/* Remember the secret that the server takes, if another was refused before. */
static void
note_secret(struct call *call, enum relay_origin origin, const struct server *server,
    const struct http_call *http, const struct relay_answer *answer)
{
	const struct relay_signed *over = http->context;

	if (over && over->at != over->first && origin != RELAY_EXTRA &&
	    (answer->verdict == RELAY_SUCCESS || answer->verdict == RELAY_FAILED ||
	        answer->verdict == RELAY_REDIRECT))
		relay_secret_works(call, server, over->at);
}

void
relay_judge(struct call *call, enum relay_origin origin, const char *name,
    const struct server *server, const struct http_call *http, struct relay_answer *answer)
{
	judge_answer(call, origin, name, server, http, answer);
	note_secret(call, origin, server, http, answer);
	answer->problem = problem_of(call->arena, http, answer);
	if (is_no_contact(origin, http, answer))
		return;
	health_contact(call, server,
	    !answer->is_alive &&
	            (answer->verdict == RELAY_NO_ANSWER ||
	                answer->verdict == RELAY_UNREACHABLE) ?
	        CONTACT_CALL_FAILED :
	        CONTACT_CALL_GOOD,
	    name, answer->problem);
}

void
relay_send(struct call *call, const struct server *server, struct relay_answer *answer)
{
	const struct config *config = call->config;
	struct http_call *http = arena_alloc(call->arena, sizeof(*http));
	struct http_batch batch = { .calls = http, .n = 1 };

	*answer = (struct relay_answer){ 0 };
	relay_prepare(call, server, http);
	batch.timeout_ms = http->body.len > 0 || strcmp(call->name, "create") == 0 ?
	    config->create_timeout_ms :
	    config->call_timeout_ms;
	call->http->run(call->http, call->arena, &batch);
	while (relay_may_sign_again(call, server, http)) {
		batch.timeout_ms -= http->elapsed_ms;
		if (batch.timeout_ms <= 0) {
			relay_give_up(call, RELAY_CLIENT, server, http);
			break;
		}
		relay_sign_again(call, server, http);
		call->http->run(call->http, call->arena, &batch);
	}
	relay_judge(call, RELAY_CLIENT, call->name, server, http, answer);
}

/* The type of an answer that was judged to be one of BBB's: the server's, if it is one for
 * that.  With another, such as text/html, browsers would take the document for what it is
 * not. */
static const char *
content_type(const struct call *call, const struct http_call *http)
{
	struct str mime = call_mime(http->answer_type);

	if (is_json(call, call->name, http) || str_is_nocase(mime, "text/xml") ||
	    str_is_nocase(mime, "application/xml"))
		return str_copy(call->arena, http->answer_type);
	return "text/xml; charset=utf-8";
}

void
relay_answer(struct call *call, const struct relay_answer *answer, bool cookies)
{
	struct response *response = call->response;
	const struct http_call *http = answer->http;

	response->server = http->server;
	if (answer->verdict == RELAY_NO_ANSWER || answer->verdict == RELAY_UNREACHABLE ||
	    answer->verdict == RELAY_BUSY || (answer->verdict == RELAY_REDIRECT && !cookies)) {
		reply_error(response, call->arena, REPLY_UNAVAILABLE);
		return;
	}
	if (cookies)
		response->set_cookie = http->set_cookie;
	if (answer->verdict == RELAY_REDIRECT) {
		reply_redirect(response, answer->location);
		return;
	}
	response->status = 200;
	response->content_type = content_type(call, http);
	response->body = answer->document;
	response->result = answer->message_key.len > 0 ?
	    str_copy(call->arena, answer->message_key) :
	    answer->verdict == RELAY_SUCCESS ?
	    "SUCCESS" :
	    "FAILED";
}

bool
relay_may_redirect(const struct call *call)
{
	return call->config->forward_redirect && call->body.len == 0 &&
	    strcmp(call->method, "GET") == 0;
}

void
relay_redirect(struct call *call, const struct server *server)
{
	struct buf query;

	buf_init(&query, LIMIT_ANSWER_BYTES);
	query_encode_for_browser(&query, call->query);
	const char *location = signed_url(call->arena, server, relay_secret(call, server),
	    call->name, buf_take(&query, call->arena));
	if (strlen(location) > LIMIT_LOCATION_BYTES)
		call_refuse(call, REPLY_INVALID);
	else
		reply_redirect(call->response, location);
	call->response->server = server->name;
}

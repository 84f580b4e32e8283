#include "calls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "checksum.h"
#include "hook_calls.h"
#include "info_calls.h"
#include "join_call.h"
#include "meeting_calls.h"
#include "recording_calls.h"
#include "track_calls.h"

/* Methods of a call, and the MIME types its body may have. */
enum {
	BY_GET = 1,
	BY_POST = 2,

	TYPE_FORM = 1,
	TYPE_XML = 2,
	TYPE_UNCHECKED = 4,
};

/* Which part of BBB answers, since they differ in what they check and how they fail. */
enum controller {
	API,
	API_REDIRECTS, /* the same, but errors are redirects */
	RECORDING,     /* RecordingController.groovy: each call checks its checksum itself */
	WEBHOOKS,      /* bbb-webhooks, and so does each call of it */
};

/*
 * One row per call, as bbb-web's UrlMappings.groovy and request classes have
 * them.  A new call is a function in one of the files NAME_calls.c and a row here.
 */
struct call_entry {
	const char *name;
	int methods;
	int types;
	enum controller controller;
	void (*run)(struct call *call);
};

/*
 * Grails' withFormat for error documents, which exist as XML and as JSON; the
 * Accept header of browsers is not looked at (application.yml).
 */
static bool
wants_json(const struct call *call)
{
	static const char *const browsers[] = { "Gecko", "WebKit", "Presto", "Trident" };
	const char *format = params_find(&call->params, "format");
	const char *accept = call->request->accept;

	if (format && format[0] != '\0')
		return strcmp(format, "json") == 0;
	if (!accept)
		return false;
	for (size_t i = 0; i < sizeof(browsers) / sizeof(browsers[0]); i++)
		if (call->request->user_agent && strstr(call->request->user_agent, browsers[i]))
			return false;
	return strncasecmp(accept, "application/json", 16) == 0 ||
	    strncasecmp(accept, "text/json", 9) == 0;
}

void
calls_fail_document(struct call *call, const char *key, const char *message)
{
	struct text *body = &call->answer->body;

	call->answer->is_uncacheable = true;
	if (wants_json(call)) {
		call->answer->content_type = ANSWER_JSON_TYPE;
		text_add_string(body,
		    "{\"response\":{\"returncode\":\"FAILED\",\"messageKey\":\"");
		text_add_json(body, key);
		text_add_string(body, "\",\"message\":\"");
		text_add_json(body, message);
		text_add_string(body, "\"}}");
		return;
	}
	answer_open(call->answer, "FAILED");
	answer_add(body, "messageKey", key);
	answer_add(body, "message", message);
	answer_close(call->answer);
}

void
calls_fail_redirect(struct call *call, const char *key, const char *message)
{
	const char *target = NULL;

	/* A URL out of an unsigned request is not followed. */
	if (strcmp(key, "checksumError") != 0) {
		target = params_find(&call->params, "errorRedirectUrl");
		if (!target || target[0] == '\0')
			target = params_find(&call->params, "logoutURL");
	}
	struct text errors = { 0 };
	text_add_string(&errors, "[{\"key\":\"");
	text_add_json(&errors, key);
	text_add_string(&errors, "\",\"message\":\"");
	text_add_json(&errors, message);
	text_add_string(&errors, "\"}]");
	if (target && target[0] != '\0' && !strpbrk(target, "\r\n"))
		text_add_string(&call->answer->location, target);
	else
		text_add_format(&call->answer->location, "%s/", call->request->base_url);
	text_add_format(&call->answer->location,
	    "%serrors=", strchr(call->answer->location.data, '?') ? "&" : "?");
	text_add_url(&call->answer->location, errors.data);
	text_fini(&errors);
	call->answer->status = 302;
	call->answer->is_uncacheable = true;
}

void
calls_fail_list(struct call *call, const char *key, const char *message)
{
	struct text *body = answer_open(call->answer, "FAILED");

	text_add_string(body, "<errors>\n<error>\n");
	answer_add(body, "key", key);
	answer_add(body, "message", message);
	text_add_string(body, "</error>\n</errors>\n");
	answer_close(call->answer);
	call->answer->is_uncacheable = true;
}

void
calls_fail(struct call *call, const char *key, const char *message)
{
	if (call->entry->controller == API_REDIRECTS)
		calls_fail_redirect(call, key, message);
	else
		calls_fail_document(call, key, message);
}

const char *
calls_find(const struct call *call, const char *name)
{
	return params_find(&call->params, name);
}

const char *
calls_find_filled(const struct call *call, const char *name)
{
	const char *value = calls_find(call, name);

	return value && value[0] != '\0' ? value : NULL;
}

bool
calls_has_type(const struct calls_request *request, const char *type)
{
	size_t length = strlen(type);

	return request->content_type && strncasecmp(request->content_type, type, length) == 0 &&
	    strchr("; \t", request->content_type[length]);
}

bool
calls_has_xml(const struct calls_request *request)
{
	return calls_has_type(request, "application/xml") ||
	    calls_has_type(request, "text/xml");
}

/* api-version.ftlx; JSON when the request says it is JSON itself. */
static void
run_index(struct call *call)
{
	const struct calls_request *request = call->request;
	const char *host = strstr(request->base_url, "://") + 3;
	const char *scheme = strncmp(request->base_url, "https", 5) == 0 ? "wss" : "ws";
	struct text websocket = { 0 };

	text_add_format(&websocket, "%s://%s/graphql", scheme, host);
	struct text rest = { 0 };
	text_add_format(&rest, "%s/api/rest", request->base_url);
	call->answer->is_uncacheable = true;
	if (request->content_type && strcmp(request->content_type, "application/json") == 0) {
		call->answer->content_type = ANSWER_JSON_TYPE;
		text_add_format(&call->answer->body,
		    "{\"response\":{\"returncode\":\"SUCCESS\",\"version\":\"2.0\","
		    "\"apiVersion\":\"2.0\",\"bbbVersion\":\"\","
		    "\"graphqlWebsocketUrl\":\"%s\",\"graphqlApiUrl\":\"%s\","
		    "\"html5PluginSdkVersion\":\"0.0.0\"}}",
		    websocket.data, rest.data);
	} else {
		struct text *body = answer_open(call->answer, "SUCCESS");
		answer_add(body, "version", "2.0");
		answer_add(body, "apiVersion", "2.0");
		answer_add(body, "bbbVersion", "");
		answer_add(body, "graphqlWebsocketUrl", websocket.data);
		answer_add(body, "graphqlApiUrl", rest.data);
		answer_add(body, "html5PluginSdkVersion", "0.0.0");
		answer_close(call->answer);
	}
	text_fini(&websocket);
	text_fini(&rest);
}

static const struct call_entry entries[] = {
	{ "create", BY_GET | BY_POST, TYPE_FORM | TYPE_XML, API, meeting_calls_create },
	{ "join", BY_GET, TYPE_FORM, API_REDIRECTS, join_call_run },
	{ "isMeetingRunning", BY_GET | BY_POST, TYPE_FORM, API, info_calls_is_running },
	{ "end", BY_GET | BY_POST, TYPE_FORM, API, meeting_calls_end },
	{ "getMeetingInfo", BY_GET | BY_POST, TYPE_FORM, API, info_calls_get },
	{ "getMeetings", BY_GET | BY_POST, TYPE_FORM, API, info_calls_list },
	{ "getSessions", BY_GET | BY_POST, TYPE_FORM, API, info_calls_list_sessions },
	{ "insertDocument", BY_POST, TYPE_XML, API, meeting_calls_insert_document },
	{ "sendChatMessage", BY_GET, TYPE_UNCHECKED, API, meeting_calls_send_chat_message },
	{ "getRecordings", BY_GET | BY_POST, TYPE_UNCHECKED, RECORDING, recording_calls_get },
	{ "publishRecordings", BY_GET, TYPE_UNCHECKED, RECORDING, recording_calls_publish },
	{ "deleteRecordings", BY_GET, TYPE_UNCHECKED, RECORDING, recording_calls_delete },
	{ "updateRecordings", BY_GET | BY_POST, TYPE_UNCHECKED, RECORDING,
	    recording_calls_update },
	{ "getRecordingTextTracks", BY_GET | BY_POST, TYPE_UNCHECKED, RECORDING,
	    track_calls_get },
	{ "putRecordingTextTrack", BY_POST, TYPE_UNCHECKED, RECORDING, track_calls_put },
	{ "hooks/create", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_create },
	{ "hooks/list", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_list },
	{ "hooks/destroy", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_destroy },
	{ "hooks/ping", BY_GET, TYPE_UNCHECKED, WEBHOOKS, hook_calls_ping },
};

static const struct call_entry index_entry = { "", 0, TYPE_UNCHECKED, API, run_index };
static const struct call_entry raw_entry = { "", 0, TYPE_UNCHECKED, API, NULL };

bool
calls_check_checksum(struct call *call)
{
	const struct calls_request *request = call->request;
	const char *value = calls_find(call, "checksum");
	char *clean = params_sanitize(value ? value : "");
	bool is_valid = false;

	for (size_t i = 0; request->secrets[i]; i++)
		is_valid = is_valid ||
		    checksum_is_valid(request->call, request->query, clean,
		        request->secrets[i]);
	call->is_refused = !is_valid || request->secret_is_wrong ||
	    params_count(&call->params, "checksum") > 1;
	free(clean);
	return !call->is_refused;
}

static bool
check_checksum(struct call *call)
{
	const char *value = calls_find(call, "checksum");

	if (calls_check_checksum(call))
		return true;
	calls_fail(call, "checksumError",
	    !value || value[strspn(value, " ")] == '\0' ?
	        "You must provide the checksum" :
	        "Checksums do not match");
	return false;
}

static bool
check_content_type(struct call *call)
{
	const struct calls_request *request = call->request;
	int types = call->entry->types;

	if ((types & TYPE_UNCHECKED) != 0 || !request->has_content_length ||
	    request->body_length == 0)
		return true;
	if ((types & TYPE_FORM) != 0 &&
	    (calls_has_type(request, "application/x-www-form-urlencoded") ||
	        calls_has_type(request, "multipart/form-data")))
		return true;
	if ((types & TYPE_XML) != 0 && calls_has_xml(request))
		return true;
	calls_fail(call, "unsupportedContentType",
	    "POST request Content-Type is missing or unsupported");
	call->is_refused = true;
	return false;
}

/* What fails does so before BBB looks at the checksum, and no /raw changes it. */
static void
fail_as_told(struct call *call)
{
	static const char message[] = "The stand-in was told to fail.";

	if (call->request->failure_is_list)
		calls_fail_list(call, call->request->failure, message);
	else
		calls_fail(call, call->request->failure, message);
	call->is_refused = true;
}

void
calls_answer(const struct calls_request *request, struct answer *answer)
{
	struct call call = { .request = request, .answer = answer };
	const struct call_entry *found = NULL;
	const bool is_post = strcmp(request->method, "POST") == 0;
	const bool is_get = strcmp(request->method, "GET") == 0;

	answer->status = 200;
	answer->content_type = ANSWER_XML_TYPE;
	params_parse_form(&call.params, request->query, strlen(request->query));
	if (is_post && calls_has_type(request, "application/x-www-form-urlencoded"))
		params_parse_form(&call.params, request->body, request->body_length);
	else if (is_post && calls_has_type(request, "multipart/form-data"))
		params_parse_multipart(&call.params, request->content_type, request->body,
		    request->body_length);

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (strcmp(entries[i].name, request->call) == 0)
			found = &entries[i];
	if (request->call[0] == '\0') {
		found = &index_entry;
	} else if (found && !(is_get && (found->methods & BY_GET) != 0) &&
	    !(is_post && (found->methods & BY_POST) != 0)) {
		/* Grails runs the controller's default action; not each has one. */
		if (found->controller == RECORDING) {
			answer_html(answer, 500, "Internal Server Error");
			goto out;
		}
		if (found->controller == WEBHOOKS) {
			answer_html(answer, 404, "Error");
			goto out;
		}
		found = &index_entry;
	} else if (!found && request->raw) {
		found = &raw_entry;
	}
	call.entry = found;
	if (!found)
		answer_html(answer, 404, "Not Found");
	else if (request->failure)
		fail_as_told(&call);
	else if (found == &index_entry)
		run_index(&call);
	else if (found->controller == RECORDING || found->controller == WEBHOOKS)
		found->run(&call);
	else if (check_checksum(&call) && check_content_type(&call) && found->run)
		found->run(&call);
	if (call.is_refused)
		goto out;

	/* The fixed answer replaces what the call said, but not its refusal. */
	if (request->raw) {
		text_fini(&answer->body);
		text_fini(&answer->location);
		answer->status = 200;
		answer->content_type = ANSWER_XML_TYPE;
		text_add(&answer->body, request->raw->data, request->raw->length);
	}
out:
	params_fini(&call.params);
}

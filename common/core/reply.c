#include "core/reply.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/bounds.h"
#include "base/buf.h"
#include "base/log.h"
#include "formats/json.h"
#include "formats/query.h"
#include "formats/xml.h"
#include "model/webhook.h"

/* Of what was there before: a meeting, a hook. */
#define DUPLICATE_KEY "duplicateWarning"

/* What is around the items of a list, at most. */
#define ENVELOPE_BYTES 512

#define XML_TYPE "text/xml; charset=utf-8"
#define JSON_TYPE "application/json; charset=utf-8"

static const struct {
	const char *key;
	const char *message;
	int status;
} errors[REPLY_ERRORS] = {
	[REPLY_CHECKSUM] = { "checksumError", "You did not pass the checksum security check",
	    200 },
	[REPLY_NO_MEETING_ID] = { "missingParamMeetingID", "You must provide a meeting ID",
	    200 },
	[REPLY_NOT_FOUND] = { "notFound", "A meeting with that ID does not exist", 200 },
	[REPLY_JOIN_NOT_FOUND] = { "invalidMeetingIdentifier",
	    "A meeting with that ID does not exist", 200 },
	[REPLY_CHAT_NOT_FOUND] = { "meetingNotFound", "Meeting not found", 200 },
	[REPLY_NO_RECORD_ID] = { "missingParamRecordID", "You must specify a recordID.", 200 },
	[REPLY_NO_PUBLISH] = { "missingParamPublish",
	    "You must specify a publish value true or false.", 200 },
	[REPLY_RECORDING_NOT_FOUND] = { "notFound", "We could not find recordings", 200 },
	[REPLY_RECORDING_UNAVAILABLE] = { "serverUnavailable",
	    "A server of these recordings does not answer properly, please try again later",
	    200 },
	[REPLY_CAPTIONS_NOT_FOUND] = { "noRecordings", "No recording found for ", 200 },
	[REPLY_CAPTION_NO_RECORD_ID] = { "paramError", "Missing param recordID.", 200 },
	[REPLY_NO_SERVER] = { "noServerAvailable",
	    "No server can take a new meeting at the moment, please try again later", 200 },
	[REPLY_NO_TAG] = { "serverTagUnavailable",
	    "No server with the requested tag can take a new meeting at the moment", 200 },
	[REPLY_UNAVAILABLE] = { "serverUnavailable",
	    "The server of this meeting does not answer properly, please try again later",
	    200 },
	[REPLY_INVALID] = { "invalidRequest", "The request is malformed or exceeds a limit",
	    200 },
	[REPLY_TOO_LARGE] = { "invalidRequest", "The request's body is too large", 413 },
	[REPLY_SHORT] = { "serverUnavailable",
	    "The gateway is short of memory, please try again later", 200 },
	[REPLY_CONTENT_TYPE] = { "unsupportedContentType",
	    "POST request Content-Type is missing or unsupported", 200 },
	[REPLY_UNSUPPORTED] = { "unsupportedRequest", "This request is not supported.", 200 },
	[REPLY_MISCONFIGURED] = { "serverUnavailable",
	    "The gateway is not configured properly; its log tells what is wrong", 200 },
	[REPLY_NO_CALLBACK_URL] = { "missingParamCallbackURL",
	    "You must specify a callbackURL in the parameters.", 200 },
	[REPLY_NO_HOOK_ID] = { "missingParamHookID",
	    "You must specify a hookID in the parameters.", 200 },
	[REPLY_WEBHOOK_MISSING] = { "destroyMissingHook", "The hook informed was not found.",
	    200 },
	[REPLY_WEBHOOK_CREATE] = { "createHookError",
	    "An error happened while creating your hook. Check the logs.", 200 },
	[REPLY_WEBHOOK_LIST] = { "listHookError",
	    "An error happened while listing registered hooks. Check the logs.", 200 },
	[REPLY_WEBHOOK_DESTROY] = { "destroyHookError",
	    "An error happened while removing your hook. Check the logs.", 200 },
	[REPLY_ID_NOT_UNIQUE] = { "idNotUnique",
	    "A meeting already exists with that meeting ID. "
	    "Please use a different meeting ID.",
	    200 },
};

static const struct reply_list lists[] = {
	{ "getMeetings", "meetings", "meeting", "internalMeetingID", "<meetings/>",
	    "noMeetings", "no meetings were found on this server" },
	{ "getSessions", "sessions", "meeting", NULL, "<sessions/>", "noSessions",
	    "no sessions were found on this server" },
	{ "getRecordings", "recordings", "recording", "recordID", "<recordings></recordings>",
	    "noRecordings", "There are no recordings for the meeting(s)." },
};

static void
reply_xml(struct response *response, struct str body)
{
	response->status = 200;
	response->content_type = XML_TYPE;
	response->body = body;
}

void
reply_error(struct response *response, struct arena *arena, enum reply_error error)
{
	reply_xml(response,
	    str_from(str_printf(arena,
	        "<response><returncode>FAILED</returncode><messageKey>%s</messageKey>"
	        "<message>%s</message></response>",
	        errors[error].key, errors[error].message)));
	response->status = errors[error].status;
	response->result = errors[error].key;
	response->is_error = true;
}

void
reply_error_redirect(struct response *response, struct arena *arena, enum reply_error error,
    struct str url)
{
	size_t hash = str_find(url, STR("#"), 0);
	struct str before = str_part(url, 0, hash);
	struct buf location;

	buf_init(&location, LIMIT_ANSWER_BYTES);
	query_encode_for_browser(&location, before);
	if (str_find(before, STR("?"), 0) == SIZE_MAX)
		buf_char(&location, '?');
	else if (!memchr("?&", before.data[before.len - 1], 2))
		buf_char(&location, '&');
	buf_text(&location, "errors=");
	query_encode(&location,
	    str_from(str_printf(arena, "[{\"key\":\"%s\",\"message\":\"%s\"}]",
	        errors[error].key, errors[error].message)));
	if (hash != SIZE_MAX) {
		buf_char(&location, '#');
		query_encode_for_browser(&location, str_part(url, hash + 1, SIZE_MAX));
	}
	reply_redirect(response, buf_take(&location, arena).data);
	response->result = errors[error].key;
}

void
reply_json_error(struct response *response, struct arena *arena, enum reply_error error,
    struct str detail)
{
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_printf(&out,
	    "{\"response\":{\"returncode\":\"FAILED\",\"messageKey\":\"%s\","
	    "\"message\":\"%s",
	    errors[error].key, errors[error].message);
	json_text(&out, detail);
	buf_text(&out, "\"}}");
	response->status = errors[error].status;
	response->content_type = JSON_TYPE;
	response->body = buf_take(&out, arena);
	response->result = errors[error].key;
}

/* What follows the text's JSON white space. */
static struct str
skip_space(struct str text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.data[0]) && text.data[0] != '\0')
		text = str_part(text, 1, SIZE_MAX);
	return text;
}

/* Does the JSON have a member of that name whose value is the text?  Within a string
 * the quotes around it would be escaped. */
static bool
json_has(struct str json, const char *name, const char *text)
{
	char member[64], value[64];

	snprintf(member, sizeof(member), "\"%s\"", name);
	snprintf(value, sizeof(value), "\"%s\"", text);
	for (size_t at = 0; (at = str_find(json, str_from(member), at)) != SIZE_MAX; at++) {
		struct str rest = skip_space(str_part(json, at + strlen(member), SIZE_MAX));

		if (str_starts(rest, ":") &&
		    str_starts(skip_space(str_part(rest, 1, SIZE_MAX)), value))
			return true;
	}
	return false;
}

bool
reply_json_is(struct str json, enum reply_error error)
{
	return json_has(json, "messageKey", errors[error].key);
}

bool
reply_redirect_is(struct arena *arena, struct str location, enum reply_error error)
{
	size_t mark = str_find(location, STR("?"), 0);

	if (mark == SIZE_MAX)
		return false;
	location = str_part(location, 0, str_find(location, STR("#"), mark));
	struct query query;
	query_parse(arena, str_part(location, mark + 1, SIZE_MAX), &query);
	struct str last = { 0 };
	/* BBB's own comes after what the client's URL brought along. */
	for (size_t i = 0; i < query.n; i++)
		if (str_is(query.list[i].name, "errors"))
			last = query.list[i].value;
	return json_has(last, "key", errors[error].key);
}

/* The value of an element's attribute key, the first of that name in its text. */
static struct str
key_attribute(struct str element)
{
	size_t at = str_find(element, STR(" key="), 0);

	if (at == SIZE_MAX || at + 6 > element.len)
		return (struct str){ 0 };
	at += 5;
	char quote = element.data[at++];
	size_t end;
	for (end = at; end < element.len && element.data[end] != quote; end++)
		;
	return str_part(element, at, end - at);
}

struct str
reply_key_in_errors(struct arena *arena, struct str document)
{
	struct xml_list found = { .container = "errors", .item = "error", .keys = { "key" } };
	struct str first = { 0 };

	if (xml_read(arena, document, NULL, 0, &found) != 0)
		return first;
	for (size_t i = 0; i < found.n; i++) {
		struct str key = found.items[i].text[0];
		if (key.len == 0)
			key = key_attribute(found.items[i].raw);
		if (i == 0 || reply_is(key, REPLY_CHECKSUM))
			first = key;
	}
	return first;
}

bool
reply_is(struct str message_key, enum reply_error error)
{
	return str_is(message_key, errors[error].key);
}

bool
reply_is_unknown_meeting(struct str message_key)
{
	return reply_is(message_key, REPLY_NOT_FOUND) ||
	    reply_is(message_key, REPLY_JOIN_NOT_FOUND) ||
	    reply_is(message_key, REPLY_CHAT_NOT_FOUND);
}

bool
reply_is_server_fault(struct str message_key)
{
	return str_is(message_key, "internalError") || str_is(message_key, "apiNotEnabled");
}

void
reply_index(struct response *response)
{
	reply_xml(response,
	    STR("<response><returncode>SUCCESS</returncode>"
	        "<version>2.0</version><apiVersion>2.0</apiVersion>"
	        "<bbbVersion></bbbVersion></response>"));
	response->result = "SUCCESS";
}

void
reply_not_running(struct response *response)
{
	reply_xml(response,
	    STR("<response><returncode>SUCCESS</returncode>"
	        "<running>false</running></response>"));
	response->result = "SUCCESS";
}

bool
reply_is_duplicate(struct str message_key)
{
	return str_is(message_key, DUPLICATE_KEY);
}

void
reply_webhook_created(struct response *response, struct arena *arena,
    const struct webhook *hook, bool duplicate)
{
	if (duplicate)
		reply_xml(response,
		    str_from(str_printf(arena,
		        "<response><returncode>SUCCESS</returncode><hookID>%s</hookID>"
		        "<messageKey>" DUPLICATE_KEY "</messageKey>"
		        "<message>There is already a hook for this callback URL.</message>"
		        "</response>",
		        hook->id)));
	else
		reply_xml(response,
		    str_from(str_printf(arena,
		        "<response><returncode>SUCCESS</returncode><hookID>%s</hookID>"
		        "<permanentHook>false</permanentHook><rawData>%s</rawData></response>",
		        hook->id, hook->raw ? "true" : "false")));
	response->result = duplicate ? DUPLICATE_KEY : "SUCCESS";
}

void
reply_webhook_destroyed(struct response *response)
{
	reply_xml(response,
	    STR("<response><returncode>SUCCESS</returncode>"
	        "<removed>true</removed></response>"));
	response->result = "SUCCESS";
}

void
reply_webhooks(struct response *response, struct arena *arena, const struct webhook *hooks,
    size_t n)
{
	struct buf out;

	buf_init(&out, LIMIT_MERGED_BYTES);
	buf_text(&out, "<response><returncode>SUCCESS</returncode><hooks>");
	for (size_t i = 0; i < n; i++) {
		buf_printf(&out, "<hook><hookID>%s</hookID><callbackURL>", hooks[i].id);
		xml_text(&out, hooks[i].url);
		buf_text(&out, "</callbackURL>");
		if (hooks[i].meeting_id.len > 0) {
			buf_text(&out, "<meetingID>");
			xml_text(&out, hooks[i].meeting_id);
			buf_text(&out, "</meetingID>");
		}
		if (hooks[i].event_id.len > 0) {
			buf_text(&out, "<eventID>");
			xml_text(&out, hooks[i].event_id);
			buf_text(&out, "</eventID>");
		}
		buf_printf(&out,
		    "<permanentHook>false</permanentHook><rawData>%s</rawData></hook>",
		    hooks[i].raw ? "true" : "false");
	}
	buf_text(&out, "</hooks></response>");
	reply_xml(response, buf_take(&out, arena));
	response->result = "SUCCESS";
}

void
reply_text(struct response *response, int status, struct str text)
{
	response->status = status;
	response->content_type = "text/plain; charset=utf-8";
	response->body = text;
	response->no_store = true;
	response->result = status / 100 == 2 ? "SUCCESS" : "FAILED";
}

void
reply_redirect(struct response *response, const char *location)
{
	response->status = 302;
	response->content_type = XML_TYPE;
	response->body = STR("");
	response->location = location;
	response->no_store = true;
	response->result = "redirect";
}

const struct reply_list *
reply_list_find(struct str call)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (str_is(call, lists[i].call))
			return &lists[i];
	return NULL;
}

void
reply_items(struct response *response, struct arena *arena, const struct reply_list *list,
    const struct str *items, size_t n, struct str more)
{
	size_t total = more.len + ENVELOPE_BYTES;

	for (size_t i = 0; i < n; i++)
		total += items[i].len;
	struct buf out;
	buf_init_large(&out, LIMIT_MERGED_BYTES);
	buf_reserve(&out, total);
	buf_text(&out, "<response><returncode>SUCCESS</returncode>");
	if (n > 0) {
		buf_printf(&out, "<%s>", list->container);
		for (size_t i = 0; i < n; i++)
			buf_str(&out, items[i]);
		buf_printf(&out, "</%s>", list->container);
	} else {
		buf_printf(&out, "%s<messageKey>%s</messageKey><message>%s</message>",
		    list->empty, list->empty_key, list->empty_message);
	}
	buf_str(&out, more);
	buf_text(&out, "</response>");
	if (buf_failed(&out)) {
		log_error(out.is_short ?
		        "short of memory for the merged list" :
		        "the merged list is too large",
		    "call", list->call);
		response->was_short |= out.is_short;
		reply_error(response, arena, REPLY_UNAVAILABLE);
		return;
	}
	response->result = n > 0 ? "SUCCESS" : list->empty_key;
	reply_xml(response, buf_take(&out, arena));
}

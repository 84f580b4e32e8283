#include "hook_calls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "calls.h"
#include "checksum.h"
#include "hooks.h"

/* As Express writes it. */
#define HOOKS_XML_TYPE "text/xml; charset=utf-8"

static void
fail(struct call *call, const char *key, const char *message)
{
	text_add_format(&call->answer->body,
	    "<response><returncode>FAILED</returncode>"
	    "<messageKey>%s</messageKey><message>%s</message></response>",
	    key, message);
}

static bool
check(struct call *call)
{
	const struct calls_request *request = call->request;
	const char *value = calls_find_filled(call, "checksum");
	size_t length = value ? strlen(value) : 0;

	call->answer->content_type = HOOKS_XML_TYPE;
	if (value && params_count(&call->params, "checksum") == 1) {
		if (length != 40 && length != 64 && length != 96 && length != 128) {
			call->is_refused = true;
			answer_html(call->answer, 500, "Internal Server Error");
			return false;
		}
		for (size_t i = 0; request->secrets[i]; i++)
			if (!request->secret_is_wrong &&
			    checksum_is_valid_hook(request->call, request->query, value,
			        request->secrets[i]))
				return true;
	}
	call->is_refused = true;
	fail(call, "checksumError", "You did not pass the checksum security check.");
	return false;
}

void
hook_calls_create(struct call *call)
{
	const char *url = params_find(&call->params, "callbackURL");
	const char *raw = calls_find_filled(call, "getRaw");

	if (!check(call))
		return;
	/* What JSON.parse() makes of any other word is an exception. */
	if (raw && strcasecmp(raw, "true") != 0 && strcasecmp(raw, "false") != 0) {
		answer_html(call->answer, 500, "Internal Server Error");
		return;
	}
	if (!url) {
		fail(call, "missingParamCallbackURL",
		    "You must specify a callbackURL in the parameters.");
		return;
	}
	bool is_duplicate;
	const struct hook *hook = hooks_add(call->request->hooks, url,
	    params_find(&call->params, "meetingID"), params_find(&call->params, "eventID"),
	    raw && strcasecmp(raw, "true") == 0, &is_duplicate);
	text_add_format(&call->answer->body,
	    "<response><returncode>SUCCESS</returncode>"
	    "<hookID>%u</hookID>",
	    hook->id);
	if (is_duplicate)
		text_add_string(&call->answer->body,
		    "<messageKey>duplicateWarning</messageKey>"
		    "<message>There is already a hook for this callback URL.</message>"
		    "</response>");
	else
		text_add_format(&call->answer->body,
		    "<permanentHook>%s</permanentHook>"
		    "<rawData>%s</rawData></response>",
		    hook->is_permanent ? "true" : "false", hook->is_raw ? "true" : "false");
}

/* The unescaped text is BBB's: CDATA for two values, nothing for the others. */
static void
add_hook(struct text *text, const struct hook *hook)
{
	text_add_format(text,
	    "<hook><hookID>%u</hookID><callbackURL><![CDATA[%s]]></callbackURL>", hook->id,
	    hook->callback_url);
	if (hook->meeting_id)
		text_add_format(text, "<meetingID><![CDATA[%s]]></meetingID>",
		    hook->meeting_id);
	if (hook->event_ids)
		text_add_format(text, "<eventID>%s</eventID>", hook->event_ids);
	text_add_format(text, "<permanentHook>%s</permanentHook><rawData>%s</rawData></hook>",
	    hook->is_permanent ? "true" : "false", hook->is_raw ? "true" : "false");
}

void
hook_calls_list(struct call *call)
{
	const char *meeting_id = params_find(&call->params, "meetingID");
	struct text *body = &call->answer->body;

	if (!check(call))
		return;
	text_add_string(body, "<response><returncode>SUCCESS</returncode><hooks>");
	for (const struct hook *hook = call->request->hooks->first; hook; hook = hook->next)
		if (!meeting_id || !hook->meeting_id ||
		    strcmp(hook->meeting_id, meeting_id) == 0)
			add_hook(body, hook);
	text_add_string(body, "</hooks></response>");
}

void
hook_calls_destroy(struct call *call)
{
	const char *id = params_find(&call->params, "hookID");

	if (!check(call))
		return;
	if (!id) {
		fail(call, "missingParamHookID",
		    "You must specify a hookID in the parameters.");
		return;
	}
	struct hook *hook = NULL;
	if (id[0] != '\0' && strlen(id) <= 9 && strspn(id, "0123456789") == strlen(id))
		hook = hooks_find(call->request->hooks, (unsigned)strtoul(id, NULL, 10));
	if (!hook || hook->is_permanent) {
		fail(call, "destroyMissingHook", "The hook informed was not found.");
		return;
	}
	hooks_remove(call->request->hooks, hook);
	text_add_string(&call->answer->body,
	    "<response><returncode>SUCCESS</returncode>"
	    "<removed>true</removed></response>");
}

void
hook_calls_ping(struct call *call)
{
	call->answer->content_type = NULL;
	text_add_string(&call->answer->body, "bbb-webhooks API up!");
}

#include "track_calls.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "checksum.h"
#include "recordings.h"

#define TOKEN_ALPHABET "abcdefghijklmnopqrstuvwxyz0123456789"

/* As Gson writes objects, without blanks; a member whose value is NULL is left out. */
static void
add_member(struct text *text, const char *name, const char *value)
{
	if (!value)
		return;
	if (text->data[text->length - 1] != '{')
		text_add_string(text, ",");
	text_add_format(text, "\"%s\":\"", name);
	text_add_json(text, value);
	text_add_string(text, "\"");
}

static void
answer_result(struct call *call, const char *returncode, const char *record_id, const char *key,
    const char *message)
{
	struct text *body = &call->answer->body;

	call->answer->content_type = ANSWER_JSON_TYPE;
	call->answer->is_uncacheable = true;
	text_add_string(body, "{\"response\":{");
	add_member(body, "returncode", returncode);
	add_member(body, "recordId", record_id);
	add_member(body, "messageKey", key);
	add_member(body, "message", message);
	text_add_string(body, "}}");
}

/* Answers as Groovy's JsonBuilder.toPrettyString() writes an error; the text is
 * message + value. */
static void
fail_pretty(struct call *call, const char *key, const char *message, const char *value)
{
	struct text *body = &call->answer->body;

	call->answer->content_type = ANSWER_JSON_TYPE;
	call->answer->is_uncacheable = true;
	text_add_format(body,
	    "{\n    \"response\": {\n        \"returncode\": \"FAILED\",\n"
	    "        \"messageKey\": \"%s\",\n        \"message\": \"",
	    key);
	text_add_json(body, message);
	text_add_json(body, value);
	text_add_string(body, "\"\n    }\n}");
}

static void
fail_checksum(struct call *call)
{
	calls_fail(call, "checksumError", "You did not pass the checksum security check");
}

void
track_calls_get(struct call *call)
{
	struct text *body = &call->answer->body;
	struct text message = { 0 };

	if (!calls_find_filled(call, "checksum")) {
		call->is_refused = true;
		fail_checksum(call);
		return;
	}
	if (!calls_find_filled(call, "recordID")) {
		calls_fail(call, "missingParamRecordID", "You must specify a recordID.");
		return;
	}
	if (!calls_check_checksum(call)) {
		fail_checksum(call);
		return;
	}
	char *record_id = params_sanitize(calls_find_filled(call, "recordID"));
	const struct recording *recording = recordings_find(call->request->recordings,
	    record_id);
	if (!recording || !recording->tracks) {
		text_add_format(&message,
		    recording ? "No captions found for %s" : "No recording found for %s",
		    record_id);
		answer_result(call, "FAILED", NULL,
		    recording ? "noCaptionsFound" : "noRecordings", message.data);
		goto out;
	}
	call->answer->content_type = ANSWER_JSON_TYPE;
	call->answer->is_uncacheable = true;
	text_add_string(body, "{\"response\":{\"returncode\":\"SUCCESS\",\"tracks\":[");
	for (const struct track *track = recording->tracks; track; track = track->next) {
		struct text href = { 0 };
		char *token = meetings_new_token(40, TOKEN_ALPHABET);

		text_add_format(&href, "%s/bigbluebutton/textTrack/%s/%s/%s_%s.vtt",
		    call->request->base_url, token, record_id, track->kind, track->lang);
		text_add_string(body, track == recording->tracks ? "{" : ",{");
		add_member(body, "href", href.data);
		add_member(body, "kind", track->kind);
		add_member(body, "label", track->label);
		add_member(body, "lang", track->lang);
		add_member(body, "source", "upload");
		text_add_string(body, "}");
		free(token);
		text_fini(&href);
	}
	text_add_string(body, "]}}");
out:
	text_fini(&message);
	free(record_id);
}

/*
 * Makes a language tag of a Java locale, such as "en" or "en_US" (commons-lang
 * LocaleUtils.toLocale, without variants).  Returns NULL when it is none; the
 * caller frees it.
 */
static char *
make_tag(const char *locale)
{
	size_t length = strlen(locale);

	if ((length != 2 && length != 5) || !islower((unsigned char)locale[0]) ||
	    !islower((unsigned char)locale[1]))
		return NULL;
	if (length == 5 &&
	    (locale[2] != '_' || !isupper((unsigned char)locale[3]) ||
	        !isupper((unsigned char)locale[4])))
		return NULL;
	char *tag = text_duplicate(locale);
	if (length == 5)
		tag[2] = '-';
	return tag;
}

/* Tells whether there is a recording whose captions can be replaced. */
static struct recording *
find_shown(const struct call *call, const char *record_id)
{
	struct recording *recording = recordings_find(call->request->recordings, record_id);

	if (!recording ||
	    (recording->state != RECORDING_PUBLISHED &&
	        recording->state != RECORDING_UNPUBLISHED))
		return NULL;
	return recording;
}

static void
take_upload(struct call *call, struct recording *recording, const char *kind, const char *lang)
{
	const struct calls_request *request = call->request;
	const char *label = calls_find_filled(call, "label");
	struct params_file file = { 0 };

	if (!calls_has_type(request, "multipart/form-data") ||
	    !params_find_file(request->content_type, request->body, request->body_length,
	        "file", &file) ||
	    file.length == 0) {
		fail_pretty(call, "empty_uploaded_text_track", "Empty uploaded text track.",
		    "");
		free(file.name);
		return;
	}
	/* In place of a label Java has the language's name. */
	char *clean = params_sanitize(label ? label : lang);
	struct track *track = recordings_put_track(recording, kind, lang, clean, file.name);
	track->length = file.length;
	checksum_write_digest(file.data, file.length, 64, track->sha256);
	answer_result(call, "SUCCESS", recording->record_id, "upload_text_track_success",
	    "Text track uploaded successfully");
	free(clean);
	free(file.name);
}

void
track_calls_put(struct call *call)
{
	static const char *const needed[] = { "recordID", "kind", "lang" };
	char *value[3] = { NULL, NULL, NULL };
	struct recording *recording = NULL;

	if (!calls_find_filled(call, "checksum")) {
		call->is_refused = true;
		fail_pretty(call, "paramError", "Missing param checksum.", "");
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		const char *found = calls_find_filled(call, needed[i]);

		if (!found) {
			struct text message = { 0 };

			text_add_format(&message, "Missing param %s.", needed[i]);
			fail_pretty(call, "paramError", message.data, "");
			text_fini(&message);
			goto out;
		}
		value[i] = params_sanitize(found);
		if (i == 0) {
			if (!calls_check_checksum(call)) {
				fail_checksum(call);
				goto out;
			}
			recording = find_shown(call, value[0]);
			if (!recording) {
				fail_pretty(call, "noRecordings", "No recording was found for ",
				    value[0]);
				goto out;
			}
		}
		if (i == 1 && strcmp(value[1], "subtitles") != 0 &&
		    strcmp(value[1], "captions") != 0) {
			fail_pretty(call, "invalidKind",
			    "Invalid kind parameter, "
			    "expected='subtitles|captions' actual=",
			    value[1]);
			goto out;
		}
	}
	char *tag;
	tag = make_tag(value[2]);
	if (!tag)
		fail_pretty(call, "invalidLang", "Malformed lang param, received=", value[2]);
	else
		take_upload(call, recording, value[1], tag);
	free(tag);
out:
	for (size_t i = 0; i < 3; i++)
		free(value[i]);
}

#include "hooks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "checksum.h"
#include "meetings.h"

struct hook *
hooks_add(struct hooks *hooks, const char *callback_url, const char *meeting_id,
    const char *event_ids, bool is_raw, bool *is_duplicate)
{
	struct hook **link = &hooks->first;

	while (*link && strcmp((*link)->callback_url, callback_url) != 0)
		link = &(*link)->next;
	*is_duplicate = *link != NULL;
	if (*is_duplicate)
		return *link;
	*link = text_new(sizeof(struct hook));
	(*link)->id = hooks->first_id + hooks->made++;
	(*link)->callback_url = text_duplicate(callback_url);
	(*link)->meeting_id = text_duplicate(meeting_id);
	(*link)->event_ids = text_duplicate(event_ids);
	for (char *c = (*link)->event_ids; c && *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	(*link)->is_raw = is_raw;
	return *link;
}

struct hook *
hooks_find(const struct hooks *hooks, unsigned id)
{
	struct hook *hook = hooks->first;

	while (hook && hook->id != id)
		hook = hook->next;
	return hook;
}

void
hooks_remove(struct hooks *hooks, struct hook *hook)
{
	struct hook **link = &hooks->first;

	while (*link != hook)
		link = &(*link)->next;
	*link = hook->next;
	free(hook->callback_url);
	free(hook->meeting_id);
	free(hook->event_ids);
	free(hook);
}

void
hooks_clear(struct hooks *hooks)
{
	while (hooks->first)
		hooks_remove(hooks, hooks->first);
}

static bool
wants(const struct hook *hook, const struct hooks_event *event)
{
	size_t length = strlen(event->id);

	if (hook->meeting_id && strcmp(hook->meeting_id, event->meeting_id) != 0)
		return false;
	if (!hook->event_ids)
		return true;
	if (hook->is_raw)
		return false;
	for (const char *at = hook->event_ids; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncasecmp(at, event->id, length) == 0 &&
		    (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* The event as JSON.stringify() writes it. */
static void
add_event(struct text *text, const struct hooks_event *event, bool is_raw, long long now_ms)
{
	if (event->body) {
		text_add_string(text, event->body);
		return;
	}
	if (is_raw) {
		text_add_string(text, "{\"envelope\":{\"name\":\"");
		text_add_json(text, event->id);
		text_add_format(text,
		    "\",\"routing\":{\"meetingId\":\"%s\"},\"timestamp\":%lld},"
		    "\"core\":{\"header\":{\"name\":\"",
		    event->internal_meeting_id, now_ms);
		text_add_json(text, event->id);
		text_add_format(text, "\",\"meetingId\":\"%s\"},\"body\":{}}}",
		    event->internal_meeting_id);
		return;
	}
	text_add_string(text, "{\"data\":{\"type\":\"event\",\"id\":\"");
	text_add_json(text, event->id);
	text_add_format(text,
	    "\",\"attributes\":{\"meeting\":{\"internal-meeting-id\":\"%s\","
	    "\"external-meeting-id\":\"",
	    event->internal_meeting_id);
	text_add_json(text, event->meeting_id);
	text_add_format(text, "\"}},\"event\":{\"ts\":%lld}}}", now_ms);
}

/* Appends string as JavaScript's URLSearchParams encodes values. */
static void
add_encoded(struct text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		unsigned char c = (unsigned char)*string;

		if (isalnum(c) || strchr("*-._", c))
			text_add(text, string, 1);
		else if (c == ' ')
			text_add(text, "+", 1);
		else
			text_add_format(text, "%%%02X", (unsigned)c);
	}
}

void
hooks_add_event(struct outgoing **list, const struct hooks *hooks,
    const struct hooks_event *event, const char *domain, const char *secret, size_t hex_length)
{
	const long long now_ms = meetings_now_ms();

	for (const struct hook *hook = hooks->first; hook; hook = hook->next) {
		if (!wants(hook, event))
			continue;
		struct text json = { 0 };
		text_add_string(&json, "[");
		add_event(&json, event, hook->is_raw, now_ms);
		text_add_string(&json, "]");
		struct text form = { 0 };
		text_add_string(&form, "domain=");
		add_encoded(&form, domain);
		text_add_string(&form, "&event=");
		add_encoded(&form, json.data);
		text_add_format(&form, "&timestamp=%lld", now_ms);
		struct text signed_text = { 0 };
		text_add_format(&signed_text, "%s%s%s", hook->callback_url, form.data, secret);
		char hex[CHECKSUM_HEX_MAX] = "";
		checksum_write_digest(signed_text.data, signed_text.length, hex_length, hex);
		struct text url = { 0 };
		text_add_format(&url, "%s%cchecksum=%s", hook->callback_url,
		    strchr(hook->callback_url, '?') ? '&' : '?', hex);
		struct outgoing *request = outgoing_add(list, "hook", url.data);
		request->is_post = true;
		request->content_type = "application/x-www-form-urlencoded;charset=UTF-8";
		request->user_agent = "node-fetch";
		request->body = form;
		text_fini(&json);
		text_fini(&signed_text);
		text_fini(&url);
	}
}

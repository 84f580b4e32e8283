#include "outgoing.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000L

int
outgoing_init(void)
{
	return curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? 0 : -1;
}

void
outgoing_fini(void)
{
	curl_global_cleanup();
}

struct outgoing *
outgoing_add(struct outgoing **list, const char *kind, const char *url)
{
	while (*list)
		list = &(*list)->next;
	*list = text_new(sizeof(struct outgoing));
	(*list)->kind = kind;
	(*list)->url = text_duplicate(url);
	return *list;
}

static size_t
ignore(char *data, size_t size, size_t count, void *argument)
{
	(void)data;
	(void)argument;
	return size * count;
}

static void
add_header(struct curl_slist **headers, const char *name, const char *value)
{
	struct text line = { 0 };

	text_add_format(&line, "%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(*headers, line.data);
	if (!longer)
		abort();
	*headers = longer;
	text_fini(&line);
}

static void
run(struct outgoing *request)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		abort();
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	if (request->user_agent)
		curl_easy_setopt(curl, CURLOPT_USERAGENT, request->user_agent);
	struct curl_slist *headers = NULL;
	if (request->is_post) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->body.length);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text_string(&request->body));
		/* Those who send callbacks send the body at once. */
		add_header(&headers, "Expect", "");
	}
	if (request->content_type)
		add_header(&headers, "Content-Type", request->content_type);
	if (request->authorization)
		add_header(&headers, "Authorization", request->authorization);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(curl);
	long status = 0;
	if (code == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	else
		request->error = curl_easy_strerror(code);
	request->status = (unsigned)status;
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}

void
outgoing_run(struct outgoing *list)
{
	for (; list; list = list->next)
		run(list);
}

void
outgoing_add_report(struct text *text, const struct outgoing *list)
{
	text_add_string(text, "{\"sent\":[");
	for (const struct outgoing *one = list; one; one = one->next) {
		text_add_format(text, "%s{\"kind\":\"%s\",\"url\":\"", one == list ? "" : ",",
		    one->kind);
		text_add_json(text, one->url);
		text_add_format(text, "\",\"status\":%u", one->status);
		if (one->error) {
			text_add_string(text, ",\"error\":\"");
			text_add_json(text, one->error);
			text_add_string(text, "\"");
		}
		text_add_string(text, "}");
	}
	text_add_string(text, "]}\n");
}

void
outgoing_free(struct outgoing **list)
{
	while (*list) {
		struct outgoing *one = *list;

		*list = one->next;
		free(one->url);
		free(one->authorization);
		text_fini(&one->body);
		free(one);
	}
}

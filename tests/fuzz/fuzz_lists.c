/*
 * Lists that are merged of the servers': getMeetings, getSessions, getRecordings and
 * hooks/list.  The input is a line, the call with its query, and the servers' answers,
 * divided by "\n--\n"; an empty one is that of a server which cannot be reached.
 */
#include "api/second_parser.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/api.h"
#include "core/callback.h"
#include "formats/checksum.h"
#include "formats/request.h"
#include "formats/response.h"
#include "formats/xml.h"
#include "fuzz.h"
#include "model/webhook.h"
#include "ports/http.h"
#include "ports/store.h"
#include "some_config.h"
#include "support/memory.h"

#define SERVERS 3

static const struct {
	const char *call, *container, *item, *key;
	const char *list; /* what the servers are asked for */
} calls[] = {
	{ "getMeetings", "meetings", "meeting", "internalMeetingID", "getMeetings" },
	{ "getSessions", "sessions", "meeting", NULL, "getSessions" },
	{ "getRecordings", "recordings", "recording", "recordID", "getRecordings" },
	{ "hooks/list", "hooks", "hook", "hookID", "hooks/list" },
};
#define N_CALLS (sizeof(calls) / sizeof(*calls))

struct fuzz_http {
	struct http http; /* first: run() finds the others by it */
	struct str answers[SERVERS];
};

/* Each server, by the letter that is its name, has the one answer. */
static void
run(struct http *http, struct arena *arena, struct http_batch *batch)
{
	const struct fuzz_http *fuzz = (const struct fuzz_http *)(void *)http;

	for (size_t i = 0; i < batch->n; i++) {
		struct http_call *call = &batch->calls[i];
		const struct str answer = fuzz->answers[(call->server[0] - 'a') % SERVERS];

		call->sent = answer.len > 0;
		call->result = answer.len > 0 ? HTTP_ANSWERED : HTTP_UNREACHABLE;
		call->problem = "fuzzed";
		call->status = 200;
		call->answer = (struct str){ str_copy(arena, answer), answer.len };
		call->answer_type = STR("text/xml");
	}
}

/* Is there an item in the list whose key is that? */
static bool
has_key(const struct xml_list *list, struct str key)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_equal(list->items[i].text[0], key))
			return true;
	return false;
}

/* Each key is there once, and all those of the servers' sound lists are. */
static void
check_keys(struct arena *arena, const struct xml_list *wanted, const struct xml_list *merged,
    const struct fuzz_http *http)
{
	size_t n = 0;

	for (size_t i = 0; i < merged->n; i++) {
		const struct xml_list rest = { .items = merged->items + i + 1,
			.n = merged->n - i - 1 };
		const struct str key = merged->items[i].text[0];

		fuzz_must(key.len == 0 || !has_key(&rest, key));
	}
	for (size_t i = 0; i < SERVERS; i++) {
		struct xml_field code = { .name = "returncode" };
		struct xml_list list = *wanted;

		if (xml_read(arena, http->answers[i], &code, 1, &list) == XML_FOREIGN ||
		    !str_is(code.text, "SUCCESS"))
			continue;
		n += list.n;
		/* What hides a callback's URL of the gateway's is changed, keys as well. */
		for (size_t k = 0; k < list.n; k++)
			fuzz_must(has_key(merged, list.items[k].text[0]) ||
			    str_find(list.items[k].raw, STR(CALLBACK_PATH), 0) != SIZE_MAX);
	}
	fuzz_must(merged->n <= n);
}

/* What is said of each hook is by the rules for it. */
static void
check_hooks(const struct xml_list *merged)
{
	for (size_t i = 0; i < merged->n; i++) {
		char id[WEBHOOK_ID_SIZE];
		const struct str url = merged->items[i].text[1];

		fuzz_must(callback_is_url(url));
		webhook_id(url, id);
		fuzz_must(str_is(merged->items[i].text[0], id));
		fuzz_must(i == 0 ||
		    str_compare(merged->items[i - 1].text[0], merged->items[i].text[0]) < 0);
	}
}

static void
check_answer(struct arena *arena, size_t call, const struct response *response,
    const struct fuzz_http *http)
{
	struct xml_list list = {
		.container = calls[call].container,
		.item = calls[call].item,
		.keys = { calls[call].key, "callbackURL" },
	};
	const struct xml_list wanted = list;
	struct xml_field code = { .name = "returncode" };

	fuzz_must(response->status == 200 && response->result);
	const char *complaint = second_parser_complaint(arena, response->body);
	if (complaint)
		fprintf(stderr, "libxml2: %s\n", complaint);
	fuzz_must(!complaint);
	fuzz_must(xml_read(arena, response->body, &code, 1, &list) == XML_SOUND);
	fuzz_must(list.is_complete);
	if (str_is(code.text, "FAILED"))
		return;
	fuzz_must(str_is(code.text, "SUCCESS"));
	if (strcmp(calls[call].call, "hooks/list") == 0)
		check_hooks(&list);
	else if (http && calls[call].key && !strstr(response->body.data, "<pageable>"))
		check_keys(arena, &wanted, &list, http);
}

/* The call that the line names, or the first. */
static size_t
find_call(struct str *line)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (str_starts(*line, calls[i].call)) {
			*line = str_part(*line, strlen(calls[i].call), SIZE_MAX);
			return i;
		}
	return 0;
}

/* Does each server that has an answer give a whole list? */
static bool
are_whole(struct arena *arena, size_t call, const struct fuzz_http *http)
{
	for (size_t i = 0; i < SERVERS; i++) {
		struct xml_field code = { .name = "returncode" };
		struct xml_list list = { .container = calls[call].container,
			.item = calls[call].item };

		if (http->answers[i].len > 0 &&
		    (xml_read(arena, http->answers[i], &code, 1, &list) != XML_SOUND ||
		        !list.is_complete || !str_is(code.text, "SUCCESS")))
			return false;
	}
	return true;
}

/* Sign the call, hand it to the core, and check its answer, which is in the arena, by those
 * of the servers, unless they are NULL. */
static struct str
ask(const struct api *api, struct arena *arena, size_t call, struct str query,
    const struct fuzz_http *http)
{
	struct response response = { 0 };
	char hex[CHECKSUM_HEX_SIZE];

	checksum_make(CHECKSUM_SHA256, str_from(calls[call].call), query, STR(SOME_SECRET),
	    hex);
	const struct request request = {
		.method = "GET",
		.path = str_from(str_printf(arena, "/bigbluebutton/api/%s", calls[call].call)),
		.query = str_from(str_printf(arena, "%.*s%schecksum=%s", STR_ARG(query),
		    query.len > 0 ? "&" : "", hex)),
		.host = STR("gateway.test"),
		.now_ms = INT64_C(1700000000000),
	};
	api_handle(api, arena, &request, &response);
	check_answer(arena, call, &response, http);
	api_finish(&response);
	return response.body;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config *config;
	struct arena *arena = arena_new();
	struct str text = fuzz_text(arena, data, size);
	struct str line = str_from(fuzz_line_text(arena, &text));
	struct fuzz_http http = { .http.run = run };

	if (!config) {
		log_open("fuzz", "error");
		config = some_config();
	}
	struct store *store = store_memory_open();
	const struct api api = { config, store, &http.http };
	const size_t call = find_call(&line);
	const struct str query = str_part(line, line.len > 0 && line.data[0] == '?', SIZE_MAX);
	for (size_t i = 0; i < SERVERS; i++)
		http.answers[i] = fuzz_part(arena, &text);
	const bool may_stand_in = are_whole(arena, call, &http);
	const struct str first = ask(&api, arena, call, query, &http);
	/* When nobody answers any more, what they said last stands in. */
	for (size_t i = 0; i < SERVERS; i++)
		http.answers[i] = STR("");
	const struct str second = ask(&api, arena, call, query, NULL);
	fuzz_must(!may_stand_in || str_equal(first, second));
	store->verbs->close(store);
	arena_free(arena);
	return 0;
}

/*
 * getRecordings: all servers in parallel, their lists merged as raw fragments
 * (recording.h), and paged here.  For a server that does not answer in time its
 * last known list for the same query stands in: a client that misses a recording
 * in the list may forget it.  Where not one server has a list, the call fails: that
 * nobody could be asked does not mean that there is nothing.
 */
#include "core/call.h"
#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/fanout.h"
#include "core/find_recordings.h"
#include "core/health.h"
#include "core/reply.h"
#include "formats/xml.h"
#include "model/recording.h"

/* The most that BBB puts on a page (MeetingService.java, getRecordings2x). */
#define PAGE_MOST 100

/* The part of the list that is wanted. */
struct page {
	bool is_wanted; /* if not, all of it */
	int64_t offset, limit;
};

/* As BBB reads it: a list is paged if limit is a whole number, which is brought to
 * 1 … 100; an offset that is none, or below 0, is 0 (MeetingService.java). */
static struct page
read_page(const struct query *parameters)
{
	struct page page = { 0 };

	page.is_wanted = str_to_int(str_trim(query_find(parameters, "limit")), INT32_MIN,
	                     INT32_MAX, &page.limit) == 0;
	page.limit = page.limit < 1 ? 1 : page.limit > PAGE_MOST ? PAGE_MOST : page.limit;
	str_to_int(str_trim(query_find(parameters, "offset")), 0, INT32_MAX, &page.offset);
	return page;
}

/* What the client asks without its pages: those are of the merged list. */
static void
remove_page(struct call *call)
{
	static const char *const names[] = { "offset", "limit" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (query_count(&call->parameters, names[i]) > 0)
			call_set_parameter(call, names[i], NULL);
	/* A body next to a query is not read. */
	if (call->form.len == 0)
		call->method = "GET";
	call->body = (struct str){ 0 };
}

/* By what a server's list is remembered: its filters, without what else a client sends
 * (random=…).  NULL: they are too long for that. */
static const char *
list_filter(struct call *call)
{
	const struct query *parameters = &call->parameters;
	struct buf name;

	buf_init(&name, LIMIT_LIST_QUERY_BYTES);
	buf_text(&name, "");
	for (size_t i = 0; i < parameters->n; i++) {
		const struct query_parameter *p = &parameters->list[i];

		if (!str_is(p->name, "recordID") && !str_is(p->name, "meetingID") &&
		    !str_is(p->name, "state") && !str_starts(p->name, "meta_"))
			continue;
		query_encode(&name, p->name);
		buf_char(&name, '=');
		query_encode(&name, p->value);
		buf_char(&name, '&');
	}
	if (buf_failed(&name))
		return NULL;
	return buf_take(&name, call->arena).data;
}

/* A server without a list of now: its last known one stands in.  False when there is
 * none. */
static bool
stand_in(struct call *call, const struct server *server, const char *filter,
    struct recording_list *recordings)
{
	struct xml_list list = recording_wanted;

	if (filter && call_last_known(call, server, filter, &list)) {
		recording_list_add(recordings, call->arena, &list, NULL);
		return true;
	}
	log_warn("server's recordings are missing in the list", "server", server->name, "call",
	    call->name);
	return false;
}

/* Does the server say what it has?  A list that breaks off before its first item says as
 * little as no answer. */
static bool
is_list(const struct relay_answer *answer)
{
	return answer->verdict == RELAY_SUCCESS &&
	    (answer->list->is_complete || answer->list->n > 0);
}

/* Ask the servers and add what they say, or last said; what they say is remembered.
 * Those that are down are not asked, but their recordings are still there.  False when not
 * one has a list. */
static bool
collect(struct call *call, struct recording_list *recordings)
{
	const struct config *config = call->config;
	const struct server_facts *facts = health_facts(call);
	const char *filter = list_filter(call);
	struct fanout fanout;

	fanout_init(&fanout, call, config->n_servers);
	fanout.origin = RELAY_SLOW;
	fanout.list = &recording_wanted;
	fanout_add_usable(&fanout, facts);
	fanout_run(&fanout, call->name, config->probe_timeout_ms, NULL);
	struct store_list *fresh = arena_alloc(call->arena, (fanout.n + 1) * sizeof(*fresh));
	size_t n_fresh = 0;
	size_t at = 0;
	bool has_list = false;
	for (size_t i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];

		if (server_state_of(server, &facts[i]) == SERVER_DISABLED)
			continue;
		const struct relay_answer *answer = NULL;
		if (at < fanout.n && fanout.servers[at] == server)
			answer = &fanout.answers[at++];
		if (!answer || !is_list(answer)) {
			has_list |= stand_in(call, server, filter, recordings);
			continue;
		}
		has_list = true;
		recording_list_add(recordings, call->arena, answer->list, server);
		if (filter && answer->document.len <= LIMIT_LIST_BYTES &&
		    call_may_remember(call, server, filter, answer))
			fresh[n_fresh++] = (struct store_list){ server->name, call->name,
				filter, answer->document };
	}
	call_remember_lists(call, fresh, n_fresh);
	find_recordings_remember(call, recordings);
	return has_list;
}

/* The totals of a page, as BBB 2.6 to 3.0 and as later versions word them
 * (XmlServiceImpl.java, constructPaginatedResponse). */
static struct str
totals(struct call *call, const struct page *page, size_t total, size_t n)
{
	if (!page->is_wanted)
		return (struct str){ 0 };
	return str_from(str_printf(call->arena,
	    "<pagination><pageable>"
	    "<offset>%lld</offset><limit>%lld</limit><paged>true</paged>"
	    "<unpaged>false</unpaged></pageable><totalElements>%zu</totalElements>"
	    "<empty>%s</empty></pagination><totalElements>%zu</totalElements>",
	    (long long)page->offset, (long long)page->limit, total, n == 0 ? "true" : "false",
	    total));
}

void
call_recordings(struct call *call)
{
	const struct reply_list *list = reply_list_find(str_from(call->name));
	struct page page = read_page(&call->parameters);

	remove_page(call);
	call_use_form(call);
	struct recording_list recordings = { 0 };
	if (!collect(call, &recordings)) {
		reply_error(call->response, call->arena, REPLY_RECORDING_UNAVAILABLE);
		return;
	}
	recording_list_merge(&recordings);
	size_t to = recordings.n;
	size_t from = 0;
	if (page.is_wanted) {
		if ((uint64_t)page.offset < to)
			from = (size_t)page.offset;
		else
			from = to;
		if (to - from > (size_t)page.limit)
			to = from + (size_t)page.limit;
	}
	struct str *items = arena_alloc(call->arena, (to - from + 1) * sizeof(*items));
	for (size_t i = from; i < to; i++)
		items[i - from] = recordings.list[i].raw;
	reply_items(call->response, call->arena, list, items, to - from,
	    totals(call, &page, recordings.n, to - from));
}

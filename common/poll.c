#include "poll.h"

#include "api.h"
#include "call.h"
#include "http.h"
#include "lookup.h"
#include "mem.h"
#include "relay.h"
#include "xml.h"

/* A lease outlives one poll, which takes up to an interval and its timeout;
 * who polls for another that was killed waits no longer than two. */
#define LEASE_INTERVALS(interval_ms) ((interval_ms) * 3 / 2)

/* What is asked of each meeting, by place in xml_item's text. */
enum { MEETING_ID, PARTICIPANTS, IS_BREAKOUT };

static bool
is_due(const struct config *config, const struct server_facts *facts, int64_t now_ms)
{

	/* One that is due far in the future was set by a clock that was wrong. */
	return facts->probe_ms <= now_ms ||
	    facts->probe_ms > now_ms + 10 * config->poll_interval_ms;
}

/* Numbers of 1000 and more may read "1,234" (bigbluebutton: get-meetings.ftlx). */
static long
number_of(struct str text)
{
	long number = 0;
	size_t i;

	for (i = 0; i < text.len && number < 100000000; i++)
		if (text.data[i] >= '0' && text.data[i] <= '9')
			number = number * 10 + (text.data[i] - '0');
	return number;
}

/* Take the meetings and users from a server's list.  False if it is none. */
static bool
read_list(struct arena *arena, struct str document, struct store_poll *poll)
{
	struct xml_list list = {
		.container = "meetings",
		.item = "meeting",
		.keys = {"meetingID", "participantCount", "isBreakout"},
	};
	size_t i;

	if (xml_read(arena, document, NULL, 0, &list) != 0)
		return false;
	poll->meeting_ids = arena_alloc(arena, (list.n + 1) * sizeof(*poll->meeting_ids));
	for (i = 0; i < list.n; i++) {
		poll->users += number_of(list.items[i].text[PARTICIPANTS]);
		/* A breakout room's users are real, but it is no meeting that a
		 * client created: nobody asks for it. */
		if (list.items[i].text[MEETING_ID].len > 0 &&
		    !str_is(list.items[i].text[IS_BREAKOUT], "true"))
			poll->meeting_ids[poll->n++] = list.items[i].text[MEETING_ID];
	}
	return true;
}

/* Note when each server is polled next, by its health after this poll. */
static void
set_delays(struct call *call, const struct server **asked, struct store_poll *polls,
    size_t n, uint64_t nonce)
{
	const struct config *config = call->config;
	const struct server_facts *facts = lookup_facts(call);
	size_t i;

	for (i = 0; i < n; i++)
		polls[i].probe_ms = call->request->now_ms + server_probe_delay_ms(
		    &facts[asked[i] - config->servers], config->poll_interval_ms,
		    nonce + i * 37);
}

void
poll_run(const struct api *api, struct arena *arena, int64_t now_ms, uint64_t nonce,
    uint64_t owner, bool is_round)
{
	const struct config *config = api->config;
	struct request request = {.method = "GET", .now_ms = now_ms, .nonce = nonce};
	struct response response = {0};
	struct call call = {
		.config = config,
		.store = api->store,
		.http = api->http,
		.arena = arena,
		.request = &request,
		.response = &response,
		.name = "getMeetings",
		.method = "GET",
		.query = STR(""),
	};
	struct http_batch batch = {.timeout_ms = config->probe_timeout_ms};
	const struct server **asked;
	struct server_facts *facts;
	struct relay_answer answer;
	struct store_poll *polls;
	struct store_list *lists;
	size_t i, n_lists = 0;

	if (api->store->verbs->lease_take(api->store, owner, now_ms,
	        LEASE_INTERVALS(config->poll_interval_ms)) != STORE_OK)
		return;
	facts = lookup_facts(&call);
	asked = arena_alloc(arena, config->n_servers * sizeof(*asked));
	polls = arena_alloc(arena, config->n_servers * sizeof(*polls));
	lists = arena_alloc(arena, config->n_servers * sizeof(*lists));
	batch.calls = arena_alloc(arena, config->n_servers * sizeof(*batch.calls));
	for (i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];

		if (server_state_of(server, &facts[i]) == SERVER_DISABLED ||
		    (!is_round && !is_due(config, &facts[i], now_ms)))
			continue;
		asked[batch.n] = server;
		polls[batch.n].server = server->name;
		relay_prepare(&call, server, &batch.calls[batch.n++]);
	}
	if (batch.n == 0)
		return;
	api->http->run(api->http, arena, &batch);
	for (i = 0; i < batch.n; i++) {
		relay_judge(&call, RELAY_OWN, call.name, asked[i], &batch.calls[i], &answer);
		polls[i].answered = answer.verdict == RELAY_SUCCESS &&
		    read_list(arena, answer.http->answer, &polls[i]);
		if (polls[i].answered)
			lists[n_lists++] = (struct store_list){
				asked[i]->name, call.name, answer.http->answer};
	}
	set_delays(&call, asked, polls, batch.n, nonce);
	api->store->verbs->polls_save(api->store, polls, batch.n, now_ms,
	    config->poll_interval_ms + config->create_timeout_ms);
	api->store->verbs->lists_save(api->store, lists, n_lists);
}

void
poll_end(const struct api *api, int64_t now_ms, uint64_t owner)
{

	api->store->verbs->lease_take(api->store, owner, now_ms, 0);
}

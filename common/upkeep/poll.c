#include "upkeep/poll.h"

#include <stdlib.h>

#include "base/arena.h"
#include "core/api.h"
#include "core/call.h"
#include "core/fanout.h"
#include "formats/xml.h"
#include "upkeep/copies.h"
#include "upkeep/webhooks.h"

/* Meetings on two servers that are settled in one poll; the others wait for the next. */
#define COPIES_AT_ONCE 32

/* What is read of each meeting, by its place among the keys below. */
enum { MEETING_ID, INTERNAL_ID, PARTICIPANTS, VOICE, VIDEOS, IS_BREAKOUT, PARENT_ID };

static const struct xml_list meetings = {
	.container = "meetings",
	.item = "meeting",
	.keys = { "meetingID", "internalMeetingID", "participantCount", "voiceParticipantCount",
	    "videoCount", "isBreakout", "parentMeetingID" },
};

static bool
is_due(const struct config *config, const struct server_facts *facts, int64_t now_ms)
{
	/* One that is due far in the future was set by a clock that was wrong. */
	return facts->next_poll_ms <= now_ms ||
	    facts->next_poll_ms > now_ms + 10 * config->poll_interval_ms;
}

/* A meeting of the list by its internalMeetingID, and the place that its meetingID
 * has in the poll. */
struct parent {
	struct str internal_id;
	struct store_polled *polled;
};

static int
compare_parent(const void *a, const void *b)
{
	const struct parent *x = a, *y = b;

	return str_compare(x->internal_id, y->internal_id);
}

/* Count the people in breakout rooms with the meetings that the rooms belong to: it is
 * that meeting which brings them (get-meetings.ftlx tells a room's parent by its
 * internalMeetingID). */
static void
count_rooms(struct arena *arena, const struct xml_list *list, struct store_poll *poll)
{
	struct parent *parents = arena_alloc(arena, (poll->n + 1) * sizeof(*parents));

	for (size_t i = 0; i < poll->n; i++)
		parents[i] = (struct parent){ list->items[i].text[INTERNAL_ID],
			&poll->meetings[i] };
	qsort(parents, poll->n, sizeof(*parents), compare_parent);
	for (size_t i = 0; i < poll->n; i++) {
		struct parent key = { .internal_id = list->items[i].text[PARENT_ID] };

		if (!poll->meetings[i].is_room || key.internal_id.len == 0)
			continue;
		struct parent *parent = bsearch(&key, parents, poll->n, sizeof(*parents),
		    compare_parent);
		if (parent && !parent->polled->is_room)
			parent->polled->users += poll->meetings[i].users;
	}
}

/* Take the meetings and the load from a server's list. */
static void
take_list(struct arena *arena, const struct xml_list *list, struct store_poll *poll)
{
	poll->meetings = arena_alloc(arena, (list->n + 1) * sizeof(*poll->meetings));
	poll->n = list->n;
	poll->is_complete = list->is_complete;
	for (size_t i = 0; i < list->n; i++) {
		const struct str *text = list->items[i].text;
		struct store_polled *polled = &poll->meetings[i];

		polled->meeting_id = text[MEETING_ID];
		polled->users = meeting_number(text[PARTICIPANTS]);
		/* Mostly BBB made these by itself, and no client asks for them.  The
		 * same goes for what has no meetingID. */
		polled->is_room = str_is(text[IS_BREAKOUT], "true") ||
		    polled->meeting_id.len == 0;
		poll->users += polled->users;
		poll->voice += meeting_number(text[VOICE]);
		poll->videos += meeting_number(text[VIDEOS]);
	}
	count_rooms(arena, list, poll);
}

/* A list that breaks off makes no server look idle from one poll to the next: as long as
 * lists are not complete, each takes half of the load away at most. */
static void
keep_load(const struct server_facts *before, struct store_poll *poll)
{
	if (poll->is_complete)
		return;
	if (poll->users < before->users / 2)
		poll->users = before->users / 2;
	if (poll->voice < before->voice / 2)
		poll->voice = before->voice / 2;
	if (poll->videos < before->videos / 2)
		poll->videos = before->videos / 2;
}

/* The servers that are to be polled now: their indices in the configuration, and
 * what is known of all.  None without a state, which is where a poll's yield would go. */
static size_t
choose(struct call *call, bool is_round, size_t *chosen, struct server_facts *facts)
{
	const struct config *config = call->config;

	if (call->store->verbs->servers(call->store, config->servers, config->n_servers,
	        facts) != STORE_OK)
		return 0;
	size_t n = 0;
	for (size_t i = 0; i < config->n_servers; i++)
		if (server_state_of(&config->servers[i], &facts[i]) != SERVER_DISABLED &&
		    (is_round || is_due(config, &facts[i], call->request->now_ms)))
			chosen[n++] = i;
	return n;
}

/* Settle what was found on two servers. */
static void
settle(struct call *call, const struct store_poll *polls, size_t n, uint64_t holder)
{
	const struct config *config = call->config;
	struct copy *copies = arena_alloc(call->arena, COPIES_AT_ONCE * sizeof(*copies));
	size_t n_copies = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < polls[i].n && n_copies < COPIES_AT_ONCE; k++)
			if (polls[i].meetings[k].is_elsewhere)
				copies[n_copies++] = (struct copy){
					polls[i].meetings[k].meeting_id,
					config_server_find(config, polls[i].server)
				};
	/* It takes two more rounds; nobody else is to settle the same meanwhile. */
	if (n_copies > 0 && call_take_lease(call, holder, 3))
		copies_settle(call, copies, n_copies);
}

/* Look after the webhooks of those that answered. */
static void
compare_hooks(struct call *call, const struct store_poll *polls, const size_t *chosen,
    const struct server_facts *facts, size_t n, uint64_t holder)
{
	const struct server **servers = arena_alloc(call->arena, n * sizeof(*servers));
	struct server_facts *before = arena_alloc(call->arena, n * sizeof(*before));
	size_t n_answered = 0;

	for (size_t i = 0; i < n; i++) {
		if (!polls[i].answered)
			continue;
		servers[n_answered] = &call->config->servers[chosen[i]];
		before[n_answered++] = facts[chosen[i]];
	}
	webhooks_sync(call, holder, servers, before, n_answered);
}

/* Poll the chosen servers and save what they said. */
static void
poll_servers(struct call *call, const size_t *chosen, const struct server_facts *facts,
    size_t n, uint64_t holder)
{
	const struct config *config = call->config;
	const struct store_verbs *verbs = call->store->verbs;
	int64_t now_ms = call->request->now_ms;
	struct store_poll *polls = arena_alloc(call->arena, n * sizeof(*polls));
	struct store_list *lists = arena_alloc(call->arena, n * sizeof(*lists));
	struct fanout fanout;

	fanout_init(&fanout, call, n);
	fanout.list = &meetings;
	fanout.origin = RELAY_POLL;
	for (size_t i = 0; i < n; i++) {
		const struct server *server = &config->servers[chosen[i]];
		struct http_call *http = fanout_add(&fanout, server);

		relay_prepare(call, server, http);
		/* A crowd of clients must not keep the gateway from seeing that the
		 * server hangs. */
		http->at_once = true;
	}
	fanout_run(&fanout, call->name, config->probe_timeout_ms, NULL);
	size_t n_lists = 0;
	for (size_t i = 0; i < n; i++) {
		const struct relay_answer *answer = &fanout.answers[i];

		polls[i].server = fanout.servers[i]->name;
		if (answer->verdict != RELAY_SUCCESS && answer->verdict != RELAY_BUSY)
			continue; /* the failure has set when it is polled next */
		/* A busy server was not asked, which sets nothing either. */
		polls[i].next_poll_ms = now_ms + config->poll_interval_ms;
		polls[i].answered = answer->verdict == RELAY_SUCCESS;
		if (!polls[i].answered)
			continue;
		take_list(call->arena, answer->list, &polls[i]);
		keep_load(&facts[chosen[i]], &polls[i]);
		if (call_may_remember(call, fanout.servers[i], call->name, answer->list))
			lists[n_lists++] = (struct store_list){ polls[i].server, call->name,
				answer->document };
	}
	verbs->lists_save(call->store, lists, n_lists, NULL);
	if (verbs->polls_save(call->store, polls, n, now_ms,
	        config->poll_interval_ms + config->create_timeout_ms) == STORE_OK)
		settle(call, polls, n, holder);
	compare_hooks(call, polls, chosen, facts, n, holder);
}

/* What relay and find_meeting want to know of a call, for one that no client made. */
static void
call_init(struct call *call, const struct api *api, struct arena *arena, int64_t now_ms,
    uint64_t nonce)
{
	struct request *request = arena_alloc(arena, sizeof(*request));

	request->method = "GET";
	request->now_ms = now_ms;
	request->nonce = nonce;
	*call = (struct call){
		.config = api->config,
		.store = api->store,
		.http = api->http,
		.arena = arena,
		.request = request,
		.response = arena_alloc(arena, sizeof(*call->response)),
		.name = "getMeetings",
		.method = "GET",
		.query = STR(""),
	};
}

void
poll_run(const struct api *api, struct arena *arena, int64_t now_ms, uint64_t nonce,
    bool is_round)
{
	const struct config *config = api->config;
	uint64_t holder = nonce >> 1; /* SQLite's integers have a sign */
	size_t *chosen = arena_alloc(arena, config->n_servers * sizeof(*chosen));
	struct server_facts *facts = arena_alloc(arena, config->n_servers * sizeof(*facts));
	struct call call;

	call_init(&call, api, arena, now_ms, nonce);
	if (choose(&call, is_round, chosen, facts) == 0 || !call_take_lease(&call, holder, 1))
		return;
	/* Another process may have polled while this one came for the lease. */
	size_t n = choose(&call, is_round, chosen, facts);
	if (n > 0)
		poll_servers(&call, chosen, facts, n, holder);
	api->store->verbs->lease_take(api->store, holder, now_ms, 0);
}

bool
poll_is_due(const struct api *api, struct arena *arena, int64_t now_ms)
{
	size_t *chosen = arena_alloc(arena, api->config->n_servers * sizeof(*chosen));
	struct server_facts *facts = arena_alloc(arena,
	    api->config->n_servers * sizeof(*facts));
	struct call call;

	call_init(&call, api, arena, now_ms, 0);
	return choose(&call, false, chosen, facts) > 0;
}

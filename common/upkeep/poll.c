#include "upkeep/poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/api.h"
#include "core/call.h"
#include "core/claim.h"
#include "core/fanout.h"
#include "core/health.h"
#include "formats/xml.h"
#include "model/load.h"
#include "model/reconcile.h"
#include "upkeep/copies.h"
#include "upkeep/releases.h"
#include "upkeep/webhooks.h"

/* Meetings on two servers that are settled in one poll; the others wait for the next. */
#define COPIES_AT_ONCE 32

/* What is read of each meeting, by its place among the keys below. */
enum { MEETING_ID, INTERNAL_ID, PARTICIPANTS, IS_BREAKOUT, PARENT_ID };

static const struct xml_list meetings = {
	.container = "meetings",
	.item = "meeting",
	.keys = { "meetingID", "internalMeetingID", "participantCount", "isBreakout",
	    "parentMeetingID" },
};

/* One server's poll. */
struct poll {
	const struct server *server;
	struct server_facts facts; /* what was known of it; after a good poll, by that */
	const struct relay_answer *answer;
	bool is_asked;   /* was it asked, and is what came of it of use? */
	bool is_settled; /* do the mappings agree with what it answered? */
	long users;      /* in all its meetings */
	bool has_sample; /* is there a sample of its load to save? */
	struct trend_sample sample;
	struct reconcile_poll found; /* what it answered */
};

/* All of one round. */
struct round {
	struct call *call;
	uint64_t holder; /* of the lease */
	/* What was known before of all servers of the configuration, and since when the
	 * state lost nothing (store.h). */
	const struct server_facts *before;
	int64_t whole_ms;
	struct poll *polls;
	size_t n;
	struct copy *copies; /* meetings to settle */
	size_t n_copies;
	struct store_history history;
	bool is_typical_new;
};

/* ---- What a server answered --------------------------------------------------- */

static bool
has_answered(const struct poll *poll)
{
	return poll->is_asked && poll->answer->verdict == RELAY_SUCCESS;
}

/* A meeting of the list by its internalMeetingID, and its place in the poll. */
struct parent {
	struct str internal_id;
	struct polled *polled;
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
count_rooms(struct arena *arena, const struct xml_list *list, struct polled *polled)
{
	struct parent *parents = arena_alloc(arena, (list->n + 1) * sizeof(*parents));

	for (size_t i = 0; i < list->n; i++)
		parents[i] = (struct parent){ list->items[i].text[INTERNAL_ID], &polled[i] };
	qsort(parents, list->n, sizeof(*parents), compare_parent);
	for (size_t i = 0; i < list->n; i++) {
		struct parent key = { .internal_id = list->items[i].text[PARENT_ID] };

		if (!polled[i].is_room || key.internal_id.len == 0)
			continue;
		struct parent *parent = bsearch(&key, parents, list->n, sizeof(*parents),
		    compare_parent);
		if (parent && !parent->polled->is_room)
			parent->polled->users += polled[i].users;
	}
}

/* Read the meetings of a server's list, and count the people in all of them. */
static const struct polled *
read_meetings(struct arena *arena, const struct xml_list *list, long *users)
{
	struct polled *polled = arena_alloc(arena, (list->n + 1) * sizeof(*polled));

	*users = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct str *text = list->items[i].text;

		polled[i].meeting_id = text[MEETING_ID];
		polled[i].users = meeting_number(text[PARTICIPANTS]);
		/* What has no meetingID is no client's, either. */
		polled[i].is_room = str_is(text[IS_BREAKOUT], "true") ||
		    polled[i].meeting_id.len == 0;
		*users += polled[i].users;
	}
	count_rooms(arena, list, polled);
	return polled;
}

/* Take the meetings and the load from a server's list: what is known of it, if it is the list
 * of the poll before. */
static void
take_list(const struct call *call, struct known_list *known, struct poll *poll)
{
	const struct relay_answer *answer = poll->answer;
	const struct polled *polled = known->meetings;
	size_t n = known->n;

	poll->users = known->users;
	if (!answer->is_known) {
		n = answer->list->n;
		polled = read_meetings(call->arena, answer->list, &poll->users);
		known_list_keep(known, &answer->mark, polled, n, poll->users);
	}
	poll->found = (struct reconcile_poll){
		.server = poll->server->name,
		.meetings = polled,
		.n = n,
		.is_complete = answer->list->is_complete,
		.asked_ms = call->request->now_ms,
		.now_ms = call->request->now_ms,
	};
}

/* ---- Mappings ------------------------------------------------------------------- */

/* A meeting that runs on a server, and is mapped to another. */
static void
take_double(struct round *round, const struct poll *poll, const struct store_change *change)
{
	struct call *call = round->call;
	const struct meeting *mapping = &change->found;

	const struct server *server = config_server_find(call->config, mapping->server);
	if (!server) {
		/* That server is gone from the configuration, or has another name now. */
		struct store_change anew = {
			.meeting_id = change->meeting_id,
			.expected = mapping,
			.wanted = change->wanted,
		};
		claim_set(call, &anew);
		return;
	}
	int64_t good_ms = round->before[server - call->config->servers].good_ms;
	bool is_leftover = reconcile_is_leftover(mapping, &poll->facts);
	if (is_leftover || meeting_is_in_doubt(mapping, good_ms, round->whole_ms)) {
		if (round->n_copies < COPIES_AT_ONCE)
			round->copies[round->n_copies++] = (struct copy){ change->meeting_id,
				poll->server, is_leftover };
		return;
	}
	if (strcmp(mapping->copy, poll->server->name) == 0)
		return; /* that was logged */
	log_warn("meeting runs on two servers; neither was down, so both are left alone",
	    "meetingID", str_copy(call->arena, change->meeting_id), "mapped", mapping->server,
	    "copy", poll->server->name);
	struct meeting wanted = *mapping;
	wanted.copy = poll->server->name;
	struct store_change note = {
		.meeting_id = change->meeting_id,
		.expected = mapping,
		.wanted = &wanted,
	};
	claim_set(call, &note);
}

/* A meeting that ended tells how many people meetings have. */
static void
take_ended(struct round *round, const struct meeting *meeting)
{
	if (meeting->peak == 0)
		return;
	round->history.typical = load_typical_next(round->history.typical, meeting->peak);
	round->is_typical_new = true;
}

/* Do what is to change, and see what came of it. */
static enum store_result
set_meetings(struct round *round, const struct poll *poll,
    const struct reconcile_change *changes, size_t n)
{
	struct call *call = round->call;
	struct store_change *sets = arena_alloc(call->arena, (n + 1) * sizeof(*sets));

	for (size_t i = 0; i < n; i++)
		sets[i] = (struct store_change){
			.meeting_id = changes[i].meeting_id,
			.expected = changes[i].from,
			.wanted = changes[i].to,
		};
	enum store_result result = call->store->verbs->meetings_set(call->store, call->arena,
	    sets, n, call->request->now_ms);
	for (size_t i = 0; i < n && result == STORE_OK; i++) {
		if (changes[i].reason == RECONCILE_FOUND && sets[i].result == STORE_CONFLICT &&
		    sets[i].found.server &&
		    strcmp(sets[i].found.server, poll->server->name) != 0)
			take_double(round, poll, &sets[i]);
		if (changes[i].reason == RECONCILE_GONE && sets[i].result == STORE_OK)
			take_ended(round, changes[i].from);
	}
	return result;
}

/* Make the mappings to a server agree with what runs there. */
static enum store_result
reconcile_meetings(struct round *round, const struct poll *poll)
{
	struct call *call = round->call;
	const struct reconcile_rules rules = {
		.create_timeout_ms = call->config->create_timeout_ms,
		.poll_interval_ms = call->config->poll_interval_ms,
	};
	struct mapped *mapped;
	size_t n;

	if (call->store->verbs->meetings_on(call->store, call->arena, poll->server->name,
	        &mapped, &n) != STORE_OK)
		return STORE_FAILED;
	struct reconcile_change *changes;
	size_t n_changes = reconcile(call->arena, &poll->found, mapped, n, &rules, &changes);
	return set_meetings(round, poll, changes, n_changes);
}

/* ---- The servers' facts ------------------------------------------------------------ */

/* Count what is mapped to a server, and the seats that its meetings still expect. */
static enum store_result
count_load(const struct call *call, const struct poll *poll, struct server_facts *facts)
{
	int64_t now_ms = call->request->now_ms;
	struct mapped *mapped;
	size_t n;

	if (call->store->verbs->meetings_on(call->store, call->arena, poll->server->name,
	        &mapped, &n) != STORE_OK)
		return STORE_FAILED;
	/* A list that breaks off makes no server look idle from one poll to the next: as
	 * long as lists are not complete, each takes half of the load away at most. */
	if (poll->found.is_complete || poll->users > facts->users / 2)
		facts->users = poll->users;
	else
		facts->users /= 2;
	facts->meetings = (long)n;
	facts->reserved = 0;
	facts->reserved_ms = now_ms;
	for (size_t i = 0; i < n; i++) {
		const struct meeting *meeting = &mapped[i].meeting;

		facts->reserved += load_reserved(meeting->seats, meeting->users,
		    now_ms - meeting->claimed_ms);
	}
	return STORE_OK;
}

/* What one of the polls does to its server's facts: a health_apply. */
static bool
apply_poll(const struct call *call, const void *polls, size_t i, struct server_facts *facts)
{
	const struct poll *poll = (const struct poll *)polls + i;
	const struct server_rules rules = health_rules(call->config);
	int64_t now_ms = call->request->now_ms;

	if (!poll->is_asked) {
		/* Nothing was learnt; it is asked again in its turn. */
		facts->next_poll_ms = now_ms + rules.poll_interval_ms;
		return true;
	}
	bool is_good = has_answered(poll);
	int64_t good_ms = facts->good_ms;

	server_contact(facts, is_good ? CONTACT_POLL_GOOD : CONTACT_POLL_FAILED, &rules, now_ms,
	    call->request->nonce);
	/* A meeting that could not be read may be the one that is looked for, and so may one
	 * whose mapping could not be set: the server is well, but no picture is complete by
	 * this list. */
	if (is_good && (!poll->found.is_complete || !poll->is_settled))
		facts->good_ms = good_ms;
	/* One key that cannot be used hides no server's health. */
	if (is_good && count_load(call, poll, facts) != STORE_OK)
		facts->good_ms = good_ms;
	return true;
}

/* Note the load that is known after a good poll, if none of this minute was read before. */
static void
note_sample(const struct call *call, struct poll *poll, const struct server_facts *before,
    const struct server_facts *after)
{
	int64_t minute = call->request->now_ms / TREND_MINUTE_MS;

	poll->has_sample = has_answered(poll) && before->good_ms / TREND_MINUTE_MS != minute;
	poll->sample = (struct trend_sample){ after->users, after->meetings };
}

/* Save what the polls tell of the servers: all in one write, and again those of them
 * that others changed meanwhile. */
static void
save_facts(struct round *round)
{
	struct call *call = round->call;
	struct health_write *writes = arena_alloc(call->arena,
	    (round->n + 1) * sizeof(*writes));

	for (size_t i = 0; i < round->n; i++)
		writes[i].server = round->polls[i].server;
	health_write(call, writes, round->n, apply_poll, round->polls);
	for (size_t i = 0; i < round->n; i++) {
		const struct health_write *write = &writes[i];
		struct poll *poll = &round->polls[i];

		if (!write->is_done)
			continue;
		note_sample(call, poll, &write->before, &write->after);
		health_log(poll->server, &write->before, &write->after, call->name,
		    poll->answer->problem, call->request->now_ms);
	}
}

/* Save the samples of the servers' load that are due: one a minute each. */
static void
save_trends(const struct round *round)
{
	struct call *call = round->call;
	const struct store_verbs *verbs = call->store->verbs;
	struct store_trend *trends = arena_alloc(call->arena, (round->n + 1) * sizeof(*trends));
	const struct poll **at = arena_alloc(call->arena, (round->n + 1) * sizeof(*at));
	size_t n = 0, n_new = 0;

	for (size_t i = 0; i < round->n; i++) {
		if (!round->polls[i].has_sample)
			continue;
		at[n] = &round->polls[i];
		trends[n++].server = round->polls[i].server->name;
	}
	if (n == 0 || verbs->trends_get(call->store, trends, n) != STORE_OK)
		return;
	for (size_t i = 0; i < n; i++)
		if (trend_add(&trends[i].trend, call->request->now_ms, at[i]->sample.users,
		        at[i]->sample.meetings))
			trends[n_new++] = trends[i];
	verbs->trends_put(call->store, trends, n_new);
}

/* ---- A round --------------------------------------------------------------------------- */

/* The servers that are to be polled now: their indices in the configuration, what is known
 * of all, and whole_ms.  None without a state, in which all that a poll finds is kept. */
static size_t
choose_servers(struct call *call, bool is_round, size_t *chosen, struct server_facts *facts,
    int64_t *whole_ms)
{
	const struct config *config = call->config;

	if (call->store->verbs->servers_get(call->store, config->servers, config->n_servers,
	        facts, whole_ms) != STORE_OK)
		return 0;
	size_t n = 0;
	for (size_t i = 0; i < config->n_servers; i++)
		if (server_state_of(&config->servers[i], &facts[i]) != SERVER_DISABLED &&
		    (is_round || server_is_due(&facts[i], call->request->now_ms)))
			chosen[n++] = i;
	return n;
}

/* Look after the webhooks of those that answered, and their versions. */
static void
sync_others(struct round *round)
{
	struct call *call = round->call;
	const struct server **servers = arena_alloc(call->arena,
	    (round->n + 1) * sizeof(*servers));
	struct server_facts *then = arena_alloc(call->arena, (round->n + 1) * sizeof(*then));
	struct server_facts *now = arena_alloc(call->arena, (round->n + 1) * sizeof(*now));
	size_t n = 0;

	for (size_t i = 0; i < round->n; i++) {
		const struct poll *poll = &round->polls[i];

		if (!has_answered(poll))
			continue;
		servers[n] = poll->server;
		then[n] = round->before[poll->server - call->config->servers];
		now[n++] = poll->facts;
	}
	webhooks_sync(call, round->holder, servers, then, n);
	releases_sync(call, round->holder, servers, now, n);
}

/* Remember the lists, for those who ask for them when a server is silent. */
static void
save_lists(struct round *round)
{
	struct call *call = round->call;
	struct store_list *lists = arena_alloc(call->arena, (round->n + 1) * sizeof(*lists));
	size_t n = 0;

	for (size_t i = 0; i < round->n; i++) {
		const struct poll *poll = &round->polls[i];

		if (has_answered(poll) &&
		    call_may_remember(call, poll->server, "", poll->answer))
			lists[n++] = (struct store_list){ poll->server->name, call->name, "",
				poll->answer->document };
	}
	call->store->verbs->lists_put(call->store, lists, n);
}

/* Save what the round found. */
static void
save_round(struct round *round)
{
	struct call *call = round->call;
	const struct store_verbs *verbs = call->store->verbs;

	verbs->history_get(call->store, STR(""), &round->history);
	for (size_t i = 0; i < round->n; i++) {
		struct poll *poll = &round->polls[i];

		poll->is_settled = has_answered(poll) &&
		    reconcile_meetings(round, poll) == STORE_OK;
	}
	if (round->is_typical_new)
		verbs->typical_put(call->store, round->history.typical);
	save_facts(round);
	save_trends(round);
	save_lists(round);
	verbs->purge(call->store, call->request->now_ms);
}

static void
count_poll(const struct server *server, int64_t elapsed_ms)
{
	metrics_observe(METRIC_POLL_DURATION, 0, elapsed_ms * 1000);
	/* One that took less than a millisecond was done, too. */
	metrics_server_add(METRIC_SERVER_POLL_DURATION, server->name,
	    elapsed_ms > 0 ? elapsed_ms * 1000 : 500);
}

/* Does the finished call of a poll tell anything of its server?  None does that was not sent,
 * or had no answer while this host stood still.  An answer that is older than the lease holds
 * is not of use either: others may have polled since, and what they wrote is newer. */
static bool
is_of_use(const struct http_call *http)
{
	switch (http->result) {
	case HTTP_BUSY:
	case HTTP_SHORTAGE:
	case HTTP_ABANDONED:
		return false;
	case HTTP_ANSWERED:
	case HTTP_TOO_LARGE:
		return http->still_ms <= CALL_LEASE_SPARE_MS;
	default:
		return http->still_ms == 0;
	}
}

/* Ask the chosen servers. */
static void
ask_servers(struct round *round, const size_t *chosen, struct fanout *fanout)
{
	struct call *call = round->call;
	const struct config *config = call->config;
	struct known_list *known = config->runtime->known_lists;
	const struct server_rules rules = health_rules(config);

	fanout_init(fanout, call, round->n);
	fanout->list = &meetings;
	fanout->origin = RELAY_POLL;
	for (size_t i = 0; i < round->n; i++) {
		const struct server *server = &config->servers[chosen[i]];
		struct http_call *http = fanout_add(fanout, server);

		relay_prepare(call, server, http);
		/* A crowd of clients must not keep the gateway from seeing that the
		 * server hangs. */
		http->at_once = true;
		fanout->answers[i].known = &known[chosen[i]];
	}
	fanout_run(fanout, call->name, config->probe_timeout_ms, NULL);
	for (size_t i = 0; i < round->n; i++) {
		struct poll *poll = &round->polls[i];

		poll->server = fanout->servers[i];
		poll->answer = &fanout->answers[i];
		poll->facts = round->before[chosen[i]];
		poll->is_asked = is_of_use(&fanout->calls[i]) && !poll->answer->is_lost;
		if (poll->is_asked)
			count_poll(poll->server, fanout->calls[i].elapsed_ms);
		if (!has_answered(poll))
			continue;
		take_list(call, &known[chosen[i]], poll);
		/* It may be back from being down by this. */
		server_contact(&poll->facts, CONTACT_POLL_GOOD, &rules, call->request->now_ms,
		    call->request->nonce);
	}
}

/* Begin the poll, and choose none of those that another host should poll again.  Whoever asks
 * for a poll of all has it here and now. */
static size_t
begin_polls(const struct round *round, bool is_asked_for, size_t *chosen)
{
	struct call *call = round->call;
	const struct config *config = call->config;
	struct store_poll *polls = arena_alloc(call->arena, (round->n + 1) * sizeof(*polls));
	size_t n = 0;

	for (size_t i = 0; i < round->n; i++)
		polls[i] = (struct store_poll){
			.server = config->servers[chosen[i]].name,
			.may_leave = !is_asked_for && round->before[chosen[i]].failures > 0,
		};
	call->store->verbs->polls_begin(call->store, polls, round->n);
	for (size_t i = 0; i < round->n; i++)
		if (!polls[i].is_left)
			chosen[n++] = chosen[i];
	return n;
}

/* Poll the chosen servers, and do what comes of it. */
static void
poll_servers(struct round *round, const size_t *chosen)
{
	struct call *call = round->call;
	struct fanout fanout;

	round->polls = arena_alloc(call->arena, round->n * sizeof(*round->polls));
	round->copies = arena_alloc(call->arena, COPIES_AT_ONCE * sizeof(*round->copies));
	ask_servers(round, chosen, &fanout);
	save_round(round);
	/* It takes two more rounds; nobody else is to settle the same meanwhile. */
	if (round->n_copies > 0 && call_take_lease(call, round->holder, 3))
		copies_settle(call, round->copies, round->n_copies);
	sync_others(round);
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
	size_t *chosen = arena_alloc(arena, config->n_servers * sizeof(*chosen));
	struct server_facts *facts = arena_alloc(arena, config->n_servers * sizeof(*facts));
	struct call call;
	struct round round = {
		.call = &call,
		.holder = nonce >> 1, /* SQLite's integers have a sign */
		.before = facts,
	};

	call_init(&call, api, arena, now_ms, nonce);
	if (choose_servers(&call, is_round, chosen, facts, NULL) == 0 ||
	    !call_take_lease(&call, round.holder, 1))
		return;
	/* Another process may have polled while this one came for the lease. */
	round.n = choose_servers(&call, is_round, chosen, facts, &round.whole_ms);
	if (round.n > 0)
		round.n = begin_polls(&round, is_round, chosen);
	if (round.n > 0)
		poll_servers(&round, chosen);
	api->store->verbs->lease_take(api->store, round.holder, now_ms, 0);
}

bool
poll_is_due(const struct api *api, struct arena *arena, int64_t now_ms)
{
	size_t *chosen = arena_alloc(arena, api->config->n_servers * sizeof(*chosen));
	struct server_facts *facts = arena_alloc(arena,
	    api->config->n_servers * sizeof(*facts));
	struct call call;

	call_init(&call, api, arena, now_ms, 0);
	return choose_servers(&call, false, chosen, facts, NULL) > 0;
}

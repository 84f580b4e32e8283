/*
 * tinyscale/status: what the gateway knows, for people (status_page.c) and as JSON.
 *
 * All of it is read from the state; no server is asked.  No meetingID is in it, no secret,
 * and of servers their names alone.
 */
#include "calls/status.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "core/claim.h"
#include "core/health.h"
#include "core/reply.h"
#include "formats/json.h"
#include "model/load.h"

/* How many servers a sentence names. */
#define NAMES_MOST 5

const char *
call_status_age(const struct status *status, int64_t then_ms)
{
	struct arena *arena = status->call->arena;
	int64_t s = (status->now_ms - then_ms) / 1000;

	if (s < 1)
		return "now";
	if (s < 120)
		return str_printf(arena, "%" PRId64 " s", s);
	if (s < 2 * 3600)
		return str_printf(arena, "%" PRId64 " min", s / 60);
	if (s < 48 * 3600)
		return str_printf(arena, "%" PRId64 " h", s / 3600);
	return str_printf(arena, "%" PRId64 " days", s / 86400);
}

/* ---- What is known of one server -------------------------------------------------- */

/* Is what is known of its health too old to be believed, as where nobody polls? */
static bool
is_unknown(const struct status *status, const struct status_server *row)
{
	const struct server_rules rules = health_rules(status->call->config);

	return row->state == SERVER_DISABLED ||
	    !server_is_polled(row->facts, &rules, status->now_ms);
}

/* Why a server in use has an unknown health. */
static const char *
why_unknown(const struct status *status, const struct status_server *row)
{
	if (!status->has_state)
		return "nothing is known of it";
	if (row->facts->polled_ms == 0)
		return "was never polled";
	return str_printf(status->call->arena, "was polled last %s ago",
	    call_status_age(status, row->facts->polled_ms));
}

/* Why a server is not up. */
static const char *
why_ill(const struct status *status, const struct status_server *row)
{
	const struct server_facts *facts = row->facts;

	if (facts->failures == 0)
		return facts->health == SERVER_DOWN ?
		    "has to answer more polls to be up again" :
		    "a call to it failed";
	if (facts->failures == 1)
		return "has not answered: 1 poll failed";
	return str_printf(status->call->arena, "has not answered for %s: %d polls failed",
	    call_status_age(status, facts->failing_ms), facts->failures);
}

/* Why it is not used as the others are, and how bad that is. */
static void
judge(const struct status *status, struct status_server *row)
{
	const struct server_facts *facts = row->facts;

	row->level = STATUS_DOUBT;
	if (row->state != SERVER_ENABLED) {
		row->level = STATUS_WANTED;
		row->problem = facts->has_operator_state ?
		    str_printf(status->call->arena, "%s by an operator",
		        server_state_name(row->state)) :
		    str_printf(status->call->arena, "%s in the configuration",
		        server_state_name(row->state));
	}
	if (row->state == SERVER_DISABLED)
		return;
	if (is_unknown(status, row)) {
		row->level = STATUS_DOUBT;
		row->problem = why_unknown(status, row);
	} else if (facts->health != SERVER_UP) {
		row->level = facts->health == SERVER_DOWN ? STATUS_BAD : STATUS_DOUBT;
		row->problem = why_ill(status, row);
	} else if (row->state != SERVER_ENABLED) {
		return;
	} else if (row->reason == PLACEMENT_HELD) {
		row->problem = "answers its polls, but creates fail there";
	} else if (!row->takes_meetings) {
		row->problem = placement_reason_text(row->reason);
	} else {
		row->level = STATUS_GOOD;
	}
}

static void
read_server(struct status *status, struct status_server *row,
    const struct placement_candidate *candidate, const struct server_facts *facts)
{
	const struct server *server = candidate->server;

	*row = (struct status_server){
		.server = server,
		.facts = facts,
		.state = server_state_of(server, facts),
		.expected = load_reserved_now(facts, status->now_ms),
		.contact_ms = facts->failures > 0 ? facts->good_ms : facts->polled_ms,
		.reason = candidate->reason,
		/* Whose tags do not fit takes the meetings of others. */
		.takes_meetings = candidate->reason == PLACEMENT_CHOSEN ||
		    candidate->reason == PLACEMENT_BUSIER ||
		    candidate->reason == PLACEMENT_TAGS,
	};
	row->load = ((double)facts->users + row->expected) / server->weight;
	row->health = is_unknown(status, row) ? "unknown" : server_health_name(facts->health);
	judge(status, row);
	status->n_taking += row->takes_meetings;
	if (row->state == SERVER_DISABLED)
		return;
	status->n_used++;
	status->n_up += row->level != STATUS_BAD && facts->health == SERVER_UP &&
	    !is_unknown(status, row);
	status->meetings += facts->meetings;
	status->users += facts->users;
	status->expected += row->expected;
}

/* ---- All of them ------------------------------------------------------------------- */

/* Append the names of the servers of that level. */
static size_t
add_names(struct buf *out, const struct status *status, enum status_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < status->n; i++) {
		if (status->servers[i].level != level)
			continue;
		if (n < NAMES_MOST)
			buf_printf(out, "%s%s", n > 0 ? ", " : "",
			    status->servers[i].server->name);
		n++;
	}
	if (n > NAMES_MOST)
		buf_printf(out, " and %zu more", n - NAMES_MOST);
	return n;
}

/* What is wrong, the worst first. */
static const char *
summarize(const struct status *status)
{
	struct arena *arena = status->call->arena;
	struct buf out, names;

	if (!status->has_state)
		return config_has_state(status->call->config) ?
		    "The state cannot be read and written: little is known of the servers." :
		    "There is no state (\"state\": \"none\"): nothing is known of the servers.";
	buf_init(&out, LIMIT_ANSWER_BYTES);
	if (status->n_taking == 0)
		buf_text(&out, "No server can take a new meeting. ");
	static const char *const are[] = {
		[STATUS_DOUBT] = "in doubt",
		[STATUS_BAD] = "down",
	};
	for (int level = STATUS_BAD; level >= STATUS_DOUBT; level--) {
		buf_init(&names, LIMIT_ANSWER_BYTES);
		size_t n = add_names(&names, status, (enum status_level)level);
		struct str text = buf_take(&names, arena);

		if (n == 1)
			buf_printf(&out, "%.*s is %s. ", STR_ARG(text), are[level]);
		else if (n > 1)
			buf_printf(&out, "%zu servers are %s: %.*s. ", n, are[level],
			    STR_ARG(text));
	}
	if (status->is_good)
		buf_text(&out,
		    status->n_used > 1 ? "All servers in use are up." : "The server is up.");
	return str_copy(arena, str_trim(buf_take(&out, arena)));
}

/* Add up the samples of the servers in use, minute by minute. */
static void
add_up(struct status *status)
{
	for (int ago = TREND_MINUTES - 1; ago >= 0; ago--) {
		int64_t at_ms = status->now_ms - ago * TREND_MINUTE_MS;
		struct trend_sample sum = { -1, -1 };

		for (size_t i = 0; i < status->n; i++) {
			const struct status_server *row = &status->servers[i];
			struct trend_sample sample = trend_at(row->trend, status->now_ms, ago);

			if (row->state == SERVER_DISABLED || sample.users < 0)
				continue;
			sum.users = sample.users + (sum.users > 0 ? sum.users : 0);
			sum.meetings = sample.meetings + (sum.meetings > 0 ? sum.meetings : 0);
		}
		if (sum.users >= 0)
			trend_add(&status->trend, at_ms, sum.users, sum.meetings);
	}
}

static void
read_history(struct status *status)
{
	struct call *call = status->call;
	const struct store_verbs *verbs = call->store->verbs;
	struct store_trend *trends = arena_alloc(call->arena,
	    (status->n + 1) * sizeof(*trends));

	for (size_t i = 0; i < status->n; i++) {
		trends[i].server = status->servers[i].server->name;
		status->servers[i].trend = &trends[i].trend;
	}
	/* What cannot be read is empty. */
	verbs->trends_get(call->store, trends, status->n);
	verbs->events_get(call->store, call->arena, &status->events, &status->n_events);
	add_up(status);
}

static void
read_status(struct call *call, struct status *status)
{
	const struct server_facts *facts = health_facts(call);
	struct claim claim;

	claim_init(&claim, call);
	claim_explain(&claim, call);
	*status = (struct status){
		.call = call,
		.now_ms = call->request->now_ms,
		.has_state = call->whole_ms < INT64_MAX,
		.n = call->config->n_servers,
		.servers = arena_alloc(call->arena,
		    call->config->n_servers * sizeof(*status->servers)),
	};
	status->is_good = status->has_state;
	for (size_t i = 0; i < status->n; i++) {
		read_server(status, &status->servers[i], &claim.placement.candidates[i],
		    &facts[i]);
		if (status->servers[i].level >= STATUS_DOUBT)
			status->is_good = false;
	}
	status->is_good = status->is_good && status->n_taking > 0;
	read_history(status);
	status->summary = summarize(status);
}

/* ---- JSON -------------------------------------------------------------------------- */

/* Append a member: a text (NULL: null), a time (0: null), a limit (below 0: null). */
static void
add_text(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	json_string(out, str_from(value));
	buf_char(out, ',');
}

static void
add_time(struct buf *out, const char *name, int64_t ms)
{
	if (ms == 0)
		buf_printf(out, "\"%s\":null,", name);
	else
		buf_printf(out, "\"%s\":%" PRId64 ",", name, ms);
}

static void
add_limit(struct buf *out, const char *name, long limit)
{
	if (limit < 0)
		buf_printf(out, "\"%s\":null,", name);
	else
		buf_printf(out, "\"%s\":%ld,", name, limit);
}

static void
add_bool(struct buf *out, const char *name, bool value)
{
	buf_printf(out, "\"%s\":%s,", name, value ? "true" : "false");
}

/* Append the last hour, the oldest minute first; null where there is no sample. */
static void
add_trend(struct buf *out, const struct status *status, const struct trend *trend)
{
	static const char *const names[] = { "users_by_minute", "meetings_by_minute" };

	for (int which = 0; which < 2; which++) {
		buf_printf(out, "\"%s\":[", names[which]);
		for (int ago = TREND_MINUTES - 1; ago >= 0; ago--) {
			struct trend_sample sample = trend_at(trend, status->now_ms, ago);

			if (sample.users < 0)
				buf_text(out, "null");
			else
				buf_printf(out, "%ld",
				    which == 0 ? sample.users : sample.meetings);
			buf_text(out, ago > 0 ? "," : "],");
		}
	}
}

/* End an object or an array, whose last member has a comma behind it. */
static void
end(struct buf *out, const char *bracket)
{
	if (out->len > 0 && out->data[out->len - 1] == ',')
		out->data[--out->len] = '\0';
	buf_text(out, bracket);
}

static void
add_server(struct buf *out, const struct status *status, const struct status_server *row)
{
	const struct server *server = row->server;

	buf_char(out, '{');
	add_text(out, "name", server->name);
	add_text(out, "health", row->health);
	add_text(out, "state", server_state_name(row->state));
	add_bool(out, "by_operator", row->facts->has_operator_state);
	buf_printf(out, "\"meetings\":%ld,\"users\":%ld,\"expected\":%.0f,\"load\":%.1f,",
	    row->facts->meetings, row->facts->users, row->expected, row->load);
	buf_printf(out, "\"weight\":%.6g,", server->weight);
	add_limit(out, "max_meetings", server->max_meetings);
	add_limit(out, "max_users", server->max_users);
	buf_text(out, "\"tags\":[");
	for (size_t i = 0; i < server->n_tags; i++) {
		json_string(out, str_from(server->tags[i]));
		buf_char(out, ',');
	}
	end(out, "],");
	add_text(out, "release", row->facts->release[0] ? row->facts->release : NULL);
	add_time(out, "polled_ms", row->facts->polled_ms);
	add_time(out, "answered_ms", row->contact_ms);
	add_time(out, "failing_ms", row->facts->failures > 0 ? row->facts->failing_ms : 0);
	buf_printf(out, "\"failed_polls\":%d,", row->facts->failures);
	add_bool(out, "takes_meetings", row->takes_meetings);
	add_text(out, "reason", placement_reason_text(row->reason));
	add_text(out, "problem", row->problem);
	add_trend(out, status, row->trend);
	end(out, "},");
}

static void
answer_json(const struct status *status)
{
	struct call *call = status->call;
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_char(&out, '{');
	add_text(&out, "version", PACKAGE_VERSION);
	add_time(&out, "time_ms", status->now_ms);
	add_bool(&out, "good", status->is_good);
	add_text(&out, "summary", status->summary);
	add_bool(&out, "state_usable", status->has_state);
	add_text(&out, "placement", placement_policy_name(call->config->placement));
	buf_printf(&out,
	    "\"servers_in_use\":%zu,\"servers_up\":%zu,\"meetings\":%ld,\"users\":%ld,"
	    "\"expected\":%.0f,",
	    status->n_used, status->n_up, status->meetings, status->users, status->expected);
	add_trend(&out, status, &status->trend);
	buf_text(&out, "\"servers\":[");
	for (size_t i = 0; i < status->n; i++)
		add_server(&out, status, &status->servers[i]);
	end(&out, "],\"changes\":[");
	for (size_t i = 0; i < status->n_events; i++) {
		buf_char(&out, '{');
		add_time(&out, "at_ms", status->events[i].at_ms);
		add_text(&out, "server", status->events[i].server);
		add_text(&out, "change", event_name(status->events[i].kind));
		end(&out, "},");
	}
	end(&out, "],");
	end(&out, "}\n");
	reply_text(call->response, 200, buf_take(&out, call->arena));
	call->response->content_type = "application/json; charset=utf-8";
}

void
call_status(struct call *call)
{
	struct status status;

	read_status(call, &status);
	if (str_is(query_find(&call->parameters, "format"), "json"))
		answer_json(&status);
	else
		call_status_page(&status);
}

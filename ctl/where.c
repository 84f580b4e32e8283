/*
 * where a meeting is, and why a create would go where it would go.
 */
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "commands.h"
#include "config/config.h"
#include "core/claim.h"
#include "core/health.h"
#include "ctl.h"
#include "model/load.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- where ------------------------- */

/* Where a join of a mapped meeting does not go to its server, why not; else NULL. */
static const char *
obstacle(const struct server *server, const struct server_facts *facts)
{
	if (!server)
		return "that server is no longer in the configuration";
	if (server_state_of(server, facts) == SERVER_DISABLED)
		return "that server is disabled: the meeting counts as unknown";
	if (facts->health == SERVER_DOWN)
		return "that server is down: the meeting counts as unknown, and the next "
		       "create places it anew";
	return NULL;
}

static void
write_where(struct ctl *ctl, struct str meeting_id, const struct meeting *meeting,
    const struct server *server, const char *problem)
{
	struct buf out;

	ctl_begin(&out);
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_text(&out, "{\"meetingID\":");
		text_json(&out, meeting_id);
		buf_text(&out, ",\"server\":");
		text_json(&out, str_from(meeting->server));
		if (server) {
			buf_text(&out, ",\"url\":");
			text_json(&out, str_from(server->base));
		}
		buf_printf(&out,
		    ",\"users\":%ld,\"since_ms\":%lld,\"is_ending\":%s,\"reachable\":%s}\n",
		    meeting->users, (long long)meeting->claimed_ms,
		    meeting->is_ending ? "true" : "false", problem ? "false" : "true");
	} else {
		buf_printf(&out, "%s\n", meeting->server);
	}
	ctl_write(&out);
	if (problem)
		ctl_complain("%s", problem);
}

int
command_where(struct ctl *ctl)
{
	struct str meeting_id = str_trim(str_from(ctl->words[0]));
	struct server_facts facts;
	struct meeting meeting;

	if (!ctl_open_state(ctl))
		return CTL_WRONG;
	const struct config *config = ctl->api.config;
	switch (ctl->api.store->verbs->meeting_get(ctl->api.store, ctl->arena, meeting_id,
	    ctl_now_ms(), &meeting, &facts, NULL)) {
	case STORE_OK:
		break;
	case STORE_ABSENT:
	case STORE_NOT_FOUND:
		ctl_complain(
		    "the gateway does not know the meeting %s; a call about it would "
		    "ask the servers",
		    ctl_plain(ctl, meeting_id));
		return CTL_WRONG;
	default:
		ctl_complain_of_state(ctl, "cannot be read");
		return CTL_WRONG;
	}
	const struct server *server = config_server_find(config, meeting.server);
	const struct server_rules rules = health_rules(config);
	server_believe(&facts, &rules, ctl_now_ms());
	const char *problem = obstacle(server, &facts);
	write_where(ctl, meeting_id, &meeting, server, problem);
	return problem ? CTL_WRONG : CTL_GOOD;
}

/* ---- explain ------------------------- */

static const struct table_column explain_columns[] = {
	{ "name", "SERVER", false, 12 },
	{ "score", "SCORE", true, 0 },
	{ "reason", "WHY", false, 12 },
	{ "users", "USERS", true, 0 },
	{ "expected", "EXPECTED", true, 0 },
	{ "meetings", "MEETINGS", true, 0 },
	{ "weight", "WEIGHT", true, 0 },
};

static bool
has_score(enum placement_reason reason)
{
	return reason == PLACEMENT_CHOSEN || reason == PLACEMENT_BUSIER;
}

static void
fill_explanation(struct table *table, const struct placement *placement)
{
	for (size_t i = 0; i < placement->n; i++) {
		const struct placement_candidate *candidate = &placement->candidates[i];

		table_text(table, candidate->server->name);
		if (has_score(candidate->reason))
			table_real(table, candidate->score, 3);
		else
			table_cell(table, "-", "null");
		table_text(table, placement_reason_text(candidate->reason));
		if (candidate->reason == PLACEMENT_CHOSEN)
			table_colour(table, TABLE_GREEN);
		table_number(table, candidate->facts.users);
		table_real(table, load_reserved_now(&candidate->facts, placement->now_ms), 0);
		table_number(table, candidate->facts.meetings);
		table_cell(table, str_printf(table->arena, "%.4g", candidate->server->weight),
		    str_printf(table->arena, "%.6g", candidate->server->weight));
	}
}

/* Where the meeting is mapped already to a server that has it, that server; else NULL. */
static const struct server *
known_server(struct ctl *ctl, const struct call *call)
{
	struct server_facts facts;
	struct meeting meeting;

	if (call->meeting_id.len == 0 ||
	    call->store->verbs->meeting_get(call->store, ctl->arena, call->meeting_id,
	        call->request->now_ms, &meeting, &facts, NULL) != STORE_OK)
		return NULL;
	const struct server_rules rules = health_rules(call->config);
	server_believe(&facts, &rules, call->request->now_ms);
	const struct server *server = config_server_find(call->config, meeting.server);
	return obstacle(server, &facts) ? NULL : server;
}

static void
write_explanation(struct ctl *ctl, const struct call *call, const struct claim *claim,
    const struct server *known)
{
	const struct placement *placement = &claim->placement;
	const char *policy = placement_policy_name(placement->policy);
	struct table table;
	struct buf out;

	table_init(&table, ctl->arena, explain_columns, COUNT(explain_columns));
	fill_explanation(&table, placement);
	ctl_begin(&out);
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_printf(&out, "{\"placement\":\"%s\",\"seats\":%ld,\"known_on\":", policy,
		    placement->seats);
		buf_text(&out, known ? "" : "null");
		if (known)
			text_json(&out, str_from(known->name));
		buf_text(&out, ",\"chosen\":");
		buf_text(&out, claim->server ? "" : "null");
		if (claim->server)
			text_json(&out, str_from(claim->server->name));
		buf_text(&out, ",\"servers\":");
		table_write_json(&table, &out);
		buf_text(&out, "}\n");
		ctl_write(&out);
		return;
	}
	if (known)
		buf_printf(&out,
		    "The meeting %s is on %s, and a create of it goes there. Else:\n\n",
		    ctl_plain(ctl, call->meeting_id), known->name);
	buf_printf(&out, "%s, %ld seats for the new meeting; the lowest score is chosen\n\n",
	    policy, placement->seats);
	table_write(&table, &out, ctl->in_colour);
	ctl_write(&out);
}

int
command_explain(struct ctl *ctl)
{
	struct str query = ctl->n_words > 0 ? str_from(ctl->words[0]) : STR("");
	struct query parameters;

	if (query.len > LIMIT_QUERY_BYTES ||
	    query_parse(ctl->arena, query, &parameters) != QUERY_FINE) {
		ctl_complain(
		    "QUERY is as in a URL, such as "
		    "'meetingID=room%%201&maxParticipants=80'");
		return CTL_USAGE;
	}
	if (!ctl_open_state(ctl) || !ctl_facts(ctl, NULL))
		return CTL_WRONG;
	struct call *call = ctl_call(ctl, "create", query);
	const struct config *config = call->config;
	struct claim claim;
	call->meeting_id = str_trim(query_find(&call->parameters, "meetingID"));
	call_apply_parameters(call, &config->create_defaults, &config->create_overrides);
	claim_init(&claim, call);
	claim_explain(&claim, call);
	const struct server *known = known_server(ctl, call);
	write_explanation(ctl, call, &claim, known);
	if (claim.server)
		return CTL_GOOD;
	ctl_complain("no server can take the meeting");
	return known ? CTL_GOOD : CTL_WRONG;
}

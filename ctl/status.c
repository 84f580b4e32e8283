/*
 * status, servers, meetings: what the gateway knows.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/built.h"
#include "commands.h"
#include "config/config.h"
#include "core/claim.h"
#include "core/health.h"
#include "ctl.h"
#include "model/load.h"
#include "state.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is read for one answer. */
struct picture {
	struct ctl *ctl;
	const struct config *config;
	struct call *call;
	int64_t now_ms;
	bool can_write;                    /* … the state */
	const struct server_facts *facts;  /* as they are */
	const struct placement *placement; /* what a create without wishes finds */
	size_t n_up, n_used;               /* up; and not disabled */
	long meetings, users;
	double expected;
	int64_t polled_ms; /* the last poll of any server; 0: never */
};

static bool
read_picture(struct ctl *ctl, struct picture *picture)
{
	if (!ctl_open_state(ctl))
		return false;
	*picture = (struct picture){
		.ctl = ctl,
		.config = ctl->api.config,
		.call = ctl_call(ctl, "create", STR("")),
	};
	picture->facts = ctl_facts(ctl, &picture->can_write);
	if (!picture->facts)
		return false;
	picture->now_ms = picture->call->request->now_ms;
	struct claim *claim = arena_alloc(ctl->arena, sizeof(*claim));
	claim_init(claim, picture->call);
	claim_explain(claim, picture->call);
	picture->placement = &claim->placement;
	for (size_t i = 0; i < picture->config->n_servers; i++) {
		const struct server_facts *facts = &picture->facts[i];

		if (facts->polled_ms > picture->polled_ms)
			picture->polled_ms = facts->polled_ms;
		if (server_state_of(&picture->config->servers[i], facts) == SERVER_DISABLED)
			continue;
		picture->n_used++;
		picture->n_up += facts->health == SERVER_UP;
		picture->meetings += facts->meetings;
		picture->users += facts->users;
		picture->expected += load_reserved_now(facts, picture->now_ms);
	}
	return true;
}

/* Is what is known of the server's health too old to be believed, as where nobody polls? */
static bool
is_unknown(const struct picture *picture, size_t i)
{
	const struct server_rules rules = health_rules(picture->config);
	bool is_disabled = server_state_of(&picture->config->servers[i], &picture->facts[i]) ==
	    SERVER_DISABLED;

	return is_disabled || !server_is_polled(&picture->facts[i], &rules, picture->now_ms);
}

static void
add_health(struct table *table, const struct picture *picture, size_t i)
{
	static const enum table_colour colours[] = {
		[SERVER_UP] = TABLE_GREEN,
		[SERVER_SUSPECT] = TABLE_YELLOW,
		[SERVER_DOWN] = TABLE_RED,
	};
	enum server_health health = picture->facts[i].health;

	if (is_unknown(picture, i)) {
		table_cell(table, "unknown", "\"unknown\"");
		return;
	}
	table_text(table, server_health_name(health));
	table_colour(table, colours[health]);
}

static void
add_state(struct table *table, const struct picture *picture, size_t i)
{
	enum server_state state = server_state_of(&picture->config->servers[i],
	    &picture->facts[i]);

	table_text(table, server_state_name(state));
	if (state != SERVER_ENABLED)
		table_colour(table, TABLE_YELLOW);
}

/* A time as programs read it, in milliseconds since 1970 or null, and people as an age. */
static void
add_age(struct table *table, const struct picture *picture, int64_t then_ms)
{
	struct arena *arena = table->arena;

	if (then_ms == 0)
		table_cell(table, "never", "null");
	else
		table_cell(table, text_age(arena, picture->now_ms - then_ms),
		    str_printf(arena, "%lld", (long long)then_ms));
}

/* ---- What is wrong ------------------------- */

/* "07:48:12", or with the date when that was not today. */
static const char *
clock_of(const struct picture *picture, int64_t then_ms)
{
	time_t then = (time_t)(then_ms / 1000), now = (time_t)(picture->now_ms / 1000);
	struct tm local, today;
	char text[40];

	localtime_r(&then, &local);
	localtime_r(&now, &today);
	bool is_today = local.tm_yday == today.tm_yday && local.tm_year == today.tm_year;
	strftime(text, sizeof(text), is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &local);
	return str_copy(picture->ctl->arena, str_from(text));
}

/* Why the server is not used as others are, and what to do, in a line; or NULL. */
static const char *
problem_of(const struct picture *picture, size_t i)
{
	const struct server *server = &picture->config->servers[i];
	const struct server_facts *facts = &picture->facts[i];
	struct arena *arena = picture->ctl->arena;
	enum server_state state = server_state_of(server, facts);
	enum placement_reason reason = picture->placement->candidates[i].reason;

	if (state != SERVER_ENABLED)
		return facts->has_operator_state ?
		    str_printf(arena, "%s by an operator; tinyscalectl %s undoes it",
		        server_state_name(state),
		        state == SERVER_DISABLED ? "enable" : "uncordon") :
		    str_printf(arena, "%s in the configuration", server_state_name(state));
	if (facts->polled_ms == 0)
		return "was never polled: does the gateway run?";
	if (is_unknown(picture, i))
		return str_printf(arena,
		    "was polled last %s ago: does the gateway run? \"tinyscalectl poll\" asks",
		    text_age(arena, picture->now_ms - facts->polled_ms));
	if (facts->health != SERVER_UP)
		return str_printf(arena,
		    "%s: %d polls failed%s%s; tinyscalectl check tells why",
		    facts->health == SERVER_DOWN ? "down" : "no new meetings", facts->failures,
		    facts->failing_ms > 0 && facts->failures > 0 ? " since " : "",
		    facts->failing_ms > 0 && facts->failures > 0 ?
		        clock_of(picture, facts->failing_ms) :
		        "");
	if (reason == PLACEMENT_HELD)
		return "answers its polls, but creates fail there: no new meetings for now";
	if (reason == PLACEMENT_FULL || reason == PLACEMENT_CROWDED)
		return str_printf(arena, "takes no new meetings: %s",
		    placement_reason_text(reason));
	return NULL;
}

/* Is it no more than an operator's wish? */
static bool
is_wanted(const struct picture *picture, size_t i)
{
	return server_state_of(&picture->config->servers[i], &picture->facts[i]) !=
	    SERVER_ENABLED;
}

/* Is a server that is in use not up, or not known to be; or the state not to be written? */
static bool
is_ill(const struct picture *picture)
{
	if (!picture->can_write)
		return true;
	for (size_t i = 0; i < picture->config->n_servers; i++) {
		bool is_disabled = server_state_of(&picture->config->servers[i],
		                       &picture->facts[i]) == SERVER_DISABLED;

		if (!is_disabled &&
		    (is_unknown(picture, i) || picture->facts[i].health != SERVER_UP))
			return true;
		if (!is_wanted(picture, i) &&
		    picture->placement->candidates[i].reason == PLACEMENT_HELD)
			return true;
	}
	return false;
}

/* ---- status ------------------------- */

static const struct table_column status_columns[] = {
	{ "name", "SERVER", false, 12 },
	{ "health", "HEALTH", false, 0 },
	{ "state", "STATE", false, 0 },
	{ "meetings", "MEETINGS", true, 0 },
	{ "users", "USERS", true, 0 },
	{ "expected", "EXPECTED", true, 0 },
	{ "polled_ms", "POLLED", true, 0 },
	{ "by_operator", NULL, false, 0 },
	{ "failed_polls", NULL, false, 0 },
	{ "takes_meetings", NULL, false, 0 },
	{ "problem", NULL, false, 0 },
};

static void
fill_status(struct table *table, const struct picture *picture)
{
	for (size_t i = 0; i < picture->config->n_servers; i++) {
		const struct server_facts *facts = &picture->facts[i];
		enum placement_reason reason = picture->placement->candidates[i].reason;

		table_text(table, picture->config->servers[i].name);
		add_health(table, picture, i);
		add_state(table, picture, i);
		table_number(table, facts->meetings);
		table_number(table, facts->users);
		table_real(table, load_reserved_now(facts, picture->now_ms), 0);
		add_age(table, picture, facts->polled_ms);
		table_bool(table, facts->has_operator_state);
		table_number(table, facts->failures);
		/* Whose tags do not fit takes those of others. */
		table_bool(table,
		    reason == PLACEMENT_CHOSEN || reason == PLACEMENT_BUSIER ||
		        reason == PLACEMENT_TAGS);
		table_text(table, problem_of(picture, i));
	}
}

static void
add_problems(struct buf *out, const struct picture *picture)
{
	bool is_first = true;

	for (size_t i = 0; i < picture->config->n_servers; i++) {
		const char *problem = problem_of(picture, i);

		if (!problem)
			continue;
		buf_text(out, is_first ? "\n" : "");
		is_first = false;
		buf_printf(out, "%s: %s\n", picture->config->servers[i].name, problem);
	}
	if (!picture->can_write)
		buf_printf(out, "%sthe state cannot be written: %s\n", is_first ? "\n" : "",
		    ctl_state_reason(picture->ctl));
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static const char *
json_of(struct arena *arena, const char *text)
{
	struct buf json;

	ctl_begin(&json);
	text_json(&json, str_from(text));
	return buf_take(&json, arena).data;
}

/* The state is "none": all that can be said. */
static void
show_stateless(struct ctl *ctl, struct buf *out)
{
	if (!ctl_has(ctl, OPTION_JSON)) {
		state_write(ctl, NULL, out);
		return;
	}
	buf_printf(out,
	    "{\"version\":\"" BUILT_VERSION
	    "\",\"time_ms\":%lld,\"placement\":\"%s\",\"good\":false,\"servers\":[],\"state\":",
	    (long long)ctl_now_ms(), placement_policy_name(ctl->api.config->placement));
	state_write_json(ctl, NULL, out);
	buf_text(out, "}\n");
}

static int
show_status(struct ctl *ctl, struct buf *out)
{
	struct picture picture;
	struct table table;

	if (!read_picture(ctl, &picture)) {
		if (ctl->api.config && !config_has_state(ctl->api.config))
			show_stateless(ctl, out);
		return CTL_WRONG;
	}
	table_init(&table, ctl->arena, status_columns, COUNT(status_columns));
	fill_status(&table, &picture);
	const struct config *config = picture.config;
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_printf(out,
		    "{\"version\":\"" BUILT_VERSION
		    "\",\"time_ms\":%lld,"
		    "\"placement\":\"%s\",\"good\":%s,\"meetings\":%ld,\"users\":%ld,"
		    "\"expected\":%.0f,\"servers\":",
		    (long long)picture.now_ms, placement_policy_name(config->placement),
		    is_ill(&picture) ? "false" : "true", picture.meetings, picture.users,
		    picture.expected);
		table_write_json(&table, out);
		buf_text(out, ",\"state\":");
		state_write_json(ctl, picture.can_write ? NULL : ctl_state_reason(ctl), out);
		buf_text(out, "}\n");
	} else {
		buf_printf(out,
		    "%zu server%s, %zu up; %ld meeting%s, %ld user%s, %.0f expected",
		    config->n_servers, plural(config->n_servers), picture.n_up,
		    picture.meetings, plural((size_t)picture.meetings), picture.users,
		    plural((size_t)picture.users), picture.expected);
		if (ctl_has(ctl, OPTION_WATCH))
			buf_printf(out, "; %s", clock_of(&picture, picture.now_ms));
		buf_text(out, "\n\n");
		table_write(&table, out, ctl->in_colour);
		add_problems(out, &picture);
		buf_char(out, '\n');
		state_write(ctl, picture.can_write ? NULL : "cannot be written", out);
	}
	return is_ill(&picture) ? CTL_WRONG : CTL_GOOD;
}

int
command_status(struct ctl *ctl)
{
	return ctl_show(ctl, show_status);
}

/* ---- servers ------------------------- */

static const struct table_column servers_columns[] = {
	{ "name", "SERVER", false, 8 },
	{ "url", "URL", false, 20 },
	{ "state", "STATE", false, 0 },
	{ "set_by", "SET BY", false, 0 },
	{ "weight", "WEIGHT", true, 0 },
	{ "tags", "TAGS", false, 6 },
	{ NULL, "MOST", true, 0 },
	{ "release", "RELEASE", false, 0 },
	{ "health", NULL, false, 0 },
	{ "max_meetings", NULL, false, 0 },
	{ "max_users", NULL, false, 0 },
	{ "checksum_algorithm", NULL, false, 0 },
	{ "secrets", NULL, false, 0 },
	{ "secret_in_use", NULL, false, 0 },
	{ "meetings", NULL, false, 0 },
	{ "users", NULL, false, 0 },
	{ "next_poll_ms", NULL, false, 0 },
	{ "in_use_since_ms", NULL, false, 0 },
	{ "back_from_down_ms", NULL, false, 0 },
};

static void
add_tags(struct table *table, const struct server *server)
{
	struct buf text, json;

	ctl_begin(&text);
	ctl_begin(&json);
	for (size_t i = 0; i < server->n_tags; i++) {
		buf_printf(&text, "%s%s", i > 0 ? "," : "", server->tags[i]);
		buf_char(&json, i > 0 ? ',' : '[');
		text_json(&json, str_from(server->tags[i]));
	}
	buf_text(&json, server->n_tags > 0 ? "]" : "[]");
	table_cell(table, buf_take(&text, table->arena).data,
	    buf_take(&json, table->arena).data);
}

/* A limit, or null. */
static void
add_limit(struct table *table, long limit)
{
	if (limit < 0)
		table_text(table, NULL);
	else
		table_number(table, limit);
}

/* The limits for people: "30/400", meetings and users, with "-" for none. */
static const char *
limits_of(struct arena *arena, const struct server *server)
{
	const char *meetings = server->max_meetings < 0 ?
	    "-" :
	    str_printf(arena, "%ld", server->max_meetings);
	const char *users = server->max_users < 0 ?
	    "-" :
	    str_printf(arena, "%ld", server->max_users);

	return str_printf(arena, "%s/%s", meetings, users);
}

/* The server's URL for people: without what all have, and without https. */
static const char *
shown_url(struct arena *arena, const struct server *server)
{
	struct str url = str_from(server->base), api = STR("/bigbluebutton/api");

	if (url.len > api.len && str_equal(str_part(url, url.len - api.len, api.len), api))
		url.len -= api.len;
	if (str_starts(url, "https://"))
		url = str_part(url, strlen("https://"), SIZE_MAX);
	return str_copy(arena, url);
}

static void
fill_servers(struct table *table, const struct picture *picture)
{
	for (size_t i = 0; i < picture->config->n_servers; i++) {
		const struct server *server = &picture->config->servers[i];
		const struct server_facts *facts = &picture->facts[i];

		table_text(table, server->name);
		table_cell(table, shown_url(table->arena, server),
		    json_of(table->arena, server->base));
		add_state(table, picture, i);
		table_text(table, facts->has_operator_state ? "operator" : "file");
		table_cell(table, str_printf(table->arena, "%.4g", server->weight),
		    str_printf(table->arena, "%.6g", server->weight));
		add_tags(table, server);
		table_text(table, limits_of(table->arena, server));
		table_text(table, facts->release[0] != '\0' ? facts->release : NULL);
		add_health(table, picture, i);
		add_limit(table, server->max_meetings);
		add_limit(table, server->max_users);
		table_text(table, checksum_algorithm_name(server->algorithm));
		table_number(table, (int64_t)server->n_secrets);
		table_number(table, facts->secret_at + 1);
		table_number(table, facts->meetings);
		table_number(table, facts->users);
		add_age(table, picture, facts->next_poll_ms);
		add_age(table, picture, facts->since_ms);
		add_age(table, picture, facts->back_ms);
	}
}

static int
show_servers(struct ctl *ctl, struct buf *out)
{
	struct picture picture;
	struct table table;

	if (!read_picture(ctl, &picture))
		return CTL_WRONG;
	table_init(&table, ctl->arena, servers_columns, COUNT(servers_columns));
	fill_servers(&table, &picture);
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_text(out, "{\"servers\":");
		table_write_json(&table, out);
		buf_text(out, "}\n");
	} else {
		table_write(&table, out, ctl->in_colour);
	}
	return CTL_GOOD;
}

int
command_servers(struct ctl *ctl)
{
	return ctl_show(ctl, show_servers);
}

/* ---- meetings ------------------------- */

static const struct table_column meetings_columns[] = {
	{ "meetingID", "MEETING", false, 20 },
	{ "server", "SERVER", false, 12 },
	{ "users", "USERS", true, 0 },
	{ "most_users", "MOST", true, 0 },
	{ "since_ms", "SINCE", true, 0 },
	{ "seen_ms", NULL, false, 0 },
	{ NULL, "NOTE", false, 4 },
	{ "is_new", NULL, false, 0 },
	{ "is_ending", NULL, false, 0 },
	{ "also_on", NULL, false, 0 },
};

static void
add_meeting(struct table *table, const struct picture *picture, const struct mapped *mapped)
{
	const struct meeting *meeting = &mapped->meeting;
	bool is_new = meeting_is_new(meeting, picture->now_ms,
	    picture->config->create_timeout_ms);
	const char *copy = meeting->copy && meeting->copy[0] ? meeting->copy : NULL;

	table_str(table, mapped->meeting_id);
	table_text(table, meeting->server);
	table_number(table, meeting->users);
	table_number(table, meeting->peak);
	add_age(table, picture, meeting->claimed_ms);
	add_age(table, picture, meeting->seen_ms);
	table_text(table,
	    copy                   ? str_printf(table->arena, "also on %s", copy) :
	        meeting->is_ending ? "ending" :
	        is_new             ? "new" :
	                             "");
	table_bool(table, is_new);
	table_bool(table, meeting->is_ending);
	table_text(table, copy);
}

static int
show_meetings(struct ctl *ctl, struct buf *out)
{
	const struct server *only = NULL;
	struct picture picture;
	struct table table;

	if (!read_picture(ctl, &picture))
		return CTL_WRONG;
	if (ctl->n_words > 0 && !(only = ctl_server(ctl, ctl->words[0])))
		return CTL_WRONG;
	table_init(&table, ctl->arena, meetings_columns, COUNT(meetings_columns));
	for (size_t i = 0; i < picture.config->n_servers; i++) {
		const struct server *server = &picture.config->servers[i];
		struct mapped *mapped;
		size_t n;

		if (only && server != only)
			continue;
		if (ctl->api.store->verbs->meetings_on(ctl->api.store, ctl->arena, server->name,
		        &mapped, &n) != STORE_OK) {
			ctl_complain_of_state(ctl, "cannot be read");
			return CTL_WRONG;
		}
		for (size_t k = 0; k < n; k++)
			add_meeting(&table, &picture, &mapped[k]);
	}
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_text(out, "{\"meetings\":");
		table_write_json(&table, out);
		buf_text(out, "}\n");
	} else if (table_rows(&table) == 0) {
		buf_text(out, "no meetings\n");
	} else {
		table_write(&table, out, ctl->in_colour);
	}
	return CTL_GOOD;
}

int
command_meetings(struct ctl *ctl)
{
	return ctl_show(ctl, show_meetings);
}

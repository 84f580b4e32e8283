/*
 * drain: no new meetings on a server, and wait until it is empty.
 *
 * Whether it is empty the server itself is asked, so that it does not matter whether a
 * gateway runs.  Creates may be under way that the server does not show yet: those are in
 * the state.  A placement that was chosen before the cordon cannot be written after it,
 * since the cordon changed what is known of the server (claim.h).
 */
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "commands.h"
#include "config/config.h"
#include "cordon.h"
#include "core/fanout.h"
#include "ctl.h"
#include "formats/xml.h"
#include "text.h"

/* Between two questions: as often as the gateway polls, but within these. */
#define PAUSE_LEAST_MS 500
#define PAUSE_MOST_MS 5000

/* Of the bar, in columns. */
#define BAR 20

/* What is read of each meeting, by its place among the keys below. */
enum { MEETING_ID, PARTICIPANTS };

static const struct xml_list meetings_wanted = {
	.container = "meetings",
	.item = "meeting",
	.keys = { [MEETING_ID] = "meetingID", [PARTICIPANTS] = "participantCount" },
};

static const struct xml_list recordings_wanted = {
	.container = "recordings",
	.item = "recording",
	.keys = { "recordID" },
};

/* What a server still has. */
struct rest {
	bool is_known;       /* it told all */
	const char *problem; /* why not, or NULL; in the arena */
	long meetings, users, recordings;
};

struct draining {
	struct ctl *ctl;
	const struct server *server;
	struct rest rest, first; /* now, and when it began */
	bool has_first;
	bool was_silent;
	int64_t begin_ms;
};

/* ---- What is left ------------------------- */

/* Ask the server that question; its list, or NULL with *problem. */
static struct xml_list *
ask(struct ctl *ctl, const struct server *server, const char *name, struct str query,
    const struct xml_list *wanted, const char **problem)
{
	struct call *call = ctl_call(ctl, name, query);
	struct fanout *fanout = arena_alloc(ctl->arena, sizeof(*fanout));

	fanout_init(fanout, call, 1);
	fanout->list = wanted;
	/* A look from aside says nothing of the server's health. */
	fanout->origin = RELAY_EXTRA;
	relay_prepare_own(call, server, name, query, fanout_add(fanout, server));
	fanout_run(fanout, name, call->config->call_timeout_ms, NULL);
	const struct relay_answer *answer = &fanout->answers[0];
	if (answer->verdict == RELAY_SUCCESS && answer->list->is_complete)
		return answer->list;
	*problem = answer->verdict == RELAY_SUCCESS ?
	    "its list breaks off" :
	    answer->problem ?
	    answer->problem :
	    ctl_plain(ctl, answer->message_key);
	return NULL;
}

static bool
is_listed(const struct xml_list *list, struct str meeting_id)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_equal(list->items[i].text[MEETING_ID], meeting_id))
			return true;
	return false;
}

/* How many meetings are mapped to the server whose create may be under way, so that it
 * does not show them yet. */
static long
under_way(struct ctl *ctl, const struct server *server, const struct xml_list *list)
{
	struct mapped *mapped;
	long under_way = 0;
	size_t n;

	if (ctl->api.store->verbs->meetings_on(ctl->api.store, ctl->arena, server->name,
	        &mapped, &n) != STORE_OK)
		return 0;
	for (size_t i = 0; i < n; i++)
		under_way += meeting_may_be_under_way(&mapped[i].meeting, ctl_now_ms(),
		                 ctl->api.config->create_timeout_ms) &&
		    !is_listed(list, mapped[i].meeting_id);
	return under_way;
}

static void
find_rest(struct ctl *ctl, const struct server *server, struct rest *rest)
{
	*rest = (struct rest){ 0 };
	const struct xml_list *meetings = ask(ctl, server, "getMeetings", STR(""),
	    &meetings_wanted, &rest->problem);
	if (!meetings)
		return;
	for (size_t i = 0; i < meetings->n; i++)
		rest->users += meeting_number(meetings->items[i].text[PARTICIPANTS]);
	rest->meetings = (long)meetings->n + under_way(ctl, server, meetings);
	/* BBB's states on the way to a recording that can be seen
	 * (RecordingServiceFileImpl.java). */
	const struct xml_list *recordings = ask(ctl, server, "getRecordings",
	    STR("state=processing%2Cprocessed"), &recordings_wanted, &rest->problem);
	if (!recordings)
		return;
	rest->recordings = (long)recordings->n;
	rest->is_known = true;
}

static bool
is_empty(const struct rest *rest)
{
	return rest->is_known && rest->meetings == 0 && rest->recordings == 0;
}

/* ---- What is written ------------------------- */

/* "3 meetings with 40 users, 1 recording in work". */
static const char *
describe(struct ctl *ctl, const struct rest *rest)
{
	if (!rest->is_known)
		return str_printf(ctl->arena, "it cannot be asked: %s", rest->problem);
	return str_printf(ctl->arena, "%ld meeting%s with %ld user%s, %ld recording%s in work",
	    rest->meetings, rest->meetings == 1 ? "" : "s", rest->users,
	    rest->users == 1 ? "" : "s", rest->recordings, rest->recordings == 1 ? "" : "s");
}

/* The line that shows on a terminal how far it is. */
static void
show_progress(const struct draining *draining)
{
	const struct rest *rest = &draining->rest, *first = &draining->first;
	struct ctl *ctl = draining->ctl;
	long all = first->meetings + first->recordings,
	     left = rest->meetings + rest->recordings;
	long gone = all > left ? all - left : 0;
	char bar[BAR + 1];

	if (!ctl->is_terminal || ctl_has(ctl, OPTION_JSON))
		return;
	for (int i = 0; i < BAR; i++)
		bar[i] = all > 0 && i < gone * BAR / all ? '#' : '.';
	bar[BAR] = '\0';
	const char *line = str_printf(ctl->arena, "[%s] %s; %s", bar, describe(ctl, rest),
	    text_age(ctl->arena, ctl_now_ms() - draining->begin_ms));
	/* One column less, or a terminal goes on to the next line. */
	printf("\r\033[K%s", text_cut(ctl->arena, line, TABLE_COLUMNS - 1, false));
	fflush(stdout);
}

static void
clear_progress(const struct ctl *ctl)
{
	if (ctl->is_terminal && !ctl_has(ctl, OPTION_JSON))
		fputs("\r\033[K", stdout);
}

static void
write_end(const struct draining *draining, const char *why)
{
	const struct rest *rest = &draining->rest;
	struct ctl *ctl = draining->ctl;
	const char *name = draining->server->name;
	struct buf out;

	clear_progress(ctl);
	ctl_begin(&out);
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_text(&out, "{\"name\":");
		text_json(&out, str_from(name));
		buf_printf(&out,
		    ",\"empty\":%s,\"known\":%s,\"meetings\":%ld,\"users\":%ld,"
		    "\"recordings\":%ld}\n",
		    is_empty(rest) ? "true" : "false", rest->is_known ? "true" : "false",
		    rest->meetings, rest->users, rest->recordings);
	} else if (is_empty(rest)) {
		buf_printf(&out,
		    "%s is empty and gets no new meetings: \"tinyscalectl disable %s\" or\n"
		    "switch it off; \"tinyscalectl uncordon %s\" takes it back\n",
		    name, name, name);
	} else {
		buf_printf(&out, "%s: %s%s\n", name, why, describe(ctl, rest));
	}
	ctl_write(&out);
}

/* ---- Waiting ------------------------- */

static void
pause_between(const struct config *config)
{
	int64_t ms = config->poll_interval_ms;

	ms = ms < PAUSE_LEAST_MS ? PAUSE_LEAST_MS : ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : ms;
	clock_sleep_ms(ms);
}

/* Has an operator put the server back into use meanwhile? */
static bool
is_in_use(struct ctl *ctl, const struct server *server)
{
	struct server_facts facts;

	return ctl->api.store->verbs->servers_get(ctl->api.store, server, 1, &facts, NULL) ==
	    STORE_OK &&
	    server_state_of(server, &facts) == SERVER_ENABLED;
}

static void
look(struct draining *draining)
{
	struct ctl *ctl = draining->ctl;
	struct rest *rest = &draining->rest;

	find_rest(ctl, draining->server, rest);
	if (rest->is_known && !draining->has_first) {
		draining->first = *rest;
		draining->has_first = true;
	}
	if (!rest->is_known && !draining->was_silent) {
		clear_progress(ctl);
		ctl_complain("%s does not tell what it has: %s; it is asked again",
		    draining->server->name, rest->problem);
	}
	draining->was_silent = !rest->is_known;
}

static int
wait_until_empty(struct draining *draining, int64_t until)
{
	struct ctl *ctl = draining->ctl;

	while (!is_empty(&draining->rest)) {
		show_progress(draining);
		if (until > 0 && ctl_now_ms() / 1000 >= until) {
			write_end(draining, "the time is over, and it stays cordoned; ");
			return CTL_WRONG;
		}
		pause_between(ctl->api.config);
		arena_reset(ctl->arena);
		if (is_in_use(ctl, draining->server)) {
			clear_progress(ctl);
			ctl_complain("%s was put back into use meanwhile",
			    draining->server->name);
			return CTL_WRONG;
		}
		look(draining);
	}
	write_end(draining, "");
	return CTL_GOOD;
}

int
command_drain(struct ctl *ctl)
{
	const char *until_given = ctl_option(ctl, OPTION_UNTIL);
	struct server_facts facts;
	int64_t until = 0;

	if (until_given &&
	    text_read_clock(str_from(until_given), ctl_now_ms() / 1000, &until) != 0) {
		ctl_complain("--until takes a time of day, such as 07:30");
		return CTL_USAGE;
	}
	const struct server *server = ctl_named_server(ctl);
	if (!server || !ctl_open_http(ctl) || !ctl_facts(ctl, NULL))
		return CTL_WRONG;
	if (ctl->api.store->verbs->servers_get(ctl->api.store, server, 1, &facts, NULL) ==
	        STORE_OK &&
	    server_state_of(server, &facts) == SERVER_DISABLED) {
		ctl_complain(
		    "%s is disabled, so nobody can join or end its meetings: "
		    "\"tinyscalectl cordon %s\" first",
		    server->name, server->name);
		return CTL_WRONG;
	}
	if (!cordon_set(ctl, server, SERVER_CORDONED, &facts))
		return CTL_WRONG;
	struct draining draining = {
		.ctl = ctl,
		.server = server,
		.begin_ms = ctl_now_ms(),
	};
	look(&draining);
	if (ctl_has(ctl, OPTION_NO_WAIT)) {
		write_end(&draining, "cordoned; ");
		return CTL_GOOD;
	}
	if (!is_empty(&draining.rest) && !ctl->is_terminal && !ctl_has(ctl, OPTION_JSON)) {
		printf("%s: cordoned; %s\n", server->name, describe(ctl, &draining.rest));
		fflush(stdout);
	}
	return wait_until_empty(&draining, until);
}

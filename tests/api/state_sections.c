#include "state_sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "config/config.h"
#include "model/load.h"
#include "model/webhook.h"
#include "run.h"
#include "support/memory.h"

#define MAPPED_MS 600000 /* how long ago, when the case does not say */

/* The time that many milliseconds ago, MAPPED_MS when age is NULL. */
static int64_t
time_ago(const struct run *run, const char *age)
{
	return run->now_ms - (age ? run_ms(age) : MAPPED_MS);
}

/*
 * Servers.
 */

/* Read "up", "suspect" or "down"; anything else changes nothing. */
static void
read_health(const char *name, enum server_health *health)
{
	static const enum server_health all[] = { SERVER_UP, SERVER_SUSPECT, SERVER_DOWN };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(name, server_health_name(all[i])) == 0)
			*health = all[i];
}

void
state_sections_set_facts(struct run *run, const struct section *section, char *server)
{
	struct lines lines = run_lines(run, section);
	struct store_server set = { .name = server };
	struct server_facts *facts = &set.facts;
	char *value;

	run->inner->verbs->servers_get(run->inner, &(struct server){ .name = server }, 1, facts,
	    NULL);
	facts->told_ms = run->now_ms;

	char *line;
	while ((line = case_next(&lines)) != NULL) {
		if ((value = case_after(line, "health ")) != NULL) {
			read_health(value, &facts->health);
		} else if ((value = case_after(line, "operator ")) != NULL) {
			facts->has_operator_state = true;
			if (server_state_find(str_from(value), &facts->operator_state) != 0)
				run_mistake(run, section, "what is \"%s\"?", line);
		} else if ((value = case_after(line, "users ")) != NULL) {
			facts->users = (long)run_ms(value);
			facts->since_ms = 1; /* long ago: it counts as no new server */
		} else if ((value = case_after(line, "polled-by-another ")) != NULL) {
			facts->polled_ms = run->now_ms - run_ms(value);
		} else if ((value = case_after(line, "polled ")) != NULL) {
			facts->good_ms = run->now_ms - run_ms(value);
			facts->next_poll_ms = INT64_MAX;
		} else if ((value = case_after(line, "back ")) != NULL) {
			facts->back_ms = run->now_ms - run_ms(value);
		} else if ((value = case_after(line, "failing ")) != NULL) {
			facts->failing_ms = run->now_ms - run_ms(value);
		} else if ((value = case_after(line, "secret ")) != NULL) {
			facts->secret_at = (int)(run_ms(value) % 100) - 1;
		} else if ((value = case_after(line, "release ")) != NULL) {
			server_release_set(facts, str_from(value), run->now_ms);
		} else if ((value = case_after(line, "told ")) != NULL) {
			facts->told_ms = run->now_ms - run_ms(value);
		} else if (*line != '\0') {
			run_mistake(run, section, "what is \"%s\"?", line);
		}
	}
	run->inner->verbs->servers_set(run->inner, &set, 1);
}

/* The fact of that name as a case spells it, or NULL: there is none. */
static const char *
spell_fact(struct run *run, const struct server_facts *facts, const char *name)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{ "users", facts->users },
		{ "meetings", facts->meetings },
		{ "failures", facts->failures },
		{ "successes", facts->successes },
		{ "creates-failed", facts->create_failures },
		{ "secret", facts->secret_at + 1 },
		{ "reserved", (int64_t)(facts->reserved + 0.5) },
		{ "next-poll", facts->next_poll_ms - run->now_ms },
	};

	if (strcmp(name, "health") == 0)
		return server_health_name(facts->health);
	if (strcmp(name, "operator") == 0)
		return facts->has_operator_state ?
		    server_state_name(facts->operator_state) :
		    "-";
	if (strcmp(name, "release") == 0)
		return facts->release[0] != '\0' ? facts->release : "-";
	if (strcmp(name, "next-poll") == 0 && facts->next_poll_ms == 0)
		return "-";
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strcmp(name, numbers[i].name) == 0)
			return str_printf(run->arena, "%lld", (long long)numbers[i].value);
	return NULL;
}

/* Compare "a health up users 3" with what is known of the servers. */
static void
check_facts_line(struct run *run, const struct section *section, char *line,
    const struct server_facts *facts)
{
	const char *want = str_copy(run->arena, str_from(line));
	const struct server *server = config_server_find(run->config, strtok(line, " "));
	const char *got = line;

	if (!server) {
		run_problem(run, section, "there is no server %s", line);
		return;
	}
	const char *name, *value;
	bool same = true;
	while ((name = strtok(NULL, " ")) != NULL && (value = strtok(NULL, " ")) != NULL) {
		const char *fact = spell_fact(run, &facts[server - run->config->servers], name);

		if (!fact)
			run_mistake(run, section, "what is \"%s\"?", name);
		got = str_printf(run->arena, "%s %s %s", got, name, fact ? fact : "?");
		same &= fact != NULL && strcmp(fact, value) == 0;
	}
	if (name)
		run_problem(run, section, "%s without a value", name);
	if (!same)
		run_problem(run, section, "what is known differs:\n-  %s\n+  %s", want, got);
}

void
state_sections_check_facts(struct run *run, const struct section *section, char *rest)
{
	struct lines lines = run_lines(run, section);
	const size_t n = run->config->n_servers;
	struct server_facts *facts = arena_alloc(run->arena, n * sizeof(*facts));

	(void)rest;
	run->inner->verbs->servers_get(run->inner, run->config->servers, n, facts, NULL);
	char *line;
	while ((line = case_next(&lines)) != NULL)
		if (*line != '\0')
			check_facts_line(run, section, line, facts);
}

/* rest: SERVER CALL */
void
state_sections_set_list(struct run *run, const struct section *section, char *rest)
{
	char *call = strchr(rest, ' ');

	if (!call) {
		run_mistake(run, section, "what is \"== %s\"?", section->title);
		return;
	}
	*call++ = '\0';
	char *filter = strchr(call, '?');
	if (filter)
		*filter++ = '\0';
	run->inner->verbs->lists_put(run->inner,
	    &(struct store_list){ rest, call, filter ? filter : "", section->text }, 1);
}

/*
 * Meetings.
 */

enum store_result
state_sections_map(struct run *run, struct str meeting_id, const char *server, int64_t at_ms)
{
	const struct store_verbs *verbs = run->inner->verbs;
	struct store_history history = { 0 };
	struct store_server load = { .name = server };
	struct meeting wanted = { .server = server, .claimed_ms = at_ms, .create_ms = at_ms };
	struct store_change change = {
		.meeting_id = meeting_id,
		.wanted = &wanted,
		.load = &load,
	};

	verbs->history_get(run->inner, meeting_id, &history);
	wanted.seats = load_seats(0, history.peak, history.typical);
	verbs->servers_get(run->inner, &(struct server){ .name = server }, 1, &load.facts,
	    NULL);
	load_reserve(&load.facts, wanted.seats, at_ms);
	enum store_result result = verbs->meetings_set(run->inner, run->arena, &change, 1,
	    at_ms);
	const struct meeting there = change.found;
	if (result == STORE_OK && change.result == STORE_CONFLICT && there.server &&
	    strcmp(there.server, server) == 0) {
		wanted = there;
		wanted.create_ms = at_ms;
		wanted.is_ending = false;
		change.expected = &there;
		change.load = NULL;
		result = verbs->meetings_set(run->inner, run->arena, &change, 1, at_ms);
	}
	return result == STORE_OK ? change.result : result;
}

void
state_sections_set_meetings(struct run *run, const struct section *section, char *rest)
{
	struct lines lines = run_lines(run, section);

	(void)rest;
	char *line;
	while ((line = case_next(&lines)) != NULL) {
		char *id = strtok(line, " "), *name = strtok(NULL, " ");
		char *age = strtok(NULL, " ");

		if (!id || !name)
			continue;
		run_see(run, str_from(id));
		if (state_sections_map(run, str_from(id), name, time_ago(run, age)) != STORE_OK)
			run_mistake(run, section, "cannot map %s to %s", id, name);
	}
}

void
state_sections_set_whole(struct run *run, const struct section *section, char *rest)
{
	(void)section;
	store_memory_whole(run->inner, time_ago(run, rest));
}

/* Compare the mappings there are with the lines of the section. */
void
state_sections_check_meetings(struct run *run, const struct section *section, char *rest)
{
	struct lines lines = run_lines(run, section);

	(void)rest;
	struct buf want, got;
	buf_init(&want, CASE_TEXT_MAX);
	buf_init(&got, CASE_TEXT_MAX);
	char *line;
	while ((line = case_next(&lines)) != NULL)
		if (*line != '\0' && strcmp(line, "(none)") != 0) {
			buf_printf(&want, "-  %s\n", line);
			run_see(run, (struct str){ line, strcspn(line, " ") });
		}
	for (size_t i = 0; i < run->n_seen; i++) {
		struct meeting meeting;
		struct server_facts facts;

		if (run->inner->verbs->meeting_get(run->inner, run->arena,
		        str_from(run->seen[i]), run->now_ms, &meeting, &facts, NULL) !=
		    STORE_OK)
			continue;
		char *mapping = str_printf(run->arena, "-  %s %s\n", run->seen[i],
		    meeting.server);
		char *at = want.len > 0 ? strstr(want.data, mapping) : NULL;
		if (at)
			*at = '='; /* both have it */
		else
			buf_printf(&got, "+  %s %s\n", run->seen[i], meeting.server);
	}
	if (got.len > 0 || (want.len > 0 && strchr(want.data, '-') == want.data) ||
	    (want.len > 0 && strstr(want.data, "\n-")))
		run_problem(run, section,
		    "the mappings differ (-: missing, +: too many):\n%s%s",
		    want.len > 0 ? want.data : "", got.len > 0 ? got.data : "");
	buf_free(&want);
	buf_free(&got);
}

/*
 * Recordings.
 */

void
state_sections_set_recordings(struct run *run, const struct section *section, char *rest)
{
	struct lines lines = run_lines(run, section);

	(void)rest;
	char *line;
	while ((line = case_next(&lines)) != NULL) {
		struct store_recording recording = {
			.record_id = str_from(strtok(line, " ")),
			.server = strtok(NULL, " "),
			.is_there = true,
		};

		if (recording.server)
			run->inner->verbs->recordings_put(run->inner, &recording, 1,
			    run->now_ms);
	}
}

void
state_sections_check_recordings(struct run *run, const struct section *section, char *rest)
{
	struct lines lines = run_lines(run, section);

	(void)rest;
	char *line;
	while ((line = case_next(&lines)) != NULL) {
		const struct str id = str_from(strtok(line, " "));
		const char *want = strtok(NULL, " ");

		if (!want)
			continue;
		struct store_recording *found;
		size_t n;
		run->inner->verbs->recordings_find(run->inner, run->arena, &id, 1, &found, &n);
		const char *got = n > 0 ? found[0].server : "-";
		for (size_t i = 1; i < n; i++)
			got = str_printf(run->arena, "%s,%s", got, found[i].server);
		if (strcmp(got, want) != 0)
			run_problem(run, section, "recording %.*s: remembered on %s, want %s",
			    STR_ARG(id), got, want);
	}
}

/*
 * Webhooks.
 */

void
state_sections_set_hooks(struct run *run, const struct section *section, char *rest)
{
	struct lines lines = run_lines(run, section);

	(void)rest;
	char *line;
	while ((line = case_next(&lines)) != NULL) {
		char *url = strtok(line, " "), *id = strtok(NULL, " ");
		char *age = strtok(NULL, " ");
		struct webhook hook = {
			.base = STR("http://gateway.test/bigbluebutton/api"),
			.changed_ms = time_ago(run, age),
		};
		const bool is_dropped = id && strcmp(url, "dropped") == 0;

		if (!url)
			continue;
		hook.url = str_from(is_dropped ? id : url);
		webhook_id(hook.url, hook.id);
		if (is_dropped)
			run->inner->verbs->webhook_drop(run->inner, hook.id, hook.changed_ms);
		else if (id && strcmp(id, "-") != 0)
			hook.meeting_id = str_from(id);
		if (!is_dropped &&
		    run->inner->verbs->webhook_put(run->inner, &hook, true) != STORE_OK)
			run_mistake(run, section, "cannot put %s", url);
	}
}

static int
compare_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
state_sections_check_hooks(struct run *run, const struct section *section, char *rest)
{
	struct lines lines = run_lines(run, section);

	(void)rest;
	char *line, *want[100];
	size_t n_want = 0;
	while ((line = case_next(&lines)) != NULL && n_want < 100)
		if (*line != '\0' && strcmp(line, "(none)") != 0)
			want[n_want++] = line;
	struct webhook *hooks;
	size_t n;
	run->inner->verbs->webhook_list(run->inner, run->arena, &hooks, &n);
	size_t n_got = 0;
	char *got[100];
	for (; n_got < n && n_got < 100; n_got++) {
		const struct webhook *hook = &hooks[n_got];

		const struct str id = hook->meeting_id.len > 0 ? hook->meeting_id : STR("-");

		got[n_got] = hook->is_dropped ?
		    str_printf(run->arena, "dropped %s", hook->id) :
		    str_printf(run->arena, "%.*s %.*s", STR_ARG(hook->url), STR_ARG(id));
	}
	qsort(want, n_want, sizeof(*want), compare_line);
	qsort(got, n_got, sizeof(*got), compare_line);
	bool same = n_want == n_got;
	for (size_t i = 0; same && i < n_got; i++)
		same = strcmp(want[i], got[i]) == 0;
	for (size_t i = 0; !same && i < n_got; i++)
		run_problem(run, section, "a hook there is:  %s", got[i]);
	if (!same)
		run_problem(run, section, "are not the hooks there should be");
}

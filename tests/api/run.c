#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "adapters/none.h"
#include "base/arena.h"
#include "base/metrics.h"
#include "blocks.h"
#include "config/config.h"
#include "config_section.h"
#include "kept.h"
#include "scripted_http.h"
#include "state_sections.h"
#include "support/memory.h"
#include "watched_store.h"

#define START_MS INT64_C(1700000000000)

static void problem(struct run *run, const struct section *at, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void
problem(struct run *run, const struct section *at, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	struct run *at_work = blocks_work(NULL);
	if (at)
		buf_printf(&run->problems, "line %d: ", at->line);
	buf_printf(&run->problems, "%s\n", text);
	blocks_work(at_work);
	free(text);
}

void
run_problem(struct run *run, const struct section *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem(run, at, format, args);
	va_end(args);
}

void
run_mistake(struct run *run, const struct section *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!run->is_fuzzed)
		problem(run, at, format, args);
	va_end(args);
}

int64_t
run_ms(const char *text)
{
	const int64_t ms = atoll(text);

	return ms > START_MS ? START_MS : ms < -START_MS ? -START_MS : ms;
}

struct lines
run_lines(struct run *run, const struct section *section)
{
	return case_lines(run->arena, section->text);
}

void
run_see(struct run *run, struct str meeting_id)
{
	for (size_t i = 0; i < run->n_seen; i++)
		if (str_is(meeting_id, run->seen[i]))
			return;
	if (run->n_seen < sizeof(run->seen) / sizeof(*run->seen))
		run->seen[run->n_seen++] = str_copy(run->arena, meeting_id);
}

static void
forget_state(struct run *run, const struct section *section, char *rest)
{
	(void)section;
	(void)rest;
	run->inner->verbs->close(run->inner);
	run->inner = store_none_open();
}

/* An empty state takes the place of what there was. */
static void
lose_state(struct run *run, const struct section *section, char *rest)
{
	(void)section;
	(void)rest;
	run->inner->verbs->close(run->inner);
	run->inner = store_memory_open();
}

static void
pass_time(struct run *run, const struct section *section, char *rest)
{
	int64_t ms = 0;

	if (str_to_int(str_from(rest), -START_MS, START_MS, &ms) != 0 || run->now_ms + ms <= 0)
		run_mistake(run, section, "how long is \"%s\"?", rest);
	else
		run->now_ms += ms;
}

/*
 * What is done with each section.  A title that ends in a space has words behind it,
 * which are passed on.
 */
static const struct {
	const char *title;
	void (*run)(struct run *run, const struct section *section, char *rest);
	enum { ALWAYS, UNLESS_TORTURED, ACT } when;
} titles[] = {
	{ "store none", forget_state, ALWAYS },
	{ "store lost", lose_state, ALWAYS },
	{ "facts after", state_sections_check_facts, UNLESS_TORTURED },
	{ "facts ", state_sections_set_facts, ALWAYS },
	{ "meetings", state_sections_set_meetings, ALWAYS },
	{ "whole ", state_sections_set_whole, ALWAYS },
	{ "meetings after", state_sections_check_meetings, UNLESS_TORTURED },
	{ "recordings", state_sections_set_recordings, ALWAYS },
	{ "recordings after", state_sections_check_recordings, UNLESS_TORTURED },
	{ "hooks", state_sections_set_hooks, ALWAYS },
	{ "hooks after", state_sections_check_hooks, UNLESS_TORTURED },
	{ "lists ", state_sections_set_list, ALWAYS },
	{ "wait ", pass_time, ALWAYS },
	{ "request", act_request, ACT },
	{ "poll", act_poll, ACT },
	{ "poll ", act_poll, ACT },
	/* Read by config_section.c and the acts they belong to. */
	{ "config", NULL, ALWAYS },
	{ "server ", NULL, ALWAYS },
	{ "receiver ", NULL, ALWAYS },
	{ "response", NULL, ALWAYS },
	{ "log", NULL, ALWAYS },
};
#define N_TITLES (sizeof(titles) / sizeof(*titles))

/* The row of a section, N_TITLES when there is none; *rest is what follows it. */
static size_t
find_title(char *title, char **rest)
{
	size_t i = 0;

	for (; i < N_TITLES; i++) {
		const char *name = titles[i].title;

		*rest = case_after(title, name);
		if (*rest && (**rest == '\0') == (name[strlen(name) - 1] != ' '))
			break;
	}
	return i;
}

const struct section *
run_act_end(const struct run *run, const struct section *act)
{
	const struct section *end = run->sections + run->n_sections, *section = act + 1;

	for (; section < end; section++) {
		char *rest;
		const size_t i = find_title(section->title, &rest);

		if (i < N_TITLES && titles[i].when == ACT)
			break;
	}
	return section;
}

static void
do_section(struct run *run, const struct section *section)
{
	char *rest, *title = str_copy(run->arena, str_from(section->title));
	const size_t i = find_title(title, &rest);

	if (i == N_TITLES)
		run_mistake(run, section, "what is \"== %s\"?", section->title);
	else if (titles[i].run && !(run->torture && titles[i].when == UNLESS_TORTURED)) {
		if (titles[i].when == ACT)
			kept_see(run);
		titles[i].run(run, section, rest);
		if (titles[i].when == ACT)
			kept_see(run);
	}
}

/* Torture leaves nothing behind that was not there: whatever is mapped is
 * mapped to a server there is, unless the case itself mapped it. */
static void
check_servers_known(struct run *run)
{
	for (size_t i = 0; i < run->n_seen; i++) {
		struct meeting meeting;
		struct server_facts facts;

		if (run->inner->verbs->meeting_get(run->inner, run->arena,
		        str_from(run->seen[i]), run->now_ms, &meeting, &facts, NULL) !=
		    STORE_OK)
			continue;
		const struct str mapping = str_from(
		    str_printf(run->arena, "%s %s", run->seen[i], meeting.server));
		bool known = config_server_find(run->config, meeting.server) != NULL;

		for (size_t s = 0; s < run->n_sections; s++)
			known |= run->is_fuzzed ?
			    str_find(run->sections[s].text, str_from(meeting.server), 0) !=
			        SIZE_MAX :
			    strcmp(run->sections[s].title, "meetings") == 0 &&
			        str_find(run->sections[s].text, mapping, 0) != SIZE_MAX;
		if (!known)
			run_problem(run, NULL, "%s is mapped to %s, which is no server",
			    run->seen[i], meeting.server);
	}
}

void
run_case(struct run *run, const struct section *sections, size_t n)
{
	run->http.run = scripted_http_run;
	run->store.verbs = &watched_store_verbs;
	run->inner = store_memory_open();
	run->arena = arena_new();
	metrics_reset();
	run->sections = sections;
	run->n_sections = n;
	run->now_ms = START_MS;
	buf_init(&run->problems, CASE_TEXT_MAX);
	config_section_load(run,
	    n > 0 && strcmp(sections[0].title, "config") == 0 ? sections : NULL);
	kept_begin(run);
	for (size_t i = 0; run->config && i < n; i++)
		do_section(run, &sections[i]);
	if (run->config)
		check_servers_known(run);
	run->inner->verbs->close(run->inner);
	config_free(run->config);
	arena_free(run->arena);
}

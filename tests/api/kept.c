#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "config/config.h"
#include "formats/response.h"
#include "run.h"

#define MOST 1000 /* of each kind */

/* Where a meeting was, at the begin or the end of any act. */
struct kept_meeting {
	char *id;
	bool was_unmapped, was_absent;
	bool is_old;       /* the next poll that does not show it ends it (MEETING_KEEP_MS) */
	const char *on[8]; /* servers; NULL behind the last */
};

/* The worst that was thought of a server. */
struct kept_server {
	enum server_health health;
	int failures, create_failures;
	bool is_excused; /* in the present run */
};

/* Something else that was there at the first look. */
struct kept_item {
	const char *text;
	bool is_there;    /* at the present look */
	bool is_given_up; /* at a later look it was not */
};

/* What a client got. */
struct kept_answer {
	const struct section *request;
	const char *type, *location;
	bool has_body;
};

struct kept {
	struct arena *arena;
	size_t n_looks, n_meetings, n_items, n_answers;
	struct kept_meeting meetings[MOST];
	struct kept_server servers[MOST];
	struct kept_item items[MOST];
	struct kept_answer answers[MOST];
};

struct kept *
kept_new(void)
{
	struct kept *kept = mem_alloc(sizeof(*kept));

	kept->arena = arena_new();
	return kept;
}

void
kept_free(struct kept *kept)
{
	arena_free(kept->arena);
	free(kept);
}

static char *
copy(struct kept *kept, const char *text)
{
	return text ? str_copy(kept->arena, str_from(text)) : NULL;
}

/* Does the run tell what is to be kept?  Else it is compared. */
static bool
is_first(const struct run *run)
{
	return run->failing_block == 0;
}

/*
 * Meetings.
 */

/* The meeting's place; NULL when there are too many. */
static struct kept_meeting *
find_meeting(struct kept *kept, const char *id)
{
	for (size_t i = 0; i < kept->n_meetings; i++)
		if (strcmp(kept->meetings[i].id, id) == 0)
			return &kept->meetings[i];
	if (kept->n_meetings == MOST)
		return NULL;
	struct kept_meeting *kept_meeting = &kept->meetings[kept->n_meetings++];
	kept_meeting->id = copy(kept, id);
	/* At the looks before it was not heard of. */
	kept_meeting->was_unmapped = kept->n_looks > 0;
	return kept_meeting;
}

static bool
was_on(const struct kept_meeting *kept, const char *server)
{
	for (size_t i = 0; kept->on[i]; i++)
		if (strcmp(kept->on[i], server) == 0)
			return true;
	return false;
}

static void
note_on(struct kept *kept, struct kept_meeting *kept_meeting, const char *server)
{
	size_t n = 0;

	while (kept_meeting->on[n])
		n++;
	if (!was_on(kept_meeting, server) &&
	    n + 1 < sizeof(kept_meeting->on) / sizeof(*kept_meeting->on))
		kept_meeting->on[n] = copy(kept, server);
}

static void
see_meeting(struct run *run, const char *id)
{
	struct kept_meeting *kept = find_meeting(run->kept, id);
	struct meeting meeting;
	struct server_facts facts;
	const enum store_result result = run->inner->verbs->meeting_get(run->inner, run->arena,
	    str_from(id), run->now_ms, &meeting, &facts, NULL);

	if (!kept)
		return;
	if (is_first(run)) {
		kept->was_unmapped |= result != STORE_OK;
		kept->was_absent |= result == STORE_ABSENT;
		if (result == STORE_OK) {
			note_on(run->kept, kept, meeting.server);
			kept->is_old |= meeting.seen_ms < run->now_ms - MEETING_KEEP_MS &&
			    meeting.create_ms < run->now_ms - MEETING_KEEP_MS;
		}
	} else if (result == STORE_OK && !kept->was_unmapped && !was_on(kept, meeting.server)) {
		run_problem(run, NULL, "%s was moved to %s", id, meeting.server);
	} else if (result != STORE_OK && !kept->was_unmapped && !kept->is_old && !kept->on[1]) {
		/* One that is moved otherwise may be dropped: its server does not have it. */
		run_problem(run, NULL, "the mapping of %s was dropped", id);
	} else if (result == STORE_ABSENT && !kept->was_absent && !run->has_improvised) {
		run_problem(run, NULL, "%s counts as nowhere", id);
	}
}

/*
 * Servers.
 */

static void
see_server(struct run *run, struct kept_server *kept, const struct server *server,
    const struct server_facts *facts)
{
	if (is_first(run)) {
		if (facts->health > kept->health)
			kept->health = facts->health;
		if (facts->failures > kept->failures)
			kept->failures = facts->failures;
		if (facts->create_failures > kept->create_failures)
			kept->create_failures = facts->create_failures;
		return;
	}
	if (kept->is_excused)
		return;
	if (facts->health > kept->health)
		run_problem(run, NULL, "%s became %s", server->name,
		    server_health_name(facts->health));
	if (facts->failures > kept->failures)
		run_problem(run, NULL, "%s is said to have failed a poll", server->name);
	if (facts->create_failures > kept->create_failures)
		run_problem(run, NULL, "%s is said to have failed a create", server->name);
}

static void
see_servers(struct run *run)
{
	const size_t n = run->config->n_servers;
	struct server_facts *facts = arena_alloc(run->arena, n * sizeof(*facts));

	run->inner->verbs->servers_get(run->inner, run->config->servers, n, facts, NULL);
	for (size_t i = 0; i < n && i < MOST; i++)
		see_server(run, &run->kept->servers[i], &run->config->servers[i], &facts[i]);
}

/*
 * Recordings, lists, hooks.
 */

static void
see_item(struct kept *kept, const char *text)
{
	for (size_t i = 0; i < kept->n_items; i++)
		if (strcmp(kept->items[i].text, text) == 0) {
			kept->items[i].is_there = true;
			return;
		}
	if (kept->n_looks == 0 && kept->n_items < MOST)
		kept->items[kept->n_items++] = (struct kept_item){ copy(kept, text), true,
			false };
}

/* Those that the case says were remembered. */
static void
see_recordings(struct run *run, const struct section *section)
{
	struct lines lines = run_lines(run, section);
	char *line;

	while ((line = case_next(&lines)) != NULL) {
		const struct str id = { line, strcspn(line, " ") };
		struct store_recording *found;
		size_t n;

		run->inner->verbs->recordings_find(run->inner, run->arena, &id, 1, &found, &n);
		for (size_t i = 0; i < n; i++)
			see_item(run->kept,
			    str_printf(run->arena, "recording %.*s of %s", STR_ARG(id),
			        found[i].server));
	}
}

static void
see_list(struct run *run, const struct server *server, const char *call)
{
	struct store_list list = { .server = server->name, .call = call, .filter = "" };

	if (run->inner->verbs->list_find(run->inner, run->arena, &list) == STORE_OK)
		see_item(run->kept,
		    str_printf(run->arena, "list %s of %s: %.*s", call, server->name,
		        STR_ARG(list.answer)));
}

static void
see_items(struct run *run)
{
	struct kept *kept = run->kept;
	struct webhook *hooks;
	size_t n;

	for (size_t i = 0; i < kept->n_items; i++)
		kept->items[i].is_there = false;
	for (size_t i = 0; i < run->n_sections; i++)
		if (strcmp(run->sections[i].title, "recordings") == 0)
			see_recordings(run, &run->sections[i]);
	for (size_t i = 0; i < run->config->n_servers; i++) {
		see_list(run, &run->config->servers[i], "getMeetings");
		see_list(run, &run->config->servers[i], "getRecordings");
	}
	if (run->inner->verbs->webhook_list(run->inner, run->arena, &hooks, &n) == STORE_OK)
		for (size_t i = 0; i < n; i++)
			see_item(kept,
			    str_printf(run->arena, "hook %s%s", hooks[i].id,
			        hooks[i].is_dropped ? ", dropped" : ""));
	for (size_t i = 0; i < kept->n_items; i++) {
		struct kept_item *item = &kept->items[i];

		if (is_first(run))
			item->is_given_up |= !item->is_there;
		else if (!item->is_there && !item->is_given_up && !run->has_improvised)
			run_problem(run, NULL, "it is forgotten: %s", item->text);
	}
}

void
kept_excuse(struct run *run, const struct server *server)
{
	if (run->kept && server)
		run->kept->servers[server - run->config->servers].is_excused = true;
}

void
kept_begin(struct run *run)
{
	for (size_t i = 0; run->kept && i < MOST; i++)
		run->kept->servers[i].is_excused = false;
	run->kept_until_ms = run->now_ms + MEETING_KEEP_MS;
}

void
kept_see(struct run *run)
{
	/* Of a meeting that no poll has shown for so long the mapping goes. */
	if (!run->kept || (!is_first(run) && run->problems.len > 0) ||
	    run->now_ms >= run->kept_until_ms)
		return;
	for (size_t i = 0; i < run->n_seen; i++)
		see_meeting(run, run->seen[i]);
	see_servers(run);
	see_items(run);
	run->kept->n_looks++;
}

/*
 * Answers.
 */

/* Have both URLs one query, but for the checksum, which is the last and each server's own? */
static bool
has_same_query(const char *a, const char *b)
{
	const struct str x = str_from(strchrnul(a, '?')), y = str_from(strchrnul(b, '?'));

	return str_equal(str_part(x, 0, str_find(x, STR("checksum="), 0)),
	    str_part(y, 0, str_find(y, STR("checksum="), 0)));
}

/* Is it plain text?  All else is a document, in XML, JSON or HTML, as the client, or the server
 * that was asked, would have it. */
static bool
is_text(const char *type)
{
	return type && str_starts(str_from(type), "text/plain");
}

/* An error is told as the call tells errors: in a document, or, to a browser, on a page; or by
 * a redirect that says so. */
static bool
is_error(const struct response *response)
{
	return response->location ?
	    strstr(response->location, "errors=") != NULL :
	    response->policy ?
	    response->status != 200 :
	    response->is_error;
}

void
kept_see_answer(struct run *run, const struct section *request, const struct response *response)
{
	struct kept *kept = run->kept;

	if (!kept)
		return;
	if (is_first(run)) {
		if (kept->n_answers < MOST)
			kept->answers[kept->n_answers++] = (struct kept_answer){ request,
				copy(kept, response->content_type),
				copy(kept, response->location), response->body.len > 0 };
		return;
	}
	for (size_t i = 0; i < kept->n_answers; i++) {
		const struct kept_answer *one = &kept->answers[i];

		if (one->request != request || is_error(response))
			continue;
		if (one->location && response->location &&
		    !has_same_query(one->location, response->location))
			run_problem(run, request, "the client is sent to %s, not to %s",
			    response->location, one->location);
		if (is_text(one->type) != is_text(response->content_type))
			run_problem(run, request, "it is answered in %s, not in %s",
			    response->content_type ?: "(null)", one->type ?: "(null)");
		if (one->has_body && response->body.len == 0 && !response->location)
			run_problem(run, request, "it is answered nothing");
	}
}

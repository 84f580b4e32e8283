/*
 * diff: what a reload with another file would change.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "commands.h"
#include "config/config.h"
#include "config/config_diff.h"
#include "ctl.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROBLEMS_BYTES ((size_t)1 << 20)

static const struct table_column columns[] = {
	{ "change", "CHANGE", false, 0 },
	{ "server", "SERVER", false, 12 },
	{ "key", "KEY", false, 0 },
	{ "before", "BEFORE", false, 12 },
	{ "after", "AFTER", false, 12 },
	{ "note", NULL, false, 0 },
};

static const char *const change_names[] = {
	[CONFIG_CHANGED] = "changed",
	[CONFIG_ADDED] = "added",
	[CONFIG_REMOVED] = "removed",
};

/* The server of the other configuration with the same URL, or NULL. */
static const struct server *
find_base(const struct config *config, const char *base)
{
	for (size_t i = 0; i < config->n_servers; i++)
		if (strcmp(config->servers[i].base, base) == 0)
			return &config->servers[i];
	return NULL;
}

/* What a difference means for meetings, or NULL. */
static const char *
note_of(struct ctl *ctl, const struct config_difference *difference, const struct config *after)
{
	const struct config *before = ctl->api.config;

	if (difference->change == CONFIG_CHANGED) {
		bool is_host = difference->server && strcmp(difference->key, "host") == 0;

		return is_host ?
		    "another server under this name, with what is known of the old" :
		    NULL;
	}
	if (difference->change == CONFIG_ADDED) {
		const struct server *was = find_base(before, difference->after);

		return was && !config_server_find(after, was->name) ?
		    str_printf(ctl->arena,
		        "%s under another name: its meetings are found again, "
		        "an operator's state is not kept",
		        was->name) :
		    NULL;
	}
	if (find_base(after, difference->before) || !ctl->api.store)
		return NULL;
	const struct server *server = config_server_find(before, difference->server);
	struct server_facts facts;
	if (ctl->api.store->verbs->servers_get(ctl->api.store, server, 1, &facts, NULL) !=
	        STORE_OK ||
	    facts.meetings == 0)
		return NULL;
	return str_printf(ctl->arena,
	    "%ld meetings there would count as unknown: \"tinyscalectl drain %s\" first",
	    facts.meetings, difference->server);
}

static void
write_differences(struct ctl *ctl, const struct config *after,
    const struct config_difference *list, size_t n)
{
	struct table table;
	struct buf out, notes;

	table_init(&table, ctl->arena, columns, COUNT(columns));
	ctl_begin(&notes);
	for (size_t i = 0; i < n; i++) {
		const struct config_difference *one = &list[i];
		const char *note = note_of(ctl, one, after);
		/* So that a hidden value is no empty one. */
		const char *hidden = one->change == CONFIG_CHANGED && !one->before ?
		    "(hidden)" :
		    NULL;

		table_text(&table, change_names[one->change]);
		table_text(&table, one->server);
		table_text(&table, one->key);
		table_text(&table, one->before ?: hidden);
		table_text(&table, one->after ?: hidden);
		table_text(&table, note);
		if (note)
			buf_printf(&notes, "%s%s: %s\n", notes.len == 0 ? "\n" : "",
			    one->server, note);
	}
	ctl_begin(&out);
	if (ctl_has(ctl, OPTION_JSON)) {
		buf_text(&out, "{\"differences\":");
		table_write_json(&table, &out);
		buf_text(&out, "}\n");
	} else if (n == 0) {
		buf_text(&out, "no difference\n");
	} else {
		table_write(&table, &out, ctl->in_colour);
		buf_str(&out, buf_view(&notes));
	}
	buf_free(&notes);
	ctl_write(&out);
}

int
command_diff(struct ctl *ctl)
{
	struct config_difference *list;
	struct buf problems;

	if (!ctl_open_config(ctl))
		return CTL_WRONG;
	/* Before the state is opened, for which root becomes another user. */
	buf_init(&problems, PROBLEMS_BYTES);
	struct config *after = config_load(ctl->words[0], &problems);
	if (!after)
		fputs(problems.data ?: "", stderr);
	buf_free(&problems);
	if (!after) {
		ctl_complain("a reload would leave the configuration in use as it is");
		return CTL_WRONG;
	}
	if (config_has_state(ctl->api.config) && !ctl_open_state(ctl)) {
		config_free(after);
		return CTL_WRONG;
	}
	size_t n = config_diff(ctl->api.config, after, ctl->arena, &list);
	write_differences(ctl, after, list, n);
	config_free(after);
	return CTL_GOOD;
}

/*
 * tinyscalectl: the operator's command.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "base/arena.h"
#include "base/log.h"
#include "commands.h"
#include "ctl.h"

/* One reading of the line. */
struct line {
	char **next; /* the argument to be read, or the NULL behind the last */
	const struct command *command;
	struct ctl *ctl;
};

static int
usage_error(const char *what, const char *argument, const struct command *command)
{
	ctl_complain("%s%s%s; \"tinyscalectl help%s%s\" tells more", what,
	    *argument ? ": " : "", argument, command ? " " : "", command ? command->name : "");
	return CTL_USAGE;
}

/* Is the argument that option, and if so, what is its value?  "--name VALUE",
 * "--name=VALUE", "-x VALUE".  *value is NULL where it is missing. */
static bool
is_option(struct line *line, const char *name, char letter, bool takes_value,
    const char **value)
{
	const char *argument = *line->next;
	size_t len = strlen(name);

	*value = "";
	if (letter && argument[0] == '-' && argument[1] == letter && argument[2] == '\0') {
		/* as below */
	} else if (strncmp(argument, name, len) != 0) {
		return false;
	} else if (argument[len] == '=' && takes_value) {
		*value = argument + len + 1;
		line->next++;
		return true;
	} else if (argument[len] != '\0') {
		return false;
	}
	line->next++;
	if (takes_value)
		*value = *line->next ? *line->next++ : NULL;
	return true;
}

/* What stands before the command.  Returns a status to exit with, or -1 to go on. */
static int
read_general(struct line *line)
{
	const char *value;

	if (is_option(line, "--config", 'c', true, &value)) {
		if (!value)
			return usage_error("-c takes the path of a configuration", "", NULL);
		line->ctl->config_path = value;
		return -1;
	}
	if (is_option(line, "--help", 'h', false, &value)) {
		struct buf out;

		ctl_begin(&out);
		if (line->command)
			commands_help(&out, line->command);
		else
			commands_usage(&out);
		ctl_write(&out);
		return CTL_GOOD;
	}
	if (!line->command && is_option(line, "--version", 0, false, &value)) {
		app_print_version("tinyscalectl");
		return CTL_GOOD;
	}
	return usage_error("unknown option", *line->next, line->command);
}

/* An option of the command's own; the same return. */
static int
read_option(struct line *line)
{
	struct ctl *ctl = line->ctl;

	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option_row *row = &commands_options[i];
		const char *argument = *line->next, *value;

		if (!(line->command->options & (1u << i)) ||
		    !is_option(line, row->name, row->letter, row->argument, &value))
			continue;
		if (!value)
			return usage_error("a value is missing behind", argument,
			    line->command);
		ctl->given[ctl->n_given++] = (struct option_given){ (enum option)i, value };
		return -1;
	}
	/* "-c" may be a command's own. */
	return read_general(line);
}

/* Read the whole line; the same return. */
static int
read_line(struct line *line)
{
	struct ctl *ctl = line->ctl;
	bool only_words = false;

	while (*line->next) {
		int status = -1;

		if (!only_words && strcmp(*line->next, "--") == 0) {
			only_words = true;
			line->next++;
		} else if (!only_words && (*line->next)[0] == '-' && (*line->next)[1]) {
			status = line->command ? read_option(line) : read_general(line);
		} else if (!line->command) {
			line->command = commands_find(*line->next);
			if (!line->command)
				return usage_error("unknown command", *line->next, NULL);
			line->next++;
		} else {
			ctl->words[ctl->n_words++] = *line->next++;
		}
		if (status >= 0)
			return status;
	}
	if (!line->command) {
		struct buf out;

		ctl_begin(&out);
		commands_usage(&out);
		fputs(buf_view(&out).data, stderr);
		buf_free(&out);
		return CTL_USAGE;
	}
	if (ctl->n_words < line->command->least)
		return usage_error("something is missing", line->command->arguments,
		    line->command);
	if (ctl->n_words > line->command->most)
		return usage_error("unexpected", ctl->words[line->command->most],
		    line->command);
	return -1;
}

int
main(int argc, char **argv)
{
	struct arena *line_arena = arena_new();
	struct ctl ctl = {
		.arena = arena_new(),
		.words = arena_alloc(line_arena, (size_t)(argc + 1) * sizeof(*ctl.words)),
		.given = arena_alloc(line_arena, (size_t)(argc + 1) * sizeof(*ctl.given)),
		.is_terminal = isatty(STDOUT_FILENO),
	};
	struct line line = { .next = argv + (argc > 0), .ctl = &ctl };
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	const char *log_level = getenv("TINYSCALE_LOG");

	app_open_standard_files();
	/* For the widths of characters. */
	setlocale(LC_CTYPE, "C.UTF-8");
	log_open("tinyscalectl", log_level ?: "error");
	ctl.in_colour = ctl.is_terminal && !(no_colour && *no_colour) &&
	    !(terminal && strcmp(terminal, "dumb") == 0);
	int status = read_line(&line);
	if (status < 0) {
		app_forbid_dumps();
		app_raise_descriptor_limit();
		status = line.command->run(&ctl);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		ctl_complain("the answer cannot be written: %m");
		status = CTL_WRONG;
	}
	ctl_close(&ctl);
	arena_free(ctl.arena);
	arena_free(line_arena);
	return status;
}

/*
 * The commands and their options: one table, from which the usage, the help and the
 * completions of shells are made, and with which the manual page is compared.
 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "ctl.h"

/* What a shell may complete a command's words by. */
enum word { WORD_NONE, WORD_SERVER, WORD_CALL, WORD_FILE, WORD_COMMAND, WORD_EXPORT };

typedef int command_function(struct ctl *ctl);

struct command {
	const char *name;
	const char *arguments; /* what follows, but --json: "[--watch]" */
	const char *summary;   /* in a line, at most 52 columns */
	const char *help;      /* whole lines, at most 80 columns */
	unsigned options;      /* those it takes: 1 << enum option */
	size_t least, most;    /* words */
	enum word word;        /* what its words are */
	bool is_hidden;        /* for scripts of ours, not for people */
	command_function *run;
};

struct option_row {
	const char *name;     /* "--json" */
	char letter;          /* its short form, or '\0' */
	const char *argument; /* what follows it, "HH:MM", or NULL */
	const char *help;
};

extern const struct command commands_list[];
extern const size_t commands_n;
extern const struct option_row commands_options[OPTIONS];

/* The command of that name, or NULL. */
const struct command *commands_find(const char *name);

/* Append all commands with their summaries. */
void commands_usage(struct buf *out);

/* Append all that is to say of one command. */
void commands_help(struct buf *out, const struct command *command);

/* init.c */
command_function command_init;
/* check.c */
command_function command_check;
/* status.c */
command_function command_status, command_servers, command_meetings;
/* where.c */
command_function command_where, command_explain;
/* cordon.c */
command_function command_cordon, command_uncordon, command_disable, command_enable;
/* drain.c */
command_function command_drain;
/* url.c */
command_function command_url;
/* poll.c */
command_function command_poll;
/* diff.c */
command_function command_diff;
/* import.c */
command_function command_import;
/* export.c */
command_function command_export;
/* help.c */
command_function command_help, command_completion;

#endif

/*
 * help, and what shells complete by: all of it is made from the table of commands.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "commands.h"
#include "config/config.h"
#include "ctl.h"

int
command_help(struct ctl *ctl)
{
	const struct command *command = NULL;
	struct buf out;

	if (ctl->n_words > 0 && !(command = commands_find(ctl->words[0]))) {
		ctl_complain("there is no command %s; \"tinyscalectl help\" names all",
		    ctl_plain(ctl, str_from(ctl->words[0])));
		return CTL_USAGE;
	}
	ctl_begin(&out);
	if (command)
		commands_help(&out, command);
	else
		commands_usage(&out);
	ctl_write(&out);
	return CTL_GOOD;
}

/* ---- Completion ------------------------- */

/* The names of the commands, with that between two of them. */
static void
add_names(struct buf *out, const char *between)
{
	const char *before = "";

	for (size_t i = 0; i < commands_n; i++) {
		if (commands_list[i].is_hidden)
			continue;
		buf_printf(out, "%s%s", before, commands_list[i].name);
		before = between;
	}
}

/* An option as the line of a command's help has it: "-w", or "--json". */
static void
add_option(struct buf *out, const struct option_row *row)
{
	if (row->letter)
		buf_printf(out, "-%c", row->letter);
	else
		buf_text(out, row->name);
}

/* How bash completes a command's words. */
static const char *
bash_word(enum word word)
{
	switch (word) {
	case WORD_SERVER:
		return "words=$(tinyscalectl \"${config[@]}\" completion servers 2>/dev/null)";
	case WORD_CALL:
		return "words='create join isMeetingRunning getMeetingInfo end getMeetings "
		       "getRecordings tinyscale/health tinyscale/status tinyscale/metrics'";
	case WORD_EXPORT:
		return "words=nginx-cluster-proxy";
	case WORD_COMMAND:
		return "words=$commands";
	case WORD_FILE:
		return "compopt -o default; words=''";
	case WORD_NONE:
		break;
	}
	return "words=''";
}

static void
add_bash(struct buf *out)
{
	buf_text(out,
	    "# bash completion for tinyscalectl; \"tinyscalectl completion bash\" made it.\n"
	    "_tinyscalectl() {\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command='' words='' options='' i\n"
	    "\tlocal -a config=()\n"
	    "\tlocal commands='");
	add_names(out, " ");
	buf_text(out,
	    "'\n"
	    "\tCOMPREPLY=()\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tcase ${COMP_WORDS[i]} in\n"
	    "\t\t-c | --config)\n"
	    "\t\t\tconfig=(-c \"${COMP_WORDS[i + 1]}\")\n"
	    "\t\t\t((i++))\n"
	    "\t\t\t;;\n"
	    "\t\t-*) ;;\n"
	    "\t\t*)\n"
	    "\t\t\tcommand=${COMP_WORDS[i]}\n"
	    "\t\t\tbreak\n"
	    "\t\t\t;;\n"
	    "\t\tesac\n"
	    "\tdone\n"
	    "\tcase $command in\n"
	    "\t'')\n"
	    "\t\tif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -c ]]; then\n"
	    "\t\t\tcompopt -o default\n"
	    "\t\t\treturn\n"
	    "\t\tfi\n"
	    "\t\twords=$commands options='--config --help --version'\n"
	    "\t\t;;\n");
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *command = &commands_list[i];

		if (command->is_hidden)
			continue;
		buf_printf(out, "\t%s)\n\t\toptions='", command->name);
		for (size_t o = 0; o < OPTIONS; o++)
			if (command->options & (1u << o)) {
				add_option(out, &commands_options[o]);
				buf_char(out, ' ');
			}
		buf_printf(out, "--help'\n\t\t%s\n\t\t;;\n", bash_word(command->word));
	}
	buf_text(out,
	    "\tesac\n"
	    "\t[[ $cur != -* ]] || words=$options\n"
	    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	    "}\n"
	    "complete -F _tinyscalectl tinyscalectl\n");
}

/* A text in zsh's single quotes, inside the brackets of _arguments. */
static void
add_zsh_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_text(out, "'\\''");
		else if (strchr("[]:\\", *text))
			buf_printf(out, "\\%c", *text);
		else
			buf_char(out, *text);
	}
}

/* How zsh completes a command's words. */
static const char *
zsh_word(enum word word)
{
	switch (word) {
	case WORD_SERVER:
		return "'*:server:_tinyscalectl_servers'";
	case WORD_CALL:
		return "'1:call:(create join isMeetingRunning getMeetingInfo end getMeetings "
		       "getRecordings tinyscale/health tinyscale/status tinyscale/metrics)' "
		       "'*:parameter:'";
	case WORD_EXPORT:
		return "'1:what:(nginx-cluster-proxy)'";
	case WORD_COMMAND:
		return "'1:command:_tinyscalectl_commands'";
	case WORD_FILE:
		return "'1:file:_files'";
	case WORD_NONE:
		break;
	}
	return "'*:argument:'";
}

static void
add_zsh(struct buf *out)
{
	buf_text(out,
	    "#compdef tinyscalectl\n"
	    "# zsh completion for tinyscalectl; \"tinyscalectl completion zsh\" made it.\n"
	    "_tinyscalectl_servers() {\n"
	    "\tlocal -a servers config\n"
	    "\t[[ -n ${opt_args[-c]} ]] && config=(-c ${(Q)opt_args[-c]})\n"
	    "\tservers=(${(f)\"$(tinyscalectl $config completion servers 2>/dev/null)\"})\n"
	    "\tcompadd -a servers\n"
	    "}\n"
	    "_tinyscalectl_commands() {\n"
	    "\tlocal -a commands\n"
	    "\tcommands=(\n");
	for (size_t i = 0; i < commands_n; i++) {
		if (commands_list[i].is_hidden)
			continue;
		buf_printf(out, "\t\t'%s:", commands_list[i].name);
		add_zsh_text(out, commands_list[i].summary);
		buf_text(out, "'\n");
	}
	buf_text(out,
	    "\t)\n"
	    "\t_describe command commands\n"
	    "}\n"
	    "_tinyscalectl() {\n"
	    "\tlocal context state line\n"
	    "\tlocal -A opt_args\n"
	    "\t_arguments -C '-c[the configuration]:file:_files' '--help[all commands]' \\\n"
	    "\t\t'--version[the version]' '1:command:_tinyscalectl_commands' '*::arg:->args'\n"
	    "\t[[ $state == args ]] || return\n"
	    "\tcase $line[1] in\n");
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *command = &commands_list[i];

		if (command->is_hidden)
			continue;
		buf_printf(out, "\t%s) _arguments ", command->name);
		for (size_t o = 0; o < OPTIONS; o++) {
			if (!(command->options & (1u << o)))
				continue;
			buf_char(out, '\'');
			add_option(out, &commands_options[o]);
			buf_char(out, '[');
			add_zsh_text(out, commands_options[o].help);
			buf_char(out, ']');
			if (commands_options[o].argument) {
				buf_char(out, ':');
				add_zsh_text(out, commands_options[o].argument);
				buf_char(out, ':');
			}
			buf_text(out, "' ");
		}
		buf_printf(out, "%s ;;\n", zsh_word(command->word));
	}
	buf_text(out,
	    "\tesac\n"
	    "}\n"
	    "_tinyscalectl \"$@\"\n");
}

int
command_completion(struct ctl *ctl)
{
	struct buf out;

	ctl_begin(&out);
	if (strcmp(ctl->words[0], "bash") == 0) {
		add_bash(&out);
	} else if (strcmp(ctl->words[0], "zsh") == 0) {
		add_zsh(&out);
	} else if (strcmp(ctl->words[0], "servers") == 0) {
		if (!ctl_open_config(ctl))
			return CTL_WRONG;
		for (size_t i = 0; i < ctl->api.config->n_servers; i++)
			buf_printf(&out, "%s\n", ctl->api.config->servers[i].name);
	} else {
		ctl_complain("completion takes bash, zsh or servers");
		return CTL_USAGE;
	}
	ctl_write(&out);
	return CTL_GOOD;
}

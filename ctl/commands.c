#include "commands.h"

#include <string.h>

#include "base/built.h"

#define BIT(option) (1u << OPTION_##option)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The summaries of the commands begin here. */
#define SUMMARY_COLUMN 26

const struct option_row commands_options[OPTIONS] = {
	[OPTION_JSON] = { "--json", 0, NULL, "answer in JSON, for programs" },
	[OPTION_WATCH] = { "--watch", 0, NULL, "answer anew every two seconds" },
};

const struct command commands_list[] = {
	{ "status", "[--watch]", "servers, meetings and what is wrong",
	    "What the gateway knows: each server with its health, the operator's state, its\n"
	    "meetings, its people, the seats kept for people to come, and when it was polled\n"
	    "last; then what is wrong. No server is asked. Exits 1 when a server that is in\n"
	    "use is not up.\n",
	    BIT(JSON) | BIT(WATCH), 0, 0, WORD_NONE, false, command_status },
	{ "servers", "[--watch]", "servers as they are configured and used",
	    "Each server with its URL, the state that counts and who set it, its weight, its\n"
	    "limits, and what a new meeting would find there. No server is asked.\n",
	    BIT(JSON) | BIT(WATCH), 0, 0, WORD_NONE, false, command_servers },
	{ "meetings", "[--watch] [SERVER]", "meetings and where they are",
	    "The meetings that the gateway knows, of all servers or of one: the people at the\n"
	    "last poll, and since when the meeting is there. No server is asked.\n",
	    BIT(JSON) | BIT(WATCH), 0, 1, WORD_SERVER, false, command_meetings },
	{ "where", "MEETINGID", "the server of a meeting",
	    "Where the gateway would send a join now. No server is asked. Exits 1 when the\n"
	    "gateway does not know the meeting.\n",
	    BIT(JSON), 1, 1, WORD_NONE, false, command_where },
	{ "explain", "[QUERY]", "which server a create would get, and why",
	    "What a create would choose now: each server with its score, the lowest of which\n"
	    "is chosen, or why it cannot be. QUERY is as a client's create has it, without a\n"
	    "checksum: 'meetingID=a&maxParticipants=80&meta_server-tag=big'. Nothing is\n"
	    "changed, and no server is asked. Exits 1 when none can take the meeting.\n",
	    BIT(JSON), 0, 1, WORD_NONE, false, command_explain },
	{ "help", "[COMMAND]", "this, or all about a command",
	    "All commands, or one of them.\n", 0, 0, 1, WORD_COMMAND, false, command_help },
	{ "completion", "bash|zsh|servers", "what shells complete by",
	    "The completions for bash or zsh, as make install puts them in place, and the\n"
	    "names of the servers for them.\n",
	    0, 1, 1, WORD_NONE, true, command_completion },
};

const size_t commands_n = COUNT(commands_list);

const struct command *
commands_find(const char *name)
{
	for (size_t i = 0; i < commands_n; i++)
		if (strcmp(commands_list[i].name, name) == 0)
			return &commands_list[i];
	return NULL;
}

/* "name arguments", and what follows to the column of the summaries, or on a new line. */
static void
add_row(struct buf *out, const char *first, const char *second, const char *summary)
{
	size_t begin = out->len;

	buf_printf(out, "  %s%s%s", first, *second ? " " : "", second);
	size_t width = out->len - begin;
	if (width + 2 > SUMMARY_COLUMN) {
		buf_char(out, '\n');
		width = 0;
	}
	buf_printf(out, "%*s%s\n", (int)(SUMMARY_COLUMN - width), "", summary);
}

void
commands_usage(struct buf *out)
{
	buf_text(out,
	    "usage: tinyscalectl [-c CONFIG] COMMAND [ARGUMENT...]\n"
	    "\n"
	    "The operator's command of tinyscale, the BigBlueButton load balancer: see\n"
	    "tinyscalectl(8), or \"tinyscalectl help COMMAND\".\n"
	    "\n");
	add_row(out, "-c, --config", "FILE", "read FILE (default: $TINYSCALE_CONFIG, or");
	add_row(out, "", "", BUILT_CONFIG ")");
	add_row(out, "    --help", "", "print this");
	add_row(out, "    --version", "", "print the version");
	buf_char(out, '\n');
	for (size_t i = 0; i < commands_n; i++)
		if (!commands_list[i].is_hidden)
			add_row(out, commands_list[i].name, commands_list[i].arguments,
			    commands_list[i].summary);
}

void
commands_help(struct buf *out, const struct command *command)
{
	buf_printf(out, "usage: tinyscalectl [-c CONFIG] %s%s%s%s\n\n%s", command->name,
	    command->options & BIT(JSON) ? " [--json]" : "", *command->arguments ? " " : "",
	    command->arguments, command->help);
	if (command->options)
		buf_char(out, '\n');
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option_row *row = &commands_options[i];

		if (!(command->options & (1u << i)))
			continue;
		const char letter[] = { '-', row->letter, '\0' };
		add_row(out, row->letter ? letter : row->name, row->argument ?: "", row->help);
	}
}

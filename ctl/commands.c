#include "commands.h"

#include <string.h>

#include "base/built.h"

#define BIT(option) (1u << OPTION_##option)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Servers in one line: as many as there can be (bounds.h). */
#define SERVERS_MOST 1000

/* The summaries of the commands begin here. */
#define SUMMARY_COLUMN 26

const struct option_row commands_options[OPTIONS] = {
	[OPTION_JSON] = { "--json", 0, NULL, "answer in JSON, for programs" },
	[OPTION_WATCH] = { "--watch", 0, NULL, "answer anew every two seconds" },
	[OPTION_UNTIL] = { "--until", 0, "HH:MM", "give up at that time of day: exit 1" },
	[OPTION_NO_WAIT] = { "--no-wait", 0, NULL, "tell what is left, and do not wait" },
	[OPTION_FOR] = { "--for", 0, "TIME", "let the URL end after 30min, 8h, 7d" },
	[OPTION_BASE] = { "--base", 0, "URL", "the gateway's address, as clients call it" },
	[OPTION_NAGIOS] = { "--nagios", 0, NULL, "one line and a plugin's exit status" },
	[OPTION_WARNING] = { "--warning", 'w', "N", "warning when N servers fail (1)" },
	[OPTION_CRITICAL] = { "--critical", 'c', "N", "critical when N servers fail (all)" },
	[OPTION_SERVER] = { "--server", 0, "URL,SECRET", "a server; again for each other" },
	[OPTION_FORCE] = { "--force", 0, NULL, "replace a file that is there" },
};

const struct command commands_list[] = {
	{ "init", "[--base URL] [--server URL,SECRET]... [--force]", "the first servers.json",
	    "Asks for the servers, where what \"bbb-conf --secret\" prints may be pasted;\n"
	    "tries each as check does; writes the configuration, with a new secret, for its\n"
	    "owner and its group alone; and prints what Moodle and Greenlight ask for. A\n"
	    "server that fails is kept where you say so. With --server, or where standard\n"
	    "input is no terminal, nothing is asked: servers that fail are kept. Exits 1 when\n"
	    "one that is kept fails, or nothing was written. Other users can see a line with\n"
	    "--server while it runs, and its secrets; what comes by standard input they\n"
	    "cannot.\n",
	    BIT(BASE) | BIT(SERVER) | BIT(FORCE), 0, 0, WORD_NONE, false, command_init },
	{ "check", "[--nagios] [-w N] [-c N] [NAME...]", "ask all servers live, and what to do",
	    "The files, public_url, and each server, or those named: can it be reached, is\n"
	    "its secret right, its version (where the server tells it), the checksum\n"
	    "algorithms it takes, by how much its clock differs, and in how many days its\n"
	    "certificate ends; with what to do for each failure. A version with a hole that\n"
	    "BigBlueButton's release notes name is a failure. So is a state that cannot be\n"
	    "used or written, with the reason; what keeps it is told. Exits 1 if anything\n"
	    "fails; --nagios exits 0 to 3.\n",
	    BIT(JSON) | BIT(NAGIOS) | BIT(WARNING) | BIT(CRITICAL), 0, SERVERS_MOST,
	    WORD_SERVER, false, command_check },
	{ "status", "[--watch]", "servers, meetings and what is wrong",
	    "What the gateway knows: each server with its health, the operator's state, its\n"
	    "meetings, its people, the seats kept for people to come, and when it was polled\n"
	    "last; then what is wrong, and what keeps the state. No server is asked. Exits 1\n"
	    "when a server that is in use is not up, or the state cannot be written.\n",
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
	{ "cordon", "NAME...", "no new meetings there; all else goes on",
	    "New meetings go elsewhere from the next create on; running ones go on. It wins\n"
	    "over the configuration, whatever is reloaded, until uncordon undoes it.\n",
	    BIT(JSON), 1, SERVERS_MOST, WORD_SERVER, false, command_cordon },
	{ "uncordon", "NAME...", "new meetings again",
	    "Undoes cordon and drain. A server that the configuration cordons takes new\n"
	    "meetings then, too. Exits 1 for one that is disabled.\n",
	    BIT(JSON), 1, SERVERS_MOST, WORD_SERVER, false, command_uncordon },
	{ "disable", "NAME...", "nothing is sent there",
	    "The server is neither polled nor asked, and its meetings count as unknown: drain\n"
	    "it before. It wins over the configuration until enable undoes it.\n",
	    BIT(JSON), 1, SERVERS_MOST, WORD_SERVER, false, command_disable },
	{ "enable", "NAME...", "back into use",
	    "Undoes disable, and cordon as well. It wins over the configuration.\n", BIT(JSON),
	    1, SERVERS_MOST, WORD_SERVER, false, command_enable },
	{ "drain", "[--until HH:MM] [--no-wait] NAME", "cordon, and wait until it is empty",
	    "No new meetings, as with cordon; then the server is asked until it has no\n"
	    "meeting and no recording in work. No class is ended. It stays cordoned, also\n"
	    "when the waiting is broken off. A BigBlueButton server lists a recording only\n"
	    "when its processing has begun, some minutes after the meeting.\n",
	    BIT(JSON) | BIT(UNTIL) | BIT(NO_WAIT), 1, 1, WORD_SERVER, false, command_drain },
	{ "url", "[--for TIME] [--base URL] CALL [NAME=VALUE...]",
	    "a signed URL of the gateway",
	    "Signed with the gateway's first secret; calls tinyscale/... with admin_secret.\n"
	    "Values are encoded here. Whoever has the URL can make the call: only that of a\n"
	    "call tinyscale/... can be made to end, with --for.\n",
	    BIT(FOR) | BIT(BASE), 1, 1000, WORD_CALL, false, command_url },
	{ "poll", "", "ask all servers once, now",
	    "One round of what the gateway does in turn, with all that follows from it. Exits\n"
	    "1 when a server fails.\n",
	    BIT(JSON), 0, 0, WORD_NONE, false, command_poll },
	{ "diff", "FILE", "what a reload with FILE would change",
	    "Compares FILE with the configuration, values as they count, defaults included.\n"
	    "Secrets, and parameters, among which may be passwords, are not shown. Exits 1\n"
	    "when FILE is no good configuration; every problem is named.\n",
	    BIT(JSON), 1, 1, WORD_FILE, false, command_diff },
	{ "import", "FILE", "servers.json from Scalelite or tinyscale",
	    "Prints a configuration made from what Scalelite's \"rake servers:yaml\" or\n"
	    "\"rake servers\" prints, or from a list of servers as the original tinyscale\n"
	    "has it; \"-\" is standard input. A load multiplier becomes a weight, its\n"
	    "inverse; a server that is not enabled is cordoned. What could not be carried\n"
	    "over is named on standard error: exit 1.\n",
	    0, 1, 1, WORD_FILE, false, command_import },
	{ "export", "nginx-cluster-proxy", "location blocks for BigBlueButton's proxy",
	    "Prints nginx's location blocks of BigBlueButton's cluster proxy for the servers\n"
	    "of the configuration. Exits 1 when one has to be left out.\n",
	    0, 1, 1, WORD_EXPORT, false, command_export },
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
	buf_printf(out, "usage: tinyscalectl %s%s%s%s\n\n%s", command->name,
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

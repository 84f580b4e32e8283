#include "control.h"

#include <stdlib.h>
#include <string.h>

#include "callback_control.h"
#include "fault_control.h"
#include "params.h"
#include "recording_control.h"
#include "sandbox.h"
#include "server.h"

#define USERS_MAX 100000

void
control_refuse(struct command *command, const char *sentence)
{
	text_fini(&command->text);
	text_add_format(&command->text, "%s\n", sentence);
	command->status = 400;
}

int
control_read_number(struct command *command, const char *name, long long least, long long most,
    long long *number)
{
	const char *value = params_find(&command->params, name);

	if (!value)
		return 0;
	if (value[0] != '\0' && strlen(value) <= 18 &&
	    strspn(value, "0123456789") == strlen(value)) {
		long long parsed = strtoll(value, NULL, 10);
		if (parsed >= least && parsed <= most) {
			*number = parsed;
			return 0;
		}
	}
	struct text sentence = { 0 };
	text_add_format(&sentence, "%s must be a whole number from %lld to %lld.", name, least,
	    most);
	control_refuse(command, sentence.data);
	text_fini(&sentence);
	return -1;
}

struct server *
control_read_server(struct command *command)
{
	long long number = 0;

	if (control_read_number(command, "server", 1, command->sandbox->server_count,
	        &number) != 0)
		return NULL;
	if (number == 0) {
		control_refuse(command, "server is missing.");
		return NULL;
	}
	return &command->sandbox->servers[number - 1];
}

const char *
control_read_filled(const struct command *command, const char *name)
{
	const char *value = params_find(&command->params, name);

	return value && value[0] != '\0' ? value : NULL;
}

/* Prints the logs of the servers from first to last, in order of arrival. */
static size_t
print_calls(struct command *command, unsigned first, unsigned last, const char *call,
    bool with_number, bool only_count)
{
	struct sandbox *sandbox = command->sandbox;
	const struct calllog_entry **next = text_new((last - first) * sizeof(*next));

	for (unsigned i = first; i < last; i++)
		next[i - first] = sandbox->servers[i].log.first;
	size_t count = 0;
	for (;;) {
		const struct calllog_entry *entry = NULL;
		unsigned at = first;

		for (unsigned i = first; i < last; i++) {
			const struct calllog_entry *one = next[i - first];

			if (one && (!entry || one->arrival < entry->arrival)) {
				entry = one;
				at = i;
			}
		}
		if (!entry)
			break;
		next[at - first] = entry->next;
		if (call && strcmp(entry->call, call) != 0)
			continue;
		count++;
		if (only_count)
			continue;
		if (with_number)
			text_add_format(&command->text, "%u\t", sandbox->servers[at].number);
		text_add_format(&command->text, "%s\n", entry->line);
	}
	free(next);
	return count;
}

static void
run_calls(struct command *command)
{
	const char *call = control_read_filled(command, "call");
	const char *only_count = control_read_filled(command, "count");
	bool counts = only_count && strcmp(only_count, "0") != 0;
	long long number = -1;

	if (control_read_number(command, "server", 0, command->sandbox->server_count,
	        &number) != 0)
		return;
	if (number < 0) {
		control_refuse(command, "server is missing; 0 stands for all.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	size_t count;
	if (number == 0)
		count = print_calls(command, 0, command->sandbox->server_count, call, true,
		    counts);
	else
		count = print_calls(command, (unsigned)number - 1, (unsigned)number, call,
		    false, counts);
	pthread_mutex_unlock(&command->sandbox->lock);
	if (counts)
		text_add_format(&command->text, "%zu\n", count);
}

static void
run_users(struct command *command)
{
	struct server *server = control_read_server(command);
	const char *id = control_read_filled(command, "meetingID");
	long long users = -1;

	if (!server || control_read_number(command, "users", 0, USERS_MAX, &users) != 0)
		return;
	if (!id || users < 0) {
		control_refuse(command, "meetingID and users are needed.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	struct meeting *meeting = meetings_find(&server->meetings, id);
	if (meeting)
		meetings_set_user_count(meeting, (size_t)users);
	pthread_mutex_unlock(&command->sandbox->lock);
	if (!meeting)
		control_refuse(command, "That server has no such meeting.");
}

static void
run_meetings(struct command *command)
{
	struct server *server = control_read_server(command);

	if (!server)
		return;
	pthread_mutex_lock(&command->sandbox->lock);
	for (const struct meeting *meeting = server->meetings.first; meeting;
	     meeting = meeting->next)
		text_add_format(&command->text, "%s %s %zu\n", meeting->meeting_id,
		    meeting->internal_meeting_id, meeting->user_count);
	pthread_mutex_unlock(&command->sandbox->lock);
}

static void
run_history(struct command *command)
{
	struct server *server = control_read_server(command);

	if (!server)
		return;
	pthread_mutex_lock(&command->sandbox->lock);
	text_add_string(&command->text, text_string(&server->meetings.history));
	pthread_mutex_unlock(&command->sandbox->lock);
}

static void
run_reset(struct command *command)
{
	struct sandbox *sandbox = command->sandbox;

	pthread_mutex_lock(&sandbox->listening);
	pthread_mutex_lock(&sandbox->lock);
	for (unsigned i = 0; i < sandbox->server_count; i++) {
		meetings_clear(&sandbox->servers[i].meetings);
		recordings_clear(&sandbox->servers[i].recordings);
		hooks_clear(&sandbox->servers[i].hooks);
		faults_clear(&sandbox->servers[i].faults);
		calllog_clear(&sandbox->servers[i].log);
		server_set_secrets(&sandbox->servers[i], &sandbox->servers[i].first_secret, 1);
	}
	receivers_clear(&sandbox->receivers);
	pthread_mutex_unlock(&sandbox->lock);
	for (unsigned i = 0; i < sandbox->server_count; i++)
		if (server_apply_listening(&sandbox->servers[i]) != 0)
			control_refuse(command, "A port could not be had again.");
	pthread_mutex_unlock(&sandbox->listening);
}

static void
run_servers(struct command *command)
{
	struct sandbox *sandbox = command->sandbox;

	pthread_mutex_lock(&sandbox->lock);
	for (unsigned i = 0; i < sandbox->server_count; i++)
		text_add_format(&command->text, "%u %u %zu\n", sandbox->servers[i].number,
		    (unsigned)sandbox->servers[i].port.number,
		    sandbox->servers[i].meetings.count);
	pthread_mutex_unlock(&sandbox->lock);
}

static const struct {
	const char *path;
	void (*run)(struct command *command);
} commands[] = {
	{ "/fault", fault_control_fault },
	{ "/calls", run_calls },
	{ "/users", run_users },
	{ "/raw", fault_control_raw },
	{ "/phantom", fault_control_phantom },
	{ "/secret", fault_control_secret },
	{ "/meetings", run_meetings },
	{ "/history", run_history },
	{ "/reset", run_reset },
	{ "/servers", run_servers },
	{ "/record", recording_control_record },
	{ "/recordings", recording_control_list },
	{ "/copy_recording", recording_control_copy },
	{ "/paging", recording_control_paging },
	{ "/tracks", recording_control_tracks },
	{ "/callback", callback_control_callback },
	{ "/event", callback_control_event },
	{ "/hook", callback_control_hook },
	{ "/forget_hooks", callback_control_forget_hooks },
	{ "/receiver", callback_control_receiver },
	{ "/received", callback_control_received },
};

enum MHD_Result
control_handle(void *argument, struct http_request *request)
{
	struct command command = { .sandbox = argument, .request = request, .status = 404 };
	size_t path_length = strcspn(request->target, "?");
	const char *query = request->target + path_length;

	if (strncmp(request->target, CALLBACK_CONTROL_RECEIVER,
	        strlen(CALLBACK_CONTROL_RECEIVER)) == 0)
		return callback_control_receive(argument, request);
	if (*query == '?')
		query++;
	params_parse_form(&command.params, query, strlen(query));
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strlen(commands[i].path) != path_length ||
		    memcmp(commands[i].path, request->target, path_length) != 0)
			continue;
		/* The body of these is what they are about, and not parameters. */
		if (commands[i].run != fault_control_raw &&
		    commands[i].run != callback_control_event)
			params_parse_form(&command.params, text_string(&request->body),
			    request->body.length);
		command.status = 200;
		commands[i].run(&command);
	}
	if (command.status == 404)
		text_add_string(&command.text, "No such command; see bbb-sandbox --help.\n");
	enum MHD_Result result = http_reply(request, command.status, "text/plain;charset=utf-8",
	    text_string(&command.text), command.text.length);
	text_fini(&command.text);
	params_fini(&command.params);
	return result;
}

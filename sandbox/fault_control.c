#include "fault_control.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "reply.h"
#include "sandbox.h"
#include "server.h"

#define FAULT_MS_MAX 86400000LL
#define FAULT_BYTES_MAX (1LL << 40)
#define FAULT_TIMES_MAX 1000000LL
#define CLAIMED_USERS_MAX 1000000LL

/* Short, since the end of the sandbox waits for it. */
#define REFUSE_MS_MAX 10000LL

/* What a fault is as long as the command does not say otherwise. */
static void
set_defaults(struct fault *fault)
{
	if (fault->ms < 0)
		fault->ms = fault->kind == FAULT_DRIP ? 200 : 1000;
	if (fault->bytes < 0 && fault->kind == FAULT_HUGE)
		fault->bytes = 64LL * 1024 * 1024;
	if (fault->bytes < 0 && fault->kind == FAULT_LONG_QUERY)
		fault->bytes = 2048;
	if (fault->number < 0)
		fault->number = fault->kind == FAULT_BLANK_LINES ? 2 : 1;
	if (fault->element[0] == '\0')
		memcpy(fault->element, "fullName", sizeof("fullName"));
}

/* Copies a parameter into room bytes.  Returns 0, or -1 after refusing. */
static int
read_text(struct command *command, const char *name, char *out, size_t room)
{
	const char *value = control_read_filled(command, name);

	if (!value)
		return 0;
	if (strlen(value) >= room) {
		control_refuse(command, "A parameter is too long.");
		return -1;
	}
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

/* Reads the bytes that hex stands for.  Returns 0, or -1 after refusing. */
static int
read_hex(struct command *command, struct fault *fault)
{
	const char *hex = control_read_filled(command, "hex");

	if (!hex)
		hex = "08";
	size_t length = strlen(hex);
	if (length % 2 != 0 || length / 2 > FAULT_TEXT_MAX ||
	    strspn(hex, "0123456789abcdefABCDEF") != length) {
		control_refuse(command, "hex must be two hexadecimal digits for each byte.");
		return -1;
	}
	for (size_t i = 0; i < length; i += 2) {
		const char pair[] = { hex[i], hex[i + 1], '\0' };

		fault->text[i / 2] = (char)strtol(pair, NULL, 16);
	}
	fault->text_length = length / 2;
	return 0;
}

/* Reads what the kind has as its text.  Returns 0, or -1 after refusing. */
static int
read_fault_text(struct command *command, struct fault *fault)
{
	const char *form = control_read_filled(command, "form");

	if (read_text(command, "element", fault->element, sizeof(fault->element)) != 0)
		return -1;
	switch (fault->kind) {
	case FAULT_REDIRECT:
		if (!control_read_filled(command, "location")) {
			control_refuse(command, "location is missing.");
			return -1;
		}
		return read_text(command, "location", fault->text, sizeof(fault->text));
	case FAULT_FAILED:
		if (form && strcmp(form, "errors") != 0) {
			control_refuse(command, "form must be errors or nothing.");
			return -1;
		}
		fault->is_list = form != NULL;
		memcpy(fault->text, "internalError", sizeof("internalError"));
		return read_text(command, "key", fault->text, sizeof(fault->text));
	case FAULT_BYTE:
		return read_hex(command, fault);
	default:
		return 0;
	}
}

/* Reads a fault from the command's parameters.  Returns 0, or -1 after refusing. */
static int
read_fault(struct command *command, struct fault *fault, long long *for_ms)
{
	const char *kind = control_read_filled(command, "kind");

	if (!kind || faults_parse_kind(kind, &fault->kind) != 0) {
		struct text sentence = { 0 };

		text_add_string(&sentence, "kind must be one of ");
		faults_add_names(&sentence);
		text_add_string(&sentence, ".");
		control_refuse(command, sentence.data);
		text_fini(&sentence);
		return -1;
	}
	long long status = 502;
	if (control_read_number(command, "ms", 0, FAULT_MS_MAX, &fault->ms) != 0 ||
	    control_read_number(command, "bytes", 0, FAULT_BYTES_MAX, &fault->bytes) != 0 ||
	    control_read_number(command, "n", 1, FAULT_TIMES_MAX, &fault->number) != 0 ||
	    control_read_number(command, "status", 200, 599, &status) != 0 ||
	    control_read_number(command, "times", 1, FAULT_TIMES_MAX, &fault->times) != 0 ||
	    control_read_number(command, "for_ms", 1, FAULT_MS_MAX, for_ms) != 0 ||
	    read_fault_text(command, fault) != 0)
		return -1;
	fault->status = (unsigned)status;
	set_defaults(fault);
	return 0;
}

/* Sets the fault of the named calls, with commas, or of all calls where names is NULL. */
static void
set_fault(struct server *server, const char *names, const struct fault *fault)
{
	char *list = text_duplicate(names);
	char *rest = list;

	if (!names)
		faults_set(&server->faults, NULL, *fault);
	const char *name;
	while ((name = strsep(&rest, ",")) != NULL)
		if (name[0] != '\0')
			faults_set(&server->faults, name, *fault);
	free(list);
}

/* The servers that a command is about: one, or all of them. */
struct range {
	unsigned first;
	unsigned end;
};

/* Reads server, where 0 stands for all.  Returns 0, or -1 after refusing. */
static int
read_range(struct command *command, struct range *range)
{
	long long number = -1;

	if (control_read_number(command, "server", 0, command->sandbox->server_count,
	        &number) != 0)
		return -1;
	if (number < 0) {
		control_refuse(command, "server is missing; 0 stands for all.");
		return -1;
	}
	range->first = number == 0 ? 0 : (unsigned)number - 1;
	range->end = number == 0 ? command->sandbox->server_count : (unsigned)number;
	return 0;
}

/* Makes the ports follow the faults.  The caller holds sandbox->listening. */
static void
apply_listening(struct command *command, const struct range *range)
{
	for (unsigned i = range->first; i < range->end; i++)
		if (server_apply_listening(&command->sandbox->servers[i]) != 0)
			control_refuse(command, "A port could not be had again.");
}

static void
apply_fault(struct command *command, const struct range *range, const char *names,
    const struct fault *fault)
{
	struct sandbox *sandbox = command->sandbox;

	pthread_mutex_lock(&sandbox->listening);
	pthread_mutex_lock(&sandbox->lock);
	for (unsigned i = range->first; i < range->end; i++)
		set_fault(&sandbox->servers[i], names, fault);
	pthread_mutex_unlock(&sandbox->lock);
	apply_listening(command, range);
	pthread_mutex_unlock(&sandbox->listening);
}

/* Lets the ports listen again, and leaves what is set for single calls. */
static void
end_refusal(struct command *command, const struct range *range)
{
	struct sandbox *sandbox = command->sandbox;

	pthread_mutex_lock(&sandbox->listening);
	pthread_mutex_lock(&sandbox->lock);
	for (unsigned i = range->first; i < range->end; i++)
		sandbox->servers[i].faults.all = (struct fault){ .kind = FAULT_NONE };
	pthread_mutex_unlock(&sandbox->lock);
	apply_listening(command, range);
	pthread_mutex_unlock(&sandbox->listening);
}

void
fault_control_fault(struct command *command)
{
	const char *names = control_read_filled(command, "call");
	struct fault
	    fault = { .ms = -1, .bytes = -1, .number = -1, .times = -1, .until_ms = -1 };
	struct range range;
	long long for_ms = -1;

	if (read_range(command, &range) != 0 || read_fault(command, &fault, &for_ms) != 0)
		return;
	if (fault.kind != FAULT_REFUSE && fault.kind != FAULT_DEAF) {
		if (for_ms >= 0)
			fault.until_ms = reply_now_ms() + for_ms;
		apply_fault(command, &range, names, &fault);
		return;
	}
	if (names || fault.times >= 0 || for_ms > REFUSE_MS_MAX) {
		control_refuse(command,
		    "refuse and deaf are about the whole port, so they take no call and no "
		    "times; for_ms, whose end the command waits for, is 10000 at most.");
		return;
	}
	apply_fault(command, &range, NULL, &fault);
	if (for_ms < 0)
		return;
	struct timespec pause = { (time_t)(for_ms / 1000), (long)(for_ms % 1000) * 1000000L };
	nanosleep(&pause, NULL);
	end_refusal(command, &range);
}

void
fault_control_raw(struct command *command)
{
	struct server *server = control_read_server(command);
	const char *call = control_read_filled(command, "call");
	const struct text *body = &command->request->body;

	if (!server)
		return;
	if (!call) {
		control_refuse(command, "call is missing.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	faults_set_raw(&server->faults, call, text_string(body), body->length);
	pthread_mutex_unlock(&command->sandbox->lock);
}

void
fault_control_phantom(struct command *command)
{
	struct server *server = control_read_server(command);
	const char *id = control_read_filled(command, "meetingID");
	bool is_removed = control_read_filled(command, "remove") != NULL;
	long long users = 1;

	if (!server || control_read_number(command, "users", 0, CLAIMED_USERS_MAX, &users) != 0)
		return;
	if (!id) {
		control_refuse(command, "meetingID is missing.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	meetings_remove_phantom(&server->meetings, id);
	if (!is_removed)
		meetings_add_phantom(&server->meetings, id, (size_t)users);
	pthread_mutex_unlock(&command->sandbox->lock);
}

void
fault_control_secret(struct command *command)
{
	struct server *server = control_read_server(command);

	if (!server)
		return;
	const char *secrets[SERVER_SECRETS_MAX];
	size_t count = 0;
	for (const struct param *one = command->params.first; one; one = one->next) {
		if (strcmp(one->name, "secret") != 0 || one->value[0] == '\0')
			continue;
		if (count == SERVER_SECRETS_MAX) {
			control_refuse(command, "A server has eight secrets at most.");
			return;
		}
		secrets[count++] = one->value;
	}
	if (count == 0) {
		control_refuse(command, "secret is missing.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	server_set_secrets(server, secrets, count);
	pthread_mutex_unlock(&command->sandbox->lock);
}

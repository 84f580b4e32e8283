#include "callback_control.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "callbacks.h"
#include "control.h"
#include "sandbox.h"

/* Short, since the end of the sandbox waits for it. */
#define DELAY_MAX_MS 10000

/* Fills subject from what the server knows.  Returns -1 when that is nothing. */
static int
find_subject(const struct server *server, const char *meeting_id, const char *record_id,
    struct callback_subject *subject)
{
	const struct meeting *meeting = meeting_id ?
	    meetings_find_latest(&server->meetings, meeting_id) :
	    NULL;

	if (meeting) {
		*subject = (struct callback_subject){
			.meeting_id = meeting->meeting_id,
			.internal_meeting_id = meeting->internal_meeting_id,
			.name = meeting->name,
			.ended_url = meeting->ended_url,
			.metadata = &meeting->metadata,
			.has_recording_marks = meeting->record,
		};
		return 0;
	}
	const struct recording *recording = NULL;
	if (record_id)
		recording = recordings_find(&server->recordings, record_id);
	else if (meeting_id)
		recording = recordings_find_meeting(&server->recordings, meeting_id);
	if (!recording)
		return -1;
	*subject = (struct callback_subject){
		.meeting_id = recording->meeting_id,
		.internal_meeting_id = recording->record_id,
		.name = recording->name,
		.metadata = &recording->metadata,
		.has_recording_marks = true,
	};
	return 0;
}

void
callback_control_callback(struct command *command)
{
	struct server *server = control_read_server(command);
	const char *kind = control_read_filled(command, "kind");
	const char *secret = control_read_filled(command, "secret");

	if (!server)
		return;
	if (!kind ||
	    (strcmp(kind, "recording-ready") != 0 && strcmp(kind, "analytics") != 0 &&
	        strcmp(kind, "end") != 0)) {
		control_refuse(command, "kind must be one of recording-ready, analytics, end.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	if (!secret)
		secret = server->secrets[0];
	struct callback_subject subject;
	bool is_found = find_subject(server, control_read_filled(command, "meetingID"),
	                    control_read_filled(command, "recordID"), &subject) == 0;
	struct outgoing *list = NULL;
	if (is_found && kind[0] == 'r')
		callbacks_add_recording_ready(&list, &subject, secret);
	else if (is_found && kind[0] == 'a')
		callbacks_add_analytics(&list, &subject, secret);
	else if (is_found)
		callbacks_add_end(&list, &subject);
	pthread_mutex_unlock(&command->sandbox->lock);
	if (!is_found) {
		control_refuse(command,
		    "That server has no such meeting and no recording of it.");
		return;
	}
	outgoing_run(list);
	outgoing_add_report(&command->text, list);
	outgoing_free(&list);
}

/* Reads a checksum's algorithm as the count of its digits.  Returns 0 after refusing. */
static size_t
read_hex_length(struct command *command)
{
	static const struct {
		const char *name;
		size_t hex_length;
	} algorithms[] = {
		{ "sha1", 40 },
		{ "sha256", 64 },
		{ "sha384", 96 },
		{ "sha512", 128 },
	};
	const char *name = control_read_filled(command, "algorithm");

	if (!name)
		return 40;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return algorithms[i].hex_length;
	control_refuse(command, "algorithm must be one of sha1, sha256, sha384, sha512.");
	return 0;
}

void
callback_control_event(struct command *command)
{
	struct server *server = control_read_server(command);
	const char *secret = control_read_filled(command, "secret");
	const char *meeting_id = control_read_filled(command, "meetingID");
	size_t hex_length = read_hex_length(command);
	struct hooks_event event = { .id = control_read_filled(command, "event") };

	if (!server || hex_length == 0)
		return;
	if (!event.id || !meeting_id) {
		control_refuse(command, "event and meetingID are needed.");
		return;
	}
	if (command->request->body.length > 0)
		event.body = command->request->body.data;
	struct text domain = { 0 };
	text_add_format(&domain, "%s:%u", server->port.address, (unsigned)server->port.number);
	pthread_mutex_lock(&command->sandbox->lock);
	struct callback_subject subject = { 0 };
	char *made_id = NULL;
	if (find_subject(server, meeting_id, NULL, &subject) != 0) {
		/* An event may be of any meeting. */
		made_id = recordings_make_id(meeting_id, meetings_now_ms());
		subject.internal_meeting_id = made_id;
	}
	event.meeting_id = meeting_id;
	event.internal_meeting_id = subject.internal_meeting_id;
	struct outgoing *list = NULL;
	hooks_add_event(&list, &server->hooks, &event, domain.data,
	    secret ? secret : server->secrets[0], hex_length);
	pthread_mutex_unlock(&command->sandbox->lock);
	outgoing_run(list);
	outgoing_add_report(&command->text, list);
	outgoing_free(&list);
	text_fini(&domain);
	free(made_id);
}

void
callback_control_hook(struct command *command)
{
	struct server *server = control_read_server(command);
	const char *url = control_read_filled(command, "callbackURL");

	if (!server)
		return;
	if (!url) {
		control_refuse(command, "callbackURL is missing.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	bool is_duplicate;
	struct hook *hook = hooks_add(&server->hooks, url, NULL, NULL, false, &is_duplicate);
	hook->is_permanent = control_read_filled(command, "permanent") != NULL;
	text_add_format(&command->text, "%u\n", hook->id);
	pthread_mutex_unlock(&command->sandbox->lock);
}

void
callback_control_forget_hooks(struct command *command)
{
	struct server *server = control_read_server(command);

	if (!server)
		return;
	pthread_mutex_lock(&command->sandbox->lock);
	hooks_clear(&server->hooks);
	pthread_mutex_unlock(&command->sandbox->lock);
}

void
callback_control_receiver(struct command *command)
{
	const char *name = control_read_filled(command, "name");
	long long ms = 0;

	if (control_read_number(command, "ms", 0, DELAY_MAX_MS, &ms) != 0)
		return;
	if (!name) {
		control_refuse(command, "name is missing.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	int failed = receivers_set(receivers_need(&command->sandbox->receivers, name),
	    control_read_filled(command, "status"), ms);
	pthread_mutex_unlock(&command->sandbox->lock);
	if (failed != 0)
		control_refuse(command, "status must be a list of numbers from 200 to 599.");
}

/* Returns the value of a header in the lines of a request, as a copy, or NULL. */
static char *
find_header(const struct received *received, const char *name)
{
	const char *line = text_string(&received->headers);
	size_t length = strlen(name);

	for (; *line != '\0'; line += strcspn(line, "\n") + 1)
		if (strncasecmp(line, name, length) == 0 && line[length] == ':')
			return text_duplicate_part(line + length + 2,
			    strcspn(line + length + 2, "\n"));
	return NULL;
}

static void
add_part(struct command *command, const struct received *received, const char *part)
{
	if (strcmp(part, "target") == 0)
		text_add_string(&command->text, received->target);
	else if (strcmp(part, "headers") == 0)
		text_add_string(&command->text, text_string(&received->headers));
	else
		text_add(&command->text, text_string(&received->body), received->body.length);
}

void
callback_control_received(struct command *command)
{
	const char *name = control_read_filled(command, "name");
	const char *part = control_read_filled(command, "part");
	long long wanted = 0;

	if (control_read_number(command, "number", 1, RECEIVERS_REQUESTS_MAX, &wanted) != 0)
		return;
	if (!name ||
	    (part && strcmp(part, "target") != 0 && strcmp(part, "headers") != 0 &&
	        strcmp(part, "body") != 0)) {
		control_refuse(command,
		    "name is needed; part is one of target, headers, body.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	const struct receiver *receiver = receivers_need(&command->sandbox->receivers, name);
	if (wanted == 0 && part)
		wanted = (long long)receiver->count;
	long long number = 0;
	for (const struct received *one = receiver->first; one; one = one->next) {
		number++;
		if (wanted != 0 && number != wanted)
			continue;
		if (part) {
			add_part(command, one, part);
			continue;
		}
		char *type = find_header(one, "Content-Type");
		text_add_format(&command->text, "%lld\t%s\t%s\t%u\t%s\t%zu\t%s\n", number,
		    one->method, one->target, one->status, type ? type : "-", one->length,
		    one->sha256);
		free(type);
	}
	pthread_mutex_unlock(&command->sandbox->lock);
	if (part && (wanted == 0 || wanted > number))
		control_refuse(command, "That receiver was sent no such request.");
}

enum MHD_Result
callback_control_receive(struct sandbox *sandbox, struct http_request *request)
{
	static const char type[] = "text/plain;charset=utf-8";
	const char *start = request->target + strlen(CALLBACK_CONTROL_RECEIVER);
	char *name = text_duplicate_part(start, strcspn(start, "/?"));
	struct text headers = { 0 };

	http_add_headers(request, &headers);
	pthread_mutex_lock(&sandbox->lock);
	struct receiver *receiver = receivers_need(&sandbox->receivers, name);
	const struct received *received = receivers_take(receiver, request->method,
	    request->target, &headers, &request->body);
	unsigned status = received->status;
	struct timespec delay;
	delay.tv_sec = (time_t)(receiver->ms / 1000);
	delay.tv_nsec = (long)(receiver->ms % 1000) * 1000000L;
	pthread_mutex_unlock(&sandbox->lock);
	free(name);
	nanosleep(&delay, NULL);
	return http_reply(request, status, type, "received\n", 9);
}

#include "recording_control.h"

#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "sandbox.h"

#define COUNT_MAX 20000
#define TIME_MAX 9999999999999LL

/* Where the times of many begin, unless told: 2023-11-14 22:13:20 UTC. */
#define FIRST_START_MS 1700000000000LL
#define STEP_MS 60000LL
#define LENGTH_MS 3600000LL

/* What the recordings of one command have in common. */
struct recording_command {
	struct command *command;
	const char *record_id; /* NULL: as BBB makes it */
	const char *name;      /* NULL: the meeting's */
	const char *formats;
	enum recording_state state;
};

/* Adds one recording and prints it.  The caller holds the lock. */
static void
add_recording(const struct recording_command *made, struct server *server,
    const char *meeting_id, long long start_ms)
{
	struct command *command = made->command;
	const struct meeting *meeting = NULL;

	if (start_ms < 0)
		meeting = meetings_find_latest(&server->meetings, meeting_id);
	if (meeting)
		start_ms = meeting->create_time_ms;
	else if (start_ms < 0)
		start_ms = meetings_now_ms();
	char *record_id;
	if (made->record_id)
		record_id = text_duplicate(made->record_id);
	else
		record_id = recordings_make_id(meeting_id, start_ms);
	struct recording *recording = recordings_add(&server->recordings, record_id, meeting_id,
	    made->name  ? made->name :
	        meeting ? meeting->name :
	                  meeting_id);
	if (!recording) {
		control_refuse(command, "That server has a recording of that id already.");
		goto out;
	}
	recording->state = made->state;
	recording->start_time_ms = start_ms;
	recording->end_time_ms = start_ms + LENGTH_MS;
	if (made->formats)
		meetings_set_string(&recording->formats, made->formats);
	params_copy_metadata(&command->params, &recording->metadata);
	for (const struct param *pair = meeting ? meeting->metadata.first : NULL; pair;
	     pair = pair->next)
		if (!params_find(&recording->metadata, pair->name))
			params_add(&recording->metadata, pair->name, pair->value);
	text_add_format(&command->text, "%u %s\n", server->number, record_id);
out:
	free(record_id);
}

void
recording_control_record(struct command *command)
{
	struct sandbox *sandbox = command->sandbox;
	const char *meeting_id = control_read_filled(command, "meetingID");
	const char *state = control_read_filled(command, "state");
	struct recording_command made = {
		.command = command,
		.record_id = control_read_filled(command, "recordID"),
		.name = control_read_filled(command, "name"),
		.formats = control_read_filled(command, "formats"),
		.state = RECORDING_PUBLISHED,
	};
	long long number = -1, count = 0, start_ms = -1, step_ms = STEP_MS;

	if (control_read_number(command, "server", 0, sandbox->server_count, &number) != 0 ||
	    control_read_number(command, "n", 1, COUNT_MAX, &count) != 0 ||
	    control_read_number(command, "startTime", 0, TIME_MAX, &start_ms) != 0 ||
	    control_read_number(command, "step", 0, TIME_MAX, &step_ms) != 0)
		return;
	if (number < 0 || !meeting_id || (number == 0 && count == 0)) {
		control_refuse(command,
		    "server and meetingID are needed; server=0 goes with n.");
		return;
	}
	if (count > 0 && made.record_id) {
		control_refuse(command, "recordID is about one, so it does not go with n.");
		return;
	}
	if (state && recordings_parse_state(state, &made.state) != 0) {
		control_refuse(command,
		    "state must be one of processing, processed, published, "
		    "unpublished, deleted.");
		return;
	}
	pthread_mutex_lock(&sandbox->lock);
	if (count == 0) {
		add_recording(&made, &sandbox->servers[number - 1], meeting_id, start_ms);
	} else {
		if (start_ms < 0)
			start_ms = FIRST_START_MS;
		for (long long i = 0; i < count && command->status == 200; i++) {
			long long at = number == 0 ? i % sandbox->server_count : number - 1;
			struct text id = { 0 };

			text_add_format(&id, "%s-%lld", meeting_id, i + 1);
			add_recording(&made, &sandbox->servers[at], id.data,
			    start_ms + i * step_ms);
			text_fini(&id);
		}
	}
	pthread_mutex_unlock(&sandbox->lock);
}

/* Adds a copy of the recording, with its tracks.  The caller holds the lock. */
static void
copy_recording(struct command *command, const struct recording *source, struct server *target)
{
	struct recording *copy = recordings_add(&target->recordings, source->record_id,
	    source->meeting_id, source->name);

	if (!copy) {
		control_refuse(command, "That server has a recording of that id already.");
		return;
	}
	copy->state = source->state;
	copy->start_time_ms = source->start_time_ms;
	copy->end_time_ms = source->end_time_ms;
	meetings_set_string(&copy->formats, source->formats);
	for (const struct param *pair = source->metadata.first; pair; pair = pair->next)
		params_add(&copy->metadata, pair->name, pair->value);
	for (const struct track *track = source->tracks; track; track = track->next) {
		struct track *made = recordings_put_track(copy, track->kind, track->lang,
		    track->label, track->file_name);

		made->length = track->length;
		memcpy(made->sha256, track->sha256, sizeof(made->sha256));
	}
}

void
recording_control_copy(struct command *command)
{
	struct sandbox *sandbox = command->sandbox;
	struct server *server = control_read_server(command);
	const char *record_id = control_read_filled(command, "recordID");
	long long to = 0;

	if (!server || control_read_number(command, "to", 1, sandbox->server_count, &to) != 0)
		return;
	if (!record_id || to == 0) {
		control_refuse(command, "recordID and to are needed.");
		return;
	}
	pthread_mutex_lock(&sandbox->lock);
	const struct recording *source = recordings_find(&server->recordings, record_id);
	if (!source)
		control_refuse(command, "That server has no such recording.");
	else
		copy_recording(command, source, &sandbox->servers[to - 1]);
	pthread_mutex_unlock(&sandbox->lock);
}

void
recording_control_list(struct command *command)
{
	struct server *server = control_read_server(command);

	if (!server)
		return;
	pthread_mutex_lock(&command->sandbox->lock);
	for (size_t i = 0; i < server->recordings.count; i++) {
		const struct recording *one = server->recordings.items[i];

		text_add_format(&command->text, "%s %s %lld %s\n", one->record_id,
		    recordings_state_name(one->state), one->start_time_ms, one->meeting_id);
	}
	pthread_mutex_unlock(&command->sandbox->lock);
}

void
recording_control_paging(struct command *command)
{
	static const char *const kinds[] = {
		[RECORDINGS_TOTAL] = "total",
		[RECORDINGS_BLOCK] = "block",
		[RECORDINGS_NONE] = "none",
	};
	struct server *server = control_read_server(command);
	const char *kind = control_read_filled(command, "kind");
	const char *all = control_read_filled(command, "all");

	if (!server)
		return;
	size_t found = 0;
	while (found < sizeof(kinds) / sizeof(kinds[0]) &&
	    (!kind || strcmp(kinds[found], kind) != 0))
		found++;
	if (found == sizeof(kinds) / sizeof(kinds[0]) || (all && strcmp(all, "refuse") != 0)) {
		control_refuse(command,
		    "kind must be one of total, block, none, and all nothing "
		    "or refuse.");
		return;
	}
	pthread_mutex_lock(&command->sandbox->lock);
	server->recordings.paging = (enum recordings_paging)found;
	server->recordings.refuses_all = all != NULL;
	pthread_mutex_unlock(&command->sandbox->lock);
}

void
recording_control_tracks(struct command *command)
{
	struct server *server = control_read_server(command);
	const char *record_id = control_read_filled(command, "recordID");

	if (!server)
		return;
	pthread_mutex_lock(&command->sandbox->lock);
	const struct recording *recording = record_id ?
	    recordings_find(&server->recordings, record_id) :
	    NULL;
	for (const struct track *track = recording ? recording->tracks : NULL; track;
	     track = track->next)
		text_add_format(&command->text, "%s\t%s\t%zu\t%s\t%s\t%s\n", track->kind,
		    track->lang, track->length, track->sha256, track->file_name, track->label);
	pthread_mutex_unlock(&command->sandbox->lock);
	if (!recording)
		control_refuse(command, "That server has no such recording.");
}

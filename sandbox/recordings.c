#include "recordings.h"

#include <stdlib.h>
#include <string.h>

#include "meetings.h"
#include "text.h"

static const char *const state_names[] = {
	[RECORDING_PROCESSING] = "processing",
	[RECORDING_PROCESSED] = "processed",
	[RECORDING_PUBLISHED] = "published",
	[RECORDING_UNPUBLISHED] = "unpublished",
	[RECORDING_DELETED] = "deleted",
};

int
recordings_parse_state(const char *name, enum recording_state *state)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
		if (strcmp(state_names[i], name) == 0) {
			*state = (enum recording_state)i;
			return 0;
		}
	}
	return -1;
}

const char *
recordings_state_name(enum recording_state state)
{
	return state_names[state];
}

char *
recordings_make_id(const char *meeting_id, long long start_time_ms)
{
	char hex[CHECKSUM_HEX_MAX] = "";

	checksum_write_digest(meeting_id, strlen(meeting_id), 40, hex);
	struct text id = { 0 };
	text_add_format(&id, "%s-%lld", hex, start_time_ms);
	return id.data;
}

/* FNV-1a of the whole id, for meetings of one id begin alike. */
static uint64_t
place_of(const char *record_id)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (; *record_id != '\0'; record_id++)
		hash = (hash ^ (unsigned char)*record_id) * 0x100000001b3U;
	return hash;
}

static int
compare(const struct recording *recording, uint64_t place, const char *record_id)
{
	if (recording->place != place)
		return recording->place < place ? -1 : 1;
	return strcmp(recording->record_id, record_id);
}

/* Returns where the recording is, or has to go. */
static size_t
find_index(const struct recordings *recordings, const char *record_id)
{
	uint64_t place = place_of(record_id);
	size_t low = 0, high = recordings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(recordings->items[middle], place, record_id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct recording *
recordings_find(const struct recordings *recordings, const char *record_id)
{
	size_t at = find_index(recordings, record_id);

	if (at == recordings->count || strcmp(recordings->items[at]->record_id, record_id) != 0)
		return NULL;
	return recordings->items[at];
}

struct recording *
recordings_find_meeting(const struct recordings *recordings, const char *meeting_id)
{
	struct recording *found = NULL;

	for (size_t i = 0; i < recordings->count; i++) {
		struct recording *one = recordings->items[i];

		if (strcmp(one->meeting_id, meeting_id) == 0 &&
		    (!found || one->start_time_ms > found->start_time_ms))
			found = one;
	}
	return found;
}

struct recording *
recordings_add(struct recordings *recordings, const char *record_id, const char *meeting_id,
    const char *name)
{
	size_t at = find_index(recordings, record_id);

	if (recordings_find(recordings, record_id))
		return NULL;
	struct recording *recording = text_new(sizeof(*recording));
	recording->record_id = text_duplicate(record_id);
	recording->meeting_id = text_duplicate(meeting_id);
	recording->name = text_duplicate(name);
	recording->formats = text_duplicate("presentation");
	recording->state = RECORDING_PUBLISHED;
	recording->end_time_ms = meetings_now_ms();
	recording->start_time_ms = recording->end_time_ms;
	recording->place = place_of(record_id);
	recordings->items = text_resize(recordings->items,
	    (recordings->count + 1) * sizeof(struct recording *));
	memmove(recordings->items + at + 1, recordings->items + at,
	    (recordings->count - at) * sizeof(struct recording *));
	recordings->items[at] = recording;
	recordings->count++;
	return recording;
}

struct track *
recordings_put_track(struct recording *recording, const char *kind, const char *lang,
    const char *label, const char *file_name)
{
	struct track **link = &recording->tracks;

	while (*link && (strcmp((*link)->kind, kind) != 0 || strcmp((*link)->lang, lang) != 0))
		link = &(*link)->next;
	if (!*link)
		*link = text_new(sizeof(struct track));
	meetings_set_string(&(*link)->kind, kind);
	meetings_set_string(&(*link)->lang, lang);
	meetings_set_string(&(*link)->label, label);
	meetings_set_string(&(*link)->file_name, file_name);
	return *link;
}

static void
free_tracks(struct track *track)
{
	while (track) {
		struct track *next = track->next;

		free(track->kind);
		free(track->lang);
		free(track->label);
		free(track->file_name);
		free(track);
		track = next;
	}
}

void
recordings_clear(struct recordings *recordings)
{
	for (size_t i = 0; i < recordings->count; i++) {
		struct recording *recording = recordings->items[i];

		free(recording->record_id);
		free(recording->meeting_id);
		free(recording->name);
		free(recording->formats);
		params_fini(&recording->metadata);
		free_tracks(recording->tracks);
		free(recording);
	}
	free(recordings->items);
	*recordings = (struct recordings){ 0 };
}

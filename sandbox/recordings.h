/*
 * The recordings of one BBB server and their text tracks, in memory.
 *
 * Nothing here locks: the caller holds the sandbox's lock around every call
 * and for as long as it uses what is borrowed.
 */
#ifndef SANDBOX_RECORDINGS_H
#define SANDBOX_RECORDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checksum.h"
#include "params.h"

enum recording_state {
	RECORDING_PROCESSING,
	RECORDING_PROCESSED,
	RECORDING_PUBLISHED,
	RECORDING_UNPUBLISHED,
	RECORDING_DELETED,
};

/* A file of captions; of its bytes only what tells them from others is kept. */
struct track {
	char *kind; /* "subtitles" or "captions" */
	char *lang; /* as a language tag: "en-US" */
	char *label;
	char *file_name;
	size_t length;
	char sha256[CHECKSUM_HEX_MAX];
	struct track *next;
};

struct recording {
	char *record_id; /* also the internal id of its meeting */
	char *meeting_id;
	char *name;
	char *formats; /* "presentation,video" */
	enum recording_state state;
	long long start_time_ms;
	long long end_time_ms;
	struct params metadata; /* names lower-cased, without meta_ */
	struct track *tracks;   /* in the order they came */
	uint64_t place;         /* where the server's disorder puts it */
};

/* How getRecordings pages (RecordingServiceFileImpl.java, XmlServiceImpl.java). */
enum recordings_paging {
	RECORDINGS_TOTAL, /* limit and offset; <totalElements> */
	RECORDINGS_BLOCK, /* 2.6 and 2.7: a <pagination> block, formats are counted */
	RECORDINGS_NONE,  /* before 2.6: both parameters mean nothing */
};

/*
 * Starts as all zeroes.  The order has nothing to do with time or name and is
 * the same each time: BBB's is that of a folder and of a hash table.
 */
struct recordings {
	struct recording **items;
	size_t count;
	enum recordings_paging paging;
	bool refuses_all; /* allowFetchAllRecordings=false */
};

/*
 * Adds a published recording of the format "presentation" that was made just
 * now; all but its id is the caller's to replace.  Strings are copied.
 * Returns it, borrowed, or NULL when there is one of that id already.
 */
struct recording *recordings_add(struct recordings *recordings, const char *record_id,
    const char *meeting_id, const char *name);

/* Finds the recording of exactly that id, or NULL. */
struct recording *recordings_find(const struct recordings *recordings, const char *record_id);

/* Finds the latest recording of a meeting by its external id, or NULL. */
struct recording *recordings_find_meeting(const struct recordings *recordings,
    const char *meeting_id);

/*
 * Adds a track with copies of these strings, or puts them in the place of the
 * one of that kind and language.  Returns it, borrowed; length and sha256 are
 * the caller's to fill.
 */
struct track *recordings_put_track(struct recording *recording, const char *kind,
    const char *lang, const char *label, const char *file_name);

/* Removes all recordings; how the server pages is as at first. */
void recordings_clear(struct recordings *recordings);

/* Finds the state of that name.  Returns 0, or -1 when there is none. */
int recordings_parse_state(const char *name, enum recording_state *state);

/* Returns the state's name. */
const char *recordings_state_name(enum recording_state state);

/*
 * Makes a recordID as BBB does: sha1hex(meetingID)-startTime.  The caller
 * frees it.
 */
char *recordings_make_id(const char *meeting_id, long long start_time_ms);

#endif

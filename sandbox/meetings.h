/*
 * The meetings of one BBB server and their users, in memory.
 *
 * Nothing here locks: the caller holds the sandbox's lock around every call
 * and for as long as it uses what is borrowed.
 */
#ifndef SANDBOX_MEETINGS_H
#define SANDBOX_MEETINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "params.h"
#include "text.h"

struct user {
	char *user_id;          /* "w_" and twelve random characters */
	char *external_user_id; /* the userID of join, else the same */
	char *full_name;
	bool is_moderator;
	char *session_token;
	char *auth_token;
	struct params custom_data; /* userdata-*, without that prefix */
};

struct meeting {
	char *meeting_id;
	char *internal_meeting_id;
	char *name;
	char *attendee_password;
	char *moderator_password;
	char *voice_bridge;
	char *dial_number;
	long long create_time_ms;
	long long duration_minutes;
	long long max_users;
	bool record;
	bool has_user_joined;
	bool is_breakout;
	bool free_join;
	char *parent_internal_meeting_id; /* NULL unless a breakout room */
	char *sequence;
	char *ended_url;        /* NULL unless create had a meetingEndedURL */
	struct params metadata; /* names lower-cased, without meta_ */
	struct user **users;
	size_t user_count;
	size_t claimed_users; /* of a phantom, of whom nothing else is known */
	struct meeting *next;
};

/* How many ended meetings are remembered, the last ones. */
#define MEETINGS_ENDED_MAX 1000

/*
 * Starts as all zeroes.  Order is that of creation; of those that have ended,
 * which only callbacks and recordings still ask for, the latest comes first.
 */
struct meetings {
	struct meeting *first;
	size_t count;
	struct meeting *ended;
	size_t ended_count;
	struct meeting *phantoms; /* a list shows them, and nothing else knows them */
	struct text history;      /* "MS created ID" or "MS ended ID", a line each */
};

/*
 * Adds a meeting with its internal id (sha1hex(meetingID)-createTime), a free
 * random five-digit voiceBridge and random passwords, all of which the caller
 * may replace.  Both strings are copied.  Returns the meeting, borrowed.
 */
struct meeting *meetings_add(struct meetings *meetings, const char *meeting_id,
    const char *name);

/*
 * Finds a meeting as BBB's ServiceUtils.findMeetingFromMeetingID does: by id
 * as a prefix of an internal id, then by sha1(id) as such a prefix.  Returns
 * NULL when there is none or id is NULL or empty.
 */
struct meeting *meetings_find(const struct meetings *meetings, const char *id);

/* Finds the meeting whose external id is exactly meeting_id, or NULL. */
struct meeting *meetings_find_external(const struct meetings *meetings, const char *meeting_id);

/* Finds the meeting that uses voice_bridge, or NULL. */
struct meeting *meetings_find_voice_bridge(const struct meetings *meetings,
    const char *voice_bridge);

/* Finds the user of session_token and sets *meeting to its meeting, or NULL. */
struct user *meetings_find_session(const struct meetings *meetings, const char *session_token,
    struct meeting **meeting);

/*
 * Ends a meeting: it and its users are gone at once for every function but
 * meetings_find_latest().
 */
void meetings_end(struct meetings *meetings, struct meeting *meeting);

/* Adds a phantom that is said to have so many users. */
void meetings_add_phantom(struct meetings *meetings, const char *meeting_id, size_t users);

/* Removes the phantom of that external id, if there is one. */
void meetings_remove_phantom(struct meetings *meetings, const char *meeting_id);

/*
 * Finds the meeting whose external id is exactly meeting_id: the running one,
 * else the last that has ended, else NULL.
 */
struct meeting *meetings_find_latest(const struct meetings *meetings, const char *meeting_id);

/* Removes all meetings. */
void meetings_clear(struct meetings *meetings);

/*
 * Adds a user to a meeting and returns it, borrowed.  external_user_id may be
 * NULL or empty: then BBB's own id serves.
 */
struct user *meetings_add_user(struct meeting *meeting, const char *full_name,
    const char *external_user_id, bool is_moderator);

/*
 * Makes the meeting have exactly count users: the last ones are removed, or
 * viewers named "User N" are added.
 */
void meetings_set_user_count(struct meeting *meeting, size_t count);

/* Returns how many users are moderators. */
size_t meetings_count_moderators(const struct meeting *meeting);

/* Returns the time of day in milliseconds since 1970, as BBB's ids and times are. */
long long meetings_now_ms(void);

/* Replaces *slot by a copy of value. */
void meetings_set_string(char **slot, const char *value);

/* Returns a random string of length characters out of alphabet; caller frees. */
char *meetings_new_token(size_t length, const char *alphabet);

#endif

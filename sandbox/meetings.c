#include "meetings.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "checksum.h"

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyz0123456789"

char *
meetings_new_token(size_t length, const char *alphabet)
{
	char *token = text_new(length + 1);
	size_t choices = strlen(alphabet);

	for (size_t i = 0; i < length; i++) {
		uint32_t random = 0;

		/* Four bytes cannot be interrupted once the pool is ready. */
		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
			abort();
		token[i] = alphabet[random % choices];
	}
	return token;
}

void
meetings_set_string(char **slot, const char *value)
{
	char *copy = text_duplicate(value);

	free(*slot);
	*slot = copy;
}

long long
meetings_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
set_sha1(char hex[CHECKSUM_HEX_MAX], const char *string)
{
	hex[0] = '\0';
	checksum_write_digest(string, strlen(string), 40, hex);
}

/* Makes a meeting with all that meetings_add() promises, which is in no list yet. */
static struct meeting *
new_meeting(const struct meetings *meetings, const char *meeting_id, const char *name)
{
	struct meeting *meeting = text_new(sizeof(*meeting));

	meeting->meeting_id = text_duplicate(meeting_id);
	meeting->name = text_duplicate(name);
	meeting->create_time_ms = meetings_now_ms();
	char hex[CHECKSUM_HEX_MAX];
	set_sha1(hex, meeting_id);
	struct text internal = { 0 };
	text_add_format(&internal, "%s-%lld", hex, meeting->create_time_ms);
	meeting->internal_meeting_id = internal.data;
	meeting->attendee_password = meetings_new_token(8, ALPHANUMERIC);
	meeting->moderator_password = meetings_new_token(8, ALPHANUMERIC);
	meeting->dial_number = text_duplicate("613-555-1234");
	do {
		char *digits = meetings_new_token(5, "123456789");

		free(meeting->voice_bridge);
		meeting->voice_bridge = digits;
	} while (meetings_find_voice_bridge(meetings, meeting->voice_bridge));
	return meeting;
}

struct meeting *
meetings_add(struct meetings *meetings, const char *meeting_id, const char *name)
{
	struct meeting *meeting = new_meeting(meetings, meeting_id, name);
	struct meeting **last = &meetings->first;

	while (*last)
		last = &(*last)->next;
	*last = meeting;
	meetings->count++;
	text_add_format(&meetings->history, "%lld created %s\n", meeting->create_time_ms,
	    meeting->meeting_id);
	return meeting;
}

static struct meeting *
find_prefix(const struct meetings *meetings, const char *prefix)
{
	size_t length = strlen(prefix);

	for (struct meeting *meeting = meetings->first; meeting; meeting = meeting->next)
		if (strncmp(meeting->internal_meeting_id, prefix, length) == 0)
			return meeting;
	return NULL;
}

struct meeting *
meetings_find(const struct meetings *meetings, const char *id)
{
	if (!id || id[0] == '\0')
		return NULL;
	struct meeting *meeting = find_prefix(meetings, id);
	if (meeting)
		return meeting;
	char hex[CHECKSUM_HEX_MAX];
	set_sha1(hex, id);
	return find_prefix(meetings, hex);
}

struct meeting *
meetings_find_external(const struct meetings *meetings, const char *meeting_id)
{
	for (struct meeting *meeting = meetings->first; meeting; meeting = meeting->next)
		if (strcmp(meeting->meeting_id, meeting_id) == 0)
			return meeting;
	return NULL;
}

struct meeting *
meetings_find_voice_bridge(const struct meetings *meetings, const char *voice_bridge)
{
	for (struct meeting *meeting = meetings->first; meeting; meeting = meeting->next)
		if (strcmp(meeting->voice_bridge, voice_bridge) == 0)
			return meeting;
	return NULL;
}

struct user *
meetings_find_session(const struct meetings *meetings, const char *session_token,
    struct meeting **meeting)
{
	for (*meeting = meetings->first; *meeting; *meeting = (*meeting)->next)
		for (size_t i = 0; i < (*meeting)->user_count; i++)
			if (strcmp((*meeting)->users[i]->session_token, session_token) == 0)
				return (*meeting)->users[i];
	return NULL;
}

static void
free_user(struct user *user)
{
	free(user->user_id);
	free(user->external_user_id);
	free(user->full_name);
	free(user->session_token);
	free(user->auth_token);
	params_fini(&user->custom_data);
	free(user);
}

static void
free_users(struct meeting *meeting)
{
	for (size_t i = 0; i < meeting->user_count; i++)
		free_user(meeting->users[i]);
	free(meeting->users);
	meeting->users = NULL;
	meeting->user_count = 0;
}

static void
free_meeting(struct meeting *meeting)
{
	free_users(meeting);
	params_fini(&meeting->metadata);
	free(meeting->meeting_id);
	free(meeting->internal_meeting_id);
	free(meeting->name);
	free(meeting->attendee_password);
	free(meeting->moderator_password);
	free(meeting->voice_bridge);
	free(meeting->dial_number);
	free(meeting->parent_internal_meeting_id);
	free(meeting->sequence);
	free(meeting->ended_url);
	free(meeting);
}

static void
forget_ended(struct meetings *meetings, size_t kept)
{
	struct meeting **link = &meetings->ended;

	for (size_t i = 0; i < kept && *link; i++)
		link = &(*link)->next;
	while (*link) {
		struct meeting *meeting = *link;

		*link = meeting->next;
		meetings->ended_count--;
		free_meeting(meeting);
	}
}

void
meetings_end(struct meetings *meetings, struct meeting *meeting)
{
	struct meeting **link = &meetings->first;

	while (*link != meeting)
		link = &(*link)->next;
	*link = meeting->next;
	meetings->count--;
	text_add_format(&meetings->history, "%lld ended %s\n", meetings_now_ms(),
	    meeting->meeting_id);

	free_users(meeting);
	meeting->next = meetings->ended;
	meetings->ended = meeting;
	if (++meetings->ended_count > MEETINGS_ENDED_MAX)
		forget_ended(meetings, MEETINGS_ENDED_MAX);
}

struct meeting *
meetings_find_latest(const struct meetings *meetings, const char *meeting_id)
{
	struct meeting *meeting = meetings_find_external(meetings, meeting_id);

	if (meeting)
		return meeting;
	for (meeting = meetings->ended; meeting; meeting = meeting->next)
		if (strcmp(meeting->meeting_id, meeting_id) == 0)
			return meeting;
	return NULL;
}

void
meetings_add_phantom(struct meetings *meetings, const char *meeting_id, size_t users)
{
	struct meeting *phantom = new_meeting(meetings, meeting_id, meeting_id);

	phantom->claimed_users = users;
	phantom->has_user_joined = users > 0;
	phantom->next = meetings->phantoms;
	meetings->phantoms = phantom;
}

void
meetings_remove_phantom(struct meetings *meetings, const char *meeting_id)
{
	struct meeting **link = &meetings->phantoms;

	while (*link && strcmp((*link)->meeting_id, meeting_id) != 0)
		link = &(*link)->next;
	if (*link) {
		struct meeting *phantom = *link;

		*link = phantom->next;
		free_meeting(phantom);
	}
}

void
meetings_clear(struct meetings *meetings)
{
	while (meetings->phantoms) {
		struct meeting *phantom = meetings->phantoms;

		meetings->phantoms = phantom->next;
		free_meeting(phantom);
	}
	while (meetings->first)
		meetings_end(meetings, meetings->first);
	forget_ended(meetings, 0);
	text_fini(&meetings->history);
}

struct user *
meetings_add_user(struct meeting *meeting, const char *full_name, const char *external_user_id,
    bool is_moderator)
{
	struct user *user = text_new(sizeof(*user));
	char *random = meetings_new_token(12, ALPHANUMERIC);
	struct text id = { 0 };

	text_add_format(&id, "w_%s", random);
	free(random);
	user->user_id = id.data;
	user->external_user_id = text_duplicate(
	    external_user_id && external_user_id[0] != '\0' ? external_user_id : id.data);
	user->full_name = text_duplicate(full_name);
	user->is_moderator = is_moderator;
	user->session_token = meetings_new_token(16, ALPHANUMERIC);
	user->auth_token = meetings_new_token(12, ALPHANUMERIC);
	meeting->users = text_resize(meeting->users,
	    (meeting->user_count + 1) * sizeof(struct user *));
	meeting->users[meeting->user_count++] = user;
	meeting->has_user_joined = true;
	return user;
}

void
meetings_set_user_count(struct meeting *meeting, size_t count)
{
	while (meeting->user_count > count)
		free_user(meeting->users[--meeting->user_count]);
	while (meeting->user_count < count) {
		struct text name = { 0 };

		text_add_format(&name, "User %zu", meeting->user_count + 1);
		meetings_add_user(meeting, name.data, NULL, false);
		text_fini(&name);
	}
}

size_t
meetings_count_moderators(const struct meeting *meeting)
{
	size_t count = 0;

	for (size_t i = 0; i < meeting->user_count; i++)
		count += meeting->users[i]->is_moderator;
	return count;
}

/*
 * The commands of the control port about recordings.
 */
#ifndef SANDBOX_RECORDING_CONTROL_H
#define SANDBOX_RECORDING_CONTROL_H

struct command;

/*
 * Makes recordings and prints "SERVER RECORDID" of each.  Ids and times of
 * many depend on the parameters alone: recording i, from 1, is of the meeting
 * "ID-i", starts at startTime + (i - 1) * step, and is on server (i - 1) modulo
 * the count of servers when server is 0, so that the servers' times interleave.
 */
void recording_control_record(struct command *command);

/* Prints "RECORDID STATE STARTTIME MEETINGID" of each recording of a server. */
void recording_control_list(struct command *command);

/*
 * Gives another server a copy of a recording, with its tracks: the same recordID on
 * two servers, as after a restored backup or a migration.
 */
void recording_control_copy(struct command *command);

/* Sets how a server's getRecordings pages. */
void recording_control_paging(struct command *command);

/*
 * Prints "KIND LANG LENGTH SHA256 FILENAME LABEL", with tabs between, of each
 * track that a recording was given.
 */
void recording_control_tracks(struct command *command);

#endif

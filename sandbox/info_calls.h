/*
 * Calls that only ask: isMeetingRunning, getMeetingInfo, getMeetings,
 * getSessions.  See bbb-web's ApiController.groovy, get-meeting-info.ftlx,
 * get-meetings.ftlx and get-sessions.ftlx.  Each fills the answer of the call.
 */
#ifndef SANDBOX_INFO_CALLS_H
#define SANDBOX_INFO_CALLS_H

struct call;
struct meeting;
struct text;

/* A meeting runs while somebody is in it; one that is unknown does not run. */
void info_calls_is_running(struct call *call);

/* Tells all of one meeting. */
void info_calls_get(struct call *call);

/* Tells all of all meetings, in the order in which they were created. */
void info_calls_list(struct call *call);

/* Tells who is in which meeting. */
void info_calls_list_sessions(struct call *call);

/* Appends the elements of the meeting's passwords to body. */
void info_calls_add_passwords(struct text *body, const struct meeting *meeting);

#endif

/*
 * The log: one line per event, on stderr, or to syslog where stderr is closed
 * or /dev/null (spawn-fcgi points it there).
 *
 *   2026-11-21T07:50:00.123Z warn server did not answer server=bbb1 call=create
 *
 * or, as JSON, {"time":…,"level":"warn","event":"server did not answer",…}.
 *
 * What is passed here is written: callers pass no secret, checksum, password,
 * query string, or URL of a join.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * Choose what is logged and where, before there are threads that log; and again when
 * stderr was put elsewhere.  program is borrowed.  The default, before any call, is info.
 * level is "error", "warn", "info" or "debug"; NULL means info.  Returns 0, or -1 when the
 * name is none of these (info is used then).
 */
int log_open(const char *program, const char *level);

/* Choose how lines are written, at any time.  The default is text. */
void log_set_format(enum log_format format);

/*
 * Write one event.  After the event's text come pairs of strings, key and
 * value, ended by NULL; a pair whose value is NULL is left out.  Values may
 * hold any bytes: they are quoted where needed, cut at 300 bytes, and never
 * break the line.  Control characters (C0 and C1), line separators and what turns text
 * around are escaped in both formats, bytes that are no UTF-8 become "?".
 */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

/* Is an event of that level written?  To spare the work of making one that is not. */
bool log_is_on(enum log_level level);

#define log_error(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__, (char *)NULL)
#define log_warn(...) log_event(LOG_LEVEL_WARN, __VA_ARGS__, (char *)NULL)
#define log_info(...) log_event(LOG_LEVEL_INFO, __VA_ARGS__, (char *)NULL)
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, __VA_ARGS__, (char *)NULL)

#endif

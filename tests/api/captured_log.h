/*
 * The log of the core, which writes to stderr: kept in a file for the cases to
 * compare, or, when it is to be loud, left where it goes.
 */
#ifndef CAPTURED_LOG_H
#define CAPTURED_LOG_H

#include <stdbool.h>

struct arena;

/* Open the log, at its highest level.  To be called once, before any case. */
void captured_log_open(bool loud);

/* Is it kept?  (If not, what it holds cannot be checked.) */
bool captured_log_is_kept(void);

/* What was logged since the last time, in the arena; "" when it is not kept. */
char *captured_log_take(struct arena *arena);

/* Let stderr be what it was until it is kept again. */
void captured_log_pause(void);
void captured_log_resume(void);

#endif

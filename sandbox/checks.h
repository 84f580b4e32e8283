/*
 * Parameters of the calls about meetings: how BBB reads them, and its complaints
 * (bbb-common-web, model/constraint/ and model/validator/).
 */
#ifndef SANDBOX_CHECKS_H
#define SANDBOX_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct meeting;

/* Returns the length of string as Java counts it: in UTF-16 units. */
size_t checks_java_length(const char *string);

/* Returns the parameter as a number, 0 where it is none or absent. */
long long checks_find_number(const struct call *call, const char *name);

/* Tells whether a parameter's value, or NULL, stands for yes. */
bool checks_is_true(const char *value);

/*
 * The following check one parameter and return false after having made the
 * answer.  An absent one is right for each of them, as for BBB's validators, and
 * so is an empty one, but for the meetingID.  message is said of a wrong value.
 */
bool checks_meeting_id(struct call *call);
bool checks_password(struct call *call, const char *name);
bool checks_boolean(struct call *call, const char *name, const char *message);
bool checks_integral(struct call *call, const char *name, const char *message);

/*
 * Finds the meeting of the request, or NULL.  The id is taken without outer
 * blanks and as meetings_find() takes it.
 */
struct meeting *checks_find_meeting(const struct call *call);

#endif

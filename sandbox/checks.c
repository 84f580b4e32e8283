#include "checks.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "calls.h"

size_t
checks_java_length(const char *string)
{
	size_t length = 0;

	for (; *string != '\0'; string++) {
		unsigned char c = (unsigned char)*string;

		if ((c & 0xc0) != 0x80)
			length += c >= 0xf0 ? 2 : 1;
	}
	return length;
}

static bool
is_integral(const char *string)
{
	size_t length = strlen(string);

	if (*string == '-' || *string == '+') {
		string++;
		length--;
	}
	return length > 0 && length <= 18 && strspn(string, "0123456789") == length;
}

long long
checks_find_number(const struct call *call, const char *name)
{
	const char *value = calls_find(call, name);

	return value && is_integral(value) ? strtoll(value, NULL, 10) : 0;
}

bool
checks_is_true(const char *value)
{
	return value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

bool
checks_meeting_id(struct call *call)
{
	const char *id = calls_find(call, "meetingID");

	if (!id)
		return true;
	const char *key = NULL, *message = NULL;
	if (id[0] == '\0') {
		key = "missingParamMeetingID";
		message = "You must provide a meeting ID";
	} else if (checks_java_length(id) < 2 || checks_java_length(id) > 256) {
		key = "sizeError";
		message = "Meeting ID must be between 2 and 256 characters";
	} else if (strchr(id, ',')) {
		key = "validationError";
		message = "Meeting ID cannot contain ','";
	}
	if (key)
		calls_fail(call, key, message);
	return key == NULL;
}

bool
checks_password(struct call *call, const char *name)
{
	const char *value = calls_find_filled(call, name);

	if (!value || (checks_java_length(value) >= 2 && checks_java_length(value) <= 64))
		return true;
	calls_fail(call, "invalidPassword", "Invalid password");
	return false;
}

bool
checks_boolean(struct call *call, const char *name, const char *message)
{
	const char *value = calls_find_filled(call, name);

	if (!value || strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0 ||
	    strcmp(value, "0") == 0 || strcmp(value, "1") == 0)
		return true;
	calls_fail(call, "validationError", message);
	return false;
}

bool
checks_integral(struct call *call, const char *name, const char *message)
{
	const char *value = calls_find_filled(call, name);

	if (!value || is_integral(value))
		return true;
	calls_fail(call, "validationError", message);
	return false;
}

struct meeting *
checks_find_meeting(const struct call *call)
{
	const char *id = calls_find(call, "meetingID");
	char *clean = id ? params_sanitize(id) : NULL;
	struct meeting *meeting = meetings_find(call->request->meetings, clean);

	free(clean);
	return meeting;
}

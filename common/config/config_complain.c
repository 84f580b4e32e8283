#include "config/config_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <stdlib.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/str.h"
#include "formats/state_url.h"

/* Nobody reads more; and the caller's buffer loses all when it overflows. */
#define PROBLEMS_SHOWN 50

/* A string that is no longer may be named; BigBlueButton's secrets have 40 and more. */
#define WORD_BYTES 16

/* Make a text from the file fit for a line: without controls, and without half a character at
 * its end, where it was cut. */
static void
make_fit(char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i], next = (unsigned char)text[i + 1];

		if (c < 0x20 || c == 0x7f)
			text[i] = '?';
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0) /* those of ISO 6429 */
			text[i] = text[i + 1] = '?';
	}
	for (int i = 0; i < 3 && len > 0 && !str_is_utf8(str_from(text)); i++)
		text[--len] = '\0';
}

void
config_complain(struct config_reading *reading, const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char text[512];
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_fit(text);

	struct buf *out = reading->problems;
	size_t need = strlen(reading->path) + sizeof(reading->where) + (key ? strlen(key) : 0) +
	    strlen(text);
	reading->n_problems++;
	/* The line for those that are left out needs room too. */
	if (reading->n_problems > PROBLEMS_SHOWN ||
	    out->max - out->len < need + strlen(reading->path) + 64) {
		reading->n_left_out++;
		return;
	}
	if (key)
		buf_printf(out, "%s: %s%s: %s\n", reading->path, reading->where, key, text);
	else
		buf_printf(out, "%s: %s\n", reading->path, text);
}

static const char *
kind_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return json_object_get_boolean(value) ? "true" : "false";
	case json_type_double:
		return "a number with a fraction";
	case json_type_int:
		return "a number";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "a list";
	case json_type_string:
		break;
	}
	return "a string";
}

void
config_complain_type(struct config_reading *reading, const char *key, const char *expected,
    struct json_object *value)
{
	config_complain(reading, key, "expected %s, not %s", expected, kind_of(value));
}

/* Is the text in a value whose key, or that of a list or an object around it, speaks of a
 * secret? */
static bool
is_secret(struct json_object *value, bool is_below_secret, struct str text)
{
	if (json_object_is_type(value, json_type_string))
		return is_below_secret &&
		    str_equal(str_trim(str_from(json_object_get_string(value))), text);
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (is_secret(json_object_array_get_idx(value, i), is_below_secret,
			        text))
				return true;
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
			if (is_secret(member, is_below_secret || strstr(key, "secret"), text))
				return true;
	}
	return false;
}

/* Is the text in that URL of an engine, where it may be the password? */
static bool
is_in_url(const char *url, struct str text)
{
	return state_url_is(str_from(url)) && str_find(str_from(url), text, 0) != SIZE_MAX;
}

/* Is it a secret, or perhaps the engine's password, by the file or the environment? */
static bool
is_known_secret(const struct config_reading *reading, struct str text)
{
	struct json_object *state = NULL;
	json_object_object_get_ex(reading->tree, "state", &state);
	return is_secret(reading->tree, false, text) ||
	    str_equal(str_trim(str_from(getenv("TINYSCALE_SECRET"))), text) ||
	    str_equal(str_trim(str_from(getenv("TINYSCALE_STATE_PASSWORD"))), text) ||
	    is_in_url(getenv("TINYSCALE_STATE"), text) ||
	    is_in_url(json_object_get_string(state), text);
}

/* May the string be repeated? */
static bool
is_word(const struct config_reading *reading, struct str text)
{
	if (text.len > WORD_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		        (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return text.len == 0 || !is_known_secret(reading, text);
}

void
config_complain_value(struct config_reading *reading, const char *key, const char *expected,
    struct json_object *value)
{
	struct str text = str_from(json_object_get_string(value));
	int64_t number = json_object_get_int64(value);
	if (json_object_is_type(value, json_type_string) && is_word(reading, text))
		config_complain(reading, key, "expected %s, not \"%.*s\"", expected,
		    STR_ARG(text));
	/* What is too large for 64 bits has become one of these. */
	else if (json_object_is_type(value, json_type_int) && number != INT64_MAX &&
	    number != INT64_MIN)
		config_complain(reading, key, "expected %s, not %" PRId64, expected, number);
	else if (json_object_is_type(value, json_type_double))
		config_complain(reading, key, "expected %s, not %g", expected,
		    json_object_get_double(value));
	else
		config_complain(reading, key, "expected %s", expected);
}

const char *
config_complain_shown(const char *name, char text[CONFIG_SHOWN_SIZE])
{
	snprintf(text, CONFIG_SHOWN_SIZE, "%s", name);
	make_fit(text);
	return text;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters to add, drop, change or swap with the next to get from a to
 * b.  Neither is longer than CONFIG_KEY_BYTES. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][CONFIG_KEY_BYTES + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t len = strlen(b);
	for (size_t j = 0; j <= len; j++)
		last[j] = before[j] = j;
	for (size_t i = 0; a[i]; i++) {
		now[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			now[j + 1] = smaller(smaller(now[j], last[j + 1]) + 1,
			    last[j] + (a[i] != b[j]));
			if (i && j && a[i] == b[j - 1] && a[i - 1] == b[j])
				now[j + 1] = smaller(now[j + 1], before[j - 1] + 1);
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[len];
}

void
config_complain_unknown(struct config_reading *reading, const struct config_keys *keys,
    const char *unknown)
{
	size_t len = strlen(unknown), near = len / 3 > 2 ? len / 3 : 2;
	const char *nearest = NULL;
	for (size_t i = 0; len <= CONFIG_KEY_BYTES && i < keys->n; i++) {
		size_t far = distance(unknown, keys->list[i].key);
		if (far < near || (far == near && !nearest)) {
			near = far;
			nearest = keys->list[i].key;
		}
	}
	char clean[CONFIG_SHOWN_SIZE];
	config_complain_shown(unknown, clean);
	if (keys == &config_keys_top && config_keys_find(&config_keys_server, unknown))
		config_complain(reading, clean,
		    "unknown key here: it belongs to one of the servers");
	else if (keys == &config_keys_server && config_keys_find(&config_keys_top, unknown))
		config_complain(reading, clean,
		    "unknown key here: it belongs beside \"servers\"");
	else if (nearest)
		config_complain(reading, clean, "unknown key; did you mean \"%s\"?", nearest);
	else
		config_complain(reading, clean, "unknown key");
}

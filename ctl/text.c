#include "text.h"

#include <stdio.h>
#include <time.h>
#include <wchar.h>

#include "base/arena.h"

#define TEN_YEARS (INT64_C(3653) * 24 * 3600)

/* ---- Characters ------------------------- */

/* How many bytes the character takes that begins here, or 0 where none does; *code
 * becomes the character. */
static size_t
read_character(struct str text, uint32_t *code)
{
	static const unsigned char lead_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned char lead = (unsigned char)text.data[0];
	size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (len > text.len || !str_is_utf8((struct str){ text.data, len }))
		return 0;
	*code = lead & lead_bits[len];
	for (size_t i = 1; i < len; i++)
		*code = *code << 6 | ((unsigned char)text.data[i] & 0x3f);
	return len;
}

/* Does the character steer a terminal, or turn or break a line? */
static bool
is_steering(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
	    code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069);
}

void
text_plain(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len;) {
		uint32_t code;
		size_t len = read_character(str_part(text, i, SIZE_MAX), &code);

		if (len == 0)
			buf_printf(out, "\\x%02x", (unsigned char)text.data[i]);
		else if (is_steering(code))
			buf_printf(out, "\\u%04x", (unsigned)code);
		else
			buf_add(out, text.data + i, len);
		i += len == 0 ? 1 : len;
	}
}

void
text_json(struct buf *out, struct str text)
{
	buf_char(out, '"');
	for (size_t i = 0; i < text.len;) {
		uint32_t code;
		size_t len = read_character(str_part(text, i, SIZE_MAX), &code);

		if (len == 0)
			buf_text(out, "\\ufffd");
		else if (is_steering(code))
			buf_printf(out, "\\u%04x", (unsigned)code);
		else if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (char)code);
		else
			buf_add(out, text.data + i, len);
		i += len == 0 ? 1 : len;
	}
	buf_char(out, '"');
}

/* ---- Widths ------------------------- */

/* The columns of one character (wcwidth(3), which knows them by the locale). */
static size_t
width_of(uint32_t code)
{
	int width = wcwidth((wchar_t)code);

	return width < 0 ? 1 : (size_t)width;
}

size_t
text_width(const char *text)
{
	struct str rest = str_from(text);
	size_t width = 0;

	while (rest.len > 0) {
		uint32_t code = '?';
		size_t len = read_character(rest, &code);

		width += width_of(code);
		rest = str_part(rest, len == 0 ? 1 : len, SIZE_MAX);
	}
	return width;
}

/* The longest beginning, or with is_end the longest end, that fits into width columns. */
static struct str
fitting(struct str text, size_t width, bool is_end)
{
	struct str rest = text;
	size_t left = width;

	/* An end is what is left when enough was passed over. */
	size_t whole = is_end ? text_width(text.data) : 0;
	size_t passed = 0;
	while (rest.len > 0) {
		uint32_t code = '?';
		size_t len = read_character(rest, &code);
		size_t columns = width_of(code);

		if (is_end ? whole - passed <= width : columns > left)
			break;
		passed += columns;
		left -= is_end ? 0 : columns;
		rest = str_part(rest, len == 0 ? 1 : len, SIZE_MAX);
	}
	return is_end ? rest : str_part(text, 0, text.len - rest.len);
}

const char *
text_cut(struct arena *arena, const char *text, size_t width, bool is_middle)
{
	if (text_width(text) <= width)
		return text;
	if (width == 0)
		return "";
	size_t end = is_middle ? (width - 1) / 2 : 0;
	struct str first = fitting(str_from(text), width - 1 - end, false);
	struct str last = end > 0 ? fitting(str_from(text), end, true) : STR("");

	return str_printf(arena, "%.*s…%.*s", STR_ARG(first), STR_ARG(last));
}

/* ---- Times ------------------------- */

const char *
text_age(struct arena *arena, int64_t ms)
{
	long long seconds = ms > 0 ? (long long)(ms / 1000) : 0;

	if (seconds < 120)
		return str_printf(arena, "%lld s", seconds);
	if (seconds < 120 * 60)
		return str_printf(arena, "%lld min", seconds / 60);
	if (seconds < 48 * 3600)
		return str_printf(arena, "%lld h", seconds / 3600);
	return str_printf(arena, "%lld d", seconds / (24 * 3600));
}

int
text_read_duration(struct str text, int64_t *seconds)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {
		{ "s", 1 },
		{ "m", 60 },
		{ "min", 60 },
		{ "h", 3600 },
		{ "d", 24 * 3600 },
	};
	size_t digits = 0;

	while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
		digits++;
	int64_t number;
	if (str_to_int(str_part(text, 0, digits), 1, TEN_YEARS, &number) != 0)
		return -1;
	struct str unit = str_trim(str_part(text, digits, SIZE_MAX));
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!str_is(unit, units[i].unit))
			continue;
		if (number > TEN_YEARS / units[i].seconds)
			return -1;
		*seconds = number * units[i].seconds;
		return 0;
	}
	return -1;
}

int
text_read_clock(struct str text, int64_t now, int64_t *next)
{
	size_t colon = str_find(text, STR(":"), 0);
	int64_t hour, minute;

	if (colon == SIZE_MAX || text.len - colon != 3 ||
	    str_to_int(str_part(text, 0, colon), 0, 23, &hour) != 0 ||
	    str_to_int(str_part(text, colon + 1, SIZE_MAX), 0, 59, &minute) != 0)
		return -1;
	time_t seconds = (time_t)now;
	struct tm local;
	localtime_r(&seconds, &local);
	/* mktime(3) takes the 32nd for the 1st, and finds out about summer time. */
	for (int day = 0; day < 2; day++) {
		struct tm then = local;

		then.tm_mday += day;
		then.tm_hour = (int)hour;
		then.tm_min = (int)minute;
		then.tm_sec = 0;
		then.tm_isdst = -1;
		*next = (int64_t)mktime(&then);
		if (*next > now)
			return 0;
	}
	return -1;
}

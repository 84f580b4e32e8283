#include "formats/xml_chars.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

/* The largest code point of all. */
#define POINT_MAX 0x10ffff

static bool
is_allowed(uint32_t point)
{
	if (point < 0x20)
		return point == '\t' || point == '\n' || point == '\r';
	return point <= POINT_MAX && (point < 0xd800 || point > 0xdfff) && point != 0xfffe &&
	    point != 0xffff;
}

/* How many bytes the sequence has that begins with that byte; 0 for none. */
static size_t
sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc0 || first > 0xf7)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Read the sequence at the beginning of the text, allowed or not: its length, or 0 where
 * it is not whole. */
static size_t
read_sequence(struct str text, uint32_t *point)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	size_t len = text.len > 0 ? sequence_length(bytes[0]) : 0;

	if (len == 0 || len > text.len)
		return 0;
	*point = len == 1 ? bytes[0] : bytes[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | (bytes[i] & 0x3f);
	}
	return len;
}

/* Is what read_sequence has read a character that XML allows? */
static inline bool
is_character(size_t len, uint32_t point)
{
	/* The least code point that needs so many bytes (RFC 3629, section 3). */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (len == 0)
		return false;
	return point >= least[len] && is_allowed(point);
}

/* What takes the place of a sequence of that length that is no such character. */
static inline struct str
substitute(size_t len)
{
	return len == 3 ? STR("\xef\xbf\xbd") : STR("?");
}

size_t
xml_chars_length(struct str text)
{
	uint32_t point;
	size_t len = read_sequence(text, &point);

	return is_character(len, point) ? len : 0;
}

struct str
xml_chars_substitute(struct str text)
{
	uint32_t point;

	return substitute(read_sequence(text, &point));
}

/* The length of a reference by number at the beginning of the text, which begins with
 * '&', and the code point that it names; 0 when there is none. */
static size_t
read_reference(struct str text, uint32_t *point)
{
	bool is_hex = str_starts(text, "&#x");
	uint32_t base = is_hex ? 16 : 10, digit;
	size_t first = is_hex ? 3 : 2;

	if (!str_starts(text, "&#"))
		return 0;
	*point = 0;
	size_t i;
	for (i = first; i < text.len; i++) {
		char c = text.data[i];

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (is_hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			digit = (uint32_t)((c | 0x20) - 'a' + 10);
		else
			break;
		if (*point <= POINT_MAX)
			*point = *point * base + digit;
	}
	return i > first && i < text.len && text.data[i] == ';' ? i + 1 : 0;
}

/* Make the reference one to '?', with zeros before it.  The shortest has no room for
 * that number; it becomes a tab. */
static void
replace_reference(char *reference, size_t len)
{
	if (len == sizeof("&#8;") - 1) {
		reference[2] = '9';
		return;
	}
	memset(reference + 2, '0', len - 3);
	reference[len - 3] = '6';
	reference[len - 2] = '3';
}

/* Where in the text, from that offset on, the first byte is that needs a look: what is no
 * printable ASCII, or a '&'. */
static inline size_t
skip_plain(struct str text, size_t at)
{
	while (at < text.len && (signed char)text.data[at] >= 0x20 && text.data[at] != '&')
		at++;
	return at;
}

struct str
xml_chars_mend(struct arena *arena, struct str document)
{
	char *copy = NULL;
	size_t len;

	for (size_t at = skip_plain(document, 0); at < document.len;
	     at = skip_plain(document, at + len)) {
		struct str rest = { document.data + at, document.len - at };
		uint32_t point;

		bool is_reference = rest.data[0] == '&' &&
		    (len = read_reference(rest, &point)) > 0;
		if (!is_reference)
			len = read_sequence(rest, &point);
		if (is_reference ? is_allowed(point) : is_character(len, point))
			continue;
		if (!copy) {
			copy = arena_try_alloc(arena, document.len + 1);
			if (!copy)
				return (struct str){ NULL, 0 };
			memcpy(copy, document.data, document.len);
		}
		if (is_reference) {
			replace_reference(copy + at, len);
			continue;
		}
		bool begins_tag = at > 0 && document.data[at - 1] == '<';
		struct str by = begins_tag ? STR(" ") : substitute(len);
		for (len = 0; len < by.len; len++)
			copy[at + len] = by.data[len];
	}
	return copy ? (struct str){ copy, document.len } : document;
}

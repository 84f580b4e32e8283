#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/mem.h"

struct str
str_from(const char *text)
{
	return (struct str){ text, text ? strlen(text) : 0 };
}

bool
str_equal(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int
str_compare(struct str a, struct str b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool
str_is(struct str s, const char *text)
{
	return str_equal(s, str_from(text));
}

bool
str_is_nocase(struct str s, const char *text)
{
	return s.len == strlen(text) && (s.len == 0 || strncasecmp(s.data, text, s.len) == 0);
}

bool
str_starts(struct str s, const char *prefix)
{
	return str_is(str_part(s, 0, strlen(prefix)), prefix);
}

size_t
str_find(struct str s, struct str needle, size_t from)
{
	if (from > s.len)
		return SIZE_MAX;
	if (needle.len == 0)
		return from;
	if (s.len - from < needle.len)
		return SIZE_MAX;
	const char *found = memmem(s.data + from, s.len - from, needle.data, needle.len);
	return found ? (size_t)(found - s.data) : SIZE_MAX;
}

struct str
str_part(struct str s, size_t from, size_t len)
{
	if (from > s.len)
		from = s.len;
	if (len > s.len - from)
		len = s.len - from;
	return (struct str){ s.data ? s.data + from : NULL, len };
}

struct str
str_trim(struct str s)
{
	while (s.len > 0 && (unsigned char)s.data[0] <= 0x20) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && (unsigned char)s.data[s.len - 1] <= 0x20)
		s.len--;
	return s;
}

bool
str_is_utf8(struct str s)
{
	/* The least code point that needs 2, 3 and 4 bytes. */
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	size_t i = 0, more;
	uint32_t point;

	while (i < s.len) {
		uint64_t word;
		/* Nearly all is ASCII: eight bytes at once. */
		while (s.len - i >= sizeof(word)) {
			memcpy(&word, s.data + i, sizeof(word));
			if (word & UINT64_C(0x8080808080808080))
				break;
			i += sizeof(word);
		}
		if (i == s.len)
			break;
		unsigned char c = (unsigned char)s.data[i++];
		if (c < 0x80)
			continue;
		if (c >= 0xc2 && c <= 0xdf) {
			more = 1;
			point = c & 0x1f;
		} else if (c >= 0xe0 && c <= 0xef) {
			more = 2;
			point = c & 0x0f;
		} else if (c >= 0xf0 && c <= 0xf4) {
			more = 3;
			point = c & 0x07;
		} else {
			return false;
		}
		if (s.len - i < more)
			return false;
		for (size_t k = 0; k < more; k++) {
			c = (unsigned char)s.data[i++];
			if ((c & 0xc0) != 0x80)
				return false;
			point = point << 6 | (c & 0x3f);
		}
		if (point < least[more] || point > 0x10ffff ||
		    (point >= 0xd800 && point <= 0xdfff))
			return false;
	}
	return true;
}

int
str_to_int(struct str s, int64_t min, int64_t max, int64_t *number)
{
	bool negative = s.len > 0 && s.data[0] == '-';

	if (s.len == (negative ? 1u : 0u))
		return -1;
	int64_t value = 0;
	for (size_t i = negative ? 1 : 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return -1;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, s.data[i] - '0', &value))
			return -1;
	}
	/* Counted downwards, so that INT64_MIN is reached. */
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return -1;
	if (value < min || value > max)
		return -1;
	*number = value;
	return 0;
}

uint64_t
str_hash_on(uint64_t hash, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		hash ^= (unsigned char)s.data[i];
		hash *= UINT64_C(0x100000001b3);
	}
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

uint64_t
str_hash(struct str s)
{
	return str_hash_on(UINT64_C(0xcbf29ce484222325), s);
}

char *
str_copy(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	return copy;
}

char *
str_printf(struct arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text;
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		mem_die();
	return arena_take(arena, text);
}

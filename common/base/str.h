/*
 * A borrowed span of bytes: it owns nothing, and what it points to must
 * outlive it.  The bytes may hold NUL and need not end in one, unless a
 * function below says so.  {NULL, 0} is the absent span, {"", 0} the empty
 * one; both have length 0.
 */
#ifndef STR_H
#define STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct str {
	const char *data;
	size_t len;
};

/* A span over a string literal. */
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })

/* For printf's "%.*s".  Spans are capped far below INT_MAX where they enter. */
#define STR_ARG(s) (int)(s).len, ((s).data ? (s).data : "")

/* The span over a NUL-terminated text; NULL gives the absent span. */
struct str str_from(const char *text);

/* The same bytes?  Absent and empty are equal. */
bool str_equal(struct str a, struct str b);
bool str_is(struct str s, const char *text);

/* Order by bytes, a prefix before what it begins: below, at or above 0. */
int str_compare(struct str a, struct str b);

/* Equal when the case of ASCII letters is ignored? */
bool str_is_nocase(struct str s, const char *text);

bool str_starts(struct str s, const char *prefix);

/* The offset of the first needle at or after from, or SIZE_MAX. */
size_t str_find(struct str s, struct str needle, size_t from);

/* The bytes [from, from + len), clipped to the span. */
struct str str_part(struct str s, size_t from, size_t len);

/* The span without the bytes <= 0x20 at both ends. */
struct str str_trim(struct str s);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool str_is_utf8(struct str s);

/*
 * Read the whole span as a decimal number between min and max.  Returns 0, or
 * -1 for anything else (empty, a sign other than one leading '-', other
 * characters, out of range), leaving *number alone.
 */
int str_to_int(struct str s, int64_t min, int64_t max, int64_t *number);

/*
 * A hash of the bytes: FNV-1a of 64 bits, whose last bytes a final mix (MurmurHash3's)
 * spreads over all bits, so that the lowest ones do for a table.  It is the same on every
 * machine and in every version of this program; who wants to can find equal hashes.
 * str_hash_on goes on from another hash, so that the order and the limits of spans count:
 * str_hash_on(str_hash(a), b).
 */
uint64_t str_hash(struct str s);
uint64_t str_hash_on(uint64_t hash, struct str s);

/* A NUL-terminated copy in the arena. */
char *str_copy(struct arena *arena, struct str s);

/* printf into the arena; the result is NUL-terminated. */
char *str_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

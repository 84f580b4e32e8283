/*
 * What the fuzz targets share.  A target is one file, fuzz_NAME.c, with one function,
 * LLVMFuzzerTestOneInput, which libFuzzer and AFL++ call with inputs of their own, and
 * replay.c with those that were kept in corpus/NAME.
 *
 * A target says by fuzz_must() what holds of any input.  Whatever it allocates is in an
 * arena, which in a build with sanitizers gives each piece a block of its own.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

/* The target.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property: where the condition is false the input has found a defect. */
#define fuzz_must(condition) \
	((condition) ? (void)0 : fuzz_defect(__FILE__, __LINE__, #condition))

static inline void
fuzz_defect(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

/* The input as a text in the arena, whose block ends where the text does. */
static inline struct str
fuzz_text(struct arena *arena, const void *data, size_t size)
{
	char *copy = arena_alloc(arena, size);

	if (size > 0)
		memcpy(copy, data, size);
	return (struct str){ copy, size };
}

/* The next line of the text, without its newline; *text becomes what follows.  It may hold
 * NUL, and is in the arena by itself, so that whoever reads beyond its end is seen. */
static inline struct str
fuzz_line(struct arena *arena, struct str *text)
{
	const size_t end = str_find(*text, STR("\n"), 0);
	const struct str line = str_part(*text, 0, end);

	*text = end == SIZE_MAX ? STR("") : str_part(*text, end + 1, SIZE_MAX);
	return fuzz_text(arena, line.data, line.len);
}

/* The same as a NUL-terminated text; what follows a NUL in it is left out. */
static inline char *
fuzz_line_text(struct arena *arena, struct str *text)
{
	return str_copy(arena, fuzz_line(arena, text));
}

/* The text up to the first "\n--\n", or all of it; *text becomes what follows. */
static inline struct str
fuzz_part(struct arena *arena, struct str *text)
{
	const struct str mark = STR("\n--\n");
	const size_t end = str_find(*text, mark, 0);
	const struct str part = str_part(*text, 0, end);

	*text = end == SIZE_MAX ? STR("") : str_part(*text, end + mark.len, SIZE_MAX);
	return fuzz_text(arena, part.data, part.len);
}

#endif

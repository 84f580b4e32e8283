#include "case.h"

#include <string.h>

#include "placeholders.h"

/* Is this line a section's title?  Then what follows "== ". */
static struct str
title_of(struct str line)
{
	return str_starts(line, "== ") ? str_part(line, 3, SIZE_MAX) : (struct str){ NULL, 0 };
}

/* Fill in the placeholders of a section that begins at text[from] and ends at text[to],
 * which is after its last newline. */
static void
end_section(struct arena *arena, struct section *section, struct str text, size_t from,
    size_t to)
{
	to -= to > from && text.data[to - 1] == '\n';
	section->text = placeholders_fill(arena, str_part(text, from, to - from));
}

size_t
case_read(struct arena *arena, struct str text, struct section *sections, size_t max,
    const char **prose)
{
	*prose = "";
	size_t n = 0, from = 0;
	int number = 1;
	for (size_t at = 0, next; at < text.len; at = next, number++) {
		const size_t newline = str_find(text, STR("\n"), at);
		const struct str line = str_part(text, at, newline - at);
		const struct str title = title_of(line);

		next = newline != SIZE_MAX ? newline + 1 : text.len;
		if (n == 0 && **prose == '\0' && str_starts(line, "# "))
			*prose = str_copy(arena, str_part(line, 2, SIZE_MAX));
		if (!title.data || n == max)
			continue;
		if (n > 0)
			end_section(arena, &sections[n - 1], text, from, at);
		sections[n++] = (struct section){
			.line = number,
			.title = str_copy(arena, placeholders_fill(arena, title)),
		};
		from = next;
	}
	if (n > 0)
		end_section(arena, &sections[n - 1], text, from, text.len);
	return n;
}

struct lines
case_lines(struct arena *arena, struct str text)
{
	char *copy = str_copy(arena, text);

	return (struct lines){ copy, copy + text.len };
}

char *
case_next(struct lines *lines)
{
	char *line = lines->next;

	if (line == lines->end)
		return NULL;
	char *newline = memchr(line, '\n', (size_t)(lines->end - line));
	lines->next = newline ? newline + 1 : lines->end;
	if (newline)
		*newline = '\0';
	return line;
}

struct str
case_rest(const struct lines *lines)
{
	return (struct str){ lines->next, (size_t)(lines->end - lines->next) };
}

char *
case_after(char *line, const char *prefix)
{
	const size_t n = strlen(prefix);

	return strncmp(line, prefix, n) == 0 ? line + n : NULL;
}

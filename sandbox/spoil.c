#include "spoil.h"

#include <string.h>

/* Replaces the first length bytes by others. */
static void
replace_head(struct text *text, size_t length, const struct text *head)
{
	struct text whole = { 0 };

	text_add(&whole, text_string(head), head->length);
	text_add(&whole, text_string(text) + length, text->length - length);
	text_fini(text);
	*text = whole;
}

/* Returns where the last "<name>" begins, or NULL. */
static const char *
find_last(const struct text *text, const char *tag)
{
	const char *found = NULL;

	for (const char *at = text_string(text); (at = strstr(at, tag)) != NULL; at++)
		found = at;
	return found;
}

void
spoil_cut_item(struct text *text)
{
	static const char *const tags[] = { "<meeting>", "<recording>" };
	const char *item = NULL;

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]) && !item; i++)
		item = find_last(text, tags[i]);
	if (!item)
		return;
	size_t before = (size_t)(item - text->data);
	text->length = before + (text->length - before) / 2;
	text->data[text->length] = '\0';
}

void
spoil_add_blank_lines(struct text *text, long long count)
{
	struct text head = { 0 };

	for (long long i = 0; i < count; i++)
		text_add_string(&head, "\n");
	text_add_string(&head, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	replace_head(text, 0, &head);
	text_fini(&head);
}

void
spoil_add_bytes(struct text *text, const char *element, long long number, const char *bytes,
    size_t length)
{
	struct text tag = { 0 };
	const char *at = text_string(text);

	text_add_format(&tag, "<%s>", element);
	for (long long i = 0; i < number && at; i++) {
		at = strstr(at, tag.data);
		if (at)
			at += tag.length;
	}
	struct text head = { 0 };
	if (at) {
		size_t before = (size_t)(at - text->data);

		text_add(&head, text->data, before);
		text_add(&head, bytes, length);
		replace_head(text, before, &head);
	}
	text_fini(&tag);
	text_fini(&head);
}

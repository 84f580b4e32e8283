/*
 * Documents of servers (xml.h): the input is one, and a text to be escaped.
 */
#include "api/second_parser.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "formats/xml.h"
#include "formats/xml_chars.h"
#include "fuzz.h"

/* So many of a document's items are looked at. */
#define ITEMS_LOOKED_AT 20

static const struct xml_list lists[] = {
	{ .container = "meetings", .item = "meeting", .keys = { "meetingID", "attendees" } },
	{ .container = "recordings", .item = "recording", .keys = { "recordID", "state" } },
};

/* The item is sound, and says the same, in any list that is composed of such. */
static void
check_item(struct arena *arena, const struct xml_list *list, const struct xml_item *item)
{
	struct xml_list again = { .container = list->container, .item = list->item };
	struct buf out;

	memcpy(again.keys, list->keys, sizeof(again.keys));
	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_printf(&out, "<response><returncode>SUCCESS</returncode><%s>", list->container);
	buf_str(&out, item->raw);
	buf_str(&out, item->raw);
	buf_printf(&out, "</%s></response>", list->container);
	fuzz_must(xml_read(arena, buf_view(&out), NULL, 0, &again) == XML_SOUND);
	fuzz_must(again.n == 2 && again.is_complete);
	fuzz_must(str_equal(again.items[0].raw, item->raw));
	for (size_t i = 0; i < XML_ITEM_KEYS; i++)
		fuzz_must(str_equal(again.items[0].text[i], item->text[i]));
	const char *complaint = second_parser_complaint(arena, buf_view(&out));
	if (complaint)
		fprintf(stderr, "libxml2: %s\n", complaint);
	fuzz_must(!complaint);
	buf_free(&out);
}

static void
check_document(struct arena *arena, struct str text, const struct xml_list *wanted)
{
	struct xml_field fields[] = { { .name = "returncode" }, { .name = "message" } };
	const size_t n_fields = sizeof(fields) / sizeof(*fields);
	struct xml_list list = *wanted;
	struct str read = text;
	const enum xml_result result = xml_mend(arena, &read, fields, n_fields, &list);

	fuzz_must(read.len == text.len);
	if (result == XML_FOREIGN)
		return;
	fuzz_must(list.n <= LIMIT_LIST_ITEMS);
	fuzz_must(result == XML_SOUND || !list.is_complete);
	for (size_t i = 0; i < list.n && i < ITEMS_LOOKED_AT; i++) {
		const struct str raw = list.items[i].raw;

		fuzz_must(raw.data >= read.data && raw.data + raw.len <= read.data + read.len);
		check_item(arena, &list, &list.items[i]);
	}
	/* What was mended is sound as it is. */
	struct str again = read;
	if (result == XML_SOUND && list.is_complete)
		fuzz_must(xml_mend(arena, &again, fields, n_fields, NULL) == XML_SOUND &&
		    again.data == read.data);
	for (size_t i = 0; i < n_fields; i++)
		fuzz_must(str_is_utf8(fields[i].text));
}

/* The text as a document tells it: with what XML forbids replaced. */
static struct str
substituted(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.len + 1);

	for (size_t at = 0, len; at < text.len; at += len) {
		const struct str rest = str_part(text, at, SIZE_MAX);
		struct str by = rest;

		len = xml_chars_length(rest);
		if (len == 0) {
			by = xml_chars_substitute(rest);
			len = by.len;
		}
		memcpy(out + at, by.data, len);
	}
	return (struct str){ out, text.len };
}

/* What was escaped is read back the same. */
static void
check_escaping(struct arena *arena, struct str text)
{
	struct xml_field field = { .name = "message" };
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_text(&out, "<response><returncode>SUCCESS</returncode><message>");
	xml_text(&out, text);
	buf_text(&out, "</message></response>");
	fuzz_must(!second_parser_complaint(arena, buf_view(&out)));
	fuzz_must(xml_read(arena, buf_view(&out), &field, 1, NULL) == XML_SOUND);
	fuzz_must(str_equal(field.text, str_trim(substituted(arena, text))));
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const struct str text = fuzz_text(arena, data, size);

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		check_document(arena, text, &lists[i]);
	check_escaping(arena, str_part(text, 0, 2000));
	arena_free(arena);
	return 0;
}

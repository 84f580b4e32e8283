#include "formats/xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"

/* The root is at depth 1. */
enum { DEPTH_CHILD = 2, DEPTH_ITEM = 3, DEPTH_ITEM_CHILD = 4 };

struct reader {
	XML_Parser parser;
	struct arena *arena;
	struct str document;
	struct xml_field *fields;
	size_t n_fields;
	struct xml_list *list;
	size_t capacity; /* of list->items */

	int depth;
	bool in_container;
	bool in_item;
	struct str *target; /* whose text is being collected, or NULL */
	int target_depth;
	struct buf text;
};

static size_t
byte_index(const struct reader *reader)
{
	return (size_t)XML_GetCurrentByteIndex(reader->parser);
}

static void
on_text(void *context, const char *data, int len)
{
	struct reader *reader = context;

	if (reader->target && reader->depth == reader->target_depth)
		buf_add(&reader->text, data, (size_t)len);
}

static void
collect(struct reader *reader, struct str *target)
{
	if (target->data)
		return; /* the first one counts */
	reader->target = target;
	reader->target_depth = reader->depth;
	/* Only while there is something to collect: Expat is quicker without. */
	XML_SetCharacterDataHandler(reader->parser, on_text);
}

static void
item_begin(struct reader *reader)
{
	struct xml_list *list = reader->list;

	if (list->n == reader->capacity) {
		reader->capacity = reader->capacity ? 2 * reader->capacity : 16;
		struct xml_item *items = arena_alloc(reader->arena,
		    reader->capacity * sizeof(*items));
		if (list->n > 0)
			memcpy(items, list->items, list->n * sizeof(*items));
		list->items = items;
	}
	list->items[list->n] = (struct xml_item){
		.raw = str_part(reader->document, byte_index(reader), SIZE_MAX),
	};
	reader->in_item = true;
}

static void
on_start(void *context, const char *name, const char **attributes)
{
	struct reader *reader = context;

	(void)attributes;
	reader->depth++;
	if (reader->depth == 1 && strcmp(name, "response") != 0) {
		XML_StopParser(reader->parser, XML_FALSE);
		return;
	}
	if (reader->depth == DEPTH_CHILD) {
		for (size_t i = 0; i < reader->n_fields; i++)
			if (strcmp(name, reader->fields[i].name) == 0)
				collect(reader, &reader->fields[i].text);
		reader->in_container = reader->list &&
		    strcmp(name, reader->list->container) == 0;
	} else if (reader->depth == DEPTH_ITEM && reader->in_container &&
	    strcmp(name, reader->list->item) == 0) {
		item_begin(reader);
	} else if (reader->depth == DEPTH_ITEM_CHILD && reader->in_item) {
		for (size_t i = 0; i < XML_ITEM_KEYS; i++)
			if (reader->list->keys[i] && strcmp(name, reader->list->keys[i]) == 0)
				collect(reader, &reader->list->items[reader->list->n].text[i]);
	}
}

static void
on_end(void *context, const char *name)
{
	struct reader *reader = context;

	(void)name;
	if (reader->target && reader->depth == reader->target_depth) {
		/* The buffer stays: a list has thousands of texts. */
		struct str text = str_trim(buf_view(&reader->text));
		*reader->target = (struct str){ str_copy(reader->arena, text), text.len };
		buf_clear(&reader->text);
		reader->target = NULL;
		XML_SetCharacterDataHandler(reader->parser, NULL);
	}
	if (reader->depth == DEPTH_ITEM && reader->in_item) {
		struct xml_item *item = &reader->list->items[reader->list->n++];
		/* Of <item/> expat reports the end with a count of 0. */
		size_t end = byte_index(reader) +
		    (size_t)XML_GetCurrentByteCount(reader->parser);
		item->raw.len = (size_t)(reader->document.data + end - item->raw.data);
		reader->in_item = false;
	}
	reader->depth--;
}

static void
on_doctype(void *context, const char *name, const char *system_id, const char *public_id,
    int has_subset)
{
	struct reader *reader = context;

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_subset;
	XML_StopParser(reader->parser, XML_FALSE);
}

int
xml_read(struct arena *arena, struct str document, struct xml_field *fields, size_t n_fields,
    struct xml_list *list)
{
	struct reader reader = {
		.arena = arena,
		.document = document,
		.fields = fields,
		.n_fields = n_fields,
		.list = list,
	};

	for (size_t i = 0; i < n_fields; i++)
		fields[i].text = (struct str){ 0 };
	if (list) {
		list->items = NULL;
		list->n = 0;
	}
	if (document.len == 0 || document.len > INT_MAX)
		return -1;
	/* The encoding given here wins over the one a document declares, but not
	 * over a byte order mark. */
	if (!str_is_utf8(document))
		return -1;
	reader.parser = XML_ParserCreate("UTF-8");
	if (!reader.parser)
		return -1;
	buf_init(&reader.text, LIMIT_ANSWER_BYTES);
	XML_SetUserData(reader.parser, &reader);
	XML_SetElementHandler(reader.parser, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(reader.parser, on_doctype);
	enum XML_Status status = XML_Parse(reader.parser, document.data, (int)document.len,
	    XML_TRUE);
	XML_ParserFree(reader.parser);
	buf_free(&reader.text);
	return status == XML_STATUS_OK ? 0 : -1;
}

void
xml_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		switch (c) {
		case '&':
			buf_text(out, "&amp;");
			break;
		case '<':
			buf_text(out, "&lt;");
			break;
		case '>':
			buf_text(out, "&gt;");
			break;
		case '"':
			buf_text(out, "&quot;");
			break;
		case '\'':
			buf_text(out, "&#39;");
			break;
		default:
			if ((unsigned char)c < 0x20 && !memchr("\t\n\r", c, 3))
				c = '?';
			buf_char(out, c);
		}
	}
}

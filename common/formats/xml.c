#include "formats/xml.h"

#include <expat.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/mem.h"
#include "formats/xml_chars.h"
#include "formats/xml_split.h"

/* Expat 2.9 calls those without 64 deprecated; configure looks. */
#ifdef HAVE_XML_BYTE_INDEX_64
#define EXPAT_BYTE_INDEX XML_GetCurrentByteIndex64
#define EXPAT_BYTE_COUNT XML_GetCurrentByteCount64
#else
#define EXPAT_BYTE_INDEX XML_GetCurrentByteIndex
#define EXPAT_BYTE_COUNT XML_GetCurrentByteCount
#endif

/* The root is at depth 1. */
enum { DEPTH_ROOT = 1, DEPTH_CHILD, DEPTH_ITEM, DEPTH_ITEM_CHILD };

/* What Expat is given at a time, some hundredths of a second's work: after each the clock is
 * looked at.  It copies what it is given, and counts the lines of each piece but the last,
 * which takes a tenth of the time. */
#define PIECE_BYTES ((size_t)1 << 20)

struct reader {
	XML_Parser parser;
	const struct xml_time *time; /* NULL: any */
	int64_t begun_us;            /* the thread's own time at the begin */
	struct arena *arena;
	struct str text; /* what is parsed: the document, or one item of it */
	struct xml_field *fields;
	size_t n_fields;
	struct xml_list *list;
	size_t capacity; /* of list->items */
	size_t n_items;  /* that were begun, sound or not */
	size_t n_elements;

	int depth;
	bool has_returncode;
	bool is_refused; /* another root, a DOCTYPE */
	bool is_stopped; /* by us: refused, or a limit */
	bool is_full;    /* the limit is one of the whole document, as its time is */
	bool in_container;
	bool in_item;
	bool has_child;     /* has the item an element in it? */
	bool is_prefixed;   /* does the item use namespace prefixes? */
	size_t resume;      /* where what was understood of the list ends */
	struct str *target; /* whose text is being collected, or NULL */
	int target_depth;
	struct buf collected;

	/* For items by themselves, made when they are needed. */
	XML_Parser item_parser, prefix_parser;
};

/* ---- Expat's memory -------------------------------------------------------- */

#define PARSER_LARGE_BYTES ((size_t)64 << 10)

/* Expat keeps each new name until the end, so what it takes is counted: all parsers of
 * a thread together, as one reads an item while another stands in the document. */
static _Thread_local size_t parser_bytes;
static _Thread_local bool was_short;

static void *
parser_resize(void *block, size_t size)
{
	size_t before = malloc_usable_size(block);

	if (size > LIMIT_XML_PARSER_BYTES || parser_bytes > LIMIT_XML_PARSER_BYTES - size)
		return NULL;
	/* In large pieces, or as little as there is would go to a bad document. */
	void *resized = size < PARSER_LARGE_BYTES ?
	    realloc(block, size) :
	    mem_try_resize(block, size);
	if (!resized)
		was_short = true;
	else
		parser_bytes += malloc_usable_size(resized) - before;
	return resized;
}

bool
xml_was_short(void)
{
	return was_short;
}

static void *
parser_alloc(size_t size)
{
	return parser_resize(NULL, size);
}

static void
parser_release(void *block)
{
	parser_bytes -= malloc_usable_size(block);
	free(block);
}

static const XML_Memory_Handling_Suite parser_memory = {
	parser_alloc,
	parser_resize,
	parser_release,
};

/* Make the parser, or make it new again. */
static bool
parser_begin(XML_Parser *parser, const char *separator)
{
	if (*parser)
		return XML_ParserReset(*parser, "UTF-8");
	*parser = XML_ParserCreate_MM("UTF-8", &parser_memory, separator);
	return *parser;
}

/* Is the time up?  From then on the document is full. */
static bool
is_late(struct reader *reader)
{
	const struct xml_time *time = reader->time;

	if (!reader->is_full && time && clock_us(CLOCK_MONOTONIC) >= time->until_us &&
	    clock_us(CLOCK_THREAD_CPUTIME_ID) - reader->begun_us >= time->least_us)
		reader->is_full = true;
	return reader->is_full;
}

/* Parse all of the text.  False when it is not well-formed, not whole, was stopped, takes too
 * long or needs too much memory.  A tag or comment without an end is looked at anew with each
 * piece, so one that is too long is not waited for. */
static bool
parser_feed(struct reader *reader, XML_Parser parser, struct str text)
{
	size_t fed = 0, behind = 0;

	while (fed < text.len && behind < LIMIT_XML_TOKEN_BYTES &&
	    (fed == 0 || !is_late(reader))) {
		struct str piece = str_part(text, fed, PIECE_BYTES);

		fed += piece.len;
		if (XML_Parse(parser, piece.data, (int)piece.len, fed == text.len) !=
		    XML_STATUS_OK)
			return false;
		behind = fed - (size_t)EXPAT_BYTE_INDEX(parser);
	}
	return fed == text.len;
}

/* ---- The document ------------------------------------------------------------ */

static size_t
byte_index(const struct reader *reader)
{
	return (size_t)EXPAT_BYTE_INDEX(reader->parser);
}

/* Where the present tag ends.  Of <item/> Expat reports the end with a count of 0. */
static size_t
byte_end(const struct reader *reader)
{
	return byte_index(reader) + (size_t)EXPAT_BYTE_COUNT(reader->parser);
}

static void
stop(struct reader *reader)
{
	reader->is_stopped = true;
	XML_StopParser(reader->parser, XML_FALSE);
}

static void
stop_full(struct reader *reader)
{
	reader->is_full = true;
	stop(reader);
}

static void
refuse(struct reader *reader)
{
	reader->is_refused = true;
	stop(reader);
}

static void
on_text(void *context, const char *data, int len)
{
	struct reader *reader = context;

	if (reader->target && reader->depth == reader->target_depth)
		buf_add(&reader->collected, data, (size_t)len);
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
end_text(struct reader *reader)
{
	/* The buffer stays: a list has thousands of texts. */
	struct str text = str_trim(buf_view(&reader->collected));

	*reader->target = (struct str){ str_copy(reader->arena, text), text.len };
	if (buf_failed(&reader->collected))
		buf_init(&reader->collected, LIMIT_XML_TEXT_BYTES);
	buf_clear(&reader->collected);
	reader->target = NULL;
	XML_SetCharacterDataHandler(reader->parser, NULL);
}

static void
begin_item(struct reader *reader)
{
	struct xml_list *list = reader->list;

	if (reader->n_items == LIMIT_LIST_ITEMS) {
		stop_full(reader);
		return;
	}
	struct xml_item *items = arena_try_room(reader->arena, list->items,
	    sizeof(*list->items), list->n, 1, &reader->capacity);
	if (!items) {
		was_short = true;
		stop_full(reader);
		return;
	}
	list->items = items;
	list->items[list->n] = (struct xml_item){
		.raw = str_part(reader->text, byte_index(reader), SIZE_MAX),
	};
	reader->n_items++;
	reader->in_item = true;
	reader->is_prefixed = false;
}

/* Is each prefix in the item declared there?  What a prefix means around the item is
 * lost when it stands in another list (Namespaces in XML 1.0, section 5). */
static bool
prefixes_are_bound(struct reader *reader, struct str item)
{
	return parser_begin(&reader->prefix_parser, " ") &&
	    parser_feed(reader, reader->prefix_parser, item);
}

static void
end_item(struct reader *reader)
{
	struct xml_list *list = reader->list;
	struct xml_item *item = &list->items[list->n];

	reader->in_item = false;
	reader->resume = byte_end(reader);
	item->raw.len = (size_t)(reader->text.data + reader->resume - item->raw.data);
	if (reader->is_prefixed && !prefixes_are_bound(reader, item->raw))
		list->is_complete = false;
	else
		list->n++;
}

static void
note_prefixes(struct reader *reader, const char *name, const char **attributes)
{
	reader->is_prefixed |= strchr(name, ':') != NULL;
	for (; *attributes; attributes += 2)
		reader->is_prefixed |= strchr(*attributes, ':') != NULL;
}

static void
on_start(void *context, const char *name, const char **attributes)
{
	struct reader *reader = context;

	if (reader->is_stopped)
		return;
	if (++reader->n_elements > LIMIT_XML_ELEMENTS) {
		stop_full(reader);
		return;
	}
	reader->depth++;
	if (reader->depth == DEPTH_ROOT && strcmp(name, "response") != 0) {
		refuse(reader);
		return;
	}
	if (reader->depth > LIMIT_XML_DEPTH) {
		stop(reader);
		return;
	}
	if (reader->depth == DEPTH_CHILD) {
		for (size_t i = 0; i < reader->n_fields; i++)
			if (strcmp(name, reader->fields[i].name) == 0)
				collect(reader, &reader->fields[i].text);
		reader->in_container = reader->list &&
		    strcmp(name, reader->list->container) == 0;
		reader->resume = byte_end(reader);
	} else if (reader->depth == DEPTH_ITEM && reader->in_container &&
	    strcmp(name, reader->list->item) == 0) {
		begin_item(reader);
	} else if (reader->depth == DEPTH_ITEM_CHILD && reader->in_item) {
		reader->has_child = true;
		for (size_t i = 0; i < XML_ITEM_KEYS; i++)
			if (reader->list->keys[i] && strcmp(name, reader->list->keys[i]) == 0)
				collect(reader, &reader->list->items[reader->list->n].text[i]);
	}
	if (reader->in_item)
		note_prefixes(reader, name, attributes);
}

static void
on_end(void *context, const char *name)
{
	struct reader *reader = context;

	if (reader->is_stopped)
		return;
	if (reader->target && reader->depth == reader->target_depth)
		end_text(reader);
	if (reader->depth == DEPTH_ITEM && reader->in_item)
		end_item(reader);
	if (reader->depth == DEPTH_CHILD) {
		reader->in_container = false;
		reader->has_returncode |= strcmp(name, "returncode") == 0;
	}
	reader->depth--;
}

static void
on_doctype(void *context, const char *name, const char *system_id, const char *public_id,
    int has_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_subset;
	refuse(context);
}

/* Parse the text, that of an item with a depth and a container to begin with. */
static bool
parse(struct reader *reader, XML_Parser *parser, struct str text)
{
	reader->text = text;
	reader->target = NULL;
	if (!parser_begin(parser, NULL))
		return false;
	reader->parser = *parser;
	buf_clear(&reader->collected);
	XML_SetUserData(*parser, reader);
	XML_SetElementHandler(*parser, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(*parser, on_doctype);
	return parser_feed(reader, *parser, text);
}

/* The document without what may stand before it by mistake. */
static struct str
skip_leading(struct str document)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t at = 0;

	for (;;) {
		if (at < document.len && memchr(" \t\r\n", document.data[at], 4))
			at++;
		else if (str_starts(str_part(document, at, SIZE_MAX), mark))
			at += strlen(mark);
		else
			return str_part(document, at, SIZE_MAX);
	}
}

/* Parse the whole document. */
static bool
parse_document(struct reader *reader, XML_Parser *parser, struct str document)
{
	*reader = (struct reader){
		.time = reader->time,
		.begun_us = reader->begun_us,
		.arena = reader->arena,
		.fields = reader->fields,
		.n_fields = reader->n_fields,
		.list = reader->list,
		.collected = reader->collected,
		.item_parser = reader->item_parser,
		.prefix_parser = reader->prefix_parser,
	};
	for (size_t i = 0; i < reader->n_fields; i++)
		reader->fields[i].text = (struct str){ 0 };
	if (reader->list) {
		reader->list->items = NULL;
		reader->list->n = 0;
		reader->list->is_complete = true;
	}
	document = skip_leading(document);
	/* Expat would take NUL bytes here, or another mark, for UTF-16. */
	if (document.len < 2 || document.len > INT_MAX || document.data[0] != '<' ||
	    document.data[1] == '\0') {
		reader->is_refused = true;
		return false;
	}
	return parse(reader, parser, document);
}

/* ---- The fallback ------------------------------------------------------------ */

/* Take what may be an item that stands by itself, if it is sound.  One without a child is
 * none: it is a value in another, as of a parameter meta_meeting (get-meetings.ftlx makes
 * elements of their names), where that other one has lost its end. */
static void
take_item(struct reader *reader, struct str item)
{
	size_t n = reader->list->n;

	reader->depth = DEPTH_CHILD;
	reader->in_container = true;
	reader->in_item = false;
	reader->has_child = false;
	reader->is_stopped = false;
	if (!parse(reader, &reader->item_parser, item) || !reader->has_child)
		reader->list->n = n;
}

/* The document is ill-formed inside of the list: take the sound items of the rest, from
 * the one on that has the fault. */
static void
take_rest(struct reader *reader)
{
	const struct xml_split split = {
		.container = reader->list->container,
		.item = reader->list->item,
		.most = LIMIT_LIST_ITEMS - reader->n_items,
	};
	struct str rest = str_part(reader->text, reader->resume, SIZE_MAX), *items;
	size_t n = xml_split(reader->arena, rest, &split, &items);

	for (size_t i = 0; i < n && !is_late(reader); i++)
		take_item(reader, items[i]);
}

enum xml_result
xml_mend_within(struct arena *arena, const struct xml_time *time, struct str *document,
    struct xml_field *fields, size_t n_fields, struct xml_list *list)
{
	struct reader reader = {
		.time = time,
		.begun_us = time ? clock_us(CLOCK_THREAD_CPUTIME_ID) : 0,
		.arena = arena,
		.fields = fields,
		.n_fields = n_fields,
		.list = list,
	};

	was_short = false;
	buf_init(&reader.collected, LIMIT_XML_TEXT_BYTES);
	XML_Parser parser = NULL;
	bool is_sound = parse_document(&reader, &parser, *document);
	if (!is_sound && !reader.is_refused && !reader.is_full) {
		struct str mended = xml_chars_mend(arena, *document);
		if (!mended.data) {
			was_short = true;
		} else if (mended.data != document->data) {
			*document = mended;
			is_sound = parse_document(&reader, &parser, *document);
		}
	}
	enum xml_result result = XML_SOUND;
	if (!is_sound) {
		result = reader.has_returncode && !reader.is_refused ?
		    XML_UNSOUND :
		    XML_FOREIGN;
		if (list)
			list->is_complete = false;
		if (result == XML_UNSOUND && reader.in_container && !reader.is_full)
			take_rest(&reader);
	}
	XML_ParserFree(parser);
	XML_ParserFree(reader.item_parser);
	XML_ParserFree(reader.prefix_parser);
	buf_free(&reader.collected);
	return result;
}

enum xml_result
xml_mend(struct arena *arena, struct str *document, struct xml_field *fields, size_t n_fields,
    struct xml_list *list)
{
	return xml_mend_within(arena, NULL, document, fields, n_fields, list);
}

enum xml_result
xml_read(struct arena *arena, struct str document, struct xml_field *fields, size_t n_fields,
    struct xml_list *list)
{
	return xml_mend(arena, &document, fields, n_fields, list);
}

void
xml_text(struct buf *out, struct str text)
{
	size_t len;

	for (size_t i = 0; i < text.len; i += len) {
		struct str rest = str_part(text, i, SIZE_MAX);

		len = xml_chars_length(rest);
		struct str by = len > 0 ? str_part(rest, 0, len) : xml_chars_substitute(rest);
		len = by.len;
		if (rest.data[0] == '&')
			by = STR("&amp;");
		else if (rest.data[0] == '<')
			by = STR("&lt;");
		else if (rest.data[0] == '>')
			by = STR("&gt;");
		else if (rest.data[0] == '"')
			by = STR("&quot;");
		else if (rest.data[0] == '\'')
			by = STR("&#39;");
		else if (rest.data[0] == '\r')
			by = STR("&#13;");
		buf_str(out, by);
	}
}

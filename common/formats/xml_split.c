#include "formats/xml_split.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"

/* An item from where to where, as offsets. */
struct part {
	size_t begin, end;
};

struct splitter {
	struct arena *arena;
	struct str item, container; /* names */
	struct str text;
	size_t at; /* all before was looked at */

	size_t *begun; /* where items began that have not ended */
	size_t n_begun, begun_capacity;
	struct part *parts; /* those that have, none inside of another */
	size_t n_parts, parts_capacity;

	size_t n_containers; /* inside of so many elements of the container's name */
	size_t end;          /* where the list ends, or SIZE_MAX */
	bool no_comment_end, no_cdata_end, no_instruction_end; /* from here on */
};

/* The array with room for one more.  Without memory for it the text ends here. */
static void *
room_for_one(struct splitter *splitter, void *array, size_t size, size_t n, size_t *capacity)
{
	void *room = arena_try_room(splitter->arena, array, size, n, 1, capacity);

	if (!room)
		splitter->at = splitter->text.len;
	return room;
}

static void
begin_item(struct splitter *splitter, size_t begin)
{
	size_t *begun = room_for_one(splitter, splitter->begun, sizeof(*begun),
	    splitter->n_begun, &splitter->begun_capacity);

	if (!begun)
		return;
	splitter->begun = begun;
	begun[splitter->n_begun++] = begin;
}

/* The item that was begun last ends here, if there is one. */
static void
end_item(struct splitter *splitter, size_t end)
{
	if (splitter->n_begun == 0)
		return;
	size_t begin = splitter->begun[--splitter->n_begun];
	while (splitter->n_parts > 0 && splitter->parts[splitter->n_parts - 1].begin > begin)
		splitter->n_parts--;
	struct part *parts = room_for_one(splitter, splitter->parts, sizeof(*parts),
	    splitter->n_parts, &splitter->parts_capacity);
	if (!parts)
		return;
	splitter->parts = parts;
	parts[splitter->n_parts++] = (struct part){ begin, end };
}

/* Skip what begins here with that mark, of whose end we may know that it does not come
 * again.  False when nothing of the kind begins here. */
static bool
skip_section(struct splitter *splitter, const char *begin, const char *end, bool *no_end)
{
	size_t behind = splitter->at + strlen(begin);

	if (!str_starts(str_part(splitter->text, splitter->at, SIZE_MAX), begin))
		return false;
	size_t found = SIZE_MAX;
	if (!*no_end)
		found = str_find(splitter->text, str_from(end), behind);
	*no_end = found == SIZE_MAX;
	splitter->at = *no_end ? behind : found + strlen(end);
	return true;
}

/* Does the element's name stand at that offset, as a whole? */
static bool
is_name(struct str text, size_t at, struct str name)
{
	return at < text.len && text.len - at > name.len &&
	    memcmp(text.data + at, name.data, name.len) == 0 &&
	    memchr(" \t\r\n/>", text.data[at + name.len], 6);
}

/* Where the tag ends whose name begins at that offset: behind its '>', or where the next
 * tag begins.  '<' may not stand in an attribute, as '>' may (XML 1.0, section 2.3). */
static size_t
find_tag_end(struct str text, size_t at)
{
	char quote = '\0';

	for (; at < text.len && text.data[at] != '<'; at++) {
		char c = text.data[at];

		if (quote != '\0' ? c == quote : c == '"' || c == '\'')
			quote = quote != '\0' ? '\0' : c;
		else if (quote == '\0' && c == '>')
			return at + 1;
	}
	return at;
}

/* Take the start tag that begins here, if it is one. */
static void
take_start(struct splitter *splitter)
{
	size_t begin = splitter->at++;
	bool is_item = is_name(splitter->text, begin + 1, splitter->item);

	if (!is_item && !is_name(splitter->text, begin + 1, splitter->container))
		return;
	size_t end;
	end = splitter->at = find_tag_end(splitter->text, begin + 1);
	bool is_empty = splitter->text.data[end - 1] == '>' &&
	    splitter->text.data[end - 2] == '/';
	if (is_item)
		begin_item(splitter, begin);
	if (is_item && is_empty)
		end_item(splitter, end);
	if (!is_item && !is_empty)
		splitter->n_containers++;
}

/* Take the end tag that begins here. */
static void
take_end(struct splitter *splitter)
{
	size_t begin = splitter->at;

	splitter->at += 2;
	if (is_name(splitter->text, begin + 2, splitter->item)) {
		splitter->at = find_tag_end(splitter->text, begin + 2);
		end_item(splitter, splitter->at);
	} else if (is_name(splitter->text, begin + 2, splitter->container)) {
		if (splitter->n_containers > 0)
			splitter->n_containers--;
		else
			splitter->end = begin;
	}
}

/* Go on to the next '<'; false when there is none. */
static bool
find_markup(struct splitter *splitter)
{
	struct str rest = str_part(splitter->text, splitter->at, SIZE_MAX);
	const char *found = rest.len > 0 ? memchr(rest.data, '<', rest.len) : NULL;

	if (found)
		splitter->at = (size_t)(found - splitter->text.data);
	return found;
}

/* Take what begins with the '<' here. */
static void
take_markup(struct splitter *splitter)
{
	switch (splitter->at + 1 < splitter->text.len ?
	        splitter->text.data[splitter->at + 1] :
	        '\0') {
	case '!':
		if (!skip_section(splitter, "<!--", "-->", &splitter->no_comment_end) &&
		    !skip_section(splitter, "<![CDATA[", "]]>", &splitter->no_cdata_end))
			splitter->at += 2;
		break;
	case '?':
		skip_section(splitter, "<?", "?>", &splitter->no_instruction_end);
		break;
	case '/':
		take_end(splitter);
		break;
	default:
		take_start(splitter);
	}
}

size_t
xml_split(struct arena *arena, struct str text, const struct xml_split *split,
    struct str **items)
{
	struct splitter splitter = {
		.arena = arena,
		.item = str_from(split->item),
		.container = str_from(split->container),
		.text = text,
		.end = SIZE_MAX,
	};

	while (splitter.n_begun < split->most && splitter.n_parts < split->most &&
	    find_markup(&splitter))
		take_markup(&splitter);
	*items = arena_alloc(arena, (splitter.n_parts + 1) * sizeof(**items));
	size_t n = 0;
	for (size_t i = 0; i < splitter.n_parts; i++) {
		const struct part *part = &splitter.parts[i];

		if (part->begin < splitter.end)
			(*items)[n++] = str_part(text, part->begin, part->end - part->begin);
	}
	return n;
}

#include "formats/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"

/* Encoding three characters a byte is the worst that can happen. */
#define ENCODED_MAX (LIMIT_ANSWER_BYTES * 3)

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decode into out, which has room for raw.  Returns 0, or -1 where the encoding is bad; then
 * *decoded is the raw text. */
static int
decode_into(char *out, struct str raw, struct str *decoded)
{
	*decoded = raw;
	size_t n = 0;
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.data[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if (raw.len - i < 3)
				return -1;
			int high = hex_digit(raw.data[i + 1]);
			int low = hex_digit(raw.data[i + 2]);
			if (high < 0 || low < 0)
				return -1;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return -1;
		out[n++] = c;
	}
	*decoded = (struct str){ out, n };
	return 0;
}

/* Decode into bytes of any kind. */
static int
decode_bytes(struct arena *arena, struct str raw, struct str *decoded)
{
	return decode_into(arena_alloc(arena, raw.len + 1), raw, decoded);
}

int
query_decode(struct arena *arena, struct str raw, struct str *decoded)
{
	if (decode_bytes(arena, raw, decoded) == 0 && str_is_utf8(*decoded))
		return 0;
	*decoded = raw;
	return -1;
}

/* The segment of text that begins at *from; *from moves behind its '&'. */
static struct str
next_segment(struct str text, size_t *from)
{
	size_t end = str_find(text, STR("&"), *from);

	if (end == SIZE_MAX)
		end = text.len;
	struct str segment = str_part(text, *from, end - *from);
	*from = end + 1;
	return segment;
}

static enum query_problem
parse_segment(struct arena *arena, struct str segment, struct query_parameter *parameter)
{
	size_t equals = str_find(segment, STR("="), 0);
	struct str name = segment, value = STR("");

	if (equals != SIZE_MAX) {
		name = str_part(segment, 0, equals);
		value = str_part(segment, equals + 1, SIZE_MAX);
	}
	parameter->raw = segment;
	int bad = decode_bytes(arena, name, &parameter->name);
	bad |= decode_bytes(arena, value, &parameter->value);
	parameter->is_utf8 = str_is_utf8(parameter->name) && str_is_utf8(parameter->value);
	return bad ? QUERY_ENCODING : QUERY_FINE;
}

enum query_problem
query_parse(struct arena *arena, struct str text, struct query *query)
{
	*query = (struct query){ 0 };
	size_t n = 0;
	for (size_t from = 0; from < text.len && n <= LIMIT_PARAMETERS_READ;)
		if (next_segment(text, &from).len > 0)
			n++;
	enum query_problem problem = QUERY_FINE;
	if (n > LIMIT_PARAMETERS_READ) {
		problem = QUERY_CUT;
		n = LIMIT_PARAMETERS_READ;
	} else if (n > LIMIT_PARAMETERS) {
		problem = QUERY_TOO_MANY;
	}
	query->list = arena_alloc(arena, (n + 1) * sizeof(*query->list));
	for (size_t from = 0; from < text.len && query->n < n;) {
		struct str segment = next_segment(text, &from);
		if (segment.len == 0)
			continue;
		enum query_problem one = parse_segment(arena, segment,
		    &query->list[query->n++]);
		if (problem == QUERY_FINE)
			problem = one;
	}
	return problem;
}

struct str
query_find(const struct query *query, const char *name)
{
	for (size_t i = 0; i < query->n; i++)
		if (str_is(query->list[i].name, name))
			return query->list[i].is_utf8 ?
			    query->list[i].value :
			    (struct str){ 0 };
	return (struct str){ 0 };
}

bool
query_is_utf8(const struct query *query, const char *name)
{
	for (size_t i = 0; i < query->n; i++)
		if (!query->list[i].is_utf8 && str_is(query->list[i].name, name))
			return false;
	return true;
}

bool
query_text_has(struct str text, const char *name)
{
	char room[64];

	for (size_t from = 0; from < text.len;) {
		struct str raw = next_segment(text, &from), decoded;
		raw = str_part(raw, 0, str_find(raw, STR("="), 0));
		if (raw.len < sizeof(room) && decode_into(room, raw, &decoded) == 0 &&
		    str_is(decoded, name))
			return true;
	}
	return false;
}

size_t
query_count(const struct query *query, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < query->n; i++)
		n += str_is(query->list[i].name, name);
	return n;
}

/* The text without any occurrence of cut. */
static struct str
without_all(struct arena *arena, struct str text, const char *cut)
{
	struct str needle = str_from(cut);
	size_t at = str_find(text, needle, 0);

	if (at == SIZE_MAX)
		return text;
	char *out = arena_alloc(arena, text.len + 1);
	size_t from = 0, n = 0;
	for (; at != SIZE_MAX; at = str_find(text, needle, from)) {
		memcpy(out + n, text.data + from, at - from);
		n += at - from;
		from = at + needle.len;
	}
	memcpy(out + n, text.data + from, text.len - from);
	return (struct str){ out, n + text.len - from };
}

struct str
query_without_checksum(struct arena *arena, struct str text, struct str checksum)
{
	const char *pair = str_printf(arena, "&checksum=%.*s&", STR_ARG(checksum));
	size_t len = strlen(pair);

	text = without_all(arena, text, str_copy(arena, (struct str){ pair, len - 1 }));
	text = without_all(arena, text, pair + 1);
	return without_all(arena, text, str_copy(arena, (struct str){ pair + 1, len - 2 }));
}

struct str
query_without(struct arena *arena, struct str text, const char *name)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t n = 0;

	for (size_t from = 0; from < text.len;) {
		struct str segment = next_segment(text, &from);
		struct query_parameter parameter;
		parse_segment(arena, segment, &parameter);
		if (str_is(parameter.name, name))
			continue;
		if (n > 0)
			out[n++] = '&';
		if (segment.len > 0)
			memcpy(out + n, segment.data, segment.len);
		n += segment.len;
	}
	return (struct str){ out, n };
}

static void
encode_byte(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_char(out, '%');
	buf_char(out, digits[c >> 4]);
	buf_char(out, digits[c & 15]);
}

static bool
is_alphanumeric(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Append value with all bytes as %XX but letters, digits and those four; a space becomes
 * '+' if it may. */
static void
encode_but(struct buf *out, struct str value, const char plain[4], bool has_plus)
{
	static const char digits[] = "0123456789ABCDEF";
	char piece[1024];
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (n > sizeof(piece) - 3) {
			buf_add(out, piece, n);
			n = 0;
		}
		if (is_alphanumeric(c) || memchr(plain, c, 4)) {
			piece[n++] = (char)c;
		} else if (has_plus && c == ' ') {
			piece[n++] = '+';
		} else {
			piece[n++] = '%';
			piece[n++] = digits[c >> 4];
			piece[n++] = digits[c & 15];
		}
	}
	buf_add(out, piece, n);
}

void
query_encode(struct buf *out, struct str value)
{
	encode_but(out, value, "-._~", false);
}

/* Append text with the bytes that are not ASCII's graphic ones, and those of special,
 * as %XX. */
static void
encode_some(struct buf *out, struct str text, const char *special)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c <= 0x20 || c >= 0x7f || strchr(special, c))
			encode_byte(out, c);
		else
			buf_char(out, (char)c);
	}
}

void
query_encode_for_browser(struct buf *out, struct str text)
{
	encode_some(out, text, "\"#<>'");
}

void
query_encode_for_request(struct buf *out, struct str text)
{
	encode_some(out, text, "\"#<>\\^`{|}");
}

static int
compare_names(const void *a, const void *b)
{
	const struct query_parameter *x = *(const struct query_parameter *const *)a;
	const struct query_parameter *y = *(const struct query_parameter *const *)b;
	int order = str_compare(x->name, y->name);

	if (order == 0)
		order = x < y ? -1 : x > y; /* repeated names keep their order */
	return order;
}

struct str
query_sorted_form(struct arena *arena, const struct query *form)
{
	const struct query_parameter **sorted = arena_alloc(arena,
	    (form->n + 1) * sizeof(*sorted));
	struct buf out;

	buf_init(&out, ENCODED_MAX);
	for (size_t i = 0; i < form->n; i++)
		sorted[i] = &form->list[i];
	qsort(sorted, form->n, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < form->n; i++) {
		if (str_is(sorted[i]->name, "checksum"))
			continue;
		if (out.len > 0)
			buf_char(&out, '&');
		buf_str(&out, sorted[i]->name);
		buf_char(&out, '=');
		encode_but(&out, sorted[i]->value, "*-_.", true); /* as java.net.URLEncoder */
	}
	return buf_take(&out, arena);
}

struct str
query_from_form(struct arena *arena, const struct query *form)
{
	struct buf out;

	buf_init(&out, ENCODED_MAX);
	for (size_t i = 0; i < form->n; i++) {
		if (str_is(form->list[i].name, "checksum"))
			continue;
		if (out.len > 0)
			buf_char(&out, '&');
		query_encode(&out, form->list[i].name);
		buf_char(&out, '=');
		query_encode(&out, form->list[i].value);
	}
	return buf_take(&out, arena);
}

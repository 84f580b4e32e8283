/*
 * Query strings (query.h): the input is one.
 */
#include "base/bounds.h"
#include "base/buf.h"
#include "formats/query.h"
#include "fuzz.h"

/* The decoded parameter is what its raw text says, and that is a segment of the query. */
static void
check_parameter(struct arena *arena, struct str text, const struct query_parameter *p)
{
	fuzz_must(p->raw.len > 0);
	fuzz_must(p->raw.data >= text.data && p->raw.data + p->raw.len <= text.data + text.len);
	fuzz_must(str_find(p->raw, STR("&"), 0) == SIZE_MAX);
	fuzz_must(p->is_utf8 == (str_is_utf8(p->name) && str_is_utf8(p->value)));
	struct str decoded;
	const size_t equals = str_find(p->raw, STR("="), 0);
	if (query_decode(arena, str_part(p->raw, 0, equals), &decoded) == 0)
		fuzz_must(str_equal(decoded, p->name) && str_is_utf8(decoded));
	else
		fuzz_must(str_equal(decoded, str_part(p->raw, 0, equals)));
}

/* What was encoded is read back the same. */
static void
check_encoding(struct arena *arena, const struct query_parameter *p)
{
	struct buf out;
	struct query again;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	query_encode(&out, p->name);
	buf_char(&out, '=');
	query_encode(&out, p->value);
	fuzz_must(query_parse(arena, buf_view(&out), &again) == QUERY_FINE);
	fuzz_must(again.n == 1 && str_equal(again.list[0].name, p->name) &&
	    str_equal(again.list[0].value, p->value));
	buf_free(&out);
}

/* Only graphic ASCII is left, and the same text, whoever decodes it. */
static void
check_encoded(struct arena *arena, void encode(struct buf *out, struct str text),
    struct str text)
{
	struct buf out;
	struct str before, after;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	encode(&out, text);
	for (size_t i = 0; i < out.len; i++)
		fuzz_must(
		    out.data[i] > 0x20 && out.data[i] < 0x7f && !strchr("\"#<>", out.data[i]));
	if (query_decode(arena, text, &before) == 0)
		fuzz_must(query_decode(arena, buf_view(&out), &after) == 0 &&
		    str_equal(before, after));
	buf_free(&out);
}

/* As a form it has the same parameters, but for the checksums. */
static void
check_form(struct arena *arena, const struct query *query)
{
	struct query again;
	size_t n = 0;

	fuzz_must(query_parse(arena, query_from_form(arena, query), &again) == QUERY_FINE);
	for (size_t i = 0; i < query->n; i++) {
		if (str_is(query->list[i].name, "checksum"))
			continue;
		fuzz_must(n < again.n && str_equal(again.list[n].name, query->list[i].name) &&
		    str_equal(again.list[n].value, query->list[i].value));
		n++;
	}
	fuzz_must(n == again.n);
	query_sorted_form(arena, query);
}

/* The first occurrences of what, one after the other, are gone: java.lang.String.replace,
 * written anew. */
static struct str
without_each(struct arena *arena, struct str text, struct str what)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t n = 0;

	for (size_t at = 0; at < text.len;)
		if (what.len <= text.len - at &&
		    memcmp(text.data + at, what.data, what.len) == 0)
			at += what.len;
		else
			out[n++] = text.data[at++];
	return (struct str){ out, n };
}

/* The checksum is cut out by BBB's rule. */
static void
check_checksum(struct arena *arena, struct str text, struct str value)
{
	const struct str pair = str_from(str_printf(arena, "&checksum=%.*s&", STR_ARG(value)));
	struct str want = text;

	if (memchr(text.data, '\0', text.len))
		return;
	want = without_each(arena, want, str_part(pair, 0, pair.len - 1));
	want = without_each(arena, want, str_part(pair, 1, SIZE_MAX));
	want = without_each(arena, want, str_part(pair, 1, pair.len - 2));
	fuzz_must(str_equal(query_without_checksum(arena, text, value), want));
}

/* No parameter of that name is left, and all others are as they were. */
static void
check_without(struct arena *arena, struct str text, const struct query *query, const char *name)
{
	const struct str rest = query_without(arena, text, name);
	struct query others;
	size_t n = 0;

	query_parse(arena, rest, &others);
	fuzz_must(query_count(&others, name) == 0 && !query_find(&others, name).data);
	for (size_t i = 0; i < query->n; i++)
		if (!str_is(query->list[i].name, name)) {
			fuzz_must(
			    n < others.n && str_equal(others.list[n].raw, query->list[i].raw));
			n++;
		}
	fuzz_must(n == others.n && n + query_count(query, name) == query->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const struct str text = fuzz_text(arena, data, size);
	struct query query;
	const enum query_problem problem = query_parse(arena, text, &query);

	fuzz_must(query.n <= LIMIT_PARAMETERS_READ);
	fuzz_must(problem != QUERY_FINE || query.n <= LIMIT_PARAMETERS);
	for (size_t i = 0; i < query.n && i < 100; i++) {
		check_parameter(arena, text, &query.list[i]);
		if (problem == QUERY_FINE)
			check_encoding(arena, &query.list[i]);
	}
	if (problem == QUERY_FINE)
		check_form(arena, &query);
	check_encoded(arena, query_encode_for_browser, text);
	check_encoded(arena, query_encode_for_request, text);
	check_checksum(arena, text, query_find(&query, "checksum"));
	if (query.n <= LIMIT_PARAMETERS) {
		check_without(arena, text, &query, "checksum");
		check_without(arena, text, &query, "a");
	}
	query_is_utf8(&query, "a");
	arena_free(arena);
	return 0;
}

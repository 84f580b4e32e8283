/*
 * Headers of browsers: Accept, Accept-Language, Cookie.  The input is one of each, a line
 * each; and texts as JSON and as network prefixes (accept.h, cookie.h, json.h, ip.h).
 */
#include <json-c/json.h>

#include "base/buf.h"
#include "formats/accept.h"
#include "formats/cookie.h"
#include "formats/ip.h"
#include "formats/json.h"
#include "formats/xml_chars.h"
#include "fuzz.h"

/* The text as JSON is to be read as: with what XML forbids replaced, but for controls,
 * which JSON can write. */
static struct str
substituted(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.len + 1);

	for (size_t at = 0, len; at < text.len; at += len) {
		const struct str rest = str_part(text, at, SIZE_MAX);
		struct str by = rest;

		len = (unsigned char)*rest.data < 0x20 ? 1 : xml_chars_length(rest);
		if (len == 0) {
			by = xml_chars_substitute(rest);
			len = by.len;
		}
		memcpy(out + at, by.data, len);
	}
	return (struct str){ out, text.len };
}

/* json-c reads it back, and no markup is in it. */
static void
check_json(struct arena *arena, struct str text)
{
	struct buf out;

	buf_init(&out, 8 * text.len + 16);
	json_string(&out, text);
	fuzz_must(!buf_failed(&out) && !memchr(out.data, '<', out.len));
	struct json_object *tree = json_tokener_parse(out.data);
	fuzz_must(json_object_is_type(tree, json_type_string));
	const struct str read = { json_object_get_string(tree),
		(size_t)json_object_get_string_len(tree) };
	fuzz_must(str_equal(read, substituted(arena, text)));
	json_object_put(tree);
	buf_free(&out);
}

/* The network of an address of the network is the network. */
static void
check_prefix(struct arena *arena, struct str text)
{
	const char *prefix = ip_prefix(arena, text);

	if (!prefix)
		return;
	const struct str net = { prefix, strcspn(prefix, "/") };
	const char *again = ip_prefix(arena, net);
	fuzz_must(again && strcmp(prefix, again) == 0);
}

/* A cookie is found again among others, the last of its name. */
static void
check_cookie(struct arena *arena, struct str cookies)
{
	const struct str value = cookie_find(cookies, "try");

	fuzz_must(value.len == 0 ||
	    (value.data >= cookies.data &&
	        value.data + value.len <= cookies.data + cookies.len));
	fuzz_must(str_find(value, STR(";"), 0) == SIZE_MAX);
	const char *more = str_printf(arena, "%.*s; try=%.*s", STR_ARG(cookies),
	    STR_ARG(value));
	if (!memchr(cookies.data, '\0', cookies.len))
		fuzz_must(str_equal(cookie_find(str_from(more), "try"), value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tags[] = { "en", "de", "fr", "ar" };
	const size_t n_tags = sizeof(tags) / sizeof(*tags);
	struct arena *arena = arena_new();
	struct str text = fuzz_text(arena, data, size);
	const struct str accept = fuzz_line(arena, &text);
	const struct str language = fuzz_line(arena, &text);
	const struct str cookies = fuzz_line(arena, &text);

	accept_is_page(accept);
	fuzz_must(accept_language(language, tags, n_tags) < n_tags);
	/* What nobody wants does not count beside what is wanted most. */
	fuzz_must(accept_language(STR("de, fr;q=0"), tags, n_tags) == 1);
	check_cookie(arena, cookies);
	check_prefix(arena, text);
	check_json(arena, text);
	arena_free(arena);
	return 0;
}

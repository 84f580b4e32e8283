/*
 * Writing JSON.
 */
#include "formats/json.h"

#include "base/arena.h"
#include "tap.h"

int
main(void)
{
	static const struct {
		struct str text;
		const char *json;
	} rows[] = {
		{ { NULL, 0 }, "null" },
		{ { "", 0 }, "\"\"" },
		{ { "b\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 12 },
		    "\"b\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"" },
		{ { "a\"\\/", 4 }, "\"a\\u0022\\u005c/\"" },
		{ { "</script>&", 10 }, "\"\\u003c/script\\u003e\\u0026\"" },
		{ { "\0\n\x1f\x7f", 4 }, "\"\\u0000\\u000a\\u001f\\u007f\"" },
		{ { "\xc3", 1 }, "\"?\"" },
		{ { "\xed\xa0\x80z", 4 }, "\"\xef\xbf\xbdz\"" },
	};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		json_string(&out, rows[i].text);
		is_str(buf_take(&out, arena).data, rows[i].json, "text %zu", i);
	}
	arena_free(arena);
	return done_testing();
}

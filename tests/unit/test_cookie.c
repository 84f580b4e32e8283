/*
 * Cookies: found in a header, and written.
 */
#include "formats/cookie.h"

#include "base/arena.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *header;
	const char *value; /* of the cookie "a"; NULL: there is none */
	const char *what;
} rows[] = {
	{ NULL, NULL, "no header" },
	{ "", NULL, "an empty one" },
	{ "a=1", "1", "the only one" },
	{ "b=2; a=1", "1", "the last" },
	{ "a=1; b=2", "1", "the first" },
	{ "b=2;a=1;c=3", "1", "without spaces" },
	{ " ;;  a=1  ;; ", "1", "with more than there should be" },
	{ "a=1; a=2", "2", "the last of two" },
	{ "a=", "", "an empty value" },
	{ "a", NULL, "no value" },
	{ "aa=1", NULL, "a longer name" },
	{ "b=a=1", NULL, "a value" },
	{ "A=1", NULL, "another case" },
	{ "a =1", NULL, "a space behind the name" },
	{ "a=x=y", "x=y", "a value with =" },
	{ "a=\"1\"", "\"1\"", "quotes are the value's" },
};

int
main(void)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str value = cookie_find(str_from(rows[i].header), "a");
		is_str(value.data ? str_copy(arena, value) : NULL, rows[i].value, "%s",
		    rows[i].what);
	}
	is_str(cookie_make(arena, false, "a", "1.2", 60).data,
	    "a=1.2; Max-Age=60; HttpOnly; SameSite=Lax", "by http");
	is_str(cookie_make(arena, true, "a", "", 0).data,
	    "a=; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned", "by https");
	arena_free(arena);
	return done_testing();
}

#include "formats/cookie.h"

#include <string.h>

#include "base/arena.h"

struct str
cookie_find(struct str cookies, const char *name)
{
	const size_t len = strlen(name);
	struct str value = { 0 };

	while (cookies.len > 0) {
		size_t end = str_find(cookies, STR(";"), 0);
		struct str cookie = str_trim(str_part(cookies, 0, end));

		cookies = end == SIZE_MAX ?
		    (struct str){ 0 } :
		    str_part(cookies, end + 1, SIZE_MAX);
		if (str_starts(cookie, name) && cookie.len > len && cookie.data[len] == '=')
			value = str_part(cookie, len + 1, SIZE_MAX);
	}
	return value;
}

struct str
cookie_make(struct arena *arena, bool https, const char *name, const char *value, int max_age_s)
{
	return str_from(str_printf(arena, "%s=%s; Max-Age=%d; HttpOnly; %s", name, value,
	    max_age_s, https ? "Secure; SameSite=None; Partitioned" : "SameSite=Lax"));
}

#include "core/call_name.h"

#include "base/arena.h"
#include "base/bounds.h"

/* The path with duplicate slashes collapsed and one at the end dropped. */
static struct str
clean_path(struct arena *arena, struct str path)
{
	char *out = arena_alloc(arena, path.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] != '/' || n == 0 || out[n - 1] != '/')
			out[n++] = path.data[i];
	if (n > 0 && out[n - 1] == '/')
		n--;
	return (struct str){ out, n };
}

struct str
call_name_take(struct arena *arena, struct str path, struct str *mount)
{
	struct str clean = clean_path(arena, path);
	struct str marker = STR("/api/");
	size_t at = str_find(clean, marker, 0);

	*mount = (struct str){ 0 };
	if (clean.len >= 4 && str_is(str_part(clean, clean.len - 4, 4), "/api")) {
		*mount = clean;
		return STR("");
	}
	if (at == SIZE_MAX) { /* mounted under another name: the last segment */
		for (at = clean.len; at > 0 && clean.data[at - 1] != '/'; at--)
			;
		return str_part(clean, at, SIZE_MAX);
	}
	size_t next;
	while ((next = str_find(clean, marker, at + 1)) != SIZE_MAX)
		at = next;
	*mount = str_part(clean, 0, at + marker.len - 1);
	return str_part(clean, at + marker.len, SIZE_MAX);
}

bool
call_name_is_one(struct str name)
{
	if (name.len > LIMIT_CALL_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		        (c >= '0' && c <= '9') || (c == '/' && i > 0)))
			return false;
	}
	return true;
}

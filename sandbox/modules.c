#include "modules.h"

#include <ctype.h>
#include <string.h>

/* Deeper than any module; what goes beyond is refused as malformed. */
#define DEPTH_MAX 64

struct span {
	const char *start;
	size_t length;
};

/* Returns what follows mark at or behind at, or NULL when it does not occur. */
static const char *
skip_past(const char *at, const char *end, const char *mark)
{
	const char *found = memmem(at, (size_t)(end - at), mark, strlen(mark));

	return found ? found + strlen(mark) : NULL;
}

static bool
starts_with(const char *at, const char *end, const char *mark)
{
	return (size_t)(end - at) >= strlen(mark) && memcmp(at, mark, strlen(mark)) == 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

static const char *
read_name(const char *at, const char *end, struct span *name)
{
	name->start = at;
	if (at < end && !isalpha((unsigned char)*at) && *at != '_' && *at != ':' &&
	    (unsigned char)*at < 0x80)
		return NULL;
	while (at < end &&
	    (isalnum((unsigned char)*at) || strchr("_:.-", *at) ||
	        (unsigned char)*at >= 0x80) &&
	    *at != '\0')
		at++;
	name->length = (size_t)(at - name->start);
	return name->length > 0 ? at : NULL;
}

/* Reads a start tag behind its '<'.  Returns what follows, or NULL. */
static const char *
read_start_tag(const char *at, const char *end, struct span *name, bool *is_empty)
{
	at = read_name(at, end, name);
	while (at) {
		at = skip_blanks(at, end);
		if (starts_with(at, end, "/>") || starts_with(at, end, ">")) {
			*is_empty = *at == '/';
			return at + (*is_empty ? 2 : 1);
		}
		struct span attribute;
		at = read_name(at, end, &attribute);
		if (!at)
			return NULL;
		at = skip_blanks(at, end);
		if (at == end || *at != '=')
			return NULL;
		at = skip_blanks(at + 1, end);
		if (at == end || (*at != '"' && *at != '\''))
			return NULL;
		const char *quote = memchr(at + 1, *at, (size_t)(end - at - 1));
		if (!quote || memchr(at, '<', (size_t)(quote - at)))
			return NULL;
		at = quote + 1;
	}
	return NULL;
}

bool
modules_are_well_formed(const char *xml, size_t length)
{
	const char *at = xml;
	const char *end = xml + length;
	struct span open[DEPTH_MAX];

	if (starts_with(at, end, "\xef\xbb\xbf"))
		at += 3;
	size_t depth = 0;
	bool has_root = false;
	while (at && at < end) {
		bool is_empty = false;

		struct span name;
		if (*at != '<') {
			if (depth == 0 && !is_blank(*at))
				return false;
			at++;
		} else if (starts_with(at, end, "<?")) {
			at = skip_past(at, end, "?>");
		} else if (starts_with(at, end, "<!--")) {
			at = skip_past(at + 4, end, "-->");
		} else if (depth > 0 && starts_with(at, end, "<![CDATA[")) {
			at = skip_past(at, end, "]]>");
		} else if (starts_with(at, end, "</")) {
			at = read_name(at + 2, end, &name);
			if (!at || depth == 0)
				return false;
			depth--;
			if (open[depth].length != name.length ||
			    memcmp(open[depth].start, name.start, name.length) != 0)
				return false;
			at = skip_blanks(at, end);
			if (at == end || *at != '>')
				return false;
			at++;
		} else {
			if (depth == 0 && has_root)
				return false;
			at = read_start_tag(at + 1, end, &name, &is_empty);
			has_root = true;
			if (at && !is_empty) {
				if (depth == DEPTH_MAX)
					return false;
				open[depth++] = name;
			}
		}
	}
	return at && has_root && depth == 0;
}

bool
modules_have_document(const char *xml, size_t length)
{
	const char *end = xml + length;
	const char *module = skip_past(xml, end, "<module");

	while (module) {
		const char *close = memchr(module, '>', (size_t)(end - module));

		if (!close)
			return false;
		if (memmem(module, (size_t)(close - module), "\"presentation\"", 14) ||
		    memmem(module, (size_t)(close - module), "'presentation'", 14))
			return skip_past(close, end, "<document") != NULL;
		module = skip_past(close, end, "<module");
	}
	return false;
}

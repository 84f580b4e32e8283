/*
 * A request as a web server hands it over, and the header of an answer (cgi.h).
 *
 * The input is lines NAME=VALUE, an empty line, and the body.  In lower case they are not
 * variables: "max" and "chunk" are how many bytes a body may have and how many are read at
 * once, "broken" after how many reading fails; "location", "type" and "cookie" are the
 * answer's.
 */
#include "base/bounds.h"
#include "base/buf.h"
#include "formats/cgi.h"
#include "fuzz.h"

struct source {
	struct {
		const char *name, *value;
	} list[60];
	size_t n;
	struct str body;
	size_t read;
};

static const char *
variable(void *context, const char *name)
{
	const struct source *source = context;

	for (size_t i = 0; i < source->n; i++)
		if (strcmp(source->list[i].name, name) == 0)
			return source->list[i].value;
	return NULL;
}

/* A setting of the source, from 0 to most. */
static size_t
setting(struct source *source, const char *name, size_t most, size_t def)
{
	int64_t number = (int64_t)def;

	str_to_int(str_from(variable(source, name)), 0, (int64_t)most, &number);
	return (size_t)number;
}

static long
read_body(void *context, char *data, size_t size)
{
	struct source *source = context;
	const size_t chunk = setting(source, "chunk", SIZE_MAX / 4, SIZE_MAX / 4) + 1;
	const struct str part = str_part(source->body, source->read,
	    chunk < size ? chunk : size);

	if (source->read >= setting(source, "broken", SIZE_MAX / 4, SIZE_MAX / 4))
		return -1;
	if (part.len > 0)
		memcpy(data, part.data, part.len);
	source->read += part.len;
	return (long)part.len;
}

static void
read_source(struct arena *arena, struct str text, struct source *source)
{
	*source = (struct source){ 0 };
	while (text.len > 0) {
		char *line = fuzz_line_text(arena, &text), *equals = strchr(line, '=');

		if (line[0] == '\0')
			break;
		if (!equals || source->n == sizeof(source->list) / sizeof(*source->list))
			continue;
		*equals = '\0';
		source->list[source->n].name = line;
		source->list[source->n++].value = equals + 1;
	}
	source->body = fuzz_text(arena, text.data, text.len);
}

/* Path and query are the very bytes of the target. */
static void
check_target(struct arena *arena, struct source *source, const struct request *request)
{
	const char *target = variable(source, "REQUEST_URI");

	if (!target || target[0] != '/')
		return;
	fuzz_must(str_is(str_from(str_printf(arena, "%.*s%s%.*s", STR_ARG(request->path),
	                     strchr(target, '?') ? "?" : "", STR_ARG(request->query))),
	    target));
	fuzz_must(!memchr(request->path.data, '?', request->path.len));
}

/* A body is whole, or there is a problem; and a connection that is kept stands at the end
 * of it. */
static void
check_body(struct source *source, const struct request *request, size_t max)
{
	const struct str length = str_from(variable(source, "CONTENT_LENGTH"));
	int64_t number = -1;

	fuzz_must(request->body.len <= max);
	if (request->problem == REQUEST_FINE)
		fuzz_must(
		    str_equal(request->body, str_part(source->body, 0, request->body.len)));
	if (length.len == 0 || str_to_int(length, 0, INT64_MAX, &number) != 0)
		return;
	if (request->problem == REQUEST_FINE)
		fuzz_must((int64_t)request->body.len == number);
	if (!request->unread)
		fuzz_must((int64_t)source->read == number);
}

/* It is lines that each have a name and a value, and one empty line, at its end. */
static void
check_header(struct str header)
{
	fuzz_must(str_starts(header, "Status: "));
	fuzz_must(str_find(header, STR("\r\n\r\n"), 0) == header.len - 4);
	for (size_t at = 0; at < header.len - 2;) {
		const size_t end = str_find(header, STR("\r\n"), at);
		const struct str line = str_part(header, at, end - at);

		fuzz_must(str_find(line, STR(": "), 0) != SIZE_MAX);
		for (size_t i = 0; i < line.len; i++)
			fuzz_must((unsigned char)line.data[i] >= 0x20 && line.data[i] != 0x7f);
		at = end + 2;
	}
}

static void
check_answer(struct arena *arena, struct source *source, const struct request *request)
{
	const char *type = variable(source, "type");
	struct response response = {
		.status = 302,
		.content_type = type ? type : "text/plain",
		.location = variable(source, "location"),
	};
	struct buf header;

	/* Several are a line each. */
	char *cookies = str_copy(arena, str_from(variable(source, "cookie")));
	for (char *c = cookies; *c != '\0'; c++)
		if (*c == '\t')
			*c = '\n';
	response.set_cookie = str_from(cookies);
	buf_init(&header, 4 * (LIMIT_QUERY_BYTES + source->body.len) + LIMIT_HEADER_BYTES);
	cgi_write_header(request, &response, &header);
	check_header(buf_view(&header));
	buf_free(&header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct source source;
	const struct cgi_stream stream = { variable, read_body, NULL, NULL, &source };
	struct request request;

	read_source(arena, fuzz_text(arena, data, size), &source);
	const size_t max = setting(&source, "max", 100000, 1000);
	cgi_read_head(arena, &stream, &request);
	if (request.body_length != 0)
		cgi_read_body(arena, &stream, max, &request);
	fuzz_must(request.method && request.method[0] != '\0');
	if (request.problem == REQUEST_FINE)
		fuzz_must(request.path.len <= LIMIT_PATH_BYTES &&
		    request.query.len <= LIMIT_QUERY_BYTES);
	check_target(arena, &source, &request);
	check_body(&source, &request, max);
	check_answer(arena, &source, &request);
	arena_free(arena);
	return 0;
}

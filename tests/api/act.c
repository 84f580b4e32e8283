#include "act.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "blocks.h"
#include "config/config.h"
#include "core/api.h"
#include "formats/cgi.h"
#include "formats/query.h"
#include "formats/request.h"
#include "formats/response.h"
#include "placeholders.h"
#include "run.h"
#include "kept.h"
#include "scripted_http.h"
#include "upkeep/poll.h"
#include "verdict.h"

#define NONCE UINT64_C(0x0123456789abcdef)
#define MOUNT "/bigbluebutton/api"

/* The meta-variables of a request, and its body as a stream. */
struct variables {
	struct {
		const char *name, *value;
	} list[40];
	size_t n;
	bool is_full; /* were there more? */
	struct str body;
	size_t read;
};

static const char *
variable(void *context, const char *name)
{
	const struct variables *v = context;

	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->list[i].name, name) == 0)
			return v->list[i].value;
	return NULL;
}

static long
read_body(void *context, char *data, size_t size)
{
	struct variables *v = context;
	const struct str part = str_part(v->body, v->read, size);

	if (part.len > 0)
		memcpy(data, part.data, part.len);
	v->read += part.len;
	return (long)part.len;
}

/* More than there is room for are left out. */
static void
set(struct variables *v, const char *name, const char *value)
{
	size_t i = 0;

	while (i < v->n && strcmp(v->list[i].name, name) != 0)
		i++;
	v->is_full |= i == sizeof(v->list) / sizeof(*v->list);
	if (v->is_full)
		return;
	v->list[i].name = name;
	v->list[i].value = value;
	v->n += i == v->n;
}

/* What a web server makes of the request's first line, and of whoever sent it. */
static void
set_target(struct run *run, struct variables *v, const char *method, const char *target)
{
	const char *query = strchr(target, '?');

	set(v, "REQUEST_METHOD", method);
	set(v, "REQUEST_URI", target);
	set(v, "QUERY_STRING", query ? query + 1 : "");
	if (strncmp(target, MOUNT, strlen(MOUNT)) == 0) {
		set(v, "SCRIPT_NAME", MOUNT);
		set(v, "PATH_INFO",
		    str_copy(run->arena,
		        (struct str){ target + strlen(MOUNT),
		            strcspn(target, "?") - strlen(MOUNT) }));
	}
	set(v, "REMOTE_ADDR", "192.0.2.7");
	set(v, "HTTP_HOST", "gateway.test");
	set(v, "SERVER_PROTOCOL", "HTTP/1.1");
}

/* A line of the request: a header, or a variable as it is. */
static void
set_line(struct run *run, const struct section *section, struct variables *v, char *line)
{
	char *colon = strstr(line, ": "), *equals = strchr(line, '=');

	if (colon && (!equals || colon < equals)) {
		*colon = '\0';
		for (char *c = line; *c != '\0'; c++)
			*c = (char)(*c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
		if (strncmp(line, "CONTENT_", 8) != 0 && strcmp(line, "HTTPS") != 0)
			line = str_printf(run->arena, "HTTP_%s", line);
		set(v, line,
		    strcmp(colon + 2, "(kept)") == 0 && run->kept_cookie ?
		        run->kept_cookie :
		        colon + 2);
	} else if (equals) {
		*equals = '\0';
		set(v, line, strcmp(equals + 1, "-") == 0 ? NULL : equals + 1);
	} else {
		run_mistake(run, section, "what is \"%s\"?", line);
	}
}

/* The secret that the request is signed with: its own, or the first of the gateway. */
static const char *
secret_of(struct run *run, const struct section *section)
{
	struct lines lines = run_lines(run, section);
	char *line, *secret;

	while ((line = case_next(&lines)) != NULL)
		if ((secret = case_after(line, "sign-with ")) != NULL)
			return secret;
	return run->config->n_secrets > 0 ? run->config->secrets[0] : "";
}

/* Read the request's section into variables, as a web server would. */
static void
read_variables(struct run *run, const struct section *section, struct variables *v)
{
	const char *secret = secret_of(run, section);
	struct lines lines = run_lines(run, section);
	char *line = case_next(&lines), *target = line ? strchr(line, ' ') : NULL;

	if (!target) {
		run_mistake(run, section, "a request begins with its method and target");
		return;
	}
	*target++ = '\0';
	set_target(run, v, line,
	    placeholders_sign_request(run->arena, str_from(target), target, secret).data);
	while ((line = case_next(&lines)) != NULL && *line != '\0')
		if (!case_after(line, "sign-with "))
			set_line(run, section, v, line);
	if (v->is_full)
		run_mistake(run, section, "too many variables");
	if (!line)
		return;
	v->body = placeholders_sign_request(run->arena, case_rest(&lines), target, secret);
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->list[i].name, "CONTENT_LENGTH") == 0)
			return;
	set(v, "CONTENT_LENGTH", str_printf(run->arena, "%zu", v->body.len));
}

/* Read the request as a door does. */
static void
read_request(struct run *run, const struct api *api, struct arena *arena, struct variables *v,
    struct request *request)
{
	const struct cgi_stream source = { variable, read_body, NULL, NULL, v };

	blocks_work(run);
	cgi_read_head(arena, &source, request);
	api_read_body(api, arena, &source, request);
	blocks_work(NULL);
	request->now_ms = run->now_ms;
	request->nonce = NONCE;
}

/* Nothing of a body is read whose sender does not know a secret, as the query tells. */
static void
check_unread(struct run *run, const struct section *section, const struct variables *v,
    const struct request *request, const struct response *response)
{
	bool is_stranger = str_is(str_from(response->result), "checksumError") ||
	    response->status == 403;

	/* One that is refused for a second checksum in its body is none. */
	if (v->read > 0 && request->query.len > 0 && is_stranger &&
	    !query_text_has(v->body, "checksum"))
		run_problem(run, section, "the body was read before its sender was known");
}

/* Have the core answer. */
static void
handle(struct run *run, const struct api *api, struct arena *arena,
    const struct request *request, struct response *response)
{
	run->is_asked = true;
	blocks_work(run);
	api_handle(api, arena, request, response);
	blocks_work(NULL);
	run->is_asked = false;
}

/* Have it do what could wait. */
static void
finish(struct run *run, struct response *response)
{
	blocks_work(run);
	api_finish(response);
	blocks_work(NULL);
}

void
act_request(struct run *run, const struct section *section, char *rest)
{
	const struct api api = { run->config, &run->store, &run->http };
	struct variables v = { .n = 0 };
	struct arena *arena = arena_new();

	(void)rest;
	run->is_poll = false;
	read_variables(run, section, &v);
	scripted_http_expect(run, section);
	struct request request;
	read_request(run, &api, arena, &v, &request);
	run->request_body = request.body;
	struct response response = { 0 };
	handle(run, &api, arena, &request, &response);
	check_unread(run, section, &v, &request, &response);
	run->waited_ms = response.wait_ms;
	if (response.wait_ms > 0) {
		finish(run, &response);
		run->now_ms += response.wait_ms;
		request.now_ms = run->now_ms;
		request.has_waited = true;
		handle(run, &api, arena, &request, &response);
		if (response.wait_ms > 0)
			run_problem(run, section, "it waits twice");
	}
	if (response.set_cookie.len > 0)
		run->kept_cookie = str_copy(run->arena,
		    str_part(response.set_cookie, 0,
		        str_find(response.set_cookie, STR(";"), 0)));
	api_log(run->config, &request, &response, 7);
	struct buf header;
	buf_init(&header, CASE_TEXT_MAX);
	cgi_write_header(&request, &response, &header);

	verdict_of_any_answer(run, section, &response, buf_view(&header));
	kept_see_answer(run, section, &response);
	if (!run->torture)
		verdict_of_answer(run, section, &response, buf_view(&header));
	finish(run, &response);
	api_count(&response, 7000);
	scripted_http_check(run);
	verdict_of_log(run, section);
	buf_free(&header);
	arena_free(arena);
}

void
act_poll(struct run *run, const struct section *section, char *names)
{
	const struct api api = { run->config, &run->store, &run->http };
	struct arena *arena = arena_new();

	run->is_poll = true;
	scripted_http_expect(run, section);
	if (*names != '\0')
		scripted_http_expect_polls(run, section, names);
	blocks_work(run);
	poll_run(&api, arena, run->now_ms, NONCE, false);
	blocks_work(NULL);
	scripted_http_check(run);
	verdict_of_log(run, section);
	arena_free(arena);
}

#include "verdict.h"

#include <stdlib.h>
#include <string.h>

#include "captured_log.h"
#include "config/config.h"
#include "formats/response.h"
#include "formats/xml.h"
#include "placeholders.h"
#include "run.h"
#include "scripted_http.h"
#include "second_parser.h"

#define PAGE_BEGIN "<!DOCTYPE html>\n"

static bool
holds(struct str text, const char *what)
{
	return str_find(text, str_from(what), 0) != SIZE_MAX;
}

/*
 * Of any answer.
 */

static void
check_status(struct run *run, const struct section *at, const struct response *response)
{
	static const int statuses[] = { 200, 302, 401, 413, 503 };
	/* A receiver's status is passed on. */
	bool fine = str_is(response->call, "tinyscale/callback") && response->status >= 200 &&
	    response->status < 600;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		fine |= response->status == statuses[i];
	if (!fine)
		run_problem(run, at, "status %d", response->status);
	if (response->status == 302 &&
	    (!response->location || strncasecmp(response->location, "http", 4) != 0))
		run_problem(run, at, "a redirect to nowhere");
}

/* Did the gateway compose the answer?  Else it is the server's, byte for byte; a merged
 * list may happen to be, too. */
static bool
is_composed(const struct run *run, const struct response *response)
{
	static const char *const merged[] = { "getMeetings", "getSessions", "getRecordings",
		"hooks/list" };

	for (size_t i = 0; i < sizeof(merged) / sizeof(*merged); i++)
		if (str_is(response->call, merged[i]))
			return true;
	return !scripted_http_has_answered(run, response->body);
}

static void
check_document(struct run *run, const struct section *at, const struct response *response)
{
	const struct str body = response->body;
	struct xml_field code = { .name = "returncode" };

	if (xml_read(run->arena, body, &code, 1, NULL) != 0)
		run_problem(run, at, "the answer is no XML:\n+  %.*s", STR_ARG(body));
	else if (!str_is(code.text, "SUCCESS") && !str_is(code.text, "FAILED"))
		run_problem(run, at, "returncode %.*s", STR_ARG(code.text));
	const char *complaint = NULL;
	if (is_composed(run, response))
		complaint = second_parser_complaint(run->arena, body);
	if (complaint)
		run_problem(run, at, "libxml2 says of the answer: %s\n+  %.*s", complaint,
		    STR_ARG(body));
}

/* Check that a page is HTML that is well-formed XML, too. */
static void
check_page(struct run *run, const struct section *at, struct str body)
{
	if (!str_starts(body, PAGE_BEGIN)) {
		run_problem(run, at, "a page without its document type");
		return;
	}
	const char *complaint = second_parser_complaint(run->arena,
	    str_part(body, strlen(PAGE_BEGIN), SIZE_MAX));
	if (complaint)
		run_problem(run, at, "libxml2 says of the page: %s\n+  %.*s", complaint,
		    STR_ARG(body));
}

static void
check_type(struct run *run, const struct section *at, const struct response *response)
{
	const char *type = response->content_type ? response->content_type : "(null)";

	if (response->status == 302)
		return;
	if (!response->policy != (strncasecmp(type, "text/html", 9) != 0))
		run_problem(run, at, "a page without a policy, or a policy without a page");
	if (response->policy)
		check_page(run, at, response->body);
	if (strncasecmp(type, "text/xml", 8) == 0 ||
	    strncasecmp(type, "application/xml", 15) == 0)
		check_document(run, at, response);
	else if (strncasecmp(type, "text/", 5) != 0 &&
	    strncasecmp(type, "application/json", 16) != 0)
		run_problem(run, at, "content type %s", type);
}

static void
check_secrets(struct run *run, const struct section *at, struct str body, struct str header)
{
	if (run->tells_secrets)
		return;
	for (size_t i = 0; i < run->config->n_servers; i++)
		for (size_t k = 0; k < run->config->servers[i].n_secrets; k++)
			if (holds(body, run->config->servers[i].secrets[k]) ||
			    holds(header, run->config->servers[i].secrets[k]))
				run_problem(run, at, "a server's secret is in the answer");
	for (size_t i = 0; i < run->config->n_secrets; i++)
		if (holds(body, run->config->secrets[i]) ||
		    holds(header, run->config->secrets[i]))
			run_problem(run, at, "the gateway's secret is in the answer");
	if (holds(body, "checksum="))
		run_problem(run, at, "a checksum is in the answer's body");
}

void
verdict_of_any_answer(struct run *run, const struct section *request,
    const struct response *response, struct str header)
{
	const struct str end = str_part(header, header.len < 4 ? 0 : header.len - 4, 4);

	check_status(run, request, response);
	if (!str_starts(header, "Status: ") || !str_is(end, "\r\n\r\n"))
		run_problem(run, request, "a bad header block:\n%.*s", STR_ARG(header));
	check_type(run, request, response);
	check_secrets(run, request, response->body, header);
	if (!response->result)
		run_problem(run, request, "the response has no result for the log");
}

/*
 * Of the answer that a section wants.
 */

static void
check_body(struct run *run, const struct section *at, struct str want, struct str got)
{
	if (str_equal(want, got))
		return;
	size_t same = 0;
	while (same < want.len && same < got.len && want.data[same] == got.data[same])
		same++;
	run_problem(run, at, "the body differs from byte %zu on:\n-  %.*s\n+  %.*s", same,
	    STR_ARG(want), STR_ARG(got));
}

/* Check that the header, which begins with a newline here, has the line, in which
 * %sign-a is the checksum for server a. */
static void
check_header_line(struct run *run, const struct section *section, char *line, struct str block)
{
	struct str want = str_from(line);

	for (size_t i = 0; i < run->config->n_servers; i++) {
		const struct server *server = &run->config->servers[i];

		/* %sign-a:2 before %sign-a, which it begins with. */
		for (size_t k = server->n_secrets; k > 0 && strchr(want.data, ' '); k--)
			want = placeholders_sign(run->arena, want, strchr(want.data, ' ') + 1,
			    k == 1 ? str_printf(run->arena, "%%sign-%s", server->name) :
			             str_printf(run->arena, "%%sign-%s:%zu", server->name, k),
			    server->algorithm, server->secrets[k - 1]);
	}
	if (!holds(block, str_printf(run->arena, "\r\n%.*s\r\n", STR_ARG(want))))
		run_problem(run, section, "the header lacks a line:\n-  %.*s\n%.*s",
		    STR_ARG(want), STR_ARG(str_part(block, 2, SIZE_MAX)));
}

/* Check what a line says of the answer, all but its status. */
static void
check_line(struct run *run, const struct section *section, char *line, struct str block,
    struct str body)
{
	const struct str header = str_part(block, 2, SIZE_MAX);
	char *value;

	if ((value = case_after(line, "no-header ")) != NULL) {
		if (holds(block, str_printf(run->arena, "\r\n%s:", value)))
			run_problem(run, section, "there is a header %s:\n%.*s", value,
			    STR_ARG(header));
	} else if ((value = case_after(line, "key ")) != NULL) {
		const char *key = str_printf(run->arena, "<messageKey>%s</messageKey>", value);

		if (!holds(body, "<returncode>FAILED</returncode>") || !holds(body, key))
			run_problem(run, section, "it is not FAILED %s:\n+  %.*s", value,
			    STR_ARG(body));
	} else if ((value = case_after(line, "contains ")) != NULL) {
		if (!holds(body, value))
			run_problem(run, section, "not in the body:\n-  %s\n+  %.*s", value,
			    STR_ARG(body));
	} else if ((value = case_after(line, "lacks ")) != NULL) {
		if (holds(body, value))
			run_problem(run, section, "in the body: %s\n+  %.*s", value,
			    STR_ARG(body));
	} else {
		check_header_line(run, section, line, block);
	}
}

static void
check_response(struct run *run, const struct section *section, const struct response *response,
    struct str block)
{
	struct lines lines = run_lines(run, section);
	char *line, *value;
	int status = 200;
	long long waited_ms = 0;

	while ((line = case_next(&lines)) != NULL && *line != '\0') {
		if ((value = case_after(line, "status ")) != NULL)
			status = atoi(value);
		else if ((value = case_after(line, "waited ")) != NULL)
			waited_ms = atoll(value);
		else
			check_line(run, section, line, block, response->body);
	}
	if (status != response->status)
		run_problem(run, section, "status %d, want %d", response->status, status);
	if (waited_ms != run->waited_ms)
		run_problem(run, section, "waited %lld ms, want %lld",
		    (long long)run->waited_ms, waited_ms);
	if (line)
		check_body(run, section, case_rest(&lines), response->body);
}

void
verdict_of_answer(struct run *run, const struct section *request,
    const struct response *response, struct str header)
{
	const struct section *end = run_act_end(run, request);
	const struct str block = str_from(str_printf(run->arena, "\r\n%.*s", STR_ARG(header)));

	for (const struct section *section = request + 1; section < end; section++)
		if (strcmp(section->title, "response") == 0)
			check_response(run, section, response, block);
}

/*
 * Of the log.
 */

void
verdict_of_log(struct run *run, const struct section *act)
{
	const struct section *end = run_act_end(run, act);
	const char *log = captured_log_take(run->arena);

	if (run->tells_secrets)
		return;
	if (strstr(log, "gateway-secret") || strstr(log, "secret-") || strstr(log, "checksum="))
		run_problem(run, NULL, "a secret or a checksum is in the log:\n%s", log);
	for (const struct section *section = act + 1; section < end; section++) {
		struct lines lines = run_lines(run, section);

		if (strcmp(section->title, "log") != 0 || run->torture ||
		    !captured_log_is_kept())
			continue;
		char *line;
		while ((line = case_next(&lines)) != NULL)
			if (!case_after(line, "lacks ") && !strstr(log, line))
				run_problem(run, section, "not in the log: %s", line);
			else if (case_after(line, "lacks ") &&
			    strstr(log, case_after(line, "lacks ")))
				run_problem(run, section, "in the log: %s",
				    case_after(line, "lacks "));
	}
	if (run->problems.len > 0 && *log != '\0')
		run_problem(run, NULL, "the log:\n%s", log);
}

#include "scripted_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "blocks.h"
#include "config/config.h"
#include "formats/checksum.h"
#include "kept.h"
#include "placeholders.h"
#include "run.h"
#include "state_sections.h"

/* A call that a server expects, or one that a section expects of all. */
struct expected {
	const struct section *section;
	const struct server *server;
	const char *target; /* "GET /bigbluebutton/api/..." */
	struct str answer;  /* the lines of a section */
	bool optional, never;
	bool used;
};

#define NO_MEETINGS                                             \
	"<response><returncode>SUCCESS</returncode><meetings/>" \
	"<messageKey>noMeetings</messageKey>"                   \
	"<message>no meetings were found on this server</message></response>"

/* What a server said. */
struct answered {
	struct str body;
	struct answered *next;
};

/* Whoever a client wants to be called back. */
static const struct server receiver = { .name = "receiver" };

/*
 * What is expected.
 */

/* Is the server among the names "a,b", or are they "*"? */
static bool
is_named(struct run *run, const struct server *server, const char *names)
{
	char *list = str_copy(run->arena, str_from(names));

	if (strcmp(names, "*") == 0)
		return true;
	char *rest;
	for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		if (strcmp(name, server->name) == 0)
			return true;
	return false;
}

/* Read a title's "a,b [optional|never] METHOD TARGET". */
static void
expect_of_servers(struct run *run, const struct section *section, char *names)
{
	char *target = names + strcspn(names, " ");

	if (*target != '\0')
		*target++ = '\0';
	const bool optional = case_after(target, "optional ") != NULL;
	const bool never = case_after(target, "never ") != NULL;
	target += optional ? strlen("optional ") : never ? strlen("never ") : 0;
	bool any = false;
	for (size_t i = 0; i < run->config->n_servers; i++) {
		const struct server *server = &run->config->servers[i];

		if (!is_named(run, server, names))
			continue;
		run->expected[run->n_expected++] = (struct expected){
			.section = section,
			.server = server,
			.target = target,
			.answer = section->text,
			.optional = optional || never,
			.never = never,
		};
		any = true;
	}
	if (!any)
		run_mistake(run, section, "there is no server %s", names);
}

void
scripted_http_expect(struct run *run, const struct section *act)
{
	const struct section *end = run_act_end(run, act);

	run->expected = arena_alloc(run->arena,
	    run->n_sections * (run->config->n_servers + 1) * sizeof(*run->expected));
	run->n_expected = 0;
	run->answered = NULL;
	for (const struct section *section = act + 1; section < end; section++) {
		char *title = str_copy(run->arena, str_from(section->title)), *rest;

		if ((rest = case_after(title, "server ")) != NULL)
			expect_of_servers(run, section, rest);
		if ((rest = case_after(title, "receiver ")) == NULL)
			continue;
		char *target = case_after(rest, "optional ");
		run->expected[run->n_expected++] = (struct expected){
			.section = section,
			.server = &receiver,
			.answer = section->text,
			.optional = target != NULL,
			.target = target ? target : rest,
		};
	}
}

/* The expected call of that server and target from number first on, or NULL. */
static struct expected *
find_expected(struct run *run, size_t first, const struct server *server, const char *target)
{
	for (size_t i = first; i < run->n_expected; i++)
		if (run->expected[i].server == server &&
		    strcmp(run->expected[i].target, target) == 0)
			return &run->expected[i];
	return NULL;
}

void
scripted_http_expect_polls(struct run *run, const struct section *poll, const char *names)
{
	const struct str answer = poll->text.len > 0 ? poll->text : STR("\n" NO_MEETINGS);
	bool any = false;

	for (size_t i = 0; i < run->config->n_servers; i++) {
		const struct server *server = &run->config->servers[i];
		const char *path = strchr(strstr(server->base, "://") + 3, '/');
		const char *target = str_printf(run->arena, "GET %s/getMeetings", path);

		if (!is_named(run, server, names))
			continue;
		any = true;
		struct expected *e = find_expected(run, 0, server, target);
		if (!e)
			run->expected[run->n_expected++] = (struct expected){
				.section = poll,
				.server = server,
				.target = target,
				.answer = answer,
			};
		else
			e->optional = e->never;
	}
	if (!any)
		run_mistake(run, poll, "there is no server %s", names);
}

void
scripted_http_check(struct run *run)
{
	for (size_t i = 0; !run->torture && i < run->n_expected; i++) {
		const struct expected *e = &run->expected[i];

		if (!e->used && !e->optional)
			run_problem(run, e->section, "%s was not asked: %s", e->server->name,
			    e->target);
	}
}

/*
 * Which expected call one is.
 */

/* The expected call of that server that differs in its query only, or NULL: a fuzzer that
 * changes a request cannot know what servers will be asked then. */
static struct expected *
find_alike(struct run *run, const struct server *server, const char *target)
{
	const size_t n = strcspn(target, "?");

	for (size_t i = 0; i < run->n_expected; i++)
		if (run->expected[i].server == server &&
		    strncmp(run->expected[i].target, target, n) == 0 &&
		    strchr("?", run->expected[i].target[n]))
			return &run->expected[i];
	return NULL;
}

/* The expected call of that server and target, which is used up, or NULL. */
static struct expected *
use_expected(struct run *run, const struct server *server, const char *target)
{
	struct expected *e = find_expected(run, 0, server, target);

	if (!e && run->is_fuzzed)
		e = find_alike(run, server, target);
	while (e && e->used && !run->torture)
		e = find_expected(run, (size_t)(e - run->expected) + 1, server, target);
	if (!e) {
		if (!run->torture && !(run->is_poll && strstr(target, "/hooks/list")))
			run_problem(run, NULL, "an unexpected call to %s: %s", server->name,
			    target);
		return NULL;
	}
	if (e->never && !run->torture)
		run_problem(run, e->section, "%s is asked", server->name);
	e->used = true;
	return e;
}

/* Clients' own servers: nothing is signed as BBB's calls are. */
static struct expected *
match_receiver(struct run *run, const struct http_call *call)
{
	if (call->public_only == run->config->allow_private_callbacks)
		run_problem(run, NULL,
		    "a callback that may not go, or may, to private addresses");
	run->sent_body = call->body;
	return use_expected(run, &receiver,
	    str_printf(run->arena, "%s %s", call->method, call->url));
}

/*
 * Take the checksum off the call, which has it as the last parameter of its URL, or as
 * the last field of a form without a query.  Sets run->sent_body and *given; returns
 * the target without it, or NULL when there is none.
 */
static char *
cut_checksum(struct run *run, const struct http_call *call, struct str *given)
{
	const char *path = strstr(call->url, "://"), *at = call->url;
	const size_t form = str_find(call->body, STR("&checksum="), 0);

	run->sent_body = call->body;
	path = path ? strchr(path + 3, '/') : NULL;
	const char *mark = NULL;
	while ((at = strstr(at, "checksum=")) != NULL)
		mark = at++;
	if (!path)
		return NULL;
	if (!mark && !strchr(path, '?') && form != SIZE_MAX) {
		run->sent_body = str_part(call->body, 0, form);
		*given = str_part(call->body, form + strlen("&checksum="), SIZE_MAX);
		return str_printf(run->arena, "%s %s", call->method, path);
	}
	if (!mark || (mark[-1] != '?' && mark[-1] != '&'))
		return NULL;
	*given = str_from(mark + strlen("checksum="));
	return str_printf(run->arena, "%s %.*s", call->method, (int)(mark - 1 - path), path);
}

/* Is it the question for the document at the root, which alone is not signed? */
static bool
is_root(const struct server *server, const struct http_call *call)
{
	return server && strcmp(call->url, server->base) == 0;
}

/* That question comes with any poll, whether the case tells of it or not. */
static struct expected *
match_root(struct run *run, const struct server *server, const struct http_call *call)
{
	const char *target = str_printf(run->arena, "%s %s", call->method,
	    strchr(strstr(call->url, "://") + 3, '/'));

	run->sent_secret = 1;
	run->sent_body = call->body;
	if (!run->is_poll)
		run_problem(run, NULL, "%s is asked for its version", server->name);
	return find_expected(run, 0, server, target) ? use_expected(run, server, target) : NULL;
}

/* The expected call that this one is, or NULL. */
static struct expected *
match(struct run *run, const struct http_call *call)
{
	const struct server *server = config_server_find(run->config, call->server);

	if (strncmp(call->server, " callback", 9) == 0)
		return match_receiver(run, call);
	if (call->public_only || call->authorization.data)
		run_problem(run, NULL, "%s is called as a receiver would be", call->server);
	if (is_root(server, call))
		return match_root(run, server, call);
	struct str given;
	char *target = cut_checksum(run, call, &given);
	if (!server || !target) {
		run_problem(run, NULL, "an odd call: %s %s", call->method, call->url);
		return NULL;
	}
	const char *query = strchr(target, '?');
	if (strncmp(call->url, server->base, strlen(server->base)) != 0)
		run_problem(run, NULL, "%s is not below %s", call->url, server->base);
	run->sent_secret = 0;
	for (size_t i = server->n_secrets; i > 0; i--)
		if (checksum_verify(1u << server->algorithm,
		        str_from(placeholders_call_name(run->arena, target)),
		        str_from(query ? query + 1 : ""), str_from(server->secrets[i - 1]),
		        given))
			run->sent_secret = i;
	if (run->sent_secret == 0)
		run_problem(run, NULL, "a wrong checksum for %s: %s", server->name, call->url);
	return use_expected(run, server, target);
}

/* Check a ">" line: what the call must carry along. */
static void
check_sent(struct run *run, const struct expected *e, const struct http_call *call, char *want,
    bool *has_body)
{
	char *value;
	struct str wanted = { NULL, 0 }, got;

	if ((value = case_after(want, "body ")) != NULL) {
		*has_body = true;
		got = run->sent_body;
		if (strcmp(value, "=") == 0)
			wanted = run->request_body;
	} else if ((value = case_after(want, "Content-Type: ")) != NULL) {
		got = call->content_type;
	} else if ((value = case_after(want, "Authorization: ")) != NULL) {
		got = call->authorization;
	} else if ((value = case_after(want, "X-Forwarded-For: ")) != NULL) {
		got = call->forwarded_for;
	} else if (strcmp(want, "once") == 0) {
		value = want;
		got = call->once ? STR("once") : STR("(not once)");
	} else if (strcmp(want, "at-once") == 0) {
		value = want;
		got = call->at_once ? STR("at-once") : STR("(in its turn)");
	} else {
		run_mistake(run, e->section, "what is \"> %s\"?", want);
		return;
	}
	if (!wanted.data)
		wanted = str_from(value);
	if (!str_equal(got, wanted))
		run_problem(run, e->section, "sent along to %s:\n-  %.*s\n+  %.*s",
		    e->server->name, STR_ARG(wanted), STR_ARG(got));
}

/*
 * Answers.
 */

/* Map a meeting, "room-1 a", as another process does while a call is under way. */
static void
map_meanwhile(struct run *run, const char *line)
{
	const char *server = strchr(line, ' ');

	if (!server)
		return;
	const struct str id = { line, (size_t)(server - line) };
	run_see(run, id);
	state_sections_map(run, id, server + 1, run->now_ms);
}

/* Is the line a way to have no answer?  Then the call has none. */
static bool
fail_call(const char *line, struct http_call *call)
{
	static const struct {
		const char *line;
		enum http_result result;
		bool sent, waited;
		int64_t still_ms;
	} ways[] = {
		{ "unreachable", HTTP_UNREACHABLE, false, false, 0 },
		{ "busy", HTTP_BUSY, false, false, 0 },
		{ "shortage", HTTP_SHORTAGE, false, false, 0 },
		{ "lost", HTTP_SHORTAGE, true, false, 0 },
		{ "timeout", HTTP_TIMEOUT, true, false, 0 },
		{ "waited", HTTP_TIMEOUT, true, true, 0 },
		{ "stood-still", HTTP_TIMEOUT, true, false, 4000 },
		{ "broken", HTTP_BROKEN, true, false, 0 },
		{ "too-large", HTTP_TOO_LARGE, true, false, 0 },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(line, ways[i].line) == 0) {
			call->result = ways[i].result;
			call->sent = ways[i].sent;
			call->waited = ways[i].waited;
			call->still_ms = ways[i].still_ms;
			call->problem = "scripted";
			return true;
		}
	return false;
}

/* Put a line of a server's section into the answer; false if it is none. */
static bool
answer_line(struct run *run, char *line, struct http_call *call)
{
	char *value;

	if ((value = case_after(line, "meanwhile ")) != NULL)
		map_meanwhile(run, value);
	else if (strcmp(line, "the state goes") == 0)
		run->has_no_state = true;
	else if ((value = case_after(line, "stood-still ")) != NULL)
		call->still_ms = atoll(value);
	else if ((value = case_after(line, "status ")) != NULL)
		call->status = (int)(run_ms(value) & 1023);
	else if ((value = case_after(line, "Content-Type: ")) != NULL)
		call->answer_type = str_from(value);
	else if ((value = case_after(line, "Location: ")) != NULL)
		call->location = str_from(value);
	else if ((value = case_after(line, "Set-Cookie: ")) != NULL)
		call->set_cookie = str_from(call->set_cookie.data ?
		        str_printf(run->arena, "%s\n%s", call->set_cookie.data, value) :
		        value);
	else if ((value = case_after(line, "FAILED ")) != NULL)
		call->answer = str_from(str_printf(run->arena,
		    "<response>\n"
		    "<returncode>FAILED</returncode>\n<messageKey>%s</messageKey>\n"
		    "<message>As a server words it.</message>\n</response>",
		    value));
	else
		return fail_call(line, call);
	return true;
}

/* Give the call its answer: the lines of a server's section. */
static void
answer(struct run *run, const struct expected *e, struct str text, struct http_call *call)
{
	struct lines lines = case_lines(run->arena, text);
	char *value;

	call->result = HTTP_ANSWERED;
	call->sent = true;
	call->status = 200;
	call->answer = STR("");
	call->answer_type = STR("text/xml;charset=utf-8");
	call->elapsed_ms = 5;
	bool has_body = false;
	size_t secret = 1;
	char *line;
	while ((line = case_next(&lines)) != NULL && *line != '\0') {
		if ((value = case_after(line, "> secret ")) != NULL) {
			secret = (size_t)atoi(value);
		} else if ((value = case_after(line, "> ")) != NULL) {
			if (!run->torture)
				check_sent(run, e, call, value, &has_body);
		} else if (!answer_line(run, line, call)) {
			run_mistake(run, e ? e->section : NULL, "what is \"%s\"?", line);
		}
	}
	if (case_rest(&lines).len > 0)
		call->answer = case_rest(&lines);
	if (e && e->server != &receiver && !run->torture && run->sent_secret != secret)
		run_problem(run, e->section, "signed with %s's secret %zu", e->server->name,
		    run->sent_secret);
	if (e && !has_body && !run->torture && run->sent_body.len > 0)
		run_problem(run, e->section, "a body was sent to %s:\n+  %.*s", e->server->name,
		    STR_ARG(run->sent_body));
}

/* Answer the call by the section that expects it. */
static void
run_call(struct run *run, struct http_call *call)
{
	const struct server *server = config_server_find(run->config, call->server);
	const struct expected *e = match(run, call);
	struct str text = e ?
	    e->answer :
	    strstr(call->url, "/hooks/") || is_root(server, call) ?
	    STR("status 404\n\n") :
	    STR("FAILED notFound");

	if (call->max_answer_bytes == 0)
		run_problem(run, NULL, "a call without max_answer_bytes");
	if (++run->calls == run->failing_call || run->failing_calls >> (run->calls % 64) & 1)
		text = str_from(run->failure);
	/* What a receiver says may be passed on, whatever it is. */
	if (strncmp(call->server, " callback", 9) == 0 &&
	    str_find(text, STR("secret-"), 0) != SIZE_MAX)
		text = STR("status 500\n\nfailed");
	answer(run, e, text, call);
	run->has_improvised |= !e;
	if (call->result != HTTP_ANSWERED || call->status != 200 ||
	    str_find(call->answer, STR("checksumError"), 0) != SIZE_MAX)
		kept_excuse(run, server);
	struct answered *answered = arena_alloc(run->arena, sizeof(*answered));
	*answered = (struct answered){ call->answer, run->answered };
	run->answered = answered;
}

bool
scripted_http_has_answered(const struct run *run, struct str body)
{
	for (const struct answered *one = run->answered; one; one = one->next)
		if (str_equal(one->body, body))
			return true;
	return false;
}

void
scripted_http_run(struct http *http, struct arena *arena, struct http_batch *batch)
{
	struct run *run = (struct run *)(void *)http;

	(void)arena;
	if (batch->timeout_ms <= 0)
		run_problem(run, NULL, "a batch without a deadline");
	struct run *at_work = blocks_work(NULL);
	for (size_t i = 0; i < batch->n; i++)
		run_call(run, &batch->calls[i]);
	blocks_work(at_work);
	bool enough = false;
	/* A call that times out does so after all the others have answered. */
	for (int late = 0; late <= 1; late++) {
		for (size_t i = 0; i < batch->n; i++) {
			struct http_call *call = &batch->calls[i];

			if ((call->result == HTTP_TIMEOUT) != (late == 1))
				continue;
			if (enough)
				*call = (struct http_call){
					.server = call->server,
					.method = call->method,
					.url = call->url,
					.result = HTTP_ABANDONED,
					.sent = true,
				};
			else if (call->result == HTTP_ANSWERED && batch->enough)
				enough = batch->enough(call, batch->context);
			if (call->result == HTTP_TIMEOUT)
				call->elapsed_ms = batch->timeout_ms;
		}
	}
}

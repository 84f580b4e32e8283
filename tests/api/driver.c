/*
 * Runs case files over the whole core: a request goes in through cgi.h, the
 * servers are a list of expected calls with canned answers, and the response,
 * every outgoing call, the mappings and the log are compared.  No port, no
 * sleep; the clock is a number.
 *
 *	driver CASE... | DIRECTORY     one TAP line a case
 *	driver --torture ...           every case again with each store verb and
 *	                               each call failing in turn: only the
 *	                               invariants of any answer are checked
 *	driver --loud ...              the log goes to stderr, unchecked
 *
 * A case is a text file.  "#" lines say in prose what it is about; then come
 * sections, done in their order:
 *
 *	== config             first.  A line is one member of the JSON object
 *	                      ("forward": "redirect"); "server b MEMBERS" adds
 *	                      members to server b, or a server; "no server c"
 *	                      leaves one out.  Without: a, b, c at http://a.test,
 *	                      with the secrets secret-a, ...; the gateway's is
 *	                      gateway-secret.
 *	== store none         remember nothing
 *	== facts a            "health up|suspect|down", "operator cordoned", "users N"
 *	== meetings           "room-1 a [AGE_MS]": mappings; 600000 old by default
 *	== recordings         "RECORDID a": which server has a recording, as the
 *	                      state remembers it
 *	== hooks              "URL [MEETINGID|- [AGE_MS]]": webhooks in the state, their
 *	                      base as a request's; "dropped URL"
 *	== lists a CALL       then the XML server a last answered to that call
 *	== wait MS            let time pass
 *	== request            "METHOD TARGET"; "Name: value" headers, "NAME=value"
 *	                      RFC 3875 variables ("-": absent), "sign-with SECRET";
 *	                      an empty line, the body.  %sign, %sign1, %sign256,
 *	                      %sign384, %sign512, %SIGN stand for the checksum.
 *	== poll               instead of a request: poll the servers that are due
 *	== server a,b [optional|never] METHOD TARGET
 *	                      a call that must come ("*": to every server), without
 *	                      its checksum, which is checked.  "> body TEXT" ("> body
 *	                      =": the request's), "> X-Forwarded-For: ...", ">
 *	                      Content-Type: ...", "> Authorization: ...", "> once",
 *	                      "> at-once".  "> secret 2": signed with the server's
 *	                      second secret, else with the first.
 *	                      "meanwhile room-1 a": another process maps that before
 *	                      the answer.  The answer: "status N", "unreachable",
 *	                      "timeout", "waited" (a timeout), "broken", "too-large",
 *	                      "busy", "shortage", headers, an empty line, the body; or
 *	                      "FAILED KEY".
 *	== receiver [optional] METHOD URL
 *	                      the same for a call to a client's own server
 *	== response           "status N" (200), headers that must be there, "no-header
 *	                      NAME", "key KEY" (a FAILED document), "contains TEXT",
 *	                      "lacks TEXT"; an empty line, the exact body.  %sign-a
 *	                      in a header is the checksum for server a, %sign-a:2 the
 *	                      one with its second secret.
 *	== log                texts that must be in the log
 *	== meetings after     the mappings now, exactly, or "(none)"
 *	== recordings after   "RECORDID a": what is remembered now of these; "-" for
 *	                      nothing
 *	== hooks after        the webhooks now, "URL MEETINGID|-", "dropped HOOKID"
 *
 * A server's hooks/list that a poll asks for and no section expects is answered as
 * by a server without bbb-webhooks.
 *
 * A body ends before the newline that precedes the next section.
 *
 * Before all else, everywhere, these are replaced:
 *
 *	%callback{KIND SERVER URL [BASE [SECRET]]}
 *	                      the gateway's URL in place of a client's (callback.h),
 *	                      made here as its header tells.  %callback-encoded{…} is
 *	                      the same as a parameter's value.
 *	%token256{SECRET CLAIMS}, %token512{…}
 *	                      a JSON Web Token as libjwt writes it
 *	%hook{URL}            the hookID of a callbackURL
 *	%hash1{SECRET TEXT}, %hash256{…}, %hash384{…}, %hash512{…}
 *	                      the hash of TEXT and SECRET
 */
#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "buf.h"
#include "cgi.h"
#include "checksum.h"
#include "config.h"
#include "hook.h"
#include "http.h"
#include "log.h"
#include "mem.h"
#include "poll.h"
#include "query.h"
#include "request.h"
#include "response.h"
#include "store.h"
#include "store_memory.h"
#include "store_none.h"
#include "tap.h"
#include "xml.h"

#define TEXT_MAX ((size_t)128 << 20)
#define START_MS INT64_C(1700000000000)
#define NONCE UINT64_C(0x0123456789abcdef)
#define MAPPED_MS 600000 /* how long ago, when the case does not say */

/* A piece of a case: its title, where it stands, and the lines below. */
struct section {
	char *title;
	char *text;
	int line;
};

/* A call that a server expects, or one that a section expects of all. */
struct expected {
	const struct section *section;
	const struct server *server;
	char *target; /* "GET /bigbluebutton/api/..." */
	bool optional, never;
	bool used;
};

/* One run of one case. */
struct run {
	struct http http;   /* first: run_http finds the run by it */
	struct store store; /* counts verbs, lets one fail, and passes on */
	struct store *inner;
	struct arena *arena;
	struct config *config;
	struct buf problems;
	int64_t now_ms;

	struct section *sections;
	size_t n_sections;
	struct expected *expected; /* of the present request */
	size_t n_expected;
	struct str request_body;
	bool is_poll;              /* is it a poll that makes calls? */
	struct str sent_body;      /* of the present outgoing call, see match() */
	size_t sent_secret;        /* likewise: which of the server's, from 1 */
	char *seen[1000];          /* every meetingID that was or may be mapped */
	size_t n_seen;

	/* Torture: which one fails, counted from 1, and how. */
	bool torture;
	int verbs, failing_verb;
	int calls, failing_call;
	int failure;
};

static bool loud;
static int log_file;

/* Whoever a client wants to be called back. */
static const struct server receiver = {.name = "receiver"};

/* Ways for an outgoing call to fail: http results, and answers that are none. */
static const char *const failures[] = {
	"unreachable", "timeout", "waited", "broken", "too-large", "busy", "shortage",
	"status 500\nContent-Type: text/html\n\n<html>secret-a checksum=abc</html>",
	"status 200\n\n<response><returncode>SUCC",
	"status 200\n\n",
	"FAILED checksumError",
};
#define N_FAILURES ((int)(sizeof failures / sizeof *failures))

/*
 * Texts.
 */

__attribute__((format(printf, 3, 4)))
static void
problem(struct run *run, const struct section *at, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	if (at != NULL)
		buf_printf(&run->problems, "line %d: ", at->line);
	buf_printf(&run->problems, "%s\n", text);
	free(text);
}

/* The next line of *text, cut out of it, or NULL at the end. */
static char *
next_line(char **text)
{
	char *line = *text, *end;

	if (line == NULL || *line == '\0')
		return NULL;
	end = strchr(line, '\n');
	*text = end != NULL ? end + 1 : line + strlen(line);
	if (end != NULL)
		*end = '\0';
	return line;
}

/* What follows the prefix, or NULL. */
static char *
after(char *line, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(line, prefix, n) == 0 ? line + n : NULL;
}

/* A copy of the section's lines that can be cut up. */
static char *
lines_of(struct run *run, const struct section *section)
{
	return str_copy(run->arena, str_from(section->text));
}

/* text with all of what replaced by with. */
static char *
replace(struct run *run, char *text, const char *what, const char *with)
{
	char *at;

	while ((at = strstr(text, what)) != NULL)
		text = str_printf(run->arena, "%.*s%s%s", (int)(at - text), text, with,
			at + strlen(what));
	return text;
}

/* The call's name in a target: what follows the last "/api/", without doubled
 * slashes and one at the end. */
static char *
call_name(struct run *run, const char *target)
{
	char *path = str_copy(run->arena, (struct str){target, strcspn(target, "?")});
	char *at, *name = path + strlen(path);
	size_t n;

	path = replace(run, path, "//", "/");
	while ((at = strstr(path, "/api/")) != NULL)
		name = path = at + 5;
	n = strlen(name);
	return str_copy(run->arena, (struct str){name, n > 0 && name[n - 1] == '/' ? n - 1 : n});
}

/* The unpadded base64url of bytes (RFC 4648, section 5). */
static char *
base64url(struct arena *arena, const void *bytes, size_t n)
{
	char *text = arena_alloc(arena, n * 2 + 8);

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);
	for (char *c = text; *c != '\0'; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
	return text;
}

static char *
make_token(struct arena *arena, const char *algorithm, const EVP_MD *digest,
	const char *secret, const char *claims)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *head = str_printf(arena, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", algorithm);
	char *text = str_printf(arena, "%s.%s", base64url(arena, head, strlen(head)),
		base64url(arena, claims, strlen(claims)));

	HMAC(digest, secret, (int)strlen(secret), (const unsigned char *)text, strlen(text),
		mac, &n);
	return str_printf(arena, "%s.%s", text, base64url(arena, mac, n));
}

static char *
encode(struct arena *arena, const char *text)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	query_encode(&out, str_from(text));
	return str_copy(arena, buf_take(&out, arena));
}

/* words: KIND SERVER URL [BASE [SECRET]] */
static char *
make_callback(struct arena *arena, char *words)
{
	const char *kind = strtok(words, " "), *server = strtok(NULL, " ");
	const char *url = strtok(NULL, " "), *base = strtok(NULL, " ");
	const char *secret = strtok(NULL, " ");
	char hex[CHECKSUM_HEX_SIZE];

	if (url == NULL)
		return str_copy(arena, STR("(a bad placeholder)"));
	checksum_hmac(str_from(secret != NULL ? secret : "gateway-secret"), str_from(
		str_printf(arena, "tinyscale/callback\n%s\n%s\n%s", kind, server, url)), hex);
	return str_printf(arena, "%s/tinyscale/callback?kind=%s&server=%s&url=%s&mac=%s",
		base != NULL ? base : "http://gateway.test/bigbluebutton/api", kind,
		encode(arena, server), encode(arena, url), hex);
}

/* The text with its %word{...} replaced; braces within count. */
static char *
expand(struct arena *arena, const char *text)
{
	static const char *const marks[] = {"%callback{", "%callback-encoded{", "%token256{",
		"%token512{", "%hook{", "%hash1{", "%hash256{", "%hash384{", "%hash512{"};
	struct buf out;

	buf_init(&out, TEXT_MAX);
	while (*text != '\0') {
		char id[HOOK_ID_SIZE], hex[CHECKSUM_HEX_SIZE];
		int mark = -1, depth = 0;
		const char *from, *end;
		char *words, *space;

		for (int i = 0; i < (int)(sizeof marks / sizeof *marks); i++)
			if (strncmp(text, marks[i], strlen(marks[i])) == 0)
				mark = i;
		if (mark < 0) {
			buf_char(&out, *text++);
			continue;
		}
		from = text + strlen(marks[mark]);
		for (end = from; *end != '\0' && (*end != '}' || depth > 0); end++)
			depth += *end == '{' ? 1 : *end == '}' ? -1 : 0;
		words = str_copy(arena, (struct str){from, (size_t)(end - from)});
		text = *end != '\0' ? end + 1 : end;
		words = expand(arena, words);
		space = words + strcspn(words, " ");
		if (mark == 4) {
			hook_id(str_from(words), id);
			buf_text(&out, id);
			continue;
		}
		if (mark >= 5) {
			if (*space != '\0')
				*space++ = '\0';
			checksum_make((enum checksum_algorithm)(mark - 5), str_from(space), STR(""),
				str_from(words), hex);
			buf_text(&out, hex);
			continue;
		}
		if (mark <= 1) {
			words = make_callback(arena, words);
			buf_text(&out, mark == 1 ? encode(arena, words) : words);
			continue;
		}
		if (*space != '\0')
			*space++ = '\0';
		buf_text(&out, mark == 2 ? make_token(arena, "HS256", EVP_sha256(), words, space) :
			make_token(arena, "HS512", EVP_sha512(), words, space));
	}
	return str_copy(arena, buf_take(&out, arena));
}

/* Fill in the placeholder mark: cut out as a checksum is, the query of target
 * is signed, and the mark is replaced in text. */
static char *
sign(struct run *run, char *text, const char *target, const char *mark,
	enum checksum_algorithm algorithm, const char *secret)
{
	const char *query = strchr(target, '?');
	char hex[CHECKSUM_HEX_SIZE];
	char *q = str_copy(run->arena, str_from(query != NULL ? query + 1 : ""));
	char *pair = str_printf(run->arena, "&checksum=%s&", mark);
	size_t n = strlen(pair);

	if (strstr(text, mark) == NULL)
		return text;
	q = replace(run, q, str_copy(run->arena, (struct str){pair, n - 1}), "");
	q = replace(run, q, pair + 1, "");
	q = replace(run, q, str_copy(run->arena, (struct str){pair + 1, n - 2}), "");
	checksum_make(algorithm, str_from(call_name(run, target)), str_from(q),
		str_from(secret), hex);
	if (strcmp(mark, "%SIGN") == 0)
		for (char *c = hex; *c != '\0'; c++)
			*c = (char)(*c >= 'a' && *c <= 'f' ? *c - 32 : *c);
	return replace(run, text, mark, hex);
}

/* The same for all the placeholders of a request. */
static char *
sign_all(struct run *run, char *text, const char *target, const char *secret)
{
	text = sign(run, text, target, "%sign256", CHECKSUM_SHA256, secret);
	text = sign(run, text, target, "%sign384", CHECKSUM_SHA384, secret);
	text = sign(run, text, target, "%sign512", CHECKSUM_SHA512, secret);
	text = sign(run, text, target, "%sign1", CHECKSUM_SHA1, secret);
	text = sign(run, text, target, "%SIGN", CHECKSUM_SHA1, secret);
	return sign(run, text, target, "%sign", CHECKSUM_SHA1, secret);
}

static void
see(struct run *run, struct str meeting_id)
{
	for (size_t i = 0; i < run->n_seen; i++)
		if (str_is(meeting_id, run->seen[i]))
			return;
	if (run->n_seen < sizeof run->seen / sizeof *run->seen)
		run->seen[run->n_seen++] = str_copy(run->arena, meeting_id);
}

/*
 * The store: passes on to the real one, unless it is a verb's turn to fail.
 */

static struct run *
run_of(struct store *store)
{
	return (struct run *)(void *)((char *)store - offsetof(struct run, store));
}

#define PASS(verb, ...) \
	struct run *run = run_of(store); \
	if (++run->verbs == run->failing_verb) \
		return STORE_FAILED; \
	return run->inner->verbs->verb(run->inner, __VA_ARGS__)

static enum store_result
watch_servers(struct store *store, const struct server *servers,
	size_t n, struct server_facts *facts)
{
	memset(facts, 0, n * sizeof *facts);
	PASS(servers, servers, n, facts);
}

static enum store_result
watch_server_contact(struct store *store, const char *server, enum contact contact,
	const struct server_rules *rules, int64_t now_ms, uint64_t nonce,
	enum server_health *before, struct server_facts *facts)
{
	PASS(server_contact, server, contact, rules, now_ms, nonce, before, facts);
}

static enum store_result
watch_polls_save(struct store *store, struct store_poll *polls, size_t n,
	int64_t now_ms, int64_t fresh_ms)
{
	PASS(polls_save, polls, n, now_ms, fresh_ms);
}

static enum store_result
watch_lease_take(struct store *store, uint64_t owner, int64_t now_ms, int64_t ttl_ms)
{
	PASS(lease_take, owner, now_ms, ttl_ms);
}

static enum store_result
watch_server_save(struct store *store, const char *server,
	const struct server_facts *facts)
{
	PASS(server_save, server, facts);
}

static enum store_result
watch_find(struct store *store, struct arena *arena, struct str id,
	int64_t now_ms, int64_t absent_ttl_ms, struct meeting *meeting)
{
	PASS(meeting_find, arena, id, now_ms, absent_ttl_ms, meeting);
}

static enum store_result
watch_absent(struct store *store, struct str id, int64_t now_ms)
{
	PASS(meeting_absent, id, now_ms);
}

static enum store_result
watch_claim(struct store *store, struct arena *arena,
	struct placement *placement, int64_t now_ms, struct meeting *meeting)
{
	see(run_of(store), placement->meeting_id);
	PASS(meeting_claim, arena, placement, now_ms, meeting);
}

static enum store_result
watch_adopt(struct store *store, struct str id, const char *server,
	int64_t now_ms)
{
	see(run_of(store), id);
	PASS(meeting_adopt, id, server, now_ms);
}

static enum store_result
watch_move(struct store *store, struct arena *arena,
	struct placement *placement, const char *old, int64_t now_ms, struct meeting *meeting)
{
	see(run_of(store), placement->meeting_id);
	PASS(meeting_move, arena, placement, old, now_ms, meeting);
}

static enum store_result
watch_drop(struct store *store, struct str id, const char *server,
	int64_t claimed_ms)
{
	PASS(meeting_drop, id, server, claimed_ms);
}

static enum store_result
watch_recordings_put(struct store *store, const struct store_recording *recordings,
	size_t n, int64_t now_ms)
{
	PASS(recordings_put, recordings, n, now_ms);
}

static enum store_result
watch_recordings_find(struct store *store, struct arena *arena,
	struct store_recording *recordings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		recordings[i].server = NULL;
	PASS(recordings_find, arena, recordings, n);
}

static enum store_result
watch_lists_save(struct store *store, const struct store_list *lists,
	size_t n, bool *is_known)
{
	if (is_known != NULL)
		memset(is_known, 0, n * sizeof *is_known);
	PASS(lists_save, lists, n, is_known);
}

static enum store_result
watch_list_find(struct store *store, struct arena *arena,
	struct store_list *list)
{
	PASS(list_find, arena, list);
}

static enum store_result
watch_lists_drop(struct store *store, const char *server, const char *call)
{
	PASS(lists_drop, server, call);
}

static enum store_result
watch_hook_put(struct store *store, const struct hook *hook, bool anew)
{
	PASS(hook_put, hook, anew);
}

static enum store_result
watch_hook_list(struct store *store, struct arena *arena, struct hook **hooks, size_t *n)
{
	*n = 0;
	PASS(hook_list, arena, hooks, n);
}

static enum store_result
watch_hook_drop(struct store *store, const char *id, int64_t now_ms)
{
	PASS(hook_drop, id, now_ms);
}

static const struct store_verbs watch_verbs = {
	.servers = watch_servers,
	.server_save = watch_server_save,
	.server_contact = watch_server_contact,
	.polls_save = watch_polls_save,
	.lease_take = watch_lease_take,
	.meeting_find = watch_find,
	.meeting_absent = watch_absent,
	.meeting_claim = watch_claim,
	.meeting_adopt = watch_adopt,
	.meeting_move = watch_move,
	.meeting_drop = watch_drop,
	.recordings_put = watch_recordings_put,
	.recordings_find = watch_recordings_find,
	.lists_save = watch_lists_save,
	.list_find = watch_list_find,
	.lists_drop = watch_lists_drop,
	.hook_put = watch_hook_put,
	.hook_list = watch_hook_list,
	.hook_drop = watch_hook_drop,
};

/*
 * The network: expected calls, canned answers.
 */

/* The expected call of that server and target, or NULL. */
static struct expected *
find_expected(struct run *run, const struct server *server, const char *target)
{
	for (size_t i = 0; i < run->n_expected; i++) {
		struct expected *e = &run->expected[i];

		if (e->server == server && strcmp(e->target, target) == 0 &&
				(!e->used || run->torture)) {
			if (e->never && !run->torture)
				problem(run, e->section, "%s is asked", server->name);
			e->used = true;
			return e;
		}
	}
	if (!run->torture && !(run->is_poll && strstr(target, "/hooks/list") != NULL))
		problem(run, NULL, "an unexpected call to %s: %s", server->name, target);
	return NULL;
}

/* Clients' own servers: nothing is signed as BBB's calls are. */
static struct expected *
match_receiver(struct run *run, const struct http_call *call)
{
	if (call->public_only == run->config->allow_private_callbacks)
		problem(run, NULL, "a callback that may not go, or may, to private addresses");
	run->sent_body = call->body;
	return find_expected(run, &receiver, str_printf(run->arena, "%s %s", call->method,
		call->url));
}

/* The expected call that this one is, or NULL.  Its checksum is taken off and
 * checked; a form without a query has it as its last field. */
static struct expected *
match(struct run *run, const struct http_call *call)
{
	const struct server *server = config_server_find(run->config, call->server);
	const char *path = strstr(call->url, "://"), *mark = NULL, *at = call->url;
	struct str query, given;
	size_t form;
	char *target;

	if (strcmp(call->server, " callback") == 0)
		return match_receiver(run, call);
	if (call->public_only || call->authorization.data != NULL)
		problem(run, NULL, "%s is called as a receiver would be", call->server);
	path = path != NULL ? strchr(path + 3, '/') : NULL;
	while ((at = strstr(at, "checksum=")) != NULL)
		mark = at++;
	run->sent_body = call->body;
	form = str_find(call->body, STR("&checksum="), 0);
	if (server != NULL && path != NULL && mark == NULL && strchr(path, '?') == NULL &&
			form != SIZE_MAX) {
		run->sent_body = str_part(call->body, 0, form);
		given = str_part(call->body, form + strlen("&checksum="), SIZE_MAX);
		target = str_printf(run->arena, "%s %s", call->method, path);
	} else if (server != NULL && path != NULL && mark != NULL &&
			(mark[-1] == '?' || mark[-1] == '&')) {
		given = str_from(mark + strlen("checksum="));
		target = str_printf(run->arena, "%s %.*s", call->method, (int)(mark - 1 - path), path);
	} else {
		problem(run, NULL, "an odd call: %s %s", call->method, call->url);
		return NULL;
	}
	query = str_from(strchr(target, '?') != NULL ? strchr(target, '?') + 1 : "");
	if (strncmp(call->url, server->base, strlen(server->base)) != 0)
		problem(run, NULL, "%s is not below %s", call->url, server->base);
	run->sent_secret = 0;
	for (size_t i = server->n_secrets; i > 0; i--)
		if (checksum_verify(1u << server->algorithm, str_from(call_name(run, target)),
				query, str_from(server->secrets[i - 1]), given))
			run->sent_secret = i;
	if (run->sent_secret == 0)
		problem(run, NULL, "a wrong checksum for %s: %s", server->name, call->url);
	return find_expected(run, server, target);
}

/* Check a ">" line: what the call must carry along. */
static void
check_sent(struct run *run, const struct expected *e, const struct http_call *call,
	char *want, bool *has_body)
{
	char *value;
	struct str got;

	if ((value = after(want, "body ")) != NULL) {
		*has_body = true;
		got = run->sent_body;
		if (strcmp(value, "=") == 0)
			value = str_copy(run->arena, run->request_body);
	} else if ((value = after(want, "Content-Type: ")) != NULL) {
		got = call->content_type;
	} else if ((value = after(want, "Authorization: ")) != NULL) {
		got = call->authorization;
	} else if ((value = after(want, "X-Forwarded-For: ")) != NULL) {
		got = call->forwarded_for;
	} else if (strcmp(want, "once") == 0) {
		value = str_copy(run->arena, STR("once"));
		got = call->once ? STR("once") : STR("(not once)");
	} else if (strcmp(want, "at-once") == 0) {
		value = str_copy(run->arena, STR("at-once"));
		got = call->at_once ? STR("at-once") : STR("(in its turn)");
	} else {
		problem(run, e->section, "what is \"> %s\"?", want);
		return;
	}
	if (!str_is(got, value))
		problem(run, e->section, "sent along to %s:\n-  %s\n+  %.*s", e->server->name,
			value, STR_ARG(got));
}

/* Map a meeting, "room-1 a", as another process does while a call is under way. */
static void
map_meanwhile(struct run *run, char *line)
{
	char *server = strchr(line, ' ');
	struct str id;

	if (server == NULL)
		return;
	id = (struct str){line, (size_t)(server - line)};
	see(run, id);
	run->inner->verbs->meeting_adopt(run->inner, id, server + 1, run->now_ms);
}

/* Give the call its answer: the lines of a server section. */
static void
answer(struct run *run, const struct expected *e, char *text, struct http_call *call)
{
	bool has_body = false;
	size_t secret = 1;
	char *line, *value;

	call->result = HTTP_ANSWERED;
	call->sent = true;
	call->status = 200;
	call->answer = STR("");
	call->answer_type = STR("text/xml;charset=utf-8");
	call->elapsed_ms = 5;
	while ((line = next_line(&text)) != NULL && *line != '\0') {
		if ((value = after(line, "> secret ")) != NULL) {
			secret = (size_t)atoi(value);
		} else if ((value = after(line, "> ")) != NULL) {
			if (!run->torture)
				check_sent(run, e, call, value, &has_body);
		} else if ((value = after(line, "meanwhile ")) != NULL)
			map_meanwhile(run, value);
		else if ((value = after(line, "status ")) != NULL)
			call->status = atoi(value);
		else if ((value = after(line, "Content-Type: ")) != NULL)
			call->answer_type = str_from(value);
		else if ((value = after(line, "Location: ")) != NULL)
			call->location = str_from(value);
		else if ((value = after(line, "Set-Cookie: ")) != NULL)
			call->set_cookie = str_from(call->set_cookie.data == NULL ? value :
				str_printf(run->arena, "%s\n%s", call->set_cookie.data, value));
		else if ((value = after(line, "FAILED ")) != NULL)
			call->answer = str_from(str_printf(run->arena, "<response>\n"
				"<returncode>FAILED</returncode>\n<messageKey>%s</messageKey>\n"
				"<message>As a server words it.</message>\n</response>", value));
		else if (strcmp(line, "unreachable") == 0 || strcmp(line, "busy") == 0) {
			call->result = *line == 'b' ? HTTP_BUSY : HTTP_UNREACHABLE;
			call->sent = false;
		} else if (strcmp(line, "shortage") == 0) {
			call->result = HTTP_SHORTAGE;
			call->sent = false;
		} else if (strcmp(line, "waited") == 0) {
			call->result = HTTP_TIMEOUT;
			call->waited = true;
		} else if (strcmp(line, "timeout") == 0)
			call->result = HTTP_TIMEOUT;
		else if (strcmp(line, "broken") == 0)
			call->result = HTTP_BROKEN;
		else if (strcmp(line, "too-large") == 0)
			call->result = HTTP_TOO_LARGE;
		else
			problem(run, e != NULL ? e->section : NULL, "what is \"%s\"?", line);
	}
	if (text != NULL && *text != '\0')
		call->answer = str_from(text);
	if (call->result != HTTP_ANSWERED)
		call->problem = "scripted";
	if (e != NULL && e->server != &receiver && !run->torture && run->sent_secret != secret)
		problem(run, e->section, "signed with %s's secret %zu", e->server->name,
			run->sent_secret);
	if (e != NULL && !has_body && !run->torture && run->sent_body.len > 0)
		problem(run, e->section, "a body was sent to %s:\n+  %.*s", e->server->name,
			STR_ARG(run->sent_body));
}

static void
run_http(struct http *http, struct arena *arena, struct http_batch *batch)
{
	struct run *run = (struct run *)(void *)http;
	bool enough = false;

	(void)arena;
	if (batch->timeout_ms <= 0)
		problem(run, NULL, "a batch without a deadline");
	for (size_t i = 0; i < batch->n; i++) {
		struct http_call *call = &batch->calls[i];
		const struct expected *e = match(run, call);
		const char *text = e != NULL ? e->section->text :
			strstr(call->url, "/hooks/") != NULL ? "status 404\n\n" : "FAILED notFound";

		if (call->max_answer_bytes == 0)
			problem(run, NULL, "a call without max_answer_bytes");
		if (++run->calls == run->failing_call)
			text = failures[run->failure];
		/* What a receiver says may be passed on, whatever it is. */
		if (strcmp(call->server, " callback") == 0 && strstr(text, "secret-") != NULL)
			text = "status 500\n\nfailed";
		answer(run, e, str_copy(run->arena, str_from(text)), call);
	}
	/* A call that times out does so after all the others have answered. */
	for (int late = 0; late <= 1; late++) {
		for (size_t i = 0; i < batch->n; i++) {
			struct http_call *call = &batch->calls[i];

			if ((call->result == HTTP_TIMEOUT) != (late == 1))
				continue;
			if (enough)
				*call = (struct http_call){.server = call->server,
					.method = call->method, .url = call->url,
					.result = HTTP_ABANDONED, .sent = true};
			else if (call->result == HTTP_ANSWERED && batch->enough != NULL)
				enough = batch->enough(call, batch->context);
			if (call->result == HTTP_TIMEOUT)
				call->elapsed_ms = batch->timeout_ms;
		}
	}
}

/*
 * What a case begins with.
 */

static void
load_config(struct run *run, const struct section *section)
{
	struct { char name[16]; const char *more; bool out; } servers[8] = {
		{.name = "a"}, {.name = "b"}, {.name = "c"}};
	char *text = section != NULL ? lines_of(run, section) : NULL, *line, *value;
	char path[] = "/tmp/tinyscale-case-XXXXXX";
	bool has_secret = false, first = true;
	struct buf json, complaints;
	int fd = mkstemp(path);

	buf_init(&json, TEXT_MAX);
	buf_init(&complaints, TEXT_MAX);
	buf_text(&json, "{\"state\": \"none\"");
	while ((line = next_line(&text)) != NULL) {
		bool out = after(line, "no server ") != NULL;

		if (*line == '\0')
			continue;
		if ((value = after(line, out ? "no server " : "server ")) == NULL) {
			buf_printf(&json, ",\n%s", line);
			has_secret |= after(line, "\"secret") != NULL;
			continue;
		}
		for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
			size_t n = strcspn(value, " ");

			if (*servers[i].name == '\0')
				snprintf(servers[i].name, sizeof servers[i].name, "%.*s", (int)n, value);
			if (strlen(servers[i].name) != n || strncmp(servers[i].name, value, n) != 0)
				continue;
			servers[i].out = out;
			if (value[n] == ' ')
				servers[i].more = value + n + 1;
			break;
		}
	}
	if (!has_secret)
		buf_text(&json, ",\n\"secret\": \"gateway-secret\"");
	buf_text(&json, ",\n\"servers\": [");
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		const char *name = servers[i].name;

		if (*name == '\0' || servers[i].out)
			continue;
		buf_printf(&json, "%s\n{\"name\": \"%s\"", first ? "" : ",", name);
		if (servers[i].more == NULL || strstr(servers[i].more, "\"secrets\"") == NULL)
			buf_printf(&json, ", \"secret\": \"secret-%s\"", name);
		if (servers[i].more == NULL || strstr(servers[i].more, "\"host\"") == NULL)
			buf_printf(&json, ", \"host\": \"http://%s.test\"", name);
		if (servers[i].more != NULL)
			buf_printf(&json, ", %s", servers[i].more);
		buf_char(&json, '}');
		first = false;
	}
	buf_text(&json, "]}\n");
	if (fd < 0 || write(fd, json.data, json.len) != (ssize_t)json.len)
		abort();
	close(fd);
	run->config = config_load(path, &complaints);
	unlink(path);
	if (run->config == NULL)
		problem(run, section, "the configuration is bad:\n%s", complaints.data);
	buf_free(&json);
	buf_free(&complaints);
}

static void
set_facts(struct run *run, const struct section *section, const char *server)
{
	static const char *const healths[] = {"up", "suspect", "down"};
	char *text = lines_of(run, section), *line, *value;
	struct server_facts facts = {0};
	struct store_poll poll = {.server = server, .answered = true};
	bool polled = false;

	while ((line = next_line(&text)) != NULL) {
		if ((value = after(line, "health ")) != NULL) {
			for (int i = 0; i < 3; i++)
				if (strcmp(value, healths[i]) == 0)
					facts.health = (enum server_health)i;
		} else if ((value = after(line, "operator ")) != NULL) {
			facts.has_operator_state = true;
			if (server_state_find(str_from(value), &facts.operator_state) != 0)
				problem(run, section, "what is \"%s\"?", line);
		} else if ((value = after(line, "users ")) != NULL) {
			poll.users = strtol(value, NULL, 10);
			polled = true;
		}
	}
	run->inner->verbs->server_save(run->inner, server, &facts);
	if (polled) /* long ago, so that it counts as no new server */
		run->inner->verbs->polls_save(run->inner, &poll, 1, 1, 0);
}

static void
set_meetings(struct run *run, const struct section *section)
{
	char *text = lines_of(run, section), *line;

	while ((line = next_line(&text)) != NULL) {
		char *id = strtok(line, " "), *name = strtok(NULL, " "), *age = strtok(NULL, " ");

		if (id == NULL || name == NULL)
			continue;
		see(run, str_from(id));
		if (run->inner->verbs->meeting_adopt(run->inner, str_from(id), name,
				run->now_ms - (age != NULL ? atoll(age) : MAPPED_MS)) != STORE_OK)
			problem(run, section, "cannot map %s to %s", id, name);
	}
}

static void
set_recordings(struct run *run, const struct section *section)
{
	char *text = lines_of(run, section), *line;

	while ((line = next_line(&text)) != NULL) {
		struct store_recording recording = {
			.record_id = str_from(strtok(line, " ")), .server = strtok(NULL, " ")};

		if (recording.server != NULL)
			run->inner->verbs->recordings_put(run->inner, &recording, 1, run->now_ms);
	}
}

static void
check_recordings(struct run *run, const struct section *section)
{
	char *text = lines_of(run, section), *line;

	while ((line = next_line(&text)) != NULL) {
		struct store_recording recording = {.record_id = str_from(strtok(line, " "))};
		const char *want = strtok(NULL, " ");

		if (want == NULL)
			continue;
		run->inner->verbs->recordings_find(run->inner, run->arena, &recording, 1);
		if (strcmp(recording.server != NULL ? recording.server : "-", want) != 0)
			problem(run, section, "recording %.*s: remembered on %s, want %s",
				STR_ARG(recording.record_id),
				recording.server != NULL ? recording.server : "-", want);
	}
}

static void
set_hooks(struct run *run, const struct section *section)
{
	char *text = lines_of(run, section), *line;

	while ((line = next_line(&text)) != NULL) {
		char *url = strtok(line, " "), *id = strtok(NULL, " "), *age = strtok(NULL, " ");
		struct hook hook = {.base = STR("http://gateway.test/bigbluebutton/api"),
			.changed_ms = run->now_ms - (age != NULL ? atoll(age) : MAPPED_MS)};
		bool dropped = url != NULL && id != NULL && strcmp(url, "dropped") == 0;

		if (url == NULL)
			continue;
		hook.url = str_from(dropped ? id : url);
		hook_id(hook.url, hook.id);
		if (dropped)
			run->inner->verbs->hook_drop(run->inner, hook.id, hook.changed_ms);
		else if (id != NULL && strcmp(id, "-") != 0)
			hook.meeting_id = str_from(id);
		if (!dropped && run->inner->verbs->hook_put(run->inner, &hook, true) != STORE_OK)
			problem(run, section, "cannot put %s", url);
	}
}

static int
compare_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
check_hooks(struct run *run, const struct section *section)
{
	char *text = lines_of(run, section), *line, *want[100], *got[100];
	size_t n_want = 0, n_got = 0, n;
	struct hook *hooks;
	bool same;

	while ((line = next_line(&text)) != NULL && n_want < 100)
		if (*line != '\0' && strcmp(line, "(none)") != 0)
			want[n_want++] = line;
	run->inner->verbs->hook_list(run->inner, run->arena, &hooks, &n);
	for (; n_got < n && n_got < 100; n_got++) {
		const struct hook *hook = &hooks[n_got];

		got[n_got] = hook->is_dropped ? str_printf(run->arena, "dropped %s", hook->id) :
			str_printf(run->arena, "%.*s %.*s", STR_ARG(hook->url), STR_ARG(
				hook->meeting_id.len > 0 ? hook->meeting_id : STR("-")));
	}
	qsort(want, n_want, sizeof *want, compare_line);
	qsort(got, n_got, sizeof *got, compare_line);
	same = n_want == n_got;
	for (size_t i = 0; same && i < n_got; i++)
		same = strcmp(want[i], got[i]) == 0;
	for (size_t i = 0; !same && i < n_got; i++)
		problem(run, section, "a hook there is:  %s", got[i]);
	if (!same)
		problem(run, section, "are not the hooks there should be");
}

/* Compare the mappings there are with the lines of the section. */
static void
check_meetings(struct run *run, const struct section *section)
{
	char *text = lines_of(run, section), *line;
	struct buf want, got;

	buf_init(&want, TEXT_MAX);
	buf_init(&got, TEXT_MAX);
	while ((line = next_line(&text)) != NULL)
		if (*line != '\0' && strcmp(line, "(none)") != 0) {
			buf_printf(&want, "-  %s\n", line);
			see(run, (struct str){line, strcspn(line, " ")});
		}
	for (size_t i = 0; i < run->n_seen; i++) {
		struct meeting meeting;
		char *mapping, *at;

		if (run->inner->verbs->meeting_find(run->inner, run->arena, str_from(run->seen[i]),
				run->now_ms, 0, &meeting) != STORE_OK)
			continue;
		mapping = str_printf(run->arena, "-  %s %s\n", run->seen[i], meeting.server);
		at = want.len > 0 ? strstr(want.data, mapping) : NULL;
		if (at != NULL)
			*at = '='; /* both have it */
		else
			buf_printf(&got, "+  %s %s\n", run->seen[i], meeting.server);
	}
	if (got.len > 0 || (want.len > 0 && strchr(want.data, '-') == want.data) ||
			(want.len > 0 && strstr(want.data, "\n-") != NULL))
		problem(run, section, "the mappings differ (-: missing, +: too many):\n%s%s",
			want.len > 0 ? want.data : "", got.len > 0 ? got.data : "");
	buf_free(&want);
	buf_free(&got);
}

/*
 * One request and what comes of it.
 */

/* The meta-variables of a request, and its body as a stream. */
struct variables {
	struct { const char *name, *value; } list[40];
	size_t n;
	struct str body;
	size_t read;
};

static void
set(struct variables *v, const char *name, const char *value)
{
	size_t i = 0;

	while (i < v->n && strcmp(v->list[i].name, name) != 0)
		i++;
	if (i == sizeof v->list / sizeof *v->list)
		abort();
	v->list[i].name = name;
	v->list[i].value = value;
	v->n += i == v->n;
}

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
	struct str part = str_part(v->body, v->read, size);

	if (part.len > 0)
		memcpy(data, part.data, part.len);
	v->read += part.len;
	return (long)part.len;
}

/* Read the request section into variables, as a web server would. */
static void
read_variables(struct run *run, const struct section *section, struct variables *v)
{
	const char *secret = run->config->n_secrets > 0 ? run->config->secrets[0] : "";
	char *text = lines_of(run, section), *line = next_line(&text), *target, *value, *query;
	const char *mount = "/bigbluebutton/api";

	target = line != NULL ? strchr(line, ' ') : NULL;
	if (target == NULL) {
		problem(run, section, "a request begins with its method and target");
		return;
	}
	*target++ = '\0';
	if (strstr(section->text, "\nsign-with ") != NULL) {
		value = strstr(section->text, "\nsign-with ") + strlen("\nsign-with ");
		secret = str_copy(run->arena, (struct str){value, strcspn(value, "\n")});
	}
	value = sign_all(run, target, target, secret);
	query = strchr(value, '?');
	set(v, "REQUEST_METHOD", line);
	set(v, "REQUEST_URI", value);
	set(v, "QUERY_STRING", query != NULL ? query + 1 : "");
	if (strncmp(value, mount, strlen(mount)) == 0) {
		set(v, "SCRIPT_NAME", mount);
		set(v, "PATH_INFO", str_copy(run->arena, (struct str){value + strlen(mount),
			strcspn(value, "?") - strlen(mount)}));
	}
	set(v, "REMOTE_ADDR", "192.0.2.7");
	set(v, "HTTP_HOST", "gateway.test");
	set(v, "SERVER_PROTOCOL", "HTTP/1.1");
	while ((line = next_line(&text)) != NULL && *line != '\0') {
		char *colon = strstr(line, ": "), *equals = strchr(line, '=');

		if (after(line, "sign-with ") != NULL)
			continue;
		if (colon != NULL && (equals == NULL || colon < equals)) {
			*colon = '\0';
			for (char *c = line; *c != '\0'; c++)
				*c = (char)(*c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
			if (strncmp(line, "CONTENT_", 8) != 0 && strcmp(line, "HTTPS") != 0)
				line = str_printf(run->arena, "HTTP_%s", line);
			set(v, line, colon + 2);
		} else if (equals != NULL) {
			*equals = '\0';
			set(v, line, strcmp(equals + 1, "-") == 0 ? NULL : equals + 1);
		} else {
			problem(run, section, "what is \"%s\"?", line);
		}
	}
	if (line != NULL) {
		v->body = str_from(sign_all(run, text, target, secret));
		for (size_t i = 0; i < v->n; i++)
			if (strcmp(v->list[i].name, "CONTENT_LENGTH") == 0)
				return;
		set(v, "CONTENT_LENGTH", str_printf(run->arena, "%zu", v->body.len));
	}
}

/* Does the section make the gateway do something? */
static bool
is_act(const struct section *section)
{
	return strcmp(section->title, "request") == 0 || strcmp(section->title, "poll") == 0;
}

/* The sections from first on that tell what the servers expect. */
static void
expect_calls(struct run *run, size_t first)
{
	run->expected = arena_alloc(run->arena,
		run->n_sections * (run->config->n_servers + 1) * sizeof *run->expected);
	run->n_expected = 0;
	for (size_t i = first; i < run->n_sections; i++) {
		const struct section *section = &run->sections[i];
		char *title = str_copy(run->arena, str_from(section->title)), *names, *name;
		bool optional, never, any = false;

		if (is_act(section))
			break;
		if ((names = after(title, "receiver ")) != NULL) {
			optional = after(names, "optional ") != NULL;
			run->expected[run->n_expected++] = (struct expected){
				.section = section, .server = &receiver, .optional = optional,
				.target = optional ? names + strlen("optional ") : names};
			continue;
		}
		if ((names = after(title, "server ")) == NULL)
			continue;
		title = names + strcspn(names, " ");
		if (*title != '\0')
			*title++ = '\0';
		optional = after(title, "optional ") != NULL;
		never = after(title, "never ") != NULL;
		title += optional ? strlen("optional ") : never ? strlen("never ") : 0;
		for (size_t s = 0; s < run->config->n_servers; s++) {
			const struct server *server = &run->config->servers[s];
			char *list = str_copy(run->arena, str_from(names)), *rest;
			bool named = strcmp(names, "*") == 0;

			for (name = strtok_r(list, ",", &rest); name != NULL;
					name = strtok_r(NULL, ",", &rest))
				named |= strcmp(name, server->name) == 0;
			if (named)
				run->expected[run->n_expected++] = (struct expected){
					.section = section, .server = server, .target = title,
					.optional = optional || never, .never = never};
			any |= named;
		}
		if (!any)
			problem(run, section, "there is no server %s", names);
	}
}

static bool
holds(struct str text, const char *what)
{
	return str_find(text, str_from(what), 0) != SIZE_MAX;
}

/* What is true of every answer, whatever went wrong behind it. */
static void
check_invariants(struct run *run, const struct section *at,
	const struct response *response, struct str header)
{
	static const int statuses[] = {200, 302, 401, 413, 503};
	struct xml_field code = {.name = "returncode"};
	bool status_fine = false;
	const char *end = header.data + header.len;

	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		status_fine |= response->status == statuses[i];
	/* A receiver's status is passed on. */
	status_fine |= str_is(response->call, "tinyscale/callback") &&
		response->status >= 200 && response->status < 600;
	if (!status_fine)
		problem(run, at, "status %d", response->status);
	if (!str_starts(header, "Status: ") || header.len < 4 || memcmp(end - 4, "\r\n\r\n", 4) != 0)
		problem(run, at, "a bad header block:\n%.*s", STR_ARG(header));
	if (response->status == 302) {
		if (response->location == NULL || strncmp(response->location, "http", 4) != 0)
			problem(run, at, "a redirect to nowhere");
	} else if (response->content_type == NULL ||
			strncmp(response->content_type, "text/", 5) != 0) {
		if (response->content_type == NULL ||
				strncmp(response->content_type, "application/json", 16) != 0)
			problem(run, at, "content type %s", response->content_type != NULL ?
				response->content_type : "(null)");
	} else if (strncmp(response->content_type, "text/xml", 8) == 0) {
		if (xml_read(run->arena, response->body, &code, 1, NULL) != 0)
			problem(run, at, "the answer is no XML:\n+  %.*s", STR_ARG(response->body));
		else if (!str_is(code.text, "SUCCESS") && !str_is(code.text, "FAILED"))
			problem(run, at, "returncode %.*s", STR_ARG(code.text));
	}
	for (size_t i = 0; i < run->config->n_servers; i++)
		for (size_t k = 0; k < run->config->servers[i].n_secrets; k++)
			if (holds(response->body, run->config->servers[i].secrets[k]) ||
					holds(header, run->config->servers[i].secrets[k]))
				problem(run, at, "a server's secret is in the answer");
	for (size_t i = 0; i < run->config->n_secrets; i++)
		if (holds(response->body, run->config->secrets[i]) ||
				holds(header, run->config->secrets[i]))
			problem(run, at, "the gateway's secret is in the answer");
	if (holds(response->body, "checksum="))
		problem(run, at, "a checksum is in the answer's body");
	if (response->result == NULL)
		problem(run, at, "the response has no result for the log");
}

static void
check_body(struct run *run, const struct section *at, struct str want, struct str got)
{
	size_t same = 0;

	if (str_equal(want, got))
		return;
	while (same < want.len && same < got.len && want.data[same] == got.data[same])
		same++;
	problem(run, at, "the body differs from byte %zu on:\n-  %.*s\n+  %.*s", same,
		STR_ARG(want), STR_ARG(got));
}

static void
check_response(struct run *run, const struct section *section,
	const struct response *response, struct str header)
{
	char *text = lines_of(run, section), *line, *value;
	struct str block = str_from(str_printf(run->arena, "\r\n%.*s", STR_ARG(header)));
	struct str body = response->body;
	int status = 200;

	while ((line = next_line(&text)) != NULL && *line != '\0') {
		if ((value = after(line, "status ")) != NULL) {
			status = atoi(value);
		} else if ((value = after(line, "no-header ")) != NULL) {
			if (holds(block, str_printf(run->arena, "\r\n%s:", value)))
				problem(run, section, "there is a header %s:\n%s", value, header.data);
		} else if ((value = after(line, "key ")) != NULL) {
			if (!holds(body, "<returncode>FAILED</returncode>") || !holds(body,
					str_printf(run->arena, "<messageKey>%s</messageKey>", value)))
				problem(run, section, "it is not FAILED %s:\n+  %.*s", value, STR_ARG(body));
		} else if ((value = after(line, "contains ")) != NULL) {
			if (!holds(body, value))
				problem(run, section, "not in the body:\n-  %s\n+  %.*s", value, STR_ARG(body));
		} else if ((value = after(line, "lacks ")) != NULL) {
			if (holds(body, value))
				problem(run, section, "in the body: %s\n+  %.*s", value, STR_ARG(body));
		} else {
			value = strchr(line, ' ');
			for (size_t i = 0; value != NULL && i < run->config->n_servers; i++) {
				const struct server *s = &run->config->servers[i];

				for (size_t k = s->n_secrets; k > 1; k--)
					line = sign(run, line, value + 1, str_printf(run->arena,
						"%%sign-%s:%zu", s->name, k), s->algorithm,
						s->secrets[k - 1]);
				value = strchr(line, ' ');
				line = sign(run, line, value + 1, str_printf(run->arena, "%%sign-%s",
					s->name), s->algorithm, s->secret);
				value = strchr(line, ' ');
			}
			if (!holds(block, str_printf(run->arena, "\r\n%s\r\n", line)))
				problem(run, section, "the header lacks a line:\n-  %s\n%s", line, header.data);
		}
	}
	if (status != response->status)
		problem(run, section, "status %d, want %d", response->status, status);
	if (line != NULL)
		check_body(run, section, str_from(text), body);
}

/* What was logged since the last time; it must hold no secret. */
static char *
read_log(struct run *run)
{
	off_t size = loud ? 0 : lseek(log_file, 0, SEEK_END);
	char *text = arena_alloc(run->arena, (size_t)size + 1);

	if (size > 0 && (pread(log_file, text, (size_t)size, 0) != size ||
			ftruncate(log_file, 0) != 0))
		abort();
	if (strstr(text, "gateway-secret") != NULL || strstr(text, "secret-") != NULL ||
			strstr(text, "checksum=") != NULL)
		problem(run, NULL, "a secret or a checksum is in the log:\n%s", text);
	return text;
}

/* Compare the calls and the log of an act with what the sections after it say. */
static void
check_act(struct run *run, size_t index)
{
	char *log = read_log(run);

	for (size_t i = index + 1; !run->torture && i < run->n_sections; i++) {
		const struct section *section = &run->sections[i];
		char *text = lines_of(run, section), *line;

		if (is_act(section))
			break;
		if (strcmp(section->title, "log") == 0 && !loud)
			while ((line = next_line(&text)) != NULL)
				if (strstr(log, line) == NULL)
					problem(run, section, "not in the log: %s", line);
	}
	for (size_t i = 0; !run->torture && i < run->n_expected; i++)
		if (!run->expected[i].used && !run->expected[i].optional)
			problem(run, run->expected[i].section, "%s was not asked: %s",
				run->expected[i].server->name, run->expected[i].target);
	if (run->problems.len > 0 && *log != '\0')
		problem(run, NULL, "the log:\n%s", log);
}

static void
do_request(struct run *run, size_t index)
{
	const struct section *at = &run->sections[index];
	const struct api api = {run->config, &run->store, &run->http};
	struct variables v = {.n = 0};
	const struct cgi_stream source = {variable, read_body, NULL, &v};
	struct arena *arena = arena_new();
	struct request request;
	struct response response = {0};
	struct buf header;

	read_variables(run, at, &v);
	expect_calls(run, index + 1);
	cgi_read_request(arena, &source, (size_t)run->config->max_body_bytes, &request);
	request.now_ms = run->now_ms;
	request.nonce = NONCE;
	run->request_body = request.body;
	api_handle(&api, arena, &request, &response);
	api_log(&request, &response, 7);
	buf_init(&header, TEXT_MAX);
	cgi_write_header(&response, &header);

	check_invariants(run, at, &response, buf_view(&header));
	for (size_t i = index + 1; !run->torture && i < run->n_sections; i++) {
		const struct section *section = &run->sections[i];

		if (is_act(section))
			break;
		if (strcmp(section->title, "response") == 0)
			check_response(run, section, &response, buf_view(&header));
	}
	check_act(run, index);
	buf_free(&header);
	arena_free(arena);
}

static void
do_poll(struct run *run, size_t index)
{
	const struct api api = {run->config, &run->store, &run->http};
	struct arena *arena = arena_new();

	expect_calls(run, index + 1);
	poll_run(&api, arena, run->now_ms, NONCE, false);
	check_act(run, index);
	arena_free(arena);
}

/*
 * Cases.
 */

static void
do_section(struct run *run, size_t index)
{
	static const char *const others[] = {"config", "server ", "receiver ", "response",
		"log"};
	const struct section *section = &run->sections[index];
	char *title = str_copy(run->arena, str_from(section->title)), *rest, *what;

	run->is_poll = strcmp(title, "poll") == 0;
	if (strcmp(title, "request") == 0) {
		do_request(run, index);
	} else if (strcmp(title, "poll") == 0) {
		do_poll(run, index);
	} else if (strcmp(title, "store none") == 0) {
		run->inner->verbs->close(run->inner);
		run->inner = store_none_open();
	} else if ((rest = after(title, "facts ")) != NULL) {
		set_facts(run, section, rest);
	} else if (strcmp(title, "meetings") == 0) {
		set_meetings(run, section);
	} else if (strcmp(title, "meetings after") == 0) {
		if (!run->torture)
			check_meetings(run, section);
	} else if (strcmp(title, "recordings") == 0) {
		set_recordings(run, section);
	} else if (strcmp(title, "recordings after") == 0) {
		if (!run->torture)
			check_recordings(run, section);
	} else if (strcmp(title, "hooks") == 0) {
		set_hooks(run, section);
	} else if (strcmp(title, "hooks after") == 0) {
		if (!run->torture)
			check_hooks(run, section);
	} else if ((rest = after(title, "wait ")) != NULL) {
		run->now_ms += atoll(rest);
	} else if ((rest = after(title, "lists ")) != NULL && (what = strchr(rest, ' ')) != NULL) {
		*what++ = '\0';
		run->inner->verbs->lists_save(run->inner, &(struct store_list){.server = rest,
			.what = what, .answer = str_from(section->text)}, 1, NULL);
	} else {
		for (size_t i = 0; i < sizeof others / sizeof *others; i++)
			if (after(title, others[i]) != NULL)
				return;
		problem(run, section, "what is \"== %s\"?", title);
	}
}

/* Torture leaves nothing behind that was not there: whatever is mapped is
 * mapped to a server there is, unless the case itself mapped it. */
static void
check_servers_known(struct run *run)
{
	for (size_t i = 0; i < run->n_seen; i++) {
		struct meeting meeting;
		bool known = false;

		if (run->inner->verbs->meeting_find(run->inner, run->arena, str_from(run->seen[i]),
				run->now_ms, 0, &meeting) != STORE_OK)
			continue;
		known = config_server_find(run->config, meeting.server) != NULL;
		for (size_t s = 0; s < run->n_sections; s++)
			known |= strcmp(run->sections[s].title, "meetings") == 0 &&
				strstr(run->sections[s].text, str_printf(run->arena, "%s %s",
					run->seen[i], meeting.server)) != NULL;
		if (!known)
			problem(run, NULL, "%s is mapped to %s, which is no server", run->seen[i],
				meeting.server);
	}
}

/* Run the case once.  The caller frees run->problems. */
static void
run_case(struct run *run, struct section *sections, size_t n)
{
	run->http.run = run_http;
	run->store.verbs = &watch_verbs;
	run->inner = store_memory_open();
	run->arena = arena_new();
	run->sections = sections;
	run->n_sections = n;
	run->now_ms = START_MS;
	buf_init(&run->problems, TEXT_MAX);
	load_config(run, n > 0 && strcmp(sections[0].title, "config") == 0 ? sections : NULL);
	for (size_t i = 0; run->config != NULL && i < n; i++)
		do_section(run, i);
	if (run->config != NULL)
		check_servers_known(run);
	run->inner->verbs->close(run->inner);
	config_free(run->config);
	arena_free(run->arena);
}

/* Cut the text into sections; returns how many.  *prose is its first line. */
static size_t
read_sections(char *text, struct section *sections, size_t max, char **prose)
{
	char *line, *end, *next;
	size_t n = 0;
	int number = 1;

	*prose = NULL;
	for (line = text; line != NULL; line = next, number++) {
		end = line + strcspn(line, "\n");
		next = *end != '\0' ? end + 1 : NULL;
		if (n == 0 && *prose == NULL && strncmp(line, "# ", 2) == 0)
			*prose = line + 2;
		if (strncmp(line, "== ", 3) != 0 || n == max)
			continue;
		if (line > text)
			line[-1] = '\0'; /* the end of the section before */
		if (n > 0 && sections[n - 1].text == line)
			sections[n - 1].text = line - 1; /* which is empty */
		*end = '\0';
		sections[n++] = (struct section){line + 3, next != NULL ? next : end, number};
	}
	if (n > 0) {
		end = sections[n - 1].text + strlen(sections[n - 1].text);
		if (end > sections[n - 1].text && end[-1] == '\n')
			end[-1] = '\0';
	}
	return n;
}

static void
do_file(const char *path, bool torture)
{
	struct section sections[200];
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	struct arena *arena = arena_new();
	struct run run = {.torture = torture};
	char *text, *prose, note[40] = "";
	int fd = open(path, O_RDONLY), runs = 0, verbs, calls;
	struct stat status;
	size_t n;

	if (fd < 0 || fstat(fd, &status) != 0) {
		ok(false, "%s cannot be read", path);
		arena_free(arena);
		return;
	}
	text = mem_alloc((size_t)status.st_size + 1);
	if (read(fd, text, (size_t)status.st_size) != status.st_size)
		abort();
	close(fd);
	n = read_sections(text, sections, sizeof sections / sizeof *sections, &prose);
	for (size_t i = 0; i < n; i++) {
		sections[i].title = expand(arena, sections[i].title);
		sections[i].text = expand(arena, sections[i].text);
	}

	run_case(&run, sections, n);
	verbs = run.verbs;
	calls = run.calls;
	for (int round = -1; torture && round < N_FAILURES && run.problems.len == 0; round++) {
		/* A failure may bring forth more verbs and calls, which fail too. */
		for (int k = 1; k <= (round < 0 ? verbs : calls) && run.problems.len == 0; k++) {
			buf_free(&run.problems);
			run = (struct run){.torture = true, .failing_verb = round < 0 ? k : 0,
				.failing_call = round < 0 ? 0 : k, .failure = round < 0 ? 0 : round};
			run_case(&run, sections, n);
			verbs = run.verbs > verbs ? run.verbs : verbs;
			calls = run.calls > calls ? run.calls : calls;
			runs++;
			if (run.problems.len > 0)
				buf_printf(&run.problems, "with %s %d %s\n", round < 0 ? "store verb" :
					"call", k, round < 0 ? "failing" : failures[round]);
		}
	}
	if (torture)
		snprintf(note, sizeof note, " [%d ways to fail]", runs);
	ok(run.problems.len == 0 && prose != NULL && n > 0, "%.*s: %.*s%s",
		(int)strcspn(name, "."), name, prose != NULL ? (int)strcspn(prose, "\n") : 0,
		prose != NULL ? prose : "", note);
	if (run.problems.len > 0)
		tap_comment(run.problems.data);
	buf_free(&run.problems);
	arena_free(arena);
	free(text);
}

static int
is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".case") == 0;
}

/* Where sanitizers report to; there only in such builds. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

int
main(int argc, char **argv)
{
	char log_path[] = "/tmp/tinyscale-log-XXXXXX";
	bool torture = false;

	unsetenv("TINYSCALE_SECRET");
	unsetenv("TINYSCALE_STATE");
	for (; argc > 1 && strncmp(argv[1], "--", 2) == 0; argc--, argv++) {
		torture |= strcmp(argv[1], "--torture") == 0;
		loud |= strcmp(argv[1], "--loud") == 0;
	}
	if (!loud) {
		if (__sanitizer_set_report_fd != NULL)
			__sanitizer_set_report_fd((void *)(intptr_t)dup(STDERR_FILENO));
		log_file = mkstemp(log_path);
		if (log_file < 0 || dup2(log_file, STDERR_FILENO) < 0 ||
				fcntl(STDERR_FILENO, F_SETFL, O_APPEND) != 0)
			abort();
		unlink(log_path);
	}
	log_open("driver", "debug");
	for (int i = 1; i < argc; i++) {
		struct dirent **entries;
		int n = scandir(argv[i], &entries, is_case, alphasort);

		if (n < 0) {
			do_file(argv[i], torture);
			continue;
		}
		for (int e = 0; e < n; e++) {
			char *path;

			if (asprintf(&path, "%s/%s", argv[i], entries[e]->d_name) < 0)
				abort();
			do_file(path, torture);
			free(path);
			free(entries[e]);
		}
		free(entries);
	}
	return done_testing();
}

#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "config/config.h"
#include "core/relay_secret.h"
#include "ctl.h"
#include "formats/checksum.h"
#include "formats/xml.h"
#include "ports/http.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What of an answer to these small questions is read. */
#define ANSWER_BYTES ((size_t)1 << 20)

/* From when on a clock is wrong, a server slow, and a certificate soon at its end. */
#define CLOCK_SECONDS 30
#define SLOW_MS 1000
#define CERTIFICATE_DAYS 14

void
probe_find(struct probe *probe, bool is_failure, const char *what, const char *what_to_do)
{
	probe->findings = arena_room(probe->ctl->arena, probe->findings,
	    sizeof(*probe->findings), probe->n_findings, 1, &probe->capacity);
	probe->findings[probe->n_findings++] = (struct finding){ is_failure, what, what_to_do };
	probe->n_failures += is_failure;
}

/* ---- Servers: asking ------------------------- */

static void
prepare(struct probe *probe, const struct server *server, const char *url,
    struct http_call *call)
{
	(void)probe;
	*call = (struct http_call){
		.server = server->name,
		.method = "GET",
		.url = url,
		.max_answer_bytes = ANSWER_BYTES,
		.at_once = true,
	};
}

/* A question that every server answers and none has to work for. */
static void
prepare_signed(struct probe *probe, const struct server *server, const char *secret,
    enum checksum_algorithm algorithm, struct http_call *call)
{
	static const char name[] = "isMeetingRunning", query[] = "meetingID=tinyscale-check";
	char checksum[CHECKSUM_HEX_SIZE];

	checksum_make(algorithm, STR("isMeetingRunning"), STR("meetingID=tinyscale-check"),
	    str_from(secret), checksum);
	prepare(probe, server,
	    str_printf(probe->ctl->arena, "%s/%s?%s&checksum=%s", server->base, name, query,
	        checksum),
	    call);
}

/* Run the calls, which are in different places, in one batch. */
static void
run(struct probe *probe, struct http_call **calls, size_t n)
{
	struct arena *arena = probe->ctl->arena;
	struct http_batch batch = {
		.calls = arena_alloc(arena, (n + 1) * sizeof(*batch.calls)),
		.n = n,
		.timeout_ms = probe->config->call_timeout_ms,
	};

	for (size_t i = 0; i < n; i++)
		batch.calls[i] = *calls[i];
	probe->ctl->api.http->run(probe->ctl->api.http, arena, &batch);
	for (size_t i = 0; i < n; i++)
		*calls[i] = batch.calls[i];
}

/* Is it an answer of BBB's that says SUCCESS? */
static bool
is_success(struct probe *probe, const struct http_call *call)
{
	struct xml_field fields[] = { { .name = "returncode" } };

	return call->result == HTTP_ANSWERED && call->status == 200 &&
	    xml_read(probe->ctl->arena, call->answer, fields, 1, NULL) == XML_SOUND &&
	    str_is(fields[0].text, "SUCCESS");
}

/* First the version and the secrets, then, with one that is good, the algorithms. */
static void
ask(struct probe *probe)
{
	struct arena *arena = probe->ctl->arena;
	struct http_call **calls = arena_alloc(arena,
	    probe->n * (LIMIT_SERVER_SECRETS + CHECKSUM_ALGORITHMS + 1) * sizeof(*calls));
	size_t n = 0;

	for (size_t i = 0; i < probe->n; i++) {
		struct probed *probed = &probe->servers[i];
		const struct server *server = probed->server;

		prepare(probe, server, server->base, &probed->version);
		probed->version.wants_certificate = true;
		calls[n++] = &probed->version;
		probed->secrets = arena_alloc(arena,
		    server->n_secrets * sizeof(*probed->secrets));
		for (size_t k = 0; k < server->n_secrets; k++) {
			prepare_signed(probe, server, server->secrets[k], server->algorithm,
			    &probed->secrets[k]);
			calls[n++] = &probed->secrets[k];
		}
	}
	run(probe, calls, n);
	n = 0;
	for (size_t i = 0; i < probe->n; i++) {
		struct probed *probed = &probe->servers[i];

		for (size_t k = probed->server->n_secrets; k > 0; k--)
			if (is_success(probe, &probed->secrets[k - 1]))
				probed->good_secret = probed->server->secrets[k - 1];
		for (size_t k = 0; k < CHECKSUM_ALGORITHMS && probed->good_secret; k++) {
			prepare_signed(probe, probed->server, probed->good_secret,
			    (enum checksum_algorithm)k, &probed->algorithms[k]);
			probed->is_signed[k] = true;
			calls[n++] = &probed->algorithms[k];
		}
	}
	run(probe, calls, n);
}

/* ---- Servers: judging ------------------------- */

static bool
is_https(const struct server *server)
{
	return strncmp(server->base, "https:", strlen("https:")) == 0;
}

static void
fail(struct probe *probe, struct probed *probed, const char *verdict, const char *what,
    const char *what_to_do)
{
	probed->verdict = verdict;
	probe_find(probe, true,
	    str_printf(probe->ctl->arena, "%s: %s", probed->server->name, what), what_to_do);
	probe->n_failed_servers++;
}

/* What is wrong with a server that took no question. */
static void
judge_failed(struct probe *probe, struct probed *probed)
{
	struct arena *arena = probe->ctl->arena;
	const struct server *server = probed->server;
	const struct http_call *call = &probed->secrets[0];

	if (call->result == HTTP_UNREACHABLE)
		fail(probe, probed, "no connection", call->problem,
		    is_https(server) ?
		        "is it on, its address and certificate right, its firewall open?" :
		        "is it on, its address right, and this host let through "
		        "its firewall?");
	else if (call->result == HTTP_TIMEOUT)
		fail(probe, probed, "no answer",
		    str_printf(arena, "no answer within %lld ms",
		        (long long)probe->config->call_timeout_ms),
		    "\"bbb-conf --status\" there; \"systemctl restart bbb-web\" if it hangs");
	else if (call->result != HTTP_ANSWERED)
		fail(probe, probed, "broken answer", call->problem,
		    "look into the log of its web server");
	else if (relay_secret_is_refused(arena, call))
		fail(probe, probed, "wrong secret",
		    str_printf(arena, "it refuses %s, signed by %s",
		        server->n_secrets > 1 ? "each of its secrets" : "its secret",
		        checksum_algorithm_name(server->algorithm)),
		    "\"bbb-conf --secret\" there; or it wants another checksum_algorithm");
	else
		fail(probe, probed, "not BigBlueButton",
		    str_printf(arena, "something else answers, with status %d", call->status),
		    "is its URL right? \"systemctl status bbb-web nginx\" there");
}

static const char *
algorithms_of(struct probe *probe, const struct probed *probed)
{
	const char *all = "";

	for (size_t k = 0; k < CHECKSUM_ALGORITHMS; k++)
		if (probed->is_signed[k] && is_success(probe, &probed->algorithms[k]))
			all = str_printf(probe->ctl->arena, "%s%s%s", all, *all ? "," : "",
			    checksum_algorithm_name((enum checksum_algorithm)k) +
			        strlen("sha"));
	return all;
}

/* By how many seconds the server's clock is ahead, as far as an answer's second tells. */
static int64_t
clock_ahead(const struct probe *probe, const struct probed *probed)
{
	int64_t answered_ms = probe->begin_ms + probed->version.elapsed_ms;

	return probed->version.date_s > 0 ? probed->version.date_s - answered_ms / 1000 : 0;
}

static const char *
version_of(struct probe *probe, const struct probed *probed)
{
	struct xml_field fields[] = { { .name = "bbbVersion" } };

	if (probed->version.result != HTTP_ANSWERED ||
	    xml_read(probe->ctl->arena, probed->version.answer, fields, 1, NULL) != XML_SOUND ||
	    fields[0].text.len == 0)
		return NULL;
	return str_copy(probe->ctl->arena, fields[0].text);
}

/* Holes of releases that BigBlueButton itself names: what stands in its releases' notes. */
static const struct hole {
	int64_t major, minor, fixed; /* "3.0" and "21": mended in 3.0.21 */
	const char *advisory;        /* at github.com/bigbluebutton/bigbluebutton/security */
	const char *what_to_do;
} holes[] = {
	/* Calls without a right checksum pass with presentationUploadExternalUrl. */
	{ 3, 0, 21, "GHSA-43hc-5g2m-cqff", "update it at the earliest opportunity" },
	/* Paths of bbb-etherpad; the notes of 3.0.35 say what is to be done besides. */
	{ 3, 0, 35, "GHSA-4g74-4wqf-fr8c",
	    "update it; then \"bbb-conf --setsecret\" there, and here the new secret" },
};

/* The number at the text's beginning, and a dot behind it where one is wanted, both of
 * which are taken off it.  -1 where there is none. */
static int64_t
take_number(struct str *text, bool with_dot)
{
	size_t len = 0;
	int64_t number;

	while (len < text->len && text->data[len] >= '0' && text->data[len] <= '9')
		len++;
	if (str_to_int(str_part(*text, 0, len), 0, 100000, &number) != 0 ||
	    (with_dot && (len == text->len || text->data[len] != '.')))
		return -1;
	*text = str_part(*text, len + with_dot, SIZE_MAX);
	return number;
}

/* Holes of the server's release, where it tells its version: "3.0.19", "3.0.0-beta.1".  Most
 * do not (allowRevealOfBBBVersion in bigbluebutton.properties). */
static void
judge_release(struct probe *probe, const struct probed *probed)
{
	struct arena *arena = probe->ctl->arena;
	const char *version = version_of(probe, probed);
	struct str text = str_from(version);
	int64_t major = take_number(&text, true), minor = take_number(&text, true);
	int64_t patch = take_number(&text, false);

	for (size_t i = 0; i < COUNT(holes) && patch >= 0; i++)
		if (major == holes[i].major && minor == holes[i].minor &&
		    patch < holes[i].fixed)
			probe_find(probe, true,
			    str_printf(arena, "%s: %s has a hole that %lld.%lld.%lld mends: %s",
			        probed->server->name, version, (long long)major,
			        (long long)minor, (long long)holes[i].fixed, holes[i].advisory),
			    holes[i].what_to_do);
}

/* What may stay so, of a server that answers. */
static void
judge_good(struct probe *probe, struct probed *probed)
{
	struct arena *arena = probe->ctl->arena;
	const char *name = probed->server->name;
	int64_t ahead = clock_ahead(probe, probed);
	int64_t left = probed->version.certificate_s - probe->begin_ms / 1000;

	probed->is_good = true;
	probed->verdict = "good";
	judge_release(probe, probed);
	if (llabs(ahead) > CLOCK_SECONDS)
		probe_find(probe, false,
		    str_printf(arena, "%s: its clock is %lld s %s this host's", name,
		        llabs(ahead), ahead > 0 ? "ahead of" : "behind"),
		    "let chrony or systemd-timesyncd set both");
	if (probed->version.certificate_s > 0 && left < CERTIFICATE_DAYS * 86400)
		probe_find(probe, false,
		    str_printf(arena, "%s: its certificate ends in %lld days", name,
		        (long long)(left / 86400)),
		    "renew it: \"certbot renew\" there, if that made it");
	if (probed->secrets[0].elapsed_ms > SLOW_MS)
		probe_find(probe, false,
		    str_printf(arena, "%s: it took %lld ms for a small question", name,
		        (long long)probed->secrets[0].elapsed_ms),
		    "look at its load, and at the network between");
	if (probed->good_secret != probed->server->secrets[0])
		probe_find(probe, false,
		    str_printf(arena, "%s: the first of its secrets is no longer right", name),
		    "take it out of the configuration");
}

void
probe_servers(struct probe *probe)
{
	bool is_shown = probe->ctl->is_terminal && !ctl_has(probe->ctl, OPTION_JSON) &&
	    !ctl_has(probe->ctl, OPTION_NAGIOS);

	if (is_shown) {
		printf("asking %zu server%s ...", probe->n, probe->n == 1 ? "" : "s");
		fflush(stdout);
	}
	probe->begin_ms = ctl_now_ms();
	ask(probe);
	if (is_shown)
		fputs("\r\033[K", stdout);
	for (size_t i = 0; i < probe->n; i++) {
		if (probe->servers[i].good_secret)
			judge_good(probe, &probe->servers[i]);
		else
			judge_failed(probe, &probe->servers[i]);
	}
}

/* ---- Writing ------------------------- */

static const struct table_column columns[] = {
	{ "name", "SERVER", false, 12 },
	{ "result", "RESULT", false, 0 },
	{ "good", NULL, false, 0 },
	{ "latency_ms", "MS", true, 0 },
	{ "version", "VERSION", false, 6 },
	{ "algorithms", "SHA", false, 0 },
	{ "clock_ahead_s", "CLOCK", true, 0 },
	{ "certificate_days", "TLS", true, 0 },
};

void
probe_fill(struct probe *probe, struct table *table)
{
	struct arena *arena = probe->ctl->arena;

	table_init(table, arena, columns, COUNT(columns));
	for (size_t i = 0; i < probe->n; i++) {
		const struct probed *probed = &probe->servers[i];
		long long ahead = (long long)clock_ahead(probe, probed);
		long long days =
		    (long long)(probed->version.certificate_s - probe->begin_ms / 1000) / 86400;

		table_text(table, probed->server->name);
		table_text(table, probed->verdict);
		table_colour(table, probed->is_good ? TABLE_GREEN : TABLE_RED);
		table_bool(table, probed->is_good);
		table_number(table, probed->secrets[0].elapsed_ms);
		table_text(table, version_of(probe, probed));
		table_text(table, algorithms_of(probe, probed));
		if (probed->version.date_s > 0)
			table_cell(table, str_printf(arena, "%+lld s", ahead),
			    str_printf(arena, "%lld", ahead));
		else
			table_text(table, NULL);
		if (probed->version.certificate_s > 0)
			table_cell(table, str_printf(arena, "%lld d", days),
			    str_printf(arena, "%lld", days));
		else
			table_text(table, NULL);
	}
}

void
probe_write_findings(struct probe *probe, struct buf *out)
{
	struct ctl *ctl = probe->ctl;

	for (size_t i = 0; i < probe->n_findings; i++) {
		const struct finding *finding = &probe->findings[i];

		buf_printf(out, "%s%s %s\n     %s\n", i == 0 ? "\n" : "",
		    finding->is_failure ? "FAIL" : "note",
		    ctl_plain(ctl, str_from(finding->what)),
		    ctl_plain(ctl, str_from(finding->what_to_do)));
	}
	if (probe->n_findings == 0)
		buf_text(out, "\nall is well\n");
}

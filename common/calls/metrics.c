/*
 * tinyscale/metrics: the metrics of the whole installation, for Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4).
 *
 * What is counted comes from base/metrics.h; what is known of the servers from the state.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "base/metrics.h"
#include "core/call.h"
#include "core/health.h"
#include "core/reply.h"
#include "model/load.h"

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What a scrape works with. */
struct scrape {
	struct call *call;
	const struct metrics_reading *reading;
	const struct server_facts *facts;
	struct buf out;
};

/* ---- What is told and not counted ------------------------------------------------ */

/* One value: of a server, or with NULL of the installation; value is the place of the label's
 * value. */
typedef double told(const struct scrape *scrape, const struct server *server,
    const struct server_facts *facts, size_t value);

#define TOLD(name)                                                                          \
	static double told_##name(const struct scrape *scrape, const struct server *server, \
	    const struct server_facts *facts, size_t value)

/* No function has a use for all that it is given. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

TOLD(one)
{
	return 1;
}

TOLD(shared)
{
	return metrics_are_shared(scrape->reading);
}

TOLD(budget)
{
	return (double)scrape->call->config->lookups_per_second;
}

TOLD(health)
{
	return facts->health == (enum server_health)value;
}

TOLD(state)
{
	return server_state_of(server, facts) == (enum server_state)value;
}

TOLD(weight)
{
	return server->weight;
}

TOLD(meetings)
{
	return (double)facts->meetings;
}

TOLD(users)
{
	return (double)facts->users;
}

TOLD(reserved)
{
	return load_reserved_now(facts, scrape->call->request->now_ms);
}

TOLD(failed_polls)
{
	return facts->failures;
}

TOLD(failed_creates)
{
	return facts->create_failures;
}

TOLD(poll_age)
{
	int64_t age_ms = scrape->call->request->now_ms - facts->polled_ms;

	if (facts->polled_ms == 0)
		return INFINITY;
	return age_ms > 0 ? (double)age_ms / 1000 : 0;
}

static told *const tellers[METRICS] = {
	[METRIC_BUILD_INFO] = told_one,
	[METRIC_SHARED] = told_shared,
	[METRIC_LOOKUP_BUDGET] = told_budget,
	[METRIC_SERVER_HEALTH] = told_health,
	[METRIC_SERVER_STATE] = told_state,
	[METRIC_SERVER_WEIGHT] = told_weight,
	[METRIC_SERVER_MEETINGS] = told_meetings,
	[METRIC_SERVER_USERS] = told_users,
	[METRIC_SERVER_RESERVED] = told_reserved,
	[METRIC_SERVER_FAILED_POLLS] = told_failed_polls,
	[METRIC_SERVER_FAILED_CREATES] = told_failed_creates,
	[METRIC_SERVER_POLL_AGE] = told_poll_age,
};

/* ---- The text -------------------------------------------------------------------- */

/* A label's value: backslash, quote and newline are escaped. */
static void
add_value(struct buf *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			buf_char(out, '\\');
		if (*value == '\n')
			buf_text(out, "\\n");
		else
			buf_char(out, *value);
	}
}

static void
add_label(struct buf *out, const char *before, const char *name, const char *value)
{
	buf_printf(out, "%s%s=\"", before, name);
	add_value(out, value);
	buf_char(out, '"');
}

/* A line up to its value: the name, with what a histogram puts behind it, and the labels.
 * server, and le, a bucket's end, may be NULL. */
static void
begin_line(struct buf *out, const struct metric_row *row, const char *suffix,
    const struct server *server, const size_t *values, const char *le)
{
	const char *before = "{";

	buf_printf(out, "%s%s", row->name, suffix);
	if (server) {
		add_label(out, before, "server", server->name);
		before = ",";
	}
	for (int label = 0; label < 2 && row->labels[label]; label++) {
		add_label(out, before, row->labels[label]->name,
		    row->labels[label]->values[values[label]]);
		before = ",";
	}
	if (le) {
		add_label(out, before, "le", le);
		before = ",";
	}
	buf_text(out, *before == ',' ? "} " : " ");
}

static void
add_histogram(struct scrape *scrape, enum metric metric, const size_t *values)
{
	const struct metric_row *row = &metrics_table[metric];
	uint64_t n = 0;

	for (size_t i = 0; i <= METRIC_BOUNDS; i++)
		n += metrics_bucket(scrape->reading, metric, values[0], i);
	if (n == 0 && row->labels[0])
		return; /* a call that nobody has made */
	n = 0;
	for (size_t i = 0; i <= METRIC_BOUNDS; i++) {
		char le[32] = "+Inf";

		if (i < METRIC_BOUNDS)
			snprintf(le, sizeof(le), "%g", (double)metrics_bounds_us[i] / 1e6);
		n += metrics_bucket(scrape->reading, metric, values[0], i);
		begin_line(&scrape->out, row, "_bucket", NULL, values, le);
		buf_printf(&scrape->out, "%" PRIu64 "\n", n);
	}
	begin_line(&scrape->out, row, "_sum", NULL, values, NULL);
	buf_printf(&scrape->out, "%.6f\n",
	    (double)metrics_sum_us(scrape->reading, metric, values[0]) / 1e6);
	begin_line(&scrape->out, row, "_count", NULL, values, NULL);
	buf_printf(&scrape->out, "%" PRIu64 "\n", n);
}

static double
value_of(const struct scrape *scrape, enum metric metric, const struct server *server,
    const size_t *values)
{
	const struct metric_row *row = &metrics_table[metric];
	double value = 0;

	if (row->source == METRIC_TOLD)
		return tellers[metric](scrape, server,
		    server ? &scrape->facts[server - scrape->call->config->servers] : NULL,
		    values[0]);
	value = (double)(server ?
	        metrics_server_get(scrape->reading, metric, server->name) :
	        metrics_get(scrape->reading, metric, values[0], values[1]));
	return row->source == METRIC_LAST ? value / 1e6 : value;
}

/* All combinations of the labels' values; of those of two labels, only those that came. */
static void
add_lines(struct scrape *scrape, enum metric metric, const struct server *server)
{
	const struct metric_row *row = &metrics_table[metric];
	size_t n[2];

	for (int label = 0; label < 2; label++)
		n[label] = row->labels[label] ? row->labels[label]->n : 1;
	for (size_t i = 0; i < n[0] * n[1]; i++) {
		const size_t values[2] = { i / n[1], i % n[1] };

		if (row->type == METRIC_HISTOGRAM) {
			add_histogram(scrape, metric, values);
			continue;
		}
		double value = value_of(scrape, metric, server, values);
		if (value == 0 && row->labels[1])
			continue;
		begin_line(&scrape->out, row, "", server, values, NULL);
		if (isinf(value))
			buf_text(&scrape->out, "+Inf\n");
		else
			buf_printf(&scrape->out, "%.15g\n", value);
	}
}

static void
add_metric(struct scrape *scrape, enum metric metric)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	const struct metric_row *row = &metrics_table[metric];
	const struct config *config = scrape->call->config;

	buf_printf(&scrape->out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
	    row->name, types[row->type]);
	if (!row->by_server)
		add_lines(scrape, metric, NULL);
	for (size_t i = 0; row->by_server && i < config->n_servers; i++)
		add_lines(scrape, metric, &config->servers[i]);
}

void
call_metrics(struct call *call)
{
	struct scrape scrape = {
		.call = call,
		.reading = metrics_read(call->arena),
		.facts = health_facts(call),
	};

	buf_init(&scrape.out, LIMIT_MERGED_BYTES);
	for (int metric = 0; metric < METRICS; metric++)
		add_metric(&scrape, (enum metric)metric);
	reply_text(call->response, 200, buf_take(&scrape.out, call->arena));
	call->response->content_type = CONTENT_TYPE;
}

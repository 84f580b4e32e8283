/*
 * simulate: a school's morning on up to ten thousand servers, with the gateway's own pure
 * parts (placement, load, reconciliation, health), servers that are numbers, and a clock that
 * is one.  It says what that is to one engine, and what ends first.  What things cost is
 * measured by simulate.sh, which calls it.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "costs.h"
#include "morning.h"
#include "ports/store.h"
#include "storm.h"

static const char usage[] =
    "usage: simulate COSTS [SERVERS MEETINGS GATEWAYS]...\n"
    "\n"
    "COSTS is a file that simulate.sh makes. Without sizes: 100 meetings for each server,\n"
    "and a gateway for a hundred servers, from 100 servers up to 10,000.\n"
    "\n"
    "Environment: SIMULATE_BURST, how many minutes around a bell meetings are created in\n"
    "(10); SIMULATE_SAMPLE, among how many servers, drawn by lot, a meeting of the morning\n"
    "is placed where there are more (200), as 1,000,000 choices among 10,000 take long.\n";

#define SIZES_MOST 10

/* What contrib/ha/redis.conf gives the engine (maxmemory). */
#define ENGINE_BYTES (256.0 * 1024 * 1024)

/* The engine changes this often what is told of all servers: a trend each minute. */
#define TREND_SECONDS 60

/* So many claims show how fast they are made; and so many of each gateway. */
#define STORM_CLAIMS 600
#define STORM_EACH 10

/* What else it does leaves the engine no time for claims. */
#define OVERLOADED 0.9

/* What is known of one size, for a column of the table. */
struct column {
	struct size size;
	struct second most;   /* the most of each in one second */
	double heavy;         /* the engine's share in its heaviest second … */
	double heavy_creates; /* … of which for creates, joins, polls, pictures */
	double heavy_joins, heavy_polls, heavy_pictures;
	double read_us, choose_us, reconcile_us, fullest, fullest_users;
	double rows; /* changed servers that one gateway reads in a second, at most */
	struct storm_outcome calm, storm, drawn;
	double poll_core, round_s, answer_bytes, merged_bytes;
	double engine_bytes, gateway_bytes, anew_ms;
	double gateway_core;
	bool is_sound;
};

static const struct costs *costs;

/* ---- The engine's work ----------------------------------------------------------- */

/* Shares of the engine's time in a second. */
static void
weigh(const struct second *second, const struct size *size, double tries, struct column *into)
{
	double gateways = (double)size->gateways;
	/* A create looks for its mapping twice: before its turn, and with it. */
	double creates = second->creates *
	    (2 * costs->join_us + tries * (costs->picture_us + costs->set_us));
	double joins = second->joins * costs->join_us;
	double polls = second->polls *
	        (costs->facts_us + costs->list_us + costs->trend_us * 10 / TREND_SECONDS) +
	    2 * second->listed * costs->listed_us + second->notes * costs->note_us;
	/* Each gateway looks once a second for servers to poll, and at each claim; so it reads
	 * nearly every change of a server's facts. */
	double changed = fmin(second->polls + second->creates, (double)size->servers);
	double pictures = gateways * (costs->picture_us + changed * costs->row_us);
	double all = (creates + joins + polls + pictures) / 1e6;

	if (all <= into->heavy)
		return;
	into->heavy = all;
	into->heavy_creates = creates / 1e6;
	into->heavy_joins = joins / 1e6;
	into->heavy_polls = polls / 1e6;
	into->heavy_pictures = pictures / 1e6;
	into->rows = changed;
}

static void
find_most(const struct morning *morning, struct second *most)
{
	for (size_t i = 0; i < MORNING_SECONDS; i++) {
		const struct second *second = &morning->seconds[i];

		most->joins = fmax(most->joins, second->joins);
		most->creates = fmax(most->creates, second->creates);
		most->polls = fmax(most->polls, second->polls);
		most->listed = fmax(most->listed, second->listed);
		most->notes = fmax(most->notes, second->notes);
		most->running = fmax(most->running, second->running);
	}
}

static struct storm_outcome
claims_of(const struct column *column, double rate, double background, size_t sample)
{
	const struct storm storm = {
		.servers = column->size.servers,
		.gateways = column->size.gateways,
		.sample = sample,
		.way_us = costs->way_us,
		.picture_us = costs->picture_us,
		.row_us = costs->row_us,
		.set_us = costs->set_us,
		.think_us = column->read_us + column->choose_us,
		.background = background,
		.facts_per_second = column->most.polls,
		.rate = rate,
		.pause_us = costs->gateway_create_us,
		.claims = STORM_CLAIMS > STORM_EACH * column->size.gateways ?
		    STORM_CLAIMS :
		    STORM_EACH * column->size.gateways,
	};

	return storm_run(&storm);
}

/* ---- One size -------------------------------------------------------------------- */

static void
weigh_memory(struct column *column)
{
	double servers = (double)column->size.servers;
	double peaks = fmin((double)column->size.meetings, PEAKS_MOST);

	column->engine_bytes = costs->empty_bytes +
	    servers * (costs->server_bytes + costs->trend_bytes) +
	    column->most.running * (costs->mapping_bytes + costs->list_meeting_bytes) +
	    peaks * costs->peak_bytes;
	column->gateway_bytes = costs->gateway_kb * 1024 +
	    servers * (pool_mirror_bytes() + pool_choice_bytes());
	column->answer_bytes = column->most.listed * costs->answer_meeting_bytes;
	column->merged_bytes = column->most.running * costs->answer_meeting_bytes;
	column->anew_ms = (double)column->size.gateways * servers * costs->row_us / 1000;
}

static void
run_size(struct column *column)
{
	struct morning morning;
	const struct size *size = &column->size;

	morning_run(size, &morning);
	find_most(&morning, &column->most);
	pool_time(&morning.pool, morning.pool_ms, &column->read_us, &column->choose_us);
	column->reconcile_us = morning.reconcile_us;
	column->fullest = morning.fullest;
	column->fullest_users = morning.fullest_users;
	column->is_sound = morning.placed == size->meetings && morning.left == 0 &&
	    morning.differing == 0 && morning.reconciled > 0;

	/* What the engine does besides claims, in its heaviest second. */
	struct column besides = { 0 };
	for (size_t i = 0; i < MORNING_SECONDS; i++)
		weigh(&morning.seconds[i], size, 0, &besides);
	double background = besides.heavy - besides.heavy_pictures;
	column->storm = claims_of(column, 0, 0, 0);
	column->drawn = claims_of(column, 0, 0, 100);
	/* Where the engine has no time for claims, they take a try at least. */
	if (background < OVERLOADED)
		column->calm = claims_of(column, column->most.creates, background, 0);
	else
		column->calm = (struct storm_outcome){ NAN, 1, NAN, NAN, NAN, NAN };
	for (size_t i = 0; i < MORNING_SECONDS; i++)
		weigh(&morning.seconds[i], size, column->calm.tries, column);

	double poll_us = column->most.polls * costs->poll_us +
	    column->most.listed * costs->poll_meeting_us;
	column->poll_core = poll_us / 1e6;
	column->round_s = ((double)size->servers * costs->poll_us +
	                      column->most.running * costs->poll_meeting_us) /
	    1e6;
	column->gateway_core = column->most.creates / (double)size->gateways *
	        (costs->gateway_create_us +
	            column->calm.tries * (column->read_us + column->choose_us)) /
	        1e6 +
	    column->most.joins / (double)size->gateways * costs->gateway_join_us / 1e6 +
	    column->rows * costs->gateway_row_us / 1e6;
	weigh_memory(column);
	morning_free(&morning);
}

/* ---- The table ---------------------------------------------------------------------- */

#define OF(member, scale)                              \
	{                                              \
		offsetof(struct column, member), scale \
	}

static const struct row {
	const char *name; /* alone: a heading */
	struct {
		size_t offset;
		double scale;
	} of;
	int digits;
} rows[] = {
	{ "What the morning brings, in its busiest second", { 0, 0 }, 0 },
	{ "creates", OF(most.creates, 1), 0 },
	{ "joins", OF(most.joins, 1), 0 },
	{ "meetings that run, most at once", OF(most.running, 1), 0 },
	{ "the fullest server over the mean", OF(fullest, 1), 2 },
	{ "The engine: its one core, per cent, in its heaviest second", { 0, 0 }, 0 },
	{ "all", OF(heavy, 100), 1 },
	{ "  creates", OF(heavy_creates, 100), 1 },
	{ "  joins", OF(heavy_joins, 100), 1 },
	{ "  polls", OF(heavy_polls, 100), 1 },
	{ "  pictures, read by all gateways", OF(heavy_pictures, 100), 1 },
	{ "Claims at the busiest second's rate (-: the engine has no time)", { 0, 0 }, 0 },
	{ "done in a second", OF(calm.per_second, 1), 0 },
	{ "  tries for each", OF(calm.tries, 1), 2 },
	{ "  milliseconds, median", OF(calm.p50_ms, 1), 1 },
	{ "  milliseconds, 99 of 100", OF(calm.p99_ms, 1), 1 },
	{ "Claims as fast as gateways of one core can, the engine being free", { 0, 0 }, 0 },
	{ "done in a second", OF(storm.per_second, 1), 0 },
	{ "  tries for each", OF(storm.tries, 1), 2 },
	{ "  made whatever others chose, per cent", OF(storm.forced, 100), 1 },
	{ "among 100 servers drawn by lot: done in a second", OF(drawn.per_second, 1), 0 },
	{ "  tries for each", OF(drawn.tries, 1), 2 },
	{ "One choice, microseconds of a gateway's CPU", { 0, 0 }, 0 },
	{ "to take the servers out of its mirror", OF(read_us, 1), 0 },
	{ "to choose among all", OF(choose_us, 1), 0 },
	{ "One gateway", { 0, 0 }, 0 },
	{ "changed servers that it reads in a second", OF(rows, 1), 0 },
	{ "its CPU, per cent of a core", OF(gateway_core, 100), 1 },
	{ "its memory with one create under way, MB", OF(gateway_bytes, 1e-6), 1 },
	{ "Polls, by one host", { 0, 0 }, 0 },
	{ "in a second", OF(most.polls, 1), 0 },
	{ "  their answers, MB", OF(answer_bytes, 1e-6), 1 },
	{ "  the CPU of it, per cent of one core", OF(poll_core, 100), 1 },
	{ "one round over all, seconds of CPU", OF(round_s, 1), 1 },
	{ "  one reconciliation, microseconds", OF(reconcile_us, 1), 1 },
	{ "Sizes", { 0, 0 }, 0 },
	{ "the engine's memory, MB", OF(engine_bytes, 1e-6), 0 },
	{ "getMeetings of all, MB", OF(merged_bytes, 1e-6), 0 },
	{ "all gateways read all anew: engine, milliseconds", OF(anew_ms, 1), 0 },
};

static void
print_table(const struct column *columns, size_t n)
{
	printf("%-52s", "servers");
	for (size_t i = 0; i < n; i++)
		printf("%10zu", columns[i].size.servers);
	printf("\n%-52s", "meetings");
	for (size_t i = 0; i < n; i++)
		printf("%10zu", columns[i].size.meetings);
	printf("\n%-52s", "gateways");
	for (size_t i = 0; i < n; i++)
		printf("%10zu", columns[i].size.gateways);
	printf("\n");
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		const struct row *row = &rows[r];

		printf(row->of.scale > 0 ? "  %-50s" : "%s", row->name);
		for (size_t i = 0; i < n && row->of.scale > 0; i++) {
			double figure = *(
			    const double *)((const char *)&columns[i] + row->of.offset);

			if (isnan(figure))
				printf("%10s", "-");
			else
				printf("%10.*f", row->digits, figure * row->of.scale);
		}
		printf("\n");
	}
}

/* ---- What ends first ------------------------------------------------------------- */

/* Where a share that is one at the first size, and another at the second, is all of it:
 * between two sizes along a power of the number of servers. */
static double
servers_at_limit(const struct column *columns, size_t n, const double *shares)
{
	for (size_t i = 0; i < n; i++) {
		if (shares[i] < 1)
			continue;
		if (i == 0)
			return (double)columns[0].size.servers;
		double from = log((double)columns[i - 1].size.servers);
		double to = log((double)columns[i].size.servers);
		double part = log(1 / shares[i - 1]) / log(shares[i] / shares[i - 1]);

		return exp(from + (to - from) * part);
	}
	return INFINITY;
}

struct end {
	const char *name;
	double servers;
};

static int
compare_ends(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return (x->servers > y->servers) - (x->servers < y->servers);
}

static void
print_ends(const struct column *columns, size_t n)
{
	double shares[8][SIZES_MOST];

	for (size_t i = 0; i < n; i++) {
		const struct column *c = &columns[i];

		shares[0][i] = c->poll_core;
		shares[1][i] = c->heavy;
		shares[2][i] = c->most.creates / c->storm.per_second;
		shares[3][i] = c->merged_bytes / (double)LIMIT_MERGED_BYTES;
		shares[4][i] = c->engine_bytes / ENGINE_BYTES;
		shares[5][i] = c->anew_ms / STORE_WAIT_MS;
		shares[6][i] = (double)c->size.servers / LIMIT_SERVERS;
		shares[7][i] = (double)c->size.meetings / PEAKS_MOST;
	}
	struct end ends[] = {
		{ "polls take one core of the host that polls", 0 },
		{ "the engine's core is busy all of a second", 0 },
		{ "creates come faster than claims can be made", 0 },
		{ "getMeetings of all is too long (LIMIT_MERGED_BYTES)", 0 },
		{ "the engine's memory is full (maxmemory of contrib/ha)", 0 },
		{ "all gateways read all anew: longer than STORE_WAIT_MS", 0 },
		{ "the configuration takes no more servers (LIMIT_SERVERS)", 0 },
		{ "sizes of meetings are forgotten (PEAKS_MOST)", 0 },
	};
	size_t n_ends = sizeof(ends) / sizeof(*ends);

	for (size_t i = 0; i < n_ends; i++)
		ends[i].servers = servers_at_limit(columns, n, shares[i]);
	qsort(ends, n_ends, sizeof(*ends), compare_ends);
	printf("\nWhat ends first, and at about how many servers:\n");
	for (size_t i = 0; i < n_ends; i++)
		if (isinf(ends[i].servers))
			printf("  %-60s   not yet\n", ends[i].name);
		else
			printf("  %-60s%10.0f\n", ends[i].name, ends[i].servers);
}

static size_t
number_of(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return text && atol(text) > 0 ? (size_t)atol(text) : otherwise;
}

int
main(int argc, char **argv)
{
	static const size_t ladder[] = { 100, 300, 1000, 3000, 10000 };
	static struct column columns[SIZES_MOST];
	struct costs read = { 0 };
	size_t n = argc > 2 ? (size_t)(argc - 2) / 3 : sizeof(ladder) / sizeof(*ladder);
	bool is_sound = true;

	if (argc < 2 || (argc - 2) % 3 != 0 || n > SIZES_MOST) {
		fputs(usage, stderr);
		return 2;
	}
	costs_read(&read, argv[1]);
	costs = &read;
	for (size_t i = 0; i < n; i++) {
		struct size *size = &columns[i].size;

		if (argc > 2) {
			size->servers = (size_t)atol(argv[2 + 3 * i]);
			size->meetings = (size_t)atol(argv[3 + 3 * i]);
			size->gateways = (size_t)atol(argv[4 + 3 * i]);
		} else {
			size->servers = ladder[i];
			size->meetings = 100 * ladder[i];
			size->gateways = ladder[i] < 200 ? 2 : ladder[i] / 100;
		}
		if (size->servers < 1 || size->meetings < 1 || size->gateways < 1) {
			fputs(usage, stderr);
			return 2;
		}
		size->sample = number_of("SIMULATE_SAMPLE", 200);
		size->burst_minutes = (double)number_of("SIMULATE_BURST", 10);
		run_size(&columns[i]);
		is_sound = is_sound && columns[i].is_sound;
	}
	print_table(columns, n);
	if (n > 1)
		print_ends(columns, n);
	if (costs->create_us > 0)
		printf(
		    "\nscale-out.sh found %.0f microseconds of the engine's core for a create: "
		    "%.0f a second at most.\n",
		    costs->create_us, 1e6 / costs->create_us);
	if (!is_sound)
		fprintf(stderr,
		    "The simulation contradicts itself: a meeting was not placed, "
		    "or is left, or reconcile() does otherwise.\n");
	return is_sound ? 0 : 1;
}

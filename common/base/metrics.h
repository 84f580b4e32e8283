/*
 * Metrics: what is counted, and the counters of the whole installation.
 *
 * One table (metrics_table.c) has every metric with its type, help and labels; a new one is
 * a row there and, if it is not counted but told when somebody asks (METRIC_TOLD), a
 * function in calls/metrics.c.  The values of labels are fixed lists: never a meetingID or
 * a client, so that no stranger makes them grow.  Only "server" is open, with the
 * configuration's names.
 *
 * Like the log this is the process's, and everybody may count.  Counting touches nothing but
 * this process's memory, and never waits.  metrics_flush moves what was counted to a file
 * that all processes map (metrics_file.h): the totals of several processes, of one CGI
 * process after the other, and of those that ended or were killed.  It comes when the client
 * has its answer, since writing to a mapped page may wait for the disk.  Without a file the
 * totals are those of this process.
 *
 * A gauge of processes (METRIC_PROCESS), such as how many requests are under way, is right
 * only while its process lives; each process publishes its own, and those of dead ones do not
 * count, however they died.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

enum metric {
	METRIC_BUILD_INFO,
	METRIC_REQUESTS,
	METRIC_REQUEST_DURATION,
	METRIC_CHECKSUM_FAILURES,
	METRIC_LOOKUPS,
	METRIC_LOOKUPS_SPARED,
	METRIC_LOOKUP_QUESTIONS,
	METRIC_LOOKUP_BUDGET,
	METRIC_STATE_FAILURES,
	METRIC_STATE_BROKEN,
	METRIC_SHARED,
	METRIC_PROCESSES,
	METRIC_WORKERS,
	METRIC_WORKERS_BUSY,
	METRIC_POLL_DURATION,
	METRIC_SERVER_HEALTH,
	METRIC_SERVER_STATE,
	METRIC_SERVER_WEIGHT,
	METRIC_SERVER_MEETINGS,
	METRIC_SERVER_USERS,
	METRIC_SERVER_RESERVED,
	METRIC_SERVER_FAILED_POLLS,
	METRIC_SERVER_FAILED_CREATES,
	METRIC_SERVER_POLL_AGE,
	METRIC_SERVER_POLL_DURATION,
	METRIC_SERVER_CALLS,
	METRIC_SERVER_CALL_FAILURES,
	METRIC_SERVER_IN_FLIGHT,
	METRICS /* how many there are */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum metric_source {
	METRIC_COUNTED, /* the installation's total */
	METRIC_LAST,    /* what any process set last */
	METRIC_PROCESS, /* the sum over the processes that live */
	METRIC_TOLD     /* read when somebody asks (calls/metrics.c) */
};

/* A label whose values are known; the last one stands for all others, if it is "other". */
struct metric_label {
	const char *name;
	const char *const *values;
	size_t n;
};

struct metric_row {
	const char *name;
	enum metric_type type;
	enum metric_source source;
	bool by_server; /* the label "server" comes first */
	const struct metric_label *labels[2];
	const char *help;
};

extern const struct metric_row metrics_table[METRICS];

/* The upper ends of a histogram's buckets; above the last one there is another bucket. */
#define METRIC_BOUNDS 15
extern const int64_t metrics_bounds_us[METRIC_BOUNDS];

/* The place of a value among those of a metric's label (0: the first, 1: the second label);
 * that of "other" for one that is not among them. */
size_t metrics_value(enum metric metric, int label, struct str value);

/* ---- Counting -------------------------------------------------------------------- */

/* Add to a counter (METRIC_COUNTED); first and second are the places of its labels' values, 0
 * where it has no such label. */
void metrics_add(enum metric metric, size_t first, size_t second, uint64_t n);

/* Count a duration in a histogram. */
void metrics_observe(enum metric metric, size_t first, int64_t us);

/* Change a gauge of this process (METRIC_PROCESS). */
void metrics_gauge_add(enum metric metric, size_t first, int n);

/* The same for what is counted by server: add to a counter, change a gauge of this process,
 * or set what was last (METRIC_LAST).  A server for which there is no more room is not
 * counted. */
void metrics_server_add(enum metric metric, const char *server, int64_t n);

/* ---- The installation's totals --------------------------------------------------- */

/*
 * Count in the file at path, NULL: in this process alone.  Once in a process, after its last
 * fork.  The file is opened when it is needed first.  is_short: the process serves one
 * request, so that its gauges are published as they change; else metrics_publish does it.
 */
void metrics_open(const char *path, bool is_short);

/* Move what this process has counted to the totals.  Not before a client has its answer. */
void metrics_flush(void);

/* Publish the gauges of this process, and see whether the file is still in its place.  To be
 * called about once a second. */
void metrics_publish(void);

/* Forget everything; for tests. */
void metrics_reset(void);

/* ---- Reading --------------------------------------------------------------------- */

/* All totals at one moment. */
struct metrics_reading;

/* Read them, with what this process has not flushed yet; they live in the arena. */
const struct metrics_reading *metrics_read(struct arena *arena);

/* A counter or a gauge of processes. */
int64_t metrics_get(const struct metrics_reading *reading, enum metric metric, size_t first,
    size_t second);

/* A histogram's bucket (0 to METRIC_BOUNDS; each by itself), and the sum of all durations. */
uint64_t metrics_bucket(const struct metrics_reading *reading, enum metric metric, size_t first,
    size_t bucket);
int64_t metrics_sum_us(const struct metrics_reading *reading, enum metric metric, size_t first);

/* What is counted of a server; 0 when nothing is. */
int64_t metrics_server_get(const struct metrics_reading *reading, enum metric metric,
    const char *server);

/* Are they the totals of the installation, and not of this process alone? */
bool metrics_are_shared(const struct metrics_reading *reading);

#endif

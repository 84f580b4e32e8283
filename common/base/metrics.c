#include "base/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/metrics_file.h"

#define BITS 64

/* What this process has counted and not flushed yet, its gauges, and which cells changed. */
static struct {
	_Atomic uint64_t counters[METRICS_COUNTERS];
	_Atomic uint64_t changed[METRICS_COUNTERS / BITS];
	struct {
		_Atomic uint64_t key;
		_Atomic uint64_t cells[METRICS_BY_SERVER];
		atomic_int in_flight;
	} servers[METRICS_SERVERS];
	_Atomic uint64_t servers_changed[METRICS_SERVERS / BITS];
	_Atomic int64_t gauges[METRICS_GAUGES];
} own;

static atomic_bool is_short_lived;

/* Where a metric's cells begin: among the counters, a server's cells, or the gauges. */
static size_t places[METRICS];
static uint64_t layout;

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- The layout ------------------------------------------------------------------ */

static size_t
label_values(const struct metric_row *row, int label)
{
	return row->labels[label] ? row->labels[label]->n : 1;
}

/* Cells of one histogram: its buckets, the last one without an end, and the sum. */
#define HISTOGRAM_CELLS (METRIC_BOUNDS + 2)

static size_t
cells_of(const struct metric_row *row)
{
	return label_values(row, 0) * label_values(row, 1) *
	    (row->type == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : 1);
}

/* What another version of this program must agree in: how large all is, … */
static void
hash_sizes(void)
{
	/* The last number is that of the way in which refusals.c writes its cells. */
	static const uint64_t sizes[] = { METRICS_COUNTERS, METRICS_SERVERS, METRICS_BY_SERVER,
		METRICS_GAUGES, METRICS_SLOTS, METRICS_REFUSALS, 1 };

	layout = str_hash_on(layout, (struct str){ (const char *)sizes, sizeof(sizes) });
}

/* … and what stands where. */
static void
hash_row(const struct metric_row *row)
{
	layout = str_hash_on(layout, str_from(row->name));
	for (int label = 0; label < 2; label++)
		for (size_t i = 0; row->labels[label] && i < row->labels[label]->n; i++)
			layout = str_hash_on(layout, str_from(row->labels[label]->values[i]));
}

static void
init(void)
{
	size_t counters = 0, by_server = 0, gauges = 0;

	layout = str_hash(
	    (struct str){ (const char *)metrics_bounds_us, sizeof(metrics_bounds_us) });
	hash_sizes();
	for (int metric = 0; metric < METRICS; metric++) {
		const struct metric_row *row = &metrics_table[metric];
		bool is_gauge = row->source == METRIC_PROCESS;

		if (row->source == METRIC_TOLD || (is_gauge && row->by_server))
			continue;
		hash_row(row);
		size_t *next = row->by_server ? &by_server : is_gauge ? &gauges : &counters;
		places[metric] = *next;
		*next += cells_of(row);
	}
	assert(counters <= METRICS_COUNTERS);
	assert(by_server <= METRICS_BY_SERVER);
	assert(gauges <= METRICS_GAUGES);
}

static size_t
place_of(enum metric metric, size_t first, size_t second)
{
	const struct metric_row *row = &metrics_table[metric];

	pthread_once(&once, init);
	assert(first < label_values(row, 0) && second < label_values(row, 1));
	return places[metric] +
	    (first * label_values(row, 1) + second) *
	    (row->type == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : 1);
}

size_t
metrics_value(enum metric metric, int label, struct str value)
{
	const struct metric_label *values = metrics_table[metric].labels[label];
	size_t i = 0;

	while (i < values->n - 1 && !str_is(value, values->values[i]))
		i++;
	return i;
}

/* ---- Counting -------------------------------------------------------------------- */

static void
count(size_t place, uint64_t n)
{
	atomic_fetch_add(&own.counters[place], n);
	/* After it, so that what is flushed meanwhile is at worst looked at twice. */
	atomic_fetch_or(&own.changed[place / BITS], UINT64_C(1) << place % BITS);
}

void
metrics_add(enum metric metric, size_t first, size_t second, uint64_t n)
{
	count(place_of(metric, first, second), n);
}

void
metrics_observe(enum metric metric, size_t first, int64_t us)
{
	size_t place = place_of(metric, first, 0), bucket = 0;

	while (bucket < METRIC_BOUNDS && us > metrics_bounds_us[bucket])
		bucket++;
	count(place + bucket, 1);
	count(place + METRIC_BOUNDS + 1, us > 0 ? (uint64_t)us : 0);
}

void
metrics_gauge_add(enum metric metric, size_t first, int n)
{
	atomic_fetch_add(&own.gauges[place_of(metric, first, 0)], n);
	if (atomic_load(&is_short_lived))
		metrics_publish();
}

static uint64_t
key_of(const char *server)
{
	uint64_t key = str_hash(str_from(server));

	return key == 0 ? 1 : key;
}

/* The place of a server's key in the shared memory: taken if there was none and is_new, else
 * -1. */
static int
shared_server(uint64_t key, bool is_new)
{
	struct metrics_shared *shared = metrics_file_memory();

	for (size_t i = 0; i < METRICS_SERVERS; i++) {
		size_t at = (key + i) % METRICS_SERVERS;
		uint64_t there = atomic_load(&shared->servers[at].key);

		if (there == 0 && !is_new)
			return -1;
		if (there == 0 &&
		    atomic_compare_exchange_strong(&shared->servers[at].key, &there, key))
			return (int)at;
		if (there == key)
			return (int)at;
	}
	return -1;
}

/* The same of this process's. */
static int
own_server(uint64_t key, bool is_new)
{
	for (size_t i = 0; i < METRICS_SERVERS; i++) {
		size_t at = (key + i) % METRICS_SERVERS;
		uint64_t there = atomic_load(&own.servers[at].key);

		if (there == 0 && !is_new)
			return -1;
		if (there == 0 &&
		    atomic_compare_exchange_strong(&own.servers[at].key, &there, key))
			return (int)at;
		if (there == key)
			return (int)at;
	}
	return -1;
}

void
metrics_server_add(enum metric metric, const char *server, int64_t n)
{
	const struct metric_row *row = &metrics_table[metric];
	size_t place = place_of(metric, 0, 0);
	int at = own_server(key_of(server), true);

	if (at < 0)
		return;
	if (row->source == METRIC_PROCESS) {
		atomic_fetch_add(&own.servers[at].in_flight, (int)n);
		if (atomic_load(&is_short_lived))
			metrics_publish();
		return;
	}
	if (row->source == METRIC_LAST)
		atomic_store(&own.servers[at].cells[place], (uint64_t)n);
	else
		atomic_fetch_add(&own.servers[at].cells[place], (uint64_t)n);
	atomic_fetch_or(&own.servers_changed[at / BITS], UINT64_C(1) << at % BITS);
}

/* ---- The totals ------------------------------------------------------------------ */

void
metrics_open(const char *path, bool is_short)
{
	atomic_store(&own.gauges[place_of(METRIC_PROCESSES, 0, 0)], 1);
	atomic_store(&is_short_lived, is_short);
	metrics_file_set(path, layout);
}

static void
flush_server(size_t at)
{
	struct metrics_shared *shared = metrics_file_memory();
	int there = shared_server(atomic_load(&own.servers[at].key), true);

	for (int metric = 0; metric < METRICS && there >= 0; metric++) {
		const struct metric_row *row = &metrics_table[metric];

		if (!row->by_server || row->source == METRIC_TOLD ||
		    row->source == METRIC_PROCESS)
			continue;
		uint64_t n = atomic_exchange(&own.servers[at].cells[places[metric]], 0);
		if (n > 0 && row->source == METRIC_LAST)
			atomic_store(&shared->servers[there].cells[places[metric]], n);
		else if (n > 0)
			atomic_fetch_add(&shared->servers[there].cells[places[metric]], n);
	}
}

void
metrics_flush(void)
{
	struct metrics_shared *shared = metrics_file_memory();

	pthread_once(&once, init);
	metrics_file_map(false);
	for (size_t word = 0; word < METRICS_COUNTERS / BITS; word++) {
		if (atomic_load(&own.changed[word]) == 0)
			continue;
		for (uint64_t bits = atomic_exchange(&own.changed[word], 0); bits != 0;
		     bits &= bits - 1) {
			size_t at = word * BITS + (size_t)__builtin_ctzll(bits);

			atomic_fetch_add(&shared->counters[at],
			    atomic_exchange(&own.counters[at], 0));
		}
	}
	for (size_t word = 0; word < METRICS_SERVERS / BITS; word++) {
		if (atomic_load(&own.servers_changed[word]) == 0)
			continue;
		for (uint64_t bits = atomic_exchange(&own.servers_changed[word], 0); bits != 0;
		     bits &= bits - 1)
			flush_server(word * BITS + (size_t)__builtin_ctzll(bits));
	}
}

void
metrics_publish(void)
{
	metrics_file_map(!atomic_load(&is_short_lived));
	metrics_file_lock();
	struct metrics_slot *slot = metrics_file_slot();
	for (size_t i = 0; slot && i < METRICS_GAUGES; i++)
		atomic_store(&slot->gauges[i], atomic_load(&own.gauges[i]));
	for (size_t i = 0; slot && i < METRICS_SERVERS; i++) {
		uint64_t key = atomic_load(&own.servers[i].key);
		int at = key != 0 ? shared_server(key, true) : -1;

		if (at >= 0)
			atomic_store(&slot->in_flight[at],
			    (int16_t)atomic_load(&own.servers[i].in_flight));
	}
	metrics_file_unlock();
}

void
metrics_reset(void)
{
	memset(&own, 0, sizeof(own));
	metrics_open(NULL, false);
}

/* ---- Reading --------------------------------------------------------------------- */

struct metrics_reading {
	bool is_shared;
	uint64_t counters[METRICS_COUNTERS];
	int64_t gauges[METRICS_GAUGES];
	struct {
		uint64_t key;
		int64_t cells[METRICS_BY_SERVER];
		int64_t in_flight;
	} servers[METRICS_SERVERS]; /* in the order of the shared memory */
};

/* Add what the slots of the other processes say, and this process's own gauges. */
static void
read_gauges(struct metrics_reading *reading)
{
	struct metrics_shared *shared = metrics_file_memory();

	for (int slot = metrics_file_next_slot(0); slot >= 0;
	     slot = metrics_file_next_slot(slot + 1)) {
		for (size_t i = 0; i < METRICS_GAUGES; i++)
			reading->gauges[i] += atomic_load(&shared->slots[slot].gauges[i]);
		for (size_t i = 0; i < METRICS_SERVERS; i++)
			reading->servers[i].in_flight += atomic_load(
			    &shared->slots[slot].in_flight[i]);
	}
	for (size_t i = 0; i < METRICS_GAUGES; i++)
		reading->gauges[i] += atomic_load(&own.gauges[i]);
	for (size_t i = 0; i < METRICS_SERVERS; i++) {
		uint64_t key = atomic_load(&own.servers[i].key);
		int at = key != 0 ? shared_server(key, true) : -1;

		if (at >= 0)
			reading->servers[at].in_flight += atomic_load(
			    &own.servers[i].in_flight);
	}
}

const struct metrics_reading *
metrics_read(struct arena *arena)
{
	struct metrics_reading *reading = arena_alloc(arena, sizeof(*reading));
	struct metrics_shared *shared = metrics_file_memory();

	pthread_once(&once, init);
	reading->is_shared = metrics_file_map(true);
	metrics_flush();
	for (size_t i = 0; i < METRICS_COUNTERS; i++)
		reading->counters[i] = atomic_load(&shared->counters[i]);
	metrics_file_lock();
	read_gauges(reading);
	metrics_file_unlock();
	for (size_t i = 0; i < METRICS_SERVERS; i++) {
		reading->servers[i].key = atomic_load(&shared->servers[i].key);
		for (size_t cell = 0; cell < METRICS_BY_SERVER; cell++)
			reading->servers[i].cells[cell] = (int64_t)atomic_load(
			    &shared->servers[i].cells[cell]);
	}
	return reading;
}

int64_t
metrics_get(const struct metrics_reading *reading, enum metric metric, size_t first,
    size_t second)
{
	size_t place = place_of(metric, first, second);

	return metrics_table[metric].source == METRIC_PROCESS ?
	    reading->gauges[place] :
	    (int64_t)reading->counters[place];
}

uint64_t
metrics_bucket(const struct metrics_reading *reading, enum metric metric, size_t first,
    size_t bucket)
{
	return reading->counters[place_of(metric, first, 0) + bucket];
}

int64_t
metrics_sum_us(const struct metrics_reading *reading, enum metric metric, size_t first)
{
	return (int64_t)reading->counters[place_of(metric, first, 0) + METRIC_BOUNDS + 1];
}

int64_t
metrics_server_get(const struct metrics_reading *reading, enum metric metric,
    const char *server)
{
	int at = shared_server(key_of(server), false);

	if (at < 0 || reading->servers[at].key != key_of(server))
		return 0;
	return metrics_table[metric].source == METRIC_PROCESS ?
	    reading->servers[at].in_flight :
	    reading->servers[at].cells[place_of(metric, 0, 0)];
}

bool
metrics_are_shared(const struct metrics_reading *reading)
{
	return reading->is_shared;
}

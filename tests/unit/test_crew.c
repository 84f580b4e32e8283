/*
 * The threads of a pool: when one more is made, and when it ends.
 */
#include "crew.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "tap.h"

#define DEADLINE_MS 60000

/* What threads are asked to do, until the gate is open. */
enum task { WAITS, NESTED, WORKS, QUICK, TASKS };

static struct crew crew;
static sem_t tasks[TASKS], any;
static atomic_uint n_waiting, n_working, n_done;
static atomic_bool gate, is_over;

static atomic_bool has_no_threads;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* In place of pthread_create (--wrap of ld(1)): no thread can be had for a while. */
int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*routine)(void *), void *argument)
{
	return has_no_threads ?
	    EAGAIN :
	    __real_pthread_create(thread, attributes, routine, argument);
}

static void
ask(enum task task, unsigned n)
{
	while (n-- > 0) {
		sem_post(&tasks[task]);
		sem_post(&any);
	}
}

static void
wait_for_gate(atomic_uint *n)
{
	++*n;
	while (!gate)
		clock_sleep_ms(1);
	--*n;
}

static void
run(void *context)
{
	(void)context;
	for (;;) {
		sem_wait(&any);
		if (is_over)
			break;
		crew_begin(&crew);
		if (sem_trywait(&tasks[WAITS]) == 0) {
			blocking_begin();
			wait_for_gate(&n_waiting);
			blocking_end();
		} else if (sem_trywait(&tasks[NESTED]) == 0) {
			blocking_begin();
			blocking_begin();
			wait_for_gate(&n_waiting);
			blocking_end();
			blocking_end();
		} else if (sem_trywait(&tasks[WORKS]) == 0) {
			wait_for_gate(&n_working);
		} else {
			sem_wait(&tasks[QUICK]);
		}
		++n_done;
		if (!crew_rest(&crew))
			break;
	}
}

static unsigned
n_threads(void)
{
	pthread_mutex_lock(&crew.mutex);
	unsigned n = crew.n;
	pthread_mutex_unlock(&crew.mutex);
	return n;
}

static unsigned
waiting(void)
{
	return n_waiting;
}

static unsigned
working(void)
{
	return n_working;
}

static unsigned
done(void)
{
	return n_done;
}

/* Does it become so many? */
static bool
becomes(unsigned (*count)(void), unsigned wanted)
{
	for (int ms = 0; count() != wanted && ms < DEADLINE_MS; ms++)
		clock_sleep_ms(1);
	if (count() == wanted)
		return true;
	diag("it is %u, and not %u", count(), wanted);
	return false;
}

static unsigned
resting(void)
{
	pthread_mutex_lock(&crew.mutex);
	unsigned n = crew.n_resting;
	pthread_mutex_unlock(&crew.mutex);
	return n;
}

static void
begin_with(unsigned most_at_work, unsigned most_awake)
{
	for (int i = 0; i < TASKS; i++)
		sem_init(&tasks[i], 0, 0);
	sem_init(&any, 0, 0);
	gate = is_over = false;
	n_done = 0;
	is_int(crew_open(&crew, most_at_work, most_awake, run, NULL), 0,
	    "a crew of %u, %u of them awake", most_at_work, most_awake);
	is_int(n_threads(), most_awake, "… has as many threads as are awake");
}

static void
begin(unsigned most_at_work)
{
	begin_with(most_at_work, most_at_work);
}

static void
end(void)
{
	crew_stop(&crew);
	is_over = true;
	for (unsigned n = n_threads(); n > 0; n--)
		sem_post(&any);
	gate = true;
	crew_close(&crew);
	is_int(crew.n, 0, "… and ends with all of them");
}

/* All that were there wait, and there is one for the next. */
static void
test_waiting(void)
{
	begin(2);
	ask(WAITS, 5);
	ok(becomes(waiting, 5), "five wait");
	is_int(n_threads(), 6, "… and there is one thread more");
	ask(QUICK, 1);
	ok(becomes(done, 1), "… and another is served meanwhile");
	is_int(waiting(), 5, "… while they wait");
	gate = true;
	ok(becomes(done, 6), "they go on");
	ok(becomes(n_threads, 2), "… and the threads beyond the crew end");
	ask(QUICK, 10);
	ok(becomes(done, 16), "the others go on serving");
	end();
}

static void
test_working(void)
{
	begin(2);
	ask(WORKS, 5);
	ok(becomes(working, 2), "of five that work two are served");
	is_int(n_threads(), 2, "… for which no thread is made");
	gate = true;
	ok(becomes(done, 5), "… and then the others");
	gate = false;
	ask(WORKS, 1);
	ok(becomes(working, 1), "one works");
	ask(WAITS, 4);
	ok(becomes(waiting, 4), "… beside those that wait");
	ask(WORKS, 1);
	ok(becomes(working, 2), "… and another one");
	ask(WAITS, 1);
	is_int(n_threads(), 6, "… then that is all");
	end();
}

static void
test_most(void)
{
	begin(2);
	ask(WAITS, 20);
	ok(becomes(waiting, 16), "eight times as many threads wait");
	is_int(n_threads(), 16, "… and no more are made");
	gate = true;
	ok(becomes(done, 20), "… but all are served");
	end();
	begin(1);
	ask(WAITS, 2);
	ok(becomes(waiting, 1), "one at a time");
	is_int(n_threads(), 1, "… stays one at a time");
	end();
}

/* Threads that are not needed rest, and come back. */
static void
test_rest(void)
{
	begin_with(4, 2);
	ask(WAITS, 3);
	ok(becomes(waiting, 3), "three wait");
	is_int(n_threads(), 4, "… and one is awake, which has nothing to do");
	gate = true;
	ok(becomes(done, 3), "they go on");
	ok(becomes(resting, 2), "… and two rest, as two are awake");
	gate = false;
	ask(WAITS, 3);
	ok(becomes(waiting, 3), "three wait again");
	ok(becomes(resting, 0), "… for which all were called");
	is_int(n_threads(), 4, "… and none was made");
	ask(QUICK, 1);
	ok(becomes(done, 4), "another is served meanwhile");
	gate = true;
	ok(becomes(done, 7), "all are served");
	ok(becomes(resting, 2), "… and two rest again");
	end();
}

/* Those who are awake get on with nothing, and have not told. */
static void
test_guard(void)
{
	begin_with(4, 2);
	ask(WORKS, 2);
	ok(becomes(working, 2), "two work");
	ask(QUICK, 5);
	ok(becomes(done, 5), "… and work, so that others are served by a third");
	ask(WORKS, 3);
	ok(becomes(working, 4), "four work");
	ask(QUICK, 1);
	clock_sleep_ms(50);
	is_int(done(), 5, "… which is all that may");
	gate = true;
	ok(becomes(done, 11), "… until they are done");
	end();
}

/* No thread can be had, and then they can: the next is served though nobody comes back. */
static void
test_shortage(void)
{
	begin_with(4, 2);
	has_no_threads = true;
	ask(WAITS, 1);
	ok(becomes(waiting, 1), "one waits");
	ask(WORKS, 1);
	ok(becomes(working, 1), "one works, beside whom no thread can be had");
	has_no_threads = false;
	ask(WORKS, 1);
	ok(becomes(working, 2), "the next one is served when they can be had again");
	gate = true;
	ok(becomes(done, 3), "… and all are served");
	end();
}

/* A wait within a wait is one, or the crew would take more for waiting than are there. */
static void
test_nested(void)
{
	begin_with(4, 2);
	ask(NESTED, 3);
	ok(becomes(waiting, 3), "three wait within a wait");
	ask(WORKS, 4);
	ok(becomes(working, 4), "… and four others work");
	gate = true;
	ok(becomes(done, 7), "… and all are served");
	end();
}

/* A crew ends with those that rest. */
static void
test_end_at_rest(void)
{
	begin_with(8, 2);
	ask(WAITS, 7);
	ok(becomes(waiting, 7), "seven wait");
	gate = true;
	ok(becomes(resting, 6), "… and then six rest");
	end();
}

static void
test_stranger(void)
{
	begin(1);
	blocking_begin();
	is_int(n_threads(), 1, "a thread that is not the crew's waits");
	blocking_end();
	end();
}

int
main(void)
{
	test_waiting();
	test_working();
	test_most();
	test_rest();
	test_guard();
	test_shortage();
	test_nested();
	test_end_at_rest();
	test_stranger();
	return done_testing();
}

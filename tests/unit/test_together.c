/*
 * Equal questions that come at the same time: who asks for whom, and what each is told.
 */
#include "core/together.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/blocking.h"
#include "base/clock.h"
#include "tap.h"

#define DEADLINE_MS 60000
#define MANY 50

static struct config_runtime runtime;
static const char *secrets[] = { "first", "second" };
static struct config config = { .secrets = secrets, .n_secrets = 2, .runtime = &runtime };

/* What the servers have, which requests change before they ask for it. */
static atomic_int world;
static atomic_int n_asked, n_asking, n_blocked;
static atomic_int n_short; /* so many of the next answers lack something */
static atomic_bool is_gated;

/* One request. */
struct asker {
	struct call call;
	struct request request;
	struct response response;
	pthread_t thread;
	int64_t asked_ms; /* the request's time when it asked, or 0: another did */
	atomic_bool is_answered;
};

static void
note_blocking(bool begins)
{
	n_blocked += begins ? 1 : -1;
}

/* Look what there is, wait for the gate, and answer. */
static void
look(struct call *call, const void *context)
{
	struct asker *asker = (struct asker *)call; /* its first member */
	char text[32];

	n_asked++;
	snprintf(text, sizeof(text), "%d", atomic_load(&world));
	n_asking++;
	while (*(const bool *)context && is_gated)
		clock_sleep_ms(1);
	if (str_is(call->query, "loop"))
		clock_sleep_ms(2);
	n_asking--;
	asker->asked_ms = call->request->now_ms;
	call->response->was_short = atomic_fetch_sub(&n_short, 1) > 0;
	call->response->body = str_from(str_copy(call->arena, str_from(text)));
	call->response->status = 200;
	call->response->content_type = "text/xml";
	call->response->location = str_printf(call->arena, "http://a.test/%s", text);
	call->response->server = "a";
	call->response->result = "SUCCESS";
}

/* Those that ask "gated" wait for the gate. */
static void *
thread_main(void *argument)
{
	struct asker *asker = argument;
	bool waits = str_starts(asker->call.query, "gated");

	together_answer(&asker->call, look, &waits);
	asker->is_answered = true;
	return NULL;
}

static void
begin(struct asker *asker, const char *query)
{
	memset(asker, 0, sizeof(*asker));
	asker->request.now_ms = 1000000;
	asker->call = (struct call){
		.config = &config,
		.arena = arena_new(),
		.request = &asker->request,
		.response = &asker->response,
		.name = "getMeetings",
		.method = "GET",
		.query = str_from(query),
		.secret = secrets[0],
	};
	asker->response.call = STR("getMeetings");
}

/* The same about one meeting. */
static void
begin_of_meeting(struct asker *asker, const char *query)
{
	begin(asker, query);
	asker->call.name = "getMeetingInfo";
	asker->call.meeting_id = STR("room");
	asker->response.call = STR("getMeetingInfo");
	asker->response.meeting_id = asker->call.meeting_id;
}

static void
start(struct asker *asker)
{
	if (pthread_create(&asker->thread, NULL, thread_main, asker) != 0)
		_exit(99);
}

static void
end(struct asker *asker)
{
	pthread_join(asker->thread, NULL);
}

static void
forget(struct asker *asker)
{
	arena_free(asker->call.arena);
}

static bool
is_reached(const atomic_int *number, int wanted)
{
	for (int ms = 0; ms < DEADLINE_MS; ms++) {
		if (*number >= wanted)
			return true;
		clock_sleep_ms(1);
	}
	return false;
}

static bool
is_ended(const struct asker *asker)
{
	for (int ms = 0; ms < DEADLINE_MS; ms++) {
		if (asker->is_answered)
			return true;
		clock_sleep_ms(1);
	}
	return false;
}

static int
waiting_in(struct crowds *crowds)
{
	int n = 0;

	for (size_t i = 0; i < CROWDS_PLACES; i++) {
		struct crowd *crowd = &crowds->places[i].crowd;

		pthread_mutex_lock(&crowd->mutex);
		for (struct crowd_item *item = crowd->first; item; item = item->next)
			n++;
		pthread_mutex_unlock(&crowd->mutex);
	}
	return n;
}

/* So many wait in all crowds. */
static bool
are_waiting(int wanted)
{
	for (int ms = 0; ms < DEADLINE_MS; ms++) {
		if (waiting_in(&runtime.questions) + waiting_in(&runtime.meeting_questions) ==
		    wanted)
			return true;
		clock_sleep_ms(1);
	}
	return false;
}

static void
reset(int64_t probe_timeout_ms)
{
	crowds_init(&runtime.questions);
	crowds_init(&runtime.meeting_questions);
	config.probe_timeout_ms = probe_timeout_ms;
	world = n_asked = n_asking = n_short = 0;
	is_gated = true;
}

static size_t
places_in_use(void)
{
	size_t n = 0;

	for (size_t i = 0; i < CROWDS_PLACES; i++) {
		n += runtime.questions.places[i].n > 0 || runtime.questions.places[i].key;
		n += runtime.meeting_questions.places[i].n > 0 ||
		    runtime.meeting_questions.places[i].key;
	}
	return n;
}

/* One asks; what is there changes, and many others come, whose answers must show it. */
static void
test_fresh(int shorts, const char *name)
{
	static struct asker first, others[MANY];

	reset(DEADLINE_MS * 10);
	begin(&first, "gated");
	start(&first);
	is_reached(&n_asking, 1);
	world = 1;
	for (int i = 0; i < MANY; i++) {
		begin(&others[i], "gated");
		start(&others[i]);
	}
	ok(are_waiting(MANY), "%s: all that come wait", name);
	is_int(n_asked, 1, "%s: while one asks", name);
	is_int(n_blocked, MANY, "%s: which counts as waiting", name);
	clock_sleep_ms(5);
	n_short = shorts > 0 ? shorts + 1 : 0;
	is_gated = false;
	end(&first);
	int n_fresh = 0, n_own = 0, n_late = 0;
	for (int i = 0; i < MANY; i++) {
		struct asker *one = &others[i];

		end(one);
		n_fresh += str_is(one->response.body, "1");
		n_own += str_is(one->response.call, "getMeetings") &&
		    str_is(str_from(one->response.result), "SUCCESS") &&
		    one->response.status == 200;
		n_late += one->asked_ms > 1000000;
	}
	ok(str_is(first.response.body, "0"), "%s: the first is told what was there", name);
	is_int(n_fresh, MANY, "%s: no answer is older than its request", name);
	is_int(n_own, MANY, "%s: each has all of it", name);
	if (shorts == 0) {
		is_int(n_asked, 2, "%s: one asks for all", name);
		is_int(n_late, 1, "%s: at a time after the wait", name);
	} else {
		ok(n_asked > 2, "%s: what is not whole does for nobody else", name);
	}
	is_int((long long)places_in_use(), 0, "%s: nothing is left", name);
	is_int(n_blocked, 0, "%s: nobody waits", name);
	/* The first that goes takes nothing from the others. */
	forget(&first);
	for (int i = 0; i < MANY; i++) {
		n_fresh -= str_is(others[i].response.body, "1");
		forget(&others[i]);
	}
	is_int(n_fresh, 0, "%s: as long as there is one who needs it", name);
}

/* Whoever has waited long enough asks beside who asks. */
static void
test_patience(void)
{
	static struct asker first, second;

	reset(30);
	begin(&first, "gated");
	start(&first);
	is_reached(&n_asking, 1);
	begin(&second, "gated");
	start(&second);
	ok(is_reached(&n_asking, 2), "nobody waits without end for another's servers");
	is_gated = false;
	end(&first);
	end(&second);
	is_int(n_asked, 2, "both ask");
	is_int((long long)places_in_use(), 0, "nothing is left of both");
	forget(&first);
	forget(&second);
}

/* A few ask about a meeting; it changes, and many others come. */
static void
test_meeting(void)
{
	static struct asker few[3], many[MANY];

	reset(DEADLINE_MS * 20);
	for (int i = 0; i < 3; i++) {
		begin_of_meeting(&few[i], "gated");
		start(&few[i]);
		ok(is_reached(&n_asking, i + 1), "a meeting: number %d does not wait", i + 1);
	}
	world = 1;
	for (int i = 0; i < MANY; i++) {
		begin_of_meeting(&many[i], "gated");
		start(&many[i]);
	}
	ok(are_waiting(MANY), "a meeting: further ones wait");
	is_int(n_asked, 3, "a meeting: while three ask");
	is_gated = false;
	int n_old = 0, n_fresh = 0, n_own = 0;
	for (int i = 0; i < 3; i++) {
		end(&few[i]);
		n_old += str_is(few[i].response.body, "0");
		forget(&few[i]);
	}
	for (int i = 0; i < MANY; i++) {
		const struct response *response = &many[i].response;

		end(&many[i]);
		n_fresh += str_is(response->body, "1") &&
		    str_is(str_from(response->location), "http://a.test/1");
		n_own += str_is(response->call, "getMeetingInfo") &&
		    str_is(response->meeting_id, "room") &&
		    str_is(str_from(response->server), "a");
	}
	is_int(n_old, 3, "a meeting: those are told what was there");
	is_int(n_fresh, MANY, "a meeting: no answer is older than its request");
	is_int(n_own, MANY, "a meeting: each has all of it, and what is its own");
	is_int(n_asked, 4, "a meeting: one asks for all");
	is_int((long long)places_in_use(), 0, "a meeting: nothing is left");
	for (int i = 0; i < MANY; i++)
		forget(&many[i]);
}

/* Three hang. */
static void
test_meeting_patience(void)
{
	static struct asker askers[4];

	reset(300);
	for (int i = 0; i < 4; i++) {
		begin_of_meeting(&askers[i], "gated");
		start(&askers[i]);
	}
	ok(is_reached(&n_asking, 4), "a meeting: nobody waits without end for three that hang");
	is_gated = false;
	for (int i = 0; i < 4; i++) {
		end(&askers[i]);
		forget(&askers[i]);
	}
}

/* More meetings are asked for than there are places: those of the lists are free. */
static void
test_meetings_and_lists(void)
{
	static struct asker askers[CROWDS_PLACES + 1], lists[MANY];
	static char queries[CROWDS_PLACES + 1][32];

	reset(DEADLINE_MS * 20);
	for (int i = 0; i < CROWDS_PLACES + 1; i++) {
		snprintf(queries[i], sizeof(queries[i]), "gated=%d", i);
		begin_of_meeting(&askers[i], queries[i]);
		start(&askers[i]);
	}
	ok(is_reached(&n_asking, CROWDS_PLACES + 1), "many meetings: all ask");
	for (int i = 0; i < MANY; i++) {
		begin(&lists[i], "gated");
		start(&lists[i]);
	}
	ok(are_waiting(MANY - 1), "many meetings: equal lists wait for the first of them");
	is_gated = false;
	for (int i = 0; i < CROWDS_PLACES + 1; i++) {
		end(&askers[i]);
		forget(&askers[i]);
	}
	for (int i = 0; i < MANY; i++) {
		end(&lists[i]);
		forget(&lists[i]);
	}
	is_int((long long)places_in_use(), 0, "many meetings: nothing is left");
}

/* What differs is neither shared nor waited for. */
static void
test_different(void)
{
	static struct asker first, other;
	static char longest[CROWDS_KEY_BYTES + 1];

	memset(longest, 'a', sizeof(longest) - 1);
	reset(DEADLINE_MS * 10);
	begin(&first, "gated");
	start(&first);
	is_reached(&n_asking, 1);
	for (int what = 0; what < 8; what++) {
		static const char *const names[] = { "query", "call", "method", "form", "body",
			"type", "secret", "length" };

		begin(&other, "gated");
		other.call.query = what == 0 ? STR("limit=1") : STR("");
		if (what == 1)
			other.call.name = "getSessions";
		else if (what == 2)
			other.call.method = "POST";
		else if (what == 3)
			other.call.form = STR("gated");
		else if (what == 4)
			other.call.body = STR("gated");
		else if (what == 5)
			other.call.content_type = STR("gated");
		else if (what == 6)
			other.call.secret = secrets[1];
		else if (what == 7)
			other.call.query = str_from(longest);
		start(&other);
		ok(is_ended(&other), "another %s: does not wait", names[what]);
		end(&other);
		ok(other.asked_ms > 0, "another %s: asks for itself", names[what]);
		forget(&other);
	}
	is_gated = false;
	end(&first);
	forget(&first);
}

/* A thread that changes what is there and asks for it, in a closed loop. */
struct looper {
	pthread_t thread;
	void (*begin)(struct asker *asker, const char *query);
	int n_old;
};

static void *
loop(void *argument)
{
	const bool waits = false;
	struct looper *looper = argument;

	for (int i = 0; i < 100; i++) {
		struct asker asker;
		int64_t got = -1;
		int least = ++world;

		looper->begin(&asker, "loop");
		together_answer(&asker.call, look, &waits);
		str_to_int(asker.response.body, 0, INT32_MAX, &got);
		looper->n_old += got < least;
		forget(&asker);
	}
	return NULL;
}

static void
test_loop(int64_t probe_timeout_ms, void (*begin_one)(struct asker *, const char *))
{
	struct looper loopers[8];
	int sum = 0;

	reset(probe_timeout_ms);
	for (int i = 0; i < 8; i++) {
		loopers[i] = (struct looper){ .begin = begin_one };
		if (pthread_create(&loopers[i].thread, NULL, loop, &loopers[i]) != 0)
			_exit(99);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(loopers[i].thread, NULL);
		sum += loopers[i].n_old;
	}
	is_int(sum, 0, "a closed loop: no answer is older than its request");
	if (probe_timeout_ms == DEADLINE_MS)
		ok(n_asked < 8 * 100, "a closed loop: %d of 800 ask", (int)n_asked);
	is_int((long long)places_in_use(), 0, "a closed loop: nothing is left");
}

/* A place for each question, and who finds none goes alone. */
static void
test_places(void)
{
	static struct asker askers[CROWDS_PLACES + 2];
	static char queries[CROWDS_PLACES + 2][32];

	reset(DEADLINE_MS * 10);
	for (int i = 0; i < CROWDS_PLACES + 2; i++) {
		snprintf(queries[i], sizeof(queries[i]), "gated=%d", i);
		begin(&askers[i], queries[i]);
		start(&askers[i]);
	}
	ok(is_reached(&n_asking, CROWDS_PLACES + 2), "more questions than places: all ask");
	is_gated = false;
	for (int i = 0; i < CROWDS_PLACES + 2; i++) {
		end(&askers[i]);
		forget(&askers[i]);
	}
	is_int((long long)places_in_use(), 0, "more questions than places: nothing is left");
}

int
main(void)
{
	blocking_listen(note_blocking);
	test_fresh(0, "well");
	test_fresh(1, "short of memory");
	test_fresh(5, "short for long");
	test_patience();
	test_different();
	test_places();
	test_meeting();
	test_meeting_patience();
	test_meetings_and_lists();
	test_loop(DEADLINE_MS, begin);
	test_loop(1, begin);
	test_loop(DEADLINE_MS, begin_of_meeting);
	test_loop(1, begin_of_meeting);
	return done_testing();
}

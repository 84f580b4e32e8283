#include "core/together.h"

#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crowds.h"

/* Of a list: so long clients may take that ask again as soon as they have an answer (crowd.h).
 * With 10 ms a list of 2 MB, which eight of them read at once, was sometimes not there in
 * time. */
#define LIST_GATHER_US 20000

/* Of a meeting: so many are asking before anybody waits. */
#define MEETING_ROUNDS 3

/* Who has waited for that part of probe_timeout_ms waits no more. */
#define LIST_PATIENCE_PART 3
#define MEETING_PATIENCE_PART 10

/* An answer for several, in an arena of its own. */
struct answer {
	atomic_uint users;
	struct arena *arena;
	struct response response;
};

/* One request in its crowd. */
struct asker {
	struct crowd_item item; /* first */
	int64_t came_us;        /* when its call began to be answered, by CLOCK_MONOTONIC */
	struct answer *answer;  /* what another left for it, or NULL: there was no memory */
};

/* ---- What is equal ------------------------------------------------------------- */

/* A part of the key, which cannot be taken for a piece of the next. */
static void
add_part(struct buf *key, struct str part)
{
	buf_printf(key, "%zu:", part.len);
	buf_str(key, part);
}

/* The place of the client's secret among the gateway's, as no secret is to lie about. */
static size_t
secret_at(const struct call *call)
{
	size_t i = 0;

	while (i < call->config->n_secrets && call->config->secrets[i] != call->secret)
		i++;
	return i;
}

/* All that the answer depends on.  Empty: it is too long. */
static struct str
key_of(const struct call *call)
{
	struct buf key;

	buf_init(&key, CROWDS_KEY_BYTES);
	/* The crowds outlive a configuration, and not one of which somebody is in a crowd. */
	buf_printf(&key, "%p:%zu:", (const void *)call->config, secret_at(call));
	add_part(&key, str_from(call->name));
	add_part(&key, str_from(call->method));
	add_part(&key, call->query);
	add_part(&key, call->form);
	add_part(&key, call->content_type);
	add_part(&key, call->body);
	return buf_failed(&key) ? STR("") : buf_take(&key, call->arena);
}

/* ---- Answers that are shared ---------------------------------------------------- */

static const char *
copy_text(struct arena *arena, const char *text)
{
	return text ? str_copy(arena, str_from(text)) : NULL;
}

/* A copy for so many; NULL when there is no memory for it. */
static struct answer *
answer_new(const struct response *from, unsigned users)
{
	struct arena *arena = arena_new();
	char *body = arena_try_alloc(arena, from->body.len + 1);

	if (!body) {
		arena_free(arena);
		return NULL;
	}
	if (from->body.len > 0)
		memcpy(body, from->body.data, from->body.len);
	struct answer *answer = arena_alloc(arena, sizeof(*answer));
	answer->arena = arena;
	answer->response = (struct response){
		.status = from->status,
		.content_type = copy_text(arena, from->content_type),
		.body = { body, from->body.len },
		.location = copy_text(arena, from->location),
		.no_store = from->no_store,
		.is_error = from->is_error,
		.was_short = from->was_short,
		.server = copy_text(arena, from->server),
		.result = copy_text(arena, from->result),
	};
	atomic_init(&answer->users, users);
	return answer;
}

/* One of those who take it needs it no more. */
static void
release(void *argument)
{
	struct answer *answer = argument;

	if (atomic_fetch_sub(&answer->users, 1) == 1)
		arena_free(answer->arena);
}

/* Answer the call with it. */
static void
take(struct call *call, struct answer *answer)
{
	struct response *response = call->response;
	struct response own = *response;

	arena_at_reset(call->arena, release, answer);
	*response = answer->response;
	response->call = own.call;
	response->meeting_id = own.meeting_id;
	response->later = own.later;
}

/* ---- A round --------------------------------------------------------------------- */

/* What comes now comes after all waits, by the request's time as well. */
static void
move_on(struct call *call, int64_t came_us)
{
	int64_t waited_us = clock_us(CLOCK_MONOTONIC) - came_us;

	if (waited_us < 1000)
		return;
	struct request *request = arena_alloc(call->arena, sizeof(*request));
	*request = *call->request;
	request->now_ms += waited_us / 1000;
	call->request = request;
}

/* Ask for all of these, the call's own among them, and leave the answer with the others. */
static void
ask_for_all(struct call *call, struct crowd_item *items, const struct asker *own,
    together_ask *ask, const void *context)
{
	unsigned users = 0;

	move_on(call, own->came_us);
	ask(call, context);
	for (const struct crowd_item *item = items; item; item = item->next)
		users += item != &own->item;
	struct answer *answer = users > 0 ? answer_new(call->response, users) : NULL;
	for (struct crowd_item *item = items; item; item = item->next)
		((struct asker *)item)->answer = answer;
}

/* Is it a question about one meeting, and not one to all servers? */
static bool
is_of_a_meeting(const struct call *call)
{
	return call->meeting_id.len > 0;
}

static struct crowd_manners
manners_of(const struct call *call)
{
	const int64_t probe_us = call->config->probe_timeout_ms * 1000;

	if (is_of_a_meeting(call))
		return (struct crowd_manners){
			.rounds = MEETING_ROUNDS,
			.patience_us = probe_us / MEETING_PATIENCE_PART,
		};
	return (struct crowd_manners){
		.rounds = 1,
		.patience_us = probe_us / LIST_PATIENCE_PART,
		.gather_us = LIST_GATHER_US,
	};
}

/* One round.  False: it has no answer, or one that is_enough makes do. */
static bool
answer_in(struct crowd *crowd, struct call *call, int64_t came_us, bool is_enough,
    together_ask *ask, const void *context)
{
	const struct crowd_manners manners = manners_of(call);
	struct asker own = { .came_us = came_us };
	struct crowd_item *items = crowd_enter_by(crowd, &own.item, &manners);

	if (items) {
		ask_for_all(call, items, &own, ask, context);
		crowd_leave(crowd, items);
		return true;
	}
	if (!own.answer)
		return false;
	if (own.answer->response.was_short && !is_enough) {
		release(own.answer);
		return false;
	}
	take(call, own.answer);
	return true;
}

void
together_answer(struct call *call, together_ask *ask, const void *context)
{
	struct config_runtime *runtime = call->config->runtime;
	/* However many meetings are asked for, the lists have places. */
	struct crowds *crowds = is_of_a_meeting(call) ?
	    &runtime->meeting_questions :
	    &runtime->questions;
	struct str key = key_of(call);
	struct crowd *crowd = key.len > 0 ? crowds_meet(crowds, key) : NULL;

	if (!crowd) {
		ask(call, context);
		return;
	}
	int64_t came_us = clock_us(CLOCK_MONOTONIC);
	if (!answer_in(crowd, call, came_us, false, ask, context) &&
	    !answer_in(crowd, call, came_us, true, ask, context))
		reply_error(call->response, call->arena, REPLY_SHORT);
	crowds_part(crowds, crowd);
}

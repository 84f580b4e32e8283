/*
 * A server's facts as a text: "HEALTH STATE FAILURES … RELEASE", numbers and one word, in
 * the order of the table; STATE is -1 where no operator has set one.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/redis/redis.h"
#include "base/arena.h"
#include "base/bounds.h"

enum kind { COUNT, AMOUNT, MS, REAL, BITS };

static const struct field {
	size_t offset;
	enum kind kind;
} fields[] = {
	{ offsetof(struct server_facts, failures), COUNT },
	{ offsetof(struct server_facts, failing_ms), MS },
	{ offsetof(struct server_facts, successes), COUNT },
	{ offsetof(struct server_facts, told_ms), MS },
	{ offsetof(struct server_facts, polled_ms), MS },
	{ offsetof(struct server_facts, good_ms), MS },
	{ offsetof(struct server_facts, next_poll_ms), MS },
	{ offsetof(struct server_facts, since_ms), MS },
	{ offsetof(struct server_facts, back_ms), MS },
	{ offsetof(struct server_facts, create_failures), COUNT },
	{ offsetof(struct server_facts, create_failed), BITS },
	{ offsetof(struct server_facts, held_ms), MS },
	{ offsetof(struct server_facts, users), AMOUNT },
	{ offsetof(struct server_facts, meetings), AMOUNT },
	{ offsetof(struct server_facts, reserved), REAL },
	{ offsetof(struct server_facts, reserved_ms), MS },
	{ offsetof(struct server_facts, turn), REAL },
	{ offsetof(struct server_facts, secret_at), COUNT },
	{ offsetof(struct server_facts, release_ms), MS },
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

struct str
redis_facts_write(struct link *link, const struct server_facts *facts)
{
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_printf(&out, "%d %d", (int)facts->health,
	    facts->has_operator_state ? (int)facts->operator_state : -1);
	for (size_t i = 0; i < FIELDS; i++) {
		const void *member = (const char *)facts + fields[i].offset;

		switch (fields[i].kind) {
		case COUNT:
			buf_printf(&out, " %d", *(const int *)member);
			break;
		case AMOUNT:
			buf_printf(&out, " %ld", *(const long *)member);
			break;
		case MS:
			buf_printf(&out, " %lld",
			    (long long)redis_ms_in(link, *(const int64_t *)member));
			break;
		case REAL:
			buf_printf(&out, " %.17g", *(const double *)member);
			break;
		case BITS:
			buf_printf(&out, " %llu",
			    (unsigned long long)*(const uint64_t *)member);
			break;
		}
	}
	buf_printf(&out, " %s", facts->release);
	return buf_take(&out, link->arena);
}

/* An amount that adds up; whatever was in the engine becomes something valid. */
static double
read_real(struct arena *arena, struct str text)
{
	double amount = strtod(str_copy(arena, text), NULL);

	return amount >= 0 && amount <= 9007199254740992.0 ? amount : 0;
}

static uint64_t
read_bits(struct arena *arena, struct str text)
{
	return strtoull(str_copy(arena, text), NULL, 10);
}

void
redis_facts_read(const struct link *link, struct str text, struct server_facts *facts)
{
	struct str rest = text;

	*facts = (struct server_facts){ 0 };
	facts->version = redis_version(redis_word(&rest, ' '));
	int64_t health = redis_read(redis_word(&rest, ' '), SERVER_DOWN);
	struct str state = redis_word(&rest, ' ');

	facts->health = (enum server_health)health;
	facts->has_operator_state = state.len > 0 && !str_is(state, "-1");
	if (facts->has_operator_state)
		facts->operator_state = (enum server_state)redis_read(state, SERVER_DISABLED);
	for (size_t i = 0; i < FIELDS; i++) {
		void *member = (char *)facts + fields[i].offset;
		struct str word = redis_word(&rest, ' ');

		switch (fields[i].kind) {
		case COUNT:
			*(int *)member = (int)redis_read(word, REDIS_COUNT_MOST);
			break;
		case AMOUNT:
			*(long *)member = (long)redis_read(word, REDIS_COUNT_MOST);
			break;
		case MS:
			*(int64_t *)member = redis_ms_out(link,
			    redis_read(word, REDIS_MS_MOST));
			break;
		case REAL:
			*(double *)member = read_real(link->arena, word);
			break;
		case BITS:
			*(uint64_t *)member = read_bits(link->arena, word);
			break;
		}
	}
	server_release_set(facts, rest, facts->release_ms);
}

struct str
redis_event_write(struct link *link, const struct event *event)
{
	if (!event)
		return STR("");
	return str_from(str_printf(link->arena, "%lld %d %s",
	    (long long)redis_ms_in(link, event->at_ms), (int)event->kind, event->server));
}

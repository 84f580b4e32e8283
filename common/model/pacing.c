#include "model/pacing.h"

#define SECOND_US INT64_C(1000000)

int64_t
pacing_step_us(int64_t per_second)
{
	/* Rounded up: never more than the rate. */
	return (SECOND_US + per_second - 1) / per_second;
}

struct pacing_slot
pacing_take(struct pacing *pacing, int64_t now_ms, int64_t step_us)
{
	struct pacing_slot slot = { .at_us = now_ms * 1000, .taken_ms = now_ms };

	if (pacing->taken_ms <= now_ms + PACING_AHEAD_MS && pacing->next_us > slot.at_us &&
	    pacing->next_us <= slot.at_us + PACING_LONGEST_MS * INT64_C(1000))
		slot.at_us = pacing->next_us;
	*pacing = (struct pacing){ .next_us = slot.at_us + step_us, .taken_ms = now_ms };
	return slot;
}

bool
pacing_is_good(struct pacing_slot slot, int64_t now_ms)
{
	return slot.at_us / 1000 >= now_ms - PACING_LATE_MS &&
	    slot.at_us / 1000 <= now_ms + PACING_LONGEST_MS &&
	    slot.taken_ms <= now_ms + PACING_AHEAD_MS;
}

struct pacing_verdict
pacing_judge(struct pacing_slot slot, int64_t now_ms, int64_t step_us, bool is_person)
{
	int64_t wait_us = slot.at_us - now_ms * 1000;
	int64_t wait_ms = (wait_us + 999) / 1000;

	if (wait_us <= 0)
		return (struct pacing_verdict){ 0 };
	struct pacing_verdict verdict = { .wait_ms = wait_ms, .ahead = wait_us / step_us };
	if (!is_person) {
		if (wait_ms > PACING_PROGRAM_MS)
			verdict.wait_ms = PACING_PROGRAM_MS;
	} else if (wait_ms > PACING_PERSON_MS) {
		verdict.wait_ms = 0;
		verdict.refresh_s = (int)((wait_ms - PACING_BACK_MS) / 1000);
	}
	return verdict;
}

int64_t
pacing_roughly(int64_t ahead)
{
	int64_t unit = ahead < 20 ? 1 : ahead < 100 ? 10 : 50;

	return (ahead + unit / 2) / unit * unit;
}

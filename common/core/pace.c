#include "core/pace.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "core/call.h"
#include "core/page.h"
#include "formats/checksum.h"
#include "formats/cookie.h"
#include "model/pacing.h"

/* Its name goes on with digits of the URL's own, as a browser may join several. */
#define COOKIE "tinyscale-place-%.8s"

/* The cookie of this join. */
static const char *
cookie_name(const struct call *call)
{
	char hex[CHECKSUM_HEX_SIZE];

	checksum_hmac(str_from(call->secret),
	    str_from(str_printf(call->arena, "place\n%.*s", STR_ARG(call->request->query))),
	    hex);
	return str_printf(call->arena, COOKIE, hex);
}

/* What the HMAC of a slot is over: the slot, for whom, and where. */
static struct str
signed_text(const struct call *call, struct str slot)
{
	return str_from(str_printf(call->arena, "slot\n%.*s\n%s\n%.*s", STR_ARG(slot),
	    call->server->name, STR_ARG(call->request->query)));
}

/* Read the slot that the browser was given before, "AT_US.TAKEN_MS.HMAC".  False when
 * there is none that can be used. */
static bool
recall_slot(const struct call *call, struct pacing_slot *slot)
{
	struct str value = cookie_find(call->request->cookies, cookie_name(call));
	size_t first = str_find(value, STR("."), 0);
	size_t second = first == SIZE_MAX ? SIZE_MAX : str_find(value, STR("."), first + 1);

	if (second == SIZE_MAX)
		return false;
	return checksum_hmac_verify(str_from(call->secret),
	           signed_text(call, str_part(value, 0, second)),
	           str_part(value, second + 1, SIZE_MAX)) &&
	    str_to_int(str_part(value, 0, first), 0, INT64_MAX, &slot->at_us) == 0 &&
	    str_to_int(str_part(value, first + 1, second - first - 1), 0, INT64_MAX,
	        &slot->taken_ms) == 0 &&
	    pacing_is_good(*slot, call->request->now_ms);
}

/* Show a person the queue. */
static void
show_queue(struct call *call, struct pacing_slot slot, struct pacing_verdict verdict)
{
	const struct request *request = call->request;
	char hex[CHECKSUM_HEX_SIZE];
	const char *text = str_printf(call->arena, "%" PRId64 ".%" PRId64, slot.at_us,
	    slot.taken_ms);

	checksum_hmac(str_from(call->secret), signed_text(call, str_from(text)), hex);
	page_of_queue(call->arena, request, call->response, pacing_roughly(verdict.ahead),
	    verdict.refresh_s);
	call->response->set_cookie = cookie_make(call->arena, request->https, cookie_name(call),
	    str_printf(call->arena, "%s.%s", text, hex),
	    verdict.refresh_s + PACING_LATE_MS / 1000);
	call->response->server = call->server->name;
}

bool
pace_holds(struct call *call)
{
	const struct request *request = call->request;

	if (call->server->max_joins_per_second == 0 || request->has_waited ||
	    strcmp(request->method, "HEAD") == 0)
		return false;
	int64_t step_us = pacing_step_us(call->server->max_joins_per_second);
	bool is_person = page_is_wanted(call->arena, request);
	struct pacing_slot slot;
	if (!(is_person && recall_slot(call, &slot)) &&
	    call->store->verbs->slot_take(call->store, call->server->name, request->now_ms,
	        step_us, &slot) != STORE_OK)
		return false;
	struct pacing_verdict verdict = pacing_judge(slot, request->now_ms, step_us, is_person);

	if (verdict.refresh_s > 0)
		show_queue(call, slot, verdict);
	call->response->wait_ms = verdict.wait_ms;
	return verdict.refresh_s > 0 || verdict.wait_ms > 0;
}

void
pace_forget(struct call *call)
{
	const struct request *request = call->request;

	if (call->server->max_joins_per_second == 0 || request->cookies.len == 0)
		return;
	const char *name = cookie_name(call);
	if (cookie_find(request->cookies, name).len > 0)
		call->response->set_cookie = cookie_make(call->arena, request->https, name, "",
		    0);
}

#include "core/relay_secret.h"

#include <stdio.h>

#include "base/log.h"
#include "core/health.h"
#include "core/reply.h"
#include "formats/xml.h"

/* No refusal is longer, and what is longer is not worth a second reading. */
#define REFUSAL_BYTES 16384

static atomic_uint *
memory_of(const struct call *call, const struct server *server)
{
	return &call->config->runtime->secret_at[server - call->config->servers];
}

size_t
relay_secret(const struct call *call, const struct server *server)
{
	unsigned known = atomic_load(memory_of(call, server));

	return known > 0 ? known - 1 : health_secret(call, server);
}

void
relay_secret_works(struct call *call, const struct server *server, size_t at)
{
	/* Of many calls that find it out at once, one logs it. */
	if (atomic_exchange(memory_of(call, server), (unsigned)at + 1) == at + 1)
		return;
	health_remember_secret(call, server, at);
	char place[32];
	snprintf(place, sizeof(place), "%zu of %zu", at + 1, server->n_secrets);
	log_warn("server takes another of its secrets now", "server", server->name, "secret",
	    place);
}

void
relay_secret_fails(const struct call *call, const struct server *server, size_t at)
{
	unsigned seen = atomic_load(memory_of(call, server));

	if ((seen == 0 || seen == at + 1) &&
	    atomic_compare_exchange_strong(memory_of(call, server), &seen,
	        (unsigned)((at + 1) % server->n_secrets) + 1))
		log_warn("server refuses one of its secrets: the next call tries another",
		    "server", server->name);
}

bool
relay_secret_is_refused(struct arena *arena, const struct http_call *http)
{
	if (http->result != HTTP_ANSWERED)
		return false;
	if (http->status == 302)
		return reply_redirect_is(arena, http->location, REPLY_CHECKSUM);
	if (http->status != 200 || http->answer.len > REFUSAL_BYTES)
		return false;
	if (str_starts(http->answer, "{"))
		return reply_json_is(http->answer, REPLY_CHECKSUM);
	struct xml_field key = { .name = "messageKey" };
	if (xml_read(arena, http->answer, &key, 1, NULL) != 0)
		return false;
	return reply_is(key.text.len > 0 ? key.text : reply_key_in_errors(arena, http->answer),
	    REPLY_CHECKSUM);
}

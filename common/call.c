#include "call.h"

#include "buf.h"
#include "bounds.h"
#include "mem.h"

struct server_facts *
call_facts(struct call *call)
{
	const struct config *config = call->config;
	struct store *store = call->store;
	struct server_facts *facts =
	    arena_alloc(call->arena, (config->n_servers + 1) * sizeof(*facts));

	/* When that fails the facts are those of healthy servers. */
	store->verbs->servers(store, config->servers, config->n_servers, facts);
	return facts;
}

void
call_set_parameter(struct call *call, const char *name, const char *value)
{
	/* Form fields that travel as a body have the same shape. */
	struct str *text = call->form.len > 0 ? &call->form : &call->query;
	struct str rest = query_without(call->arena, *text, name);
	struct buf out;

	if (!value) {
		*text = rest;
		return;
	}
	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_str(&out, rest);
	if (rest.len > 0)
		buf_char(&out, '&');
	query_encode(&out, str_from(name));
	buf_char(&out, '=');
	query_encode(&out, str_from(value));
	*text = buf_take(&out, call->arena);
}

void
call_apply_parameters(struct call *call, const struct config_parameters *defaults,
    const struct config_parameters *overrides)
{
	struct query sent;
	size_t i;

	if (defaults->n + overrides->n == 0)
		return;
	for (i = 0; i < defaults->n; i++)
		if (query_count(&call->parameters, defaults->list[i].name) == 0)
			call_set_parameter(call, defaults->list[i].name,
			    defaults->list[i].value);
	for (i = 0; i < overrides->n; i++)
		call_set_parameter(call, overrides->list[i].name, overrides->list[i].value);
	/* What the server gets is what counts here, too. */
	if (query_parse(call->arena, call->form.len > 0 ? call->form : call->query,
	        &sent) == QUERY_FINE)
		call->parameters = sent;
}

#include "core/call.h"

#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/callback.h"
#include "core/relay.h"

void
call_later(struct call *call, call_work *work, void *argument)
{
	struct later *later = call->later;

	if (!later) {
		work(call, argument);
		return;
	}
	struct later_work *put = arena_alloc(call->arena, sizeof(*put));
	*put = (struct later_work){ .work = work, .argument = argument };
	*later->end = put;
	later->end = &put->next;
}

void
call_refuse(struct call *call, enum reply_error error)
{
	struct str url = str_trim(query_find(&call->parameters, "errorRedirectUrl"));

	if (strcmp(call->name, "join") == 0 && callback_is_url(url))
		reply_error_redirect(call->response, call->arena, error, url);
	else
		reply_error(call->response, call->arena, error);
}

/* Read the list that is remembered; false when there is none, or, so that *is_short, when there
 * was no memory to read it. */
static bool
find_list(struct call *call, const struct server *server, const char *filter,
    struct xml_list *list, bool *is_short)
{
	struct store_list known = {
		.server = server->name,
		.call = call->name,
		.filter = filter,
	};

	*is_short = false;
	if (call->store->verbs->list_find(call->store, call->arena, &known) != STORE_OK)
		return false;
	enum xml_result result = xml_read(call->arena, known.answer, NULL, 0, list);
	*is_short = result != XML_SOUND && xml_was_short();
	return result != XML_FOREIGN;
}

bool
call_may_remember(struct call *call, const struct server *server, const char *filter,
    const struct relay_answer *fresh)
{
	struct xml_list known = *fresh->list;

	if (fresh->document.len > LIMIT_MEETINGS_BYTES)
		return false;
	if (fresh->list->is_complete)
		return true;
	bool is_short;
	bool is_known = find_list(call, server, filter, &known, &is_short);
	/* One that cannot be read now may be whole. */
	return !is_short && !(is_known && known.is_complete);
}

/* What servers answered just now. */
struct fresh {
	const struct store_list *lists;
	size_t n;
};

static void
remember_lists(struct call *call, void *argument)
{
	const struct fresh *fresh = argument;

	call->store->verbs->lists_put(call->store, fresh->lists, fresh->n);
}

void
call_remember_lists(struct call *call, const struct store_list *lists, size_t n)
{
	struct fresh *fresh = arena_alloc(call->arena, sizeof(*fresh));

	*fresh = (struct fresh){ lists, n };
	call_later(call, remember_lists, fresh);
}

bool
call_last_known(struct call *call, const struct server *server, const char *filter,
    struct xml_list *list)
{
	bool is_short;

	if (!find_list(call, server, filter, list, &is_short)) {
		call->response->was_short |= is_short;
		return false;
	}
	log_info("server's last known list stands in for its answer", "server", server->name,
	    "call", call->name);
	return true;
}

bool
call_take_lease(struct call *call, uint64_t holder, int rounds)
{
	return call->store->verbs->lease_take(call->store, holder, call->request->now_ms,
	           rounds * call->config->probe_timeout_ms + CALL_LEASE_SPARE_MS) == STORE_OK;
}

struct str
call_mime(struct str content_type)
{
	return str_trim(str_part(content_type, 0, str_find(content_type, STR(";"), 0)));
}

/* The fields of a form that goes along with a query; none where the body is no form. */
static const struct query *
form_fields(struct call *call)
{
	if (!call->fields) {
		struct query *fields = arena_alloc(call->arena, sizeof(*fields));

		if (str_is_nocase(call_mime(call->content_type), CALL_FORM_TYPE))
			query_parse(call->arena, call->body, fields);
		call->fields = fields;
	}
	return call->fields;
}

struct str
call_parameter(struct call *call, const char *name)
{
	if (query_count(&call->parameters, name) > 0)
		return query_find(&call->parameters, name);
	return query_find(form_fields(call), name);
}

/* Is there such a parameter in what is sent on? */
static bool
has_parameter(struct call *call, const char *name)
{
	return query_count(&call->parameters, name) > 0 ||
	    query_count(form_fields(call), name) > 0;
}

/* Change what is sent on, not yet call->parameters. */
static void
change_sent(struct call *call, const char *name, const char *value)
{
	/* Form fields that travel as a body have the same shape. */
	struct str *text = call->form.len > 0 ? &call->form : &call->query;
	struct str rest = query_without(call->arena, *text, name);

	if (query_count(form_fields(call), name) > 0) {
		call->body = query_without(call->arena, call->body, name);
		call->fields = NULL;
	}
	if (!value) {
		*text = rest;
		return;
	}
	struct buf out;
	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_str(&out, rest);
	if (rest.len > 0)
		buf_char(&out, '&');
	query_encode(&out, str_from(name));
	buf_char(&out, '=');
	query_encode(&out, str_from(value));
	*text = buf_take(&out, call->arena);
}

/* What the server gets is what counts here, too; it may now be some more than a client
 * may send. */
static void
read_sent(struct call *call)
{
	struct query sent;

	query_parse(call->arena, call->form.len > 0 ? call->form : call->query, &sent);
	call->parameters = sent;
}

void
call_set_parameter(struct call *call, const char *name, const char *value)
{
	change_sent(call, name, value);
	read_sent(call);
}

void
call_use_form(struct call *call)
{
	if (call->query.len <= LIMIT_FORM_AS_QUERY_BYTES || call->body.len > 0)
		return;
	struct buf form;
	/* The same bytes as in a query, since Tomcat reads a form's by another charset. */
	buf_init(&form, LIMIT_ANSWER_BYTES);
	query_encode_for_request(&form, call->query);
	call->form = buf_take(&form, call->arena);
	call->query = STR("");
	call->method = "POST";
}

void
call_apply_parameters(struct call *call, const struct parameters *defaults,
    const struct parameters *overrides)
{
	if (defaults->n + overrides->n == 0)
		return;
	for (size_t i = 0; i < defaults->n; i++)
		if (!has_parameter(call, defaults->list[i].name))
			change_sent(call, defaults->list[i].name, defaults->list[i].value);
	for (size_t i = 0; i < overrides->n; i++)
		change_sent(call, overrides->list[i].name, overrides->list[i].value);
	read_sent(call);
}

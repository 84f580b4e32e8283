#include "core/find_recordings.h"

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/fanout.h"
#include "core/relay.h"
#include "model/recording.h"

/* The call that asks a server for recordings. */
#define QUESTION "getRecordings"

/* Of the first part of a recordID. */
#define SHA1_DIGITS 40

/* The most of a query that recordIDs take: some 90 of BBB's. */
#define PART_BYTES (LIMIT_FORM_AS_QUERY_BYTES - 1000)

/* The recordID in lower case, if it is of BBB's making: SHA-1 in hexadecimal, a dash
 * and a time. */
static struct str
lower_case(struct arena *arena, struct str id)
{
	char *lower = str_copy(arena, id);

	for (size_t i = 0; i < id.len; i++) {
		if (i < SHA1_DIGITS && lower[i] >= 'A' && lower[i] <= 'F')
			lower[i] = (char)(lower[i] - 'A' + 'a');
		else if (!(lower[i] >= '0' && lower[i] <= '9') &&
		    !(i < SHA1_DIGITS && lower[i] >= 'a' && lower[i] <= 'f') &&
		    !(i == SHA1_DIGITS && lower[i] == '-'))
			return id;
	}
	return (struct str){ lower, id.len };
}

int
find_recordings_read(struct call *call, struct str ids, struct sought_list *sought)
{
	*sought = (struct sought_list){ 0 };
	query_decode(call->arena, ids, &ids);
	size_t n = 1;
	for (size_t from = 0; from < ids.len; from++)
		n += ids.data[from] == ',';
	if (n > LIMIT_RECORD_IDS)
		return -1;
	sought->list = arena_alloc(call->arena, n * sizeof(*sought->list));
	size_t comma;
	for (size_t from = 0; from < ids.len; from = comma + 1) {
		comma = str_find(ids, STR(","), from);
		if (comma == SIZE_MAX)
			comma = ids.len;
		struct str id = str_part(ids, from, comma - from);
		if (id.len > 0)
			sought->list[sought->n++].id = lower_case(call->arena, id);
	}
	return 0;
}

struct sought_part *
find_recordings_parts(struct call *call, struct sought_list *sought, size_t *n)
{
	struct sought_part *parts = arena_alloc(call->arena, (sought->n + 1) * sizeof(*parts));

	*n = 0;
	size_t k;
	for (size_t i = 0; i < sought->n; i++) {
		struct sought *one = &sought->list[i];

		if (one->is_unsure)
			continue;
		for (k = 0; k < *n; k++)
			if (parts[k].server == one->server &&
			    parts[k].ids.len + one->id.len < PART_BYTES)
				break;
		if (k == *n) {
			parts[k].server = one->server;
			buf_init(&parts[k].ids, LIMIT_ANSWER_BYTES);
			(*n)++;
		} else {
			buf_char(&parts[k].ids, ',');
		}
		query_encode(&parts[k].ids, one->id);
		one->part = k;
	}
	for (k = 0; k < *n; k++)
		arena_take(call->arena, parts[k].ids.data);
	return parts;
}

/* Put what is known of n recordings into the state. */
static void
put(struct call *call, const struct store_recording *recordings, size_t n)
{
	if (n > 0)
		call->store->verbs->recordings_put(call->store, recordings, n,
		    call->request->now_ms);
}

void
find_recordings_remember(struct call *call, const struct recording_list *recordings)
{
	struct store_recording *known = arena_alloc(call->arena,
	    (recordings->n + 1) * sizeof(*known));
	size_t n = 0;

	for (size_t i = 0; i < recordings->n && n < LIMIT_RECORDINGS; i++) {
		const struct recording *recording = &recordings->list[i];

		if (recording->server && recording->id.len > 0 &&
		    recording->id.len <= LIMIT_RECORD_ID_BYTES)
			known[n++] = (struct store_recording){ recording->id,
				recording->server->name };
	}
	put(call, known, n);
}

void
find_recordings_refuse(struct call *call, struct sought_list *sought, size_t part)
{
	struct store_recording *gone = arena_alloc(call->arena,
	    (sought->n + 1) * sizeof(*gone));
	size_t n = 0;

	for (size_t i = 0; i < sought->n; i++) {
		struct sought *one = &sought->list[i];

		if (!one->server || one->part != part)
			continue;
		gone[n++].record_id = one->id;
		one->refused = one->server;
		one->server = NULL;
	}
	put(call, gone, n);
}

/* Add the question for some recordings to the fan-out. */
static void
add_question(struct fanout *fanout, const struct server *server, const struct buf *ids)
{
	struct call *call = fanout->call;
	struct buf query;

	buf_init(&query, LIMIT_ANSWER_BYTES);
	buf_text(&query, "recordID=");
	query_encode(&query, buf_view(ids));
	buf_text(&query, "&state=any");
	relay_prepare_own(call, server, QUESTION, buf_take(&query, call->arena),
	    fanout_add(fanout, server));
}

/* Ask with the parts that have no server.  Returns whether all servers answered
 * that may have the recordings, with whole lists; what they have is added to the list. */
static bool
ask_parts(struct call *call, const struct sought_part *parts, size_t n_parts,
    struct recording_list *recordings)
{
	const struct config *config = call->config;
	const struct server_facts *facts = call_facts(call);
	struct fanout fanout;

	fanout_init(&fanout, call, config->n_servers * n_parts);
	fanout.origin = RELAY_SLOW;
	fanout.list = &recording_wanted;
	bool certain = true;
	for (size_t i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];

		if (!server_is_usable(server, &facts[i])) {
			certain &= server_state_of(server, &facts[i]) == SERVER_DISABLED;
			continue;
		}
		for (size_t k = 0; k < n_parts; k++)
			if (!parts[k].server)
				add_question(&fanout, server, &parts[k].ids);
	}
	fanout_run(&fanout, QUESTION, config->probe_timeout_ms, NULL);
	for (size_t i = 0; i < fanout.n; i++) {
		const struct relay_answer *answer = &fanout.answers[i];

		if (answer->verdict == RELAY_SUCCESS)
			recording_list_add(recordings, call->arena, answer->list,
			    fanout.servers[i]);
		certain &= answer->verdict == RELAY_SUCCESS && answer->list->is_complete;
	}
	return certain;
}

/* The list without what servers say to have and yet refused. */
static void
remove_refused(const struct sought_list *sought, struct recording_list *recordings)
{
	size_t i, n = 0;

	for (size_t k = 0; k < recordings->n; k++) {
		const struct recording *recording = &recordings->list[k];

		for (i = 0; i < sought->n; i++)
			if (sought->list[i].refused == recording->server &&
			    str_equal(sought->list[i].id, recording->id))
				break;
		if (i == sought->n)
			recordings->list[n++] = *recording;
	}
	recordings->n = n;
}

void
find_recordings_ask(struct call *call, struct sought_list *sought)
{
	size_t n_sought = 0;

	for (size_t i = 0; i < sought->n; i++)
		n_sought += !sought->list[i].server && !sought->list[i].is_unsure;
	if (n_sought == 0)
		return;
	size_t n_parts;
	struct sought_part *parts = find_recordings_parts(call, sought, &n_parts);
	struct recording_list recordings = { 0 };
	bool certain = ask_parts(call, parts, n_parts, &recordings);
	remove_refused(sought, &recordings);
	recording_list_merge(&recordings);
	find_recordings_remember(call, &recordings);
	for (size_t i = 0; i < sought->n; i++) {
		struct sought *one = &sought->list[i];

		if (one->server || one->is_unsure)
			continue;
		const struct recording *recording = recording_list_find(&recordings, one->id);
		one->is_remembered = false;
		if (recording)
			one->server = recording->server;
		else
			one->is_unsure = !certain;
	}
}

void
find_recordings(struct call *call, struct sought_list *sought)
{
	const struct config *config = call->config;
	const struct server_facts *facts = call_facts(call);
	struct store_recording *known = arena_alloc(call->arena,
	    (sought->n + 1) * sizeof(*known));

	for (size_t i = 0; i < sought->n; i++)
		known[i].record_id = sought->list[i].id;
	call->store->verbs->recordings_find(call->store, call->arena, known, sought->n);
	for (size_t i = 0; i < sought->n; i++) {
		const struct server *server = known[i].server ?
		    config_server_find(config, known[i].server) :
		    NULL;
		if (!server)
			continue;
		size_t at = (size_t)(server - config->servers);
		if (server_is_usable(server, &facts[at])) {
			sought->list[i].server = server;
			sought->list[i].is_remembered = true;
		} else if (server_state_of(server, &facts[at]) != SERVER_DISABLED) {
			sought->list[i].is_unsure = true;
		}
	}
	find_recordings_ask(call, sought);
}

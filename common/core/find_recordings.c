#include "core/find_recordings.h"

#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "core/fanout.h"
#include "core/health.h"
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

/* Make room in the list for n recordings, of whose copies nothing is known. */
static void
make_list(struct call *call, size_t n, struct sought_list *sought)
{
	size_t n_servers = call->config->n_servers;
	unsigned char *copies = arena_alloc(call->arena, n * n_servers + 1);

	memset(copies, COPY_NONE, n * n_servers);
	*sought = (struct sought_list){
		.list = arena_alloc(call->arena, (n + 1) * sizeof(*sought->list)),
	};
	for (size_t i = 0; i < n; i++)
		sought->list[i] = (struct sought){ .copies = copies + i * n_servers };
}

/* Add a recording that is not in the list. */
static void
add(struct sought_list *sought, struct str id)
{
	for (size_t i = 0; i < sought->n; i++)
		if (str_equal(sought->list[i].id, id))
			return;
	sought->list[sought->n++].id = id;
}

int
find_recordings_read(struct call *call, struct str ids, struct sought_list *sought)
{
	query_decode(call->arena, ids, &ids);
	size_t n = 1;
	for (size_t from = 0; from < ids.len; from++)
		n += ids.data[from] == ',';
	if (n > LIMIT_RECORD_IDS)
		return -1;
	make_list(call, n, sought);
	size_t comma;
	for (size_t from = 0; from < ids.len; from = comma + 1) {
		comma = str_find(ids, STR(","), from);
		if (comma == SIZE_MAX)
			comma = ids.len;
		struct str id = str_part(ids, from, comma - from);
		if (id.len > 0)
			add(sought, lower_case(call->arena, id));
	}
	return 0;
}

void
find_recordings_begin(struct call *call, struct str id, struct sought_list *sought)
{
	make_list(call, 1, sought);
	add(sought, id);
}

/* ---- Parts of a list ------------------------------------------------------ */

/* Does the server have a copy that a call can reach, or may it? */
static bool
is_reached(enum copy copy)
{
	return copy == COPY_REMEMBERED || copy == COPY_THERE || copy == COPY_DELETED;
}

/* Which of the configuration's servers is it? */
static size_t
index_of(const struct call *call, const struct server *server)
{
	return (size_t)(server - call->config->servers);
}

/* Is the recording one of those that the server is asked for, or, for NULL, that any is? */
static bool
is_wanted(const struct call *call, const struct sought *one, const struct server *server)
{
	return server ?
	    is_reached(one->copies[index_of(call, server)]) :
	    one->id.len <= LIMIT_RECORD_ID_BYTES;
}

/* Divide those that are wanted from the server; returns how many parts there are. */
static size_t
divide(struct call *call, const struct sought_list *sought, const struct server *server,
    struct sought_part *parts)
{
	struct buf ids;
	size_t n = 0;

	for (size_t i = 0; i < sought->n; i++) {
		const struct sought *one = &sought->list[i];

		if (!is_wanted(call, one, server))
			continue;
		if (n > 0 && ids.len + one->id.len < PART_BYTES) {
			buf_char(&ids, ',');
		} else {
			if (n > 0)
				parts[n - 1].ids = buf_take(&ids, call->arena);
			parts[n++] = (struct sought_part){ .server = server, .from = i };
			buf_init(&ids, LIMIT_ANSWER_BYTES);
		}
		query_encode(&ids, one->id);
		parts[n - 1].to = i + 1;
	}
	if (n > 0)
		parts[n - 1].ids = buf_take(&ids, call->arena);
	return n;
}

struct sought_part *
find_recordings_parts(struct call *call, const struct sought_list *sought, size_t *n)
{
	const struct config *config = call->config;
	size_t most = 1;

	for (size_t i = 0; i < sought->n; i++)
		for (size_t k = 0; k < config->n_servers; k++)
			most += is_reached(sought->list[i].copies[k]);
	struct sought_part *parts = arena_alloc(call->arena, most * sizeof(*parts));
	*n = 0;
	for (size_t k = 0; k < config->n_servers; k++)
		*n += divide(call, sought, &config->servers[k], parts + *n);
	return parts;
}

void
find_recordings_note(const struct call *call, const struct sought_list *sought,
    const struct sought_part *part, enum copy copy)
{
	size_t at = index_of(call, part->server);

	for (size_t i = part->from; i < part->to; i++)
		if (is_reached(sought->list[i].copies[at]))
			sought->list[i].copies[at] = (unsigned char)copy;
}

/* ---- What is remembered --------------------------------------------------- */

/* Note what the state remembers. */
static void
recall(struct call *call, struct sought_list *sought)
{
	const struct config *config = call->config;
	const struct server_facts *facts = health_facts(call);
	struct str *ids = arena_alloc(call->arena, (sought->n + 1) * sizeof(*ids));

	for (size_t i = 0; i < sought->n; i++)
		ids[i] = sought->list[i].id;
	struct store_recording *known;
	size_t n_known;
	call->store->verbs->recordings_find(call->store, call->arena, ids, sought->n, &known,
	    &n_known);
	size_t at = 0;
	for (size_t i = 0; i < sought->n; i++) {
		for (; at < n_known && str_equal(known[at].record_id, ids[i]); at++) {
			const struct server *server = config_server_find(config,
			    known[at].server);
			if (!server)
				continue;
			size_t k = index_of(call, server);
			if (server_is_usable(server, &facts[k]))
				sought->list[i].copies[k] = COPY_REMEMBERED;
			else if (server_state_of(server, &facts[k]) != SERVER_DISABLED)
				sought->list[i].copies[k] = COPY_DOWN;
		}
	}
}

/* What was learnt of copies. */
struct learnt {
	struct store_recording *list;
	size_t n;
};

static void
save(struct call *call, void *argument)
{
	const struct learnt *learnt = argument;

	call->store->verbs->recordings_put(call->store, learnt->list, learnt->n,
	    call->request->now_ms);
}

void
find_recordings_save(struct call *call, const struct sought_list *sought)
{
	const struct config *config = call->config;
	size_t n = 0;

	for (size_t i = 0; i < sought->n; i++)
		for (size_t k = 0; k < config->n_servers; k++)
			n += sought->list[i].copies[k] >= COPY_THERE;
	if (n == 0)
		return;
	struct learnt *learnt = arena_alloc(call->arena, sizeof(*learnt));
	learnt->list = arena_alloc(call->arena, n * sizeof(*learnt->list));
	for (size_t i = 0; i < sought->n; i++) {
		const struct sought *one = &sought->list[i];

		for (size_t k = 0; k < config->n_servers; k++)
			if (one->copies[k] >= COPY_THERE)
				learnt->list[learnt->n++] = (struct store_recording){ one->id,
					config->servers[k].name, one->copies[k] == COPY_THERE };
	}
	call_later(call, save, learnt);
}

void
find_recordings_remember(struct call *call, const struct recording_list *recordings)
{
	struct learnt *learnt = arena_alloc(call->arena, sizeof(*learnt));

	learnt->list = arena_alloc(call->arena, (recordings->n + 1) * sizeof(*learnt->list));
	for (size_t i = 0; i < recordings->n && learnt->n < LIMIT_RECORDINGS; i++) {
		const struct recording *recording = &recordings->list[i];

		if (recording->server && recording->id.len > 0 &&
		    recording->id.len <= LIMIT_RECORD_ID_BYTES)
			learnt->list[learnt->n++] = (struct store_recording){ recording->id,
				recording->server->name, !recording->is_deleted };
	}
	call_later(call, save, learnt);
}

/* ---- What the servers say ------------------------------------------------- */

/* Add the question for some recordings to the fan-out. */
static void
add_question(struct fanout *fanout, const struct server *server, struct str ids)
{
	struct call *call = fanout->call;
	struct buf query;

	buf_init(&query, LIMIT_ANSWER_BYTES);
	buf_text(&query, "recordID=");
	query_encode(&query, ids);
	buf_text(&query, "&state=any");
	relay_prepare_own(call, server, QUESTION, buf_take(&query, call->arena),
	    fanout_add(fanout, server));
}

/* The server does not list a recording: that tells that it has none, if it lists all that
 * it has. */
static void
note_absence(unsigned char *copy, bool is_certain)
{
	if (!is_certain)
		*copy = *copy == COPY_NONE ? COPY_SILENT : *copy;
	else if (*copy == COPY_REMEMBERED)
		*copy = COPY_GONE;
}

/* Note that the server says nothing of the part. */
static void
note_silence(const struct sought_list *sought, const struct sought_part *part, size_t server_at)
{
	for (size_t i = part->from; i < part->to; i++)
		note_absence(&sought->list[i].copies[server_at], false);
}

/* Note what the server says of the part.  What it refused before it is not believed. */
static void
note_answer(struct call *call, const struct sought_list *sought, const struct sought_part *part,
    const struct server *server, const struct xml_list *read)
{
	struct recording_list said = { 0 };

	recording_list_add(&said, call->arena, read, server);
	for (size_t i = part->from; i < part->to; i++) {
		struct sought *one = &sought->list[i];
		unsigned char *copy = &one->copies[index_of(call, server)];
		const struct recording *recording = recording_list_find(&said, one->id);

		if (*copy == COPY_GONE)
			continue;
		if (!recording) {
			note_absence(copy, read->is_complete);
			continue;
		}
		*copy = recording->is_deleted ? COPY_DELETED : COPY_THERE;
		if (!one->listed || recording_is_before(recording, one->listed))
			one->listed = recording;
	}
}

/* Ask all usable servers for the recordings. */
static void
ask(struct call *call, const struct sought_list *sought)
{
	const struct config *config = call->config;
	const struct server_facts *facts = health_facts(call);
	struct sought_part *parts = arena_alloc(call->arena, (sought->n + 1) * sizeof(*parts));
	size_t n_parts = divide(call, sought, NULL, parts);
	struct fanout fanout;

	fanout_init(&fanout, call, config->n_servers * n_parts);
	fanout.origin = RELAY_SLOW;
	fanout.list = &recording_wanted;
	for (size_t i = 0; i < config->n_servers; i++) {
		const struct server *server = &config->servers[i];
		bool is_disabled = server_state_of(server, &facts[i]) == SERVER_DISABLED;

		for (size_t k = 0; k < n_parts; k++)
			if (server_is_usable(server, &facts[i]))
				add_question(&fanout, server, parts[k].ids);
			else if (!is_disabled)
				note_silence(sought, &parts[k], i);
	}
	fanout_run(&fanout, QUESTION, config->probe_timeout_ms, NULL);
	for (size_t i = 0; i < fanout.n; i++) {
		const struct sought_part *part = &parts[i % n_parts];
		const struct relay_answer *answer = &fanout.answers[i];

		if (answer->verdict == RELAY_SUCCESS)
			note_answer(call, sought, part, fanout.servers[i], answer->list);
		else
			note_silence(sought, part, index_of(call, fanout.servers[i]));
	}
}

/* ---- Finding -------------------------------------------------------------- */

/* The first server with a copy that a call can reach, or NULL; *n gets how many there
 * are. */
static const struct server *
first_reached(const struct call *call, const struct sought *one, size_t *n)
{
	*n = 0;
	const struct server *first = NULL;
	for (size_t k = 0; k < call->config->n_servers; k++) {
		if (!is_reached(one->copies[k]))
			continue;
		if ((*n)++ == 0)
			first = &call->config->servers[k];
	}
	return first;
}

/* Does the server say nothing of a recording that others have? */
static bool
is_passed_over(const struct call *call, const struct sought_list *sought, size_t server_at)
{
	size_t n;

	for (size_t i = 0; i < sought->n; i++)
		if (sought->list[i].copies[server_at] == COPY_SILENT &&
		    first_reached(call, &sought->list[i], &n))
			return true;
	return false;
}

void
find_recordings(struct call *call, struct sought_list *sought)
{
	recall(call, sought);
	ask(call, sought);
	for (size_t k = 0; k < call->config->n_servers; k++)
		if (is_passed_over(call, sought, k))
			log_warn("server may keep copies of recordings that are changed",
			    "server", call->config->servers[k].name, "call", call->name);
}

bool
find_recordings_is_unsure(const struct call *call, const struct sought *one)
{
	bool is_silent = false;

	for (size_t k = 0; k < call->config->n_servers; k++) {
		if (one->copies[k] == COPY_DOWN)
			return true;
		is_silent |= one->copies[k] == COPY_SILENT;
	}
	size_t n;
	return is_silent && !first_reached(call, one, &n);
}

/* The server of the copy that is listed, all having been asked. */
static const struct server *
ask_listed(struct call *call, const struct sought_list *sought)
{
	const struct sought *one = &sought->list[0];

	ask(call, sought);
	size_t n;
	return one->listed ? one->listed->server : first_reached(call, one, &n);
}

const struct server *
find_recordings_listed(struct call *call, struct sought_list *sought)
{
	recall(call, sought);
	size_t n;
	const struct server *server = first_reached(call, &sought->list[0], &n);
	return n == 1 ? server : ask_listed(call, sought);
}

const struct server *
find_recordings_elsewhere(struct call *call, struct sought_list *sought,
    const struct server *server)
{
	sought->list[0].copies[index_of(call, server)] = COPY_GONE;
	return ask_listed(call, sought);
}

#include "core/api.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/refusals.h"
#include "core/call.h"
#include "core/call_name.h"
#include "core/callback.h"
#include "core/client.h"
#include "core/find_meeting.h"
#include "core/page.h"
#include "core/reply.h"
#include "core/together.h"
#include "formats/cgi.h"
#include "formats/checksum.h"
#include "formats/ip.h"

/* Bytes of a form for one of a query, at the most. */
#define MOST_ENCODED 3

/* What api_handle does before a call's handler runs. */
enum {
	OPEN = 1 << 0,    /* no checksum is looked at */
	MEETING = 1 << 1, /* needs a meetingID, and where it lives */
	GET = 1 << 2,     /* allowed methods */
	POST = 1 << 3,
	ANY_METHOD = 1 << 4,
	FORM = 1 << 5,       /* body types BBB takes (ContentTypeValidator.java); */
	XML = 1 << 6,        /* neither: any */
	ONCE = 1 << 7,       /* must not be sent to a server twice */
	JSON = 1 << 8,       /* BBB's answer is, or may be, JSON */
	MAPS_GET = 1 << 9,   /* BBB maps it to GET alone (UrlMappings.groovy), … */
	MAPS_POST = 1 << 10, /* … to POST alone; neither: to both */
	READS = 1 << 11,     /* changes nothing: HEAD is as good as GET */
	TURN = 1 << 12,      /* with MEETING: of those that find it nowhere, one at a time */
	ADMIN = 1 << 13,     /* signed with admin_secret; without one it is not served */
	MAC = 1 << 14,       /* with OPEN: its URL is one that this gateway made (callback.h) */
	TOGETHER = 1 << 15   /* with READS: equal ones are answered together (together.h) */
};

static const struct entry {
	const char *name;
	unsigned flags;
	call_handler *handler;
} entries[] = {
	{ "", OPEN | ANY_METHOD, call_index },
	{ "create", MEETING | TURN | GET | POST | FORM | XML | ONCE, call_create },
	{ "join", MEETING | READS | GET, call_join },
	{ "isMeetingRunning", MEETING | READS | GET | POST | FORM, call_running },
	{ "getMeetingInfo", MEETING | READS | GET | POST | FORM | TOGETHER, call_meeting },
	{ "end", MEETING | GET | POST | FORM, call_meeting },
	{ "insertDocument", MEETING | POST | XML | ONCE | MAPS_POST, call_meeting },
	{ "sendChatMessage", MEETING | GET | POST | ONCE | MAPS_GET, call_chat },
	{ "getMeetings", READS | GET | POST | FORM | TOGETHER, call_lists },
	{ "getSessions", READS | GET | POST | FORM | TOGETHER, call_lists },
	{ "getRecordings", READS | GET | POST | TOGETHER, call_recordings },
	{ "publishRecordings", GET | POST | MAPS_GET, call_publish },
	{ "deleteRecordings", GET | POST | ONCE | MAPS_GET, call_delete },
	{ "updateRecordings", GET | POST, call_update },
	{ "getRecordingTextTracks", READS | GET | POST | JSON, call_captions },
	{ "putRecordingTextTrack", POST | ONCE | JSON | MAPS_POST, call_caption_put },
	{ "hooks/create", GET, call_hooks_create },
	{ "hooks/list", READS | GET, call_hooks_list },
	{ "hooks/destroy", GET, call_hooks_destroy },
	{ "tinyscale/health", OPEN | READS | GET, call_health },
	{ "tinyscale/callback", OPEN | MAC | POST, call_callback },
	{ "tinyscale/status", ADMIN | READS | GET, call_status },
	{ "tinyscale/metrics", ADMIN | READS | GET, call_metrics },
};

/* An admin call where no admin_secret is configured. */
static const struct entry admin_call_off = { NULL, OPEN | ANY_METHOD, call_unsupported };

/* Every other call that names a meetingID goes to that meeting's server … */
static const struct entry other_meeting_call = { NULL, MEETING | GET | POST | ONCE | JSON,
	call_meeting };

/* … and the rest is not served. */
static const struct entry unknown_call = { NULL, ANY_METHOD, call_unsupported };

/* ---- The call's name ---------------------------------------------------- */

static const struct entry *
entry_find(struct str name, const struct query *parameters)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		if (str_is(name, entries[i].name))
			return &entries[i];
	if (str_find(name, STR("/"), 0) == SIZE_MAX && parameters &&
	    query_count(parameters, "meetingID") > 0)
		return &other_meeting_call;
	return &unknown_call;
}

/* ---- Body types ---------------------------------------------------------- */

static bool
is_form(struct str content_type)
{
	return str_is_nocase(call_mime(content_type), CALL_FORM_TYPE);
}

/* May a body of that type be sent to the call? */
static bool
is_body_type(const struct entry *entry, struct str content_type)
{
	struct str mime = call_mime(content_type);
	bool form = is_form(content_type) || str_is_nocase(mime, "multipart/form-data");
	bool xml = str_is_nocase(mime, "application/xml") || str_is_nocase(mime, "text/xml");

	return !(entry->flags & (FORM | XML)) || (form && (entry->flags & FORM)) ||
	    (xml && (entry->flags & XML));
}

/* ---- Checksum ------------------------------------------------------------ */

static bool
verify_with(const struct call *call, const char *secret, struct str text, struct str checksum)
{
	return checksum_verify(call->config->checksum_algorithms, str_from(call->name), text,
	    str_from(secret), checksum);
}

/* Verify the checksum; call->secret is the one that it was made with. */
static bool
verify(struct call *call, struct str text, struct str checksum)
{
	const struct config *config = call->config;
	bool good = false;

	for (size_t i = 0; i < config->n_secrets; i++) {
		if (!verify_with(call, config->secrets[i], text, checksum))
			continue;
		call->secret = config->secrets[i];
		good = true;
	}
	return good;
}

/* Read the call's parameters out of the text, and take its checksum (GetChecksum.java) out of
 * the query; *encoding tells whether the parameters can be used.  Returns the checksum, empty
 * unless there is one and no other. */
static struct str
take_checksum(struct call *call, struct str text, enum query_problem *encoding)
{
	*encoding = query_parse(call->arena, text, &call->parameters);
	if (query_count(&call->parameters, "checksum") != 1)
		return STR("");
	struct str checksum = str_trim(query_find(&call->parameters, "checksum"));
	call->query = query_without_checksum(call->arena, call->request->query, checksum);
	return checksum;
}

/* Is the request a form that brings its own checksum? */
static bool
is_checksum_in_form(const struct request *request)
{
	return request->query.len == 0 && strcmp(request->method, "POST") == 0 &&
	    is_form(request->content_type);
}

/*
 * Read the parameters and the checksum, and verify it.  A form POST without a query brings both
 * in its body, and is signed over the empty query, or, as BBB 2.4 to 2.6.17 did, over the
 * sorted fields.
 */
static bool
authenticate(struct call *call, enum query_problem *encoding)
{
	const struct request *request = call->request;
	bool from_form = is_checksum_in_form(request);

	struct str checksum = take_checksum(call, from_form ? request->body : request->query,
	    encoding);
	if (checksum.len == 0)
		return false;
	if (!from_form) {
		call->body = request->body;
		call->content_type = request->content_type;
		return verify(call, call->query, checksum);
	}
	if (!verify(call, STR(""), checksum) &&
	    !verify(call, query_sorted_form(call->arena, &call->parameters), checksum))
		return false;
	/* Every version of BBB takes the fields as a signed query; one that is
	 * too long for a URL goes as the form it was. */
	call->query = query_from_form(call->arena, &call->parameters);
	call->method = "GET";
	if (call->query.len > LIMIT_FORM_AS_QUERY_BYTES) {
		call->form = call->query;
		call->query = STR("");
		call->method = "POST";
	}
	return true;
}

static void
refuse_checksum(struct call *call)
{
	reply_error(call->response, call->arena, REPLY_CHECKSUM);
	call->response->status = call->config->checksum_error_status;
}

/* seconds is a text, or NULL. */
static void
log_refusal(const struct call *call, const char *event, const char *seconds)
{
	char id[REQUEST_ID_BYTES];

	request_id(call->request, id);
	/* contrib/fail2ban reads this line: nothing of the client's may come before its
	 * address. */
	log_warn(event, "id", id, "client",
	    client_for_log(call->arena, call->config, call->request), "call", call->name,
	    "seconds", seconds);
}

/* Refuse a call whose checksum is not the one that its secret makes, and count it; a client
 * that goes on and on does not fill the log.  What becomes of a call with a right checksum
 * never depends on that count. */
static void
refuse_unsigned(struct call *call)
{
	unsigned char bytes[IP_CLIENT_BYTES];
	struct str client = { (const char *)bytes, ip_client(call->request->client, bytes) };
	int64_t left_s;

	metrics_add(METRIC_CHECKSUM_FAILURES, 0, 0, 1);
	refuse_checksum(call);
	switch (refusals_count(client, call->request->now_ms, &left_s)) {
	case REFUSAL_TOLD:
		log_refusal(call, "checksum failure", NULL);
		return;
	case REFUSAL_LAST:
		log_refusal(call, "further checksum failures of this client are not logged",
		    str_printf(call->arena, "%lld", (long long)left_s));
		break;
	case REFUSAL_MUTE:
		break;
	}
	call->response->is_unlogged = true;
}

/* Does the URL of an admin call say until when it may be used, in seconds since 1970, and is
 * that over?  What is no such number is over, too. */
static bool
is_over(const struct call *call)
{
	int64_t until_s;

	if (query_count(&call->parameters, "until") == 0)
		return false;
	return query_count(&call->parameters, "until") > 1 ||
	    str_to_int(query_find(&call->parameters, "until"), 0, INT64_MAX / 1000, &until_s) !=
	    0 ||
	    call->request->now_ms >= until_s * 1000;
}

/* Read an admin call's parameters and verify its checksum, made with admin_secret; false when
 * it is refused. */
static bool
authenticate_admin(struct call *call, enum query_problem *encoding)
{
	struct str checksum = take_checksum(call, call->request->query, encoding);

	if (checksum.len == 0 ||
	    !verify_with(call, call->config->admin_secret, call->query, checksum)) {
		refuse_unsigned(call);
		return false;
	}
	if (!is_over(call))
		return true;
	refuse_checksum(call);
	log_refusal(call, "the URL of an admin call is no longer valid", NULL);
	return false;
}

/* Answer a request whose body was too long, or was too long for the memory there is; false when
 * it is none. */
static bool
refuse_body(struct call *call)
{
	switch (call->request->problem) {
	case REQUEST_TOO_LARGE:
		reply_error(call->response, call->arena, REPLY_TOO_LARGE);
		return true;
	case REQUEST_SHORT:
		log_error("short of memory for a request's body", "call", call->name);
		reply_error(call->response, call->arena, REPLY_SHORT);
		return true;
	case REQUEST_FINE:
	case REQUEST_LIMIT:
	case REQUEST_BODY_CUT:
		break;
	}
	return false;
}

/* Authenticate the call; false when it is refused. */
static bool
admit(struct call *call, enum query_problem *encoding)
{
	/* The checksum was in the body that was not read. */
	if (call->request->query.len == 0 && refuse_body(call))
		return false;
	/* A second checksum in a form beside the query: servers refuse it (ValidationService of
	 * BBB 3.0.37), which would look like a secret of ours that is wrong. */
	if (authenticate(call, encoding) &&
	    !(is_form(call->content_type) && query_text_has(call->body, "checksum")))
		return true;
	/* Of what was not read to its end nobody can tell. */
	if (*encoding == QUERY_CUT)
		reply_error(call->response, call->arena, REPLY_INVALID);
	else
		refuse_unsigned(call);
	return false;
}

/* ---- A request ------------------------------------------------------------ */

/* The parameters that the gateway itself reads, by query_find, and works with.  All
 * others are the server's to understand. */
static const char *const own_parameters[] = { "callbackURL", "duration", "eventID", "format",
	"getRaw", "hookID", "limit", "maxParticipants", "meetingID", "meta_server-tag",
	"offset", "parentMeetingID", "publish", "recordID", "redirect" };

/* Is each of those UTF-8? */
static bool
is_readable(const struct query *parameters)
{
	for (size_t i = 0; i < sizeof(own_parameters) / sizeof(*own_parameters); i++)
		if (!query_is_utf8(parameters, own_parameters[i]))
			return false;
	return true;
}

static bool
is_method_allowed(const struct entry *entry, const char *method)
{
	if (entry->flags & ANY_METHOD)
		return true;
	if (strcmp(method, "HEAD") == 0)
		return entry->flags & READS;
	if (strcmp(method, "GET") == 0)
		return entry->flags & GET;
	return strcmp(method, "POST") == 0 && (entry->flags & POST);
}

/* Take the fields of a form beside a query for parameters behind the query's, as a
 * servlet does; they are not signed, nor are they where BBB reads them. */
static enum query_problem
add_form(struct call *call)
{
	struct query fields;

	if (call->body.len > MOST_ENCODED * LIMIT_QUERY_BYTES)
		return QUERY_TOO_MANY;
	enum query_problem problem = query_parse(call->arena, call->body, &fields);
	if (problem != QUERY_FINE)
		return problem;
	struct str more = query_from_form(call->arena, &fields);
	if (more.len == 0)
		return QUERY_FINE;
	call->query = str_from(
	    str_printf(call->arena, "%.*s&%.*s", STR_ARG(call->query), STR_ARG(more)));
	return query_parse(call->arena, call->query, &call->parameters);
}

/*
 * Let the call be sent on by a method that BBB maps for it, and as that method carries
 * it.  To any other BBB answers its version document, SUCCESS, and does nothing
 * (bigbluebutton#22776).
 */
static enum query_problem
map_method(struct call *call, const struct entry *entry)
{
	if (entry->flags & MAPS_POST)
		call->method = "POST";
	if (!(entry->flags & MAPS_GET))
		return QUERY_FINE;
	call->method = "GET";
	enum query_problem problem = QUERY_FINE;
	if (call->form.len > 0)
		call->query = call->form;
	else if (is_form(call->content_type))
		problem = add_form(call);
	call->form = call->body = (struct str){ 0 };
	return call->query.len > LIMIT_QUERY_BYTES ? QUERY_TOO_MANY : problem;
}

/* Read the meetingID; false when there is none that could be looked for, which is answered
 * already. */
static bool
read_meeting_id(struct call *call)
{
	call->meeting_id = str_trim(query_find(&call->parameters, "meetingID"));
	call->response->meeting_id = call->meeting_id;
	if (call->meeting_id.len == 0) {
		call_refuse(call, REPLY_NO_MEETING_ID);
		return false;
	}
	if (call->meeting_id.len > LIMIT_MEETING_ID_BYTES) {
		call->response->meeting_id.len = 0;
		call_refuse(call, REPLY_INVALID);
		return false;
	}
	return true;
}

/* All that can be said of a request before its handler runs; false when it is
 * answered. */
static bool
prepare_call(struct call *call, const struct entry *entry, enum query_problem encoding)
{
	const struct request *request = call->request;

	if (refuse_body(call))
		return false;
	if (request->problem != REQUEST_FINE || encoding != QUERY_FINE) {
		call_refuse(call, REPLY_INVALID);
		return false;
	}
	if (!is_method_allowed(entry, request->method)) {
		reply_error(call->response, call->arena, REPLY_UNSUPPORTED);
		return false;
	}
	if (strcmp(request->method, "POST") != 0) {
		call->body = (struct str){ 0 };
	} else if (request->body.len > 0 && !is_body_type(entry, request->content_type)) {
		reply_error(call->response, call->arena, REPLY_CONTENT_TYPE);
		return false;
	}
	if (map_method(call, entry) != QUERY_FINE || !is_readable(&call->parameters)) {
		call_refuse(call, REPLY_INVALID);
		return false;
	}
	return !(entry->flags & MEETING) || read_meeting_id(call);
}

/* The call in the arena, where it lives until api_finish, and the response of one that is
 * not answered yet. */
static struct call *
begin_call(const struct api *api, struct arena *arena, const struct request *request,
    struct response *response)
{
	struct call *call = arena_alloc(arena, sizeof(*call));
	struct later *later = arena_alloc(arena, sizeof(*later));

	*later = (struct later){ .call = call, .end = &later->first };
	*call = (struct call){
		.config = api->config,
		.store = api->store,
		.http = api->http,
		.arena = arena,
		.request = request,
		.response = response,
		.method = strcmp(request->method, "POST") == 0 ? "POST" : "GET",
		.later = later,
	};
	*response = (struct response){ .status = 200, .later = later };
	return call;
}

/* Find where the meeting lives; false when the call cannot be served now, which is answered
 * then. */
static bool
look_up_meeting(struct call *call, const struct entry *entry)
{
	bool can_serve = entry->flags & TURN ? find_meeting_in_turn(call) : find_meeting(call);

	if (!can_serve)
		call_refuse(call, REPLY_UNAVAILABLE);
	return can_serve;
}

/* Answer by the entry's handler, and do what holds for the answers of all.  Only from here on
 * the state is read and servers are asked, as together.h demands. */
static void
handle(struct call *call, const void *context)
{
	const struct entry *entry = context;
	struct response *response = call->response;

	if ((entry->flags & MEETING) && !look_up_meeting(call, entry))
		return;
	entry->handler(call);
	if (entry->flags & ADMIN)
		response->no_store = true; /* it is the operator's, and its URL opens it */
	if (!(entry->flags & (OPEN | ADMIN)) &&
	    !str_starts(str_from(response->content_type), "application/json"))
		response->body = callback_restore(call->arena, call->config, response->body);
}

/* Take the call's name from the path; its entry, which parameters may still change, or NULL
 * where that is no name. */
static const struct entry *
name_call(struct call *call)
{
	struct str name = call_name_take(call->arena, call->request->path, &call->mount);

	if (!call_name_is_one(name)) {
		call->response->call = STR("-");
		return NULL;
	}
	call->name = str_copy(call->arena, name);
	call->response->call = str_from(call->name);
	const struct entry *entry = entry_find(name, NULL);
	if ((entry->flags & ADMIN) && !call->config->admin_secret)
		return &admin_call_off;
	return entry;
}

static void
answer(const struct api *api, struct arena *arena, const struct request *request,
    struct response *response)
{
	struct call *call = begin_call(api, arena, request, response);
	const struct entry *entry = name_call(call);

	if (!entry) {
		reply_error(response, arena, REPLY_UNSUPPORTED);
		return;
	}
	enum query_problem encoding = QUERY_FINE;
	if (entry->flags & ADMIN) {
		if (!authenticate_admin(call, &encoding))
			return;
	} else if (!(entry->flags & OPEN)) {
		if (!admit(call, &encoding))
			return;
		entry = entry_find(str_from(call->name), &call->parameters);
	}
	call->once = entry->flags & ONCE;
	call->json = entry->flags & JSON;
	bool is_ready = prepare_call(call, entry, encoding);
	if (is_ready && (entry->flags & TOGETHER))
		together_answer(call, handle, entry);
	else if (is_ready)
		handle(call, entry);
	call->store->verbs->turn_give(call->store, &call->turn);
}

/* Was the URL of the request made by this gateway? */
static bool
is_own_url(struct call *call)
{
	struct callback callback;
	struct query parameters;

	return query_parse(call->arena, call->request->query, &parameters) == QUERY_FINE &&
	    callback_read(call->arena, call->config,
	        callback_base(call->arena, call->config, call->request, call->mount),
	        &parameters, &callback) == 0;
}

/* How many bytes may the request's body have?  0: it is not read, as the request is refused
 * whatever its body, or answered without it. */
static size_t
body_limit(const struct api *api, struct arena *arena, const struct request *request)
{
	struct response unused;
	struct call *call = begin_call(api, arena, request, &unused);
	const struct entry *entry = name_call(call);
	size_t most = (size_t)api->config->max_body_bytes;
	enum query_problem encoding;

	if (!entry || strcmp(request->method, "POST") != 0 || (entry->flags & ADMIN) ||
	    request->problem != REQUEST_FINE)
		return 0;
	if (entry->flags & OPEN)
		return (entry->flags & MAC) && is_own_url(call) ? most : 0;
	if (is_checksum_in_form(request))
		return most < LIMIT_FORM_BYTES ? most : LIMIT_FORM_BYTES;
	if (!authenticate(call, &encoding))
		return 0;
	entry = entry_find(str_from(call->name), &call->parameters);
	return is_method_allowed(entry, request->method) ? most : 0;
}

void
api_read_body(const struct api *api, struct arena *arena, const struct cgi_stream *stream,
    struct request *request)
{
	if (request->body_length == 0)
		return;
	size_t limit = body_limit(api, arena, request);
	if (limit > 0)
		cgi_read_body(arena, stream, limit, request);
}

void
api_handle(const struct api *api, struct arena *arena, const struct request *request,
    struct response *response)
{
	answer(api, arena, request, response);
	page_instead(arena, request, response);
}

void
api_refuse(struct arena *arena, const struct request *request, struct response *response)
{
	struct str mount, name = call_name_take(arena, request->path, &mount);

	*response = (struct response){ 0 };
	response->call = call_name_is_one(name) ? name : STR("-");
	reply_error(response, arena, REPLY_MISCONFIGURED);
	page_instead(arena, request, response);
}

void
api_finish(struct response *response)
{
	struct later *later = response->later;

	if (!later)
		return;
	/* Work may put off more of it. */
	for (struct later_work *put = later->first; put; put = put->next)
		put->work(later->call, put->argument);
	response->later = NULL;
}

void
api_log(const struct config *config, const struct request *request,
    const struct response *response, int64_t elapsed_ms)
{
	char id[REQUEST_ID_BYTES], ms[24], status[16];

	if (response->is_unlogged)
		return;
	struct arena *arena = arena_new();
	request_id(request, id);
	snprintf(ms, sizeof(ms), "%lld", (long long)elapsed_ms);
	snprintf(status, sizeof(status), "%d", response->status);
	log_info("request", "id", id, "client",
	    config ? client_for_log(arena, config, request) : NULL, "call",
	    response->call.len > 0 ? str_copy(arena, response->call) : "index", "meetingID",
	    response->meeting_id.len > 0 ? str_copy(arena, response->meeting_id) : NULL,
	    "server", response->server, "status", status, "result", response->result, "ms", ms);
	arena_free(arena);
}

void
api_count(const struct response *response, int64_t elapsed_us)
{
	struct str name = response->call.len > 0 ? response->call : STR("index");
	size_t call = metrics_value(METRIC_REQUESTS, 0, name);

	metrics_add(METRIC_REQUESTS, call,
	    metrics_value(METRIC_REQUESTS, 1, str_from(response->result)), 1);
	metrics_observe(METRIC_REQUEST_DURATION, call, elapsed_us);
}

#include "recording_calls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "calls.h"
#include "checksum.h"
#include "recordings.h"

/* What a made-up recording is said to be like. */
#define PARTICIPANTS 3
#define FORMAT_SIZE 1048576LL
#define RAW_SIZE 16777216LL
#define PROCESSING_MS 9000LL

#define PAGE_MAX 100LL

/* One format of a recording, which is a folder of its own on a BBB server. */
struct piece {
	const struct recording *recording;
	const char *format;
	size_t format_length; /* 0: none is there yet */
};

struct pieces {
	struct piece *items;
	size_t count;
};

static void
add_element(struct text *text, const char *name, const char *value)
{
	text_add_format(text, "<%s>", name);
	text_add_markup(text, value);
	text_add_format(text, "</%s>", name);
}

static void
add_number(struct text *text, const char *name, long long number)
{
	text_add_format(text, "<%s>%lld</%s>", name, number, name);
}

/*
 * The order of the checks is BBB's: who is not signed at all, or lacks a
 * parameter, is told so before the checksum is looked at.
 */
static bool
check(struct call *call, bool needs_id, bool needs_publish)
{
	if (!calls_find_filled(call, "checksum")) {
		call->is_refused = true;
		calls_fail(call, "checksumError",
		    "You did not pass the checksum security check");
	} else if (needs_id && !calls_find_filled(call, "recordID")) {
		calls_fail(call, "missingParamRecordID", "You must specify a recordID.");
	} else if (needs_publish && !calls_find_filled(call, "publish")) {
		calls_fail(call, "missingParamPublish",
		    "You must specify a publish value true or false.");
	} else if (!calls_check_checksum(call)) {
		calls_fail(call, "checksumError",
		    "You did not pass the checksum security check");
	} else {
		return true;
	}
	return false;
}

/*
 * Reads a list as ParamsProcessorUtil.decodeIds does: decoded a second time,
 * then cut at commas, where Java's split() drops what is empty at the end.
 * The words become the names in list.  Returns -1 after answering 500.
 */
static int
read_list(struct call *call, const char *name, struct params *list)
{
	const char *value = calls_find_filled(call, name);

	if (!value)
		return 0;
	char *clean = params_sanitize(value);
	char *decoded = params_decode(clean, strlen(clean), true);
	free(clean);
	if (!decoded) {
		answer_html(call->answer, 500, "Internal Server Error");
		return -1;
	}
	size_t length = strlen(decoded);
	while (length > 0 && decoded[length - 1] == ',')
		decoded[--length] = '\0';
	char *word;
	for (char *rest = decoded; length > 0 && (word = strsep(&rest, ",")) != NULL;)
		params_add(list, word, "");
	free(decoded);
	return 0;
}

static bool
has_any_prefix(const char *record_id, const struct params *prefixes)
{
	for (const struct param *one = prefixes->first; one; one = one->next)
		if (strncmp(record_id, one->name, strlen(one->name)) == 0)
			return true;
	return false;
}

static bool
is_in_state(const struct recording *recording, const struct params *states)
{
	if (!states->first)
		return recording->state == RECORDING_PUBLISHED ||
		    recording->state == RECORDING_UNPUBLISHED;
	if (params_find(states, "any"))
		return true;
	/* One folder, process/, has both. */
	if (recording->state == RECORDING_PROCESSING || recording->state == RECORDING_PROCESSED)
		return params_find(states, "processing") || params_find(states, "processed");
	return params_find(states, recordings_state_name(recording->state)) != NULL;
}

static bool
ends_with(const char *string, const char *end, size_t length)
{
	size_t whole = strlen(string);

	return whole >= length && memcmp(string + whole - length, end, length) == 0;
}

/* RecordingServiceFileImpl.recordingMatchesMetadata, for one pair. */
static bool
matches(const char *value, const char *filter)
{
	size_t length = strlen(filter);
	bool at_start = length > 0 && filter[0] == '%';
	bool at_end = length > 0 && filter[length - 1] == '%';

	if (at_start && at_end && length >= 2 &&
	    memmem(value, strlen(value), filter + 1, length - 2))
		return true;
	if (at_start && ends_with(value, filter + 1, length - 1))
		return true;
	if (at_end && strncmp(value, filter, length - 1) == 0)
		return true;
	return strcmp(value, filter) == 0;
}

/* What BBB writes beside the client's own is in camel case, so no filter finds it. */
static bool
has_metadata(const struct recording *recording, const struct params *filters)
{
	for (const struct param *filter = filters->first; filter; filter = filter->next) {
		const char *value = params_find(&recording->metadata, filter->name);

		if (!value || !matches(value, filter->value))
			return false;
	}
	return true;
}

static void
add_pieces(struct pieces *pieces, const struct recording *recording, bool only_first)
{
	const bool is_ready = recording->state != RECORDING_PROCESSING &&
	    recording->state != RECORDING_PROCESSED;
	const char *format = is_ready ? recording->formats : "";

	do {
		size_t length = strcspn(format, ",");

		pieces->items = text_resize(pieces->items,
		    (pieces->count + 1) * sizeof(struct piece));
		pieces->items[pieces->count++] = (struct piece){ recording, format, length };
		format += length;
	} while (*format++ == ',' && !only_first);
}

static void
add_format(struct text *text, const struct piece *piece, const char *base_url)
{
	const struct recording *recording = piece->recording;
	char *type = text_duplicate_part(piece->format, piece->format_length);

	text_add_string(text, "<format>");
	add_element(text, "type", type);
	text_add_string(text, "<url>");
	text_add_markup(text, base_url);
	if (strcmp(type, "presentation") == 0)
		text_add_format(text, "/playback/presentation/2.3/%s</url>",
		    recording->record_id);
	else
		text_add_format(text, "/playback/%s/%s/</url>", type, recording->record_id);
	add_number(text, "processingTime", PROCESSING_MS);
	add_number(text, "length", (recording->end_time_ms - recording->start_time_ms) / 60000);
	add_number(text, "size", FORMAT_SIZE);
	if (strcmp(type, "presentation") == 0) {
		text_add_string(text,
		    "<preview><images><image width=\"176\" height=\"136\" "
		    "alt=\"Welcome\">");
		text_add_markup(text, base_url);
		text_add_format(text,
		    "/presentation/%s/presentation/d2d9a672040fbde2a47a10bf6c37b6a4"
		    "b5ae187f-1/thumbnails/thumb-1.png</image></images></preview>",
		    recording->record_id);
	}
	text_add_string(text, "</format>");
	free(type);
}

/* RecMetaResponse.toXml of the count pieces at first, which are one recording's. */
static void
add_recording(struct text *text, const struct piece *first, size_t count, const char *base_url)
{
	const struct recording *recording = first->recording;

	text_add_string(text, "<recording>");
	add_element(text, "recordID", recording->record_id);
	add_element(text, "meetingID", recording->meeting_id);
	add_element(text, "internalMeetingID", recording->record_id);
	add_element(text, "name", recording->name);
	add_element(text, "isBreakout", "false");
	add_element(text, "published",
	    recording->state == RECORDING_PUBLISHED ? "true" : "false");
	add_element(text, "state", recordings_state_name(recording->state));
	add_number(text, "startTime", recording->start_time_ms);
	add_number(text, "endTime", recording->end_time_ms);
	add_number(text, "participants", PARTICIPANTS);
	add_number(text, "rawSize", RAW_SIZE);
	text_add_string(text, "<metadata>");
	for (const struct param *one = recording->metadata.first; one; one = one->next)
		add_element(text, one->name, one->value);
	add_element(text, "meetingId", recording->meeting_id);
	add_element(text, "meetingName", recording->name);
	add_element(text, "isBreakout", "false");
	text_add_string(text, "</metadata>");
	if (first->format_length == 0)
		count = 0;
	add_number(text, "size", FORMAT_SIZE * (long long)count);
	text_add_string(text, "<playback>");
	for (size_t i = 0; i < count; i++)
		add_format(text, &first[i], base_url);
	text_add_string(text, "</playback><data></data></recording>");
}

/* The line breaks are those of the XML literals in RecMetaXmlHelper.scala. */
static void
add_recordings(struct text *text, const struct piece *pieces, size_t count,
    const char *base_url)
{
	text_add_string(text,
	    "<response>\n          <returncode>SUCCESS</returncode>\n"
	    "          <recordings>");
	for (size_t at = 0, next; at < count; at = next) {
		for (next = at + 1; next < count; next++)
			if (pieces[next].recording != pieces[at].recording)
				break;
		add_recording(text, &pieces[at], next - at, base_url);
	}
	text_add_string(text, "</recordings>\n");
	if (count == 0)
		text_add_string(text,
		    "          <messageKey>noRecordings</messageKey>\n"
		    "          <message>There are no recordings for the meeting(s)."
		    "</message>\n");
	text_add_string(text, "        ");
}

/* Java's Integer.parseInt. */
static bool
parse_int(const char *value, long long *number)
{
	const char *digits = value ? value + (*value == '-' || *value == '+') : "";
	size_t length = strlen(digits);

	if (length == 0 || length > 15 || strspn(digits, "0123456789") != length)
		return false;
	*number = strtoll(value, NULL, 10);
	return *number >= -2147483648LL && *number <= 2147483647LL;
}

static void
answer_page(struct call *call, const struct pieces *pieces, long long offset, long long limit)
{
	const char *base_url = call->request->base_url;
	struct text *body = &call->answer->body;
	const long long count = (long long)pieces->count;
	long long length = count - offset < limit ? count - offset : limit;
	long long total = count;

	/* Java's subList(): nothing is at the end, but there is no place beyond it. */
	if (offset > count) {
		if (call->request->recordings->paging == RECORDINGS_BLOCK)
			answer_html(call->answer, 500, "Internal Server Error");
		else
			calls_fail(call, "unexpectedError",
			    "An unexpected error occurred while "
			    "constructing the response.");
		return;
	}
	/* Spring's PageImpl, which was not told of the offset. */
	if (length > 0 && limit > count)
		total = length;
	add_recordings(body, pieces->items ? pieces->items + offset : NULL, (size_t)length,
	    base_url);
	if (call->request->recordings->paging == RECORDINGS_BLOCK)
		text_add_format(body,
		    "<pagination><pageable><offset>%lld</offset><limit>%lld</limit>"
		    "<paged>true</paged><unpaged>false</unpaged></pageable>"
		    "<totalElements>%lld</totalElements><empty>%s</empty></pagination>",
		    offset, limit, total, length == 0 ? "true" : "false");
	else
		add_number(body, "totalElements", total);
	text_add_string(body, "</response>");
}

void
recording_calls_get(struct call *call)
{
	const struct recordings *recordings = call->request->recordings;
	struct params ids = { 0 }, meetings = { 0 }, states = { 0 }, filters = { 0 };
	struct pieces pieces = { 0 };
	long long offset = 0, limit = 0;
	bool is_paged = recordings->paging != RECORDINGS_NONE &&
	    parse_int(params_find(&call->params, "limit"), &limit);

	if (!check(call, false, false))
		return;
	if (!parse_int(params_find(&call->params, "offset"), &offset) || offset < 0)
		offset = 0;
	limit = limit < 1 ? 1 : limit > PAGE_MAX ? PAGE_MAX : limit;
	if (read_list(call, "recordID", &ids) != 0 ||
	    read_list(call, "meetingID", &meetings) != 0 ||
	    read_list(call, "state", &states) != 0)
		goto out;
	if (!ids.first) {
		for (const struct param *one = meetings.first; one; one = one->next) {
			char hex[CHECKSUM_HEX_MAX] = "";

			checksum_write_digest(one->name, strlen(one->name), 40, hex);
			params_add(&ids, hex, "");
		}
	}
	if (!ids.first && !is_paged && recordings->refuses_all) {
		text_add_string(&call->answer->body,
		    "<response><returncode>SUCCESS</returncode>"
		    "<messageKey>noRecordings</messageKey><message>No recordings found. "
		    "This may occur if you attempt to retrieve all recordings.</message>"
		    "</response>");
		goto out;
	}
	params_copy_metadata(&call->params, &filters);
	for (size_t i = 0; i < recordings->count; i++) {
		const struct recording *one = recordings->items[i];

		if ((!ids.first || has_any_prefix(one->record_id, &ids)) &&
		    is_in_state(one, &states) && has_metadata(one, &filters))
			add_pieces(&pieces, one,
			    is_paged && recordings->paging == RECORDINGS_TOTAL);
	}
	if (is_paged) {
		answer_page(call, &pieces, offset, limit);
	} else {
		add_recordings(&call->answer->body, pieces.items, pieces.count,
		    call->request->base_url);
		text_add_string(&call->answer->body, "</response>");
	}
out:
	free(pieces.items);
	params_fini(&ids);
	params_fini(&meetings);
	params_fini(&states);
	params_fini(&filters);
}

/* Reads recordID.  Returns -1 after answering, also when none of the ids is known. */
static int
read_known_ids(struct call *call, struct params *ids)
{
	if (read_list(call, "recordID", ids) != 0)
		return -1;
	for (const struct param *id = ids->first; id; id = id->next) {
		const struct recording *one = recordings_find(call->request->recordings,
		    id->name);

		if (one &&
		    (one->state == RECORDING_PUBLISHED || one->state == RECORDING_UNPUBLISHED))
			return 0;
	}
	calls_fail(call, "notFound", "We could not find recordings");
	return -1;
}

/* RecordingServiceFileImpl.changeState: of what is published or unpublished. */
static void
change_states(const struct recordings *recordings, const struct params *ids,
    enum recording_state state)
{
	for (size_t i = 0; i < recordings->count; i++) {
		struct recording *one = recordings->items[i];

		if (one->state != RECORDING_PUBLISHED && one->state != RECORDING_UNPUBLISHED)
			continue;
		for (const struct param *id = ids->first; id; id = id->next)
			if (strcasecmp(one->record_id, id->name) == 0)
				one->state = state;
	}
}

void
recording_calls_publish(struct call *call)
{
	if (!check(call, true, true))
		return;
	struct params ids = { 0 };
	if (read_known_ids(call, &ids) == 0) {
		char *publish = params_sanitize(params_find(&call->params, "publish"));
		/* Groovy's toBoolean(). */
		change_states(call->request->recordings, &ids,
		    strcasecmp(publish, "true") == 0 || strcasecmp(publish, "y") == 0 ||
		            strcmp(publish, "1") == 0 ?
		        RECORDING_PUBLISHED :
		        RECORDING_UNPUBLISHED);
		/* Unescaped, as there. */
		text_add_format(&call->answer->body,
		    "<response><returncode>SUCCESS</returncode>"
		    "<published>%s</published></response>",
		    publish);
		free(publish);
	}
	params_fini(&ids);
}

void
recording_calls_delete(struct call *call)
{
	if (!check(call, true, false))
		return;
	struct params ids = { 0 };
	if (read_known_ids(call, &ids) == 0) {
		change_states(call->request->recordings, &ids, RECORDING_DELETED);
		text_add_string(&call->answer->body,
		    "<response><returncode>SUCCESS</returncode>"
		    "<deleted>true</deleted></response>");
	}
	params_fini(&ids);
}

void
recording_calls_update(struct call *call)
{
	const struct recordings *recordings = call->request->recordings;
	struct params ids = { 0 }, metadata = { 0 };

	if (!check(call, true, false))
		return;
	if (read_known_ids(call, &ids) != 0)
		goto out;
	params_copy_metadata(&call->params, &metadata);
	for (size_t i = 0; i < recordings->count; i++) {
		struct recording *one = recordings->items[i];

		if (one->state == RECORDING_PROCESSING || one->state == RECORDING_PROCESSED ||
		    !has_any_prefix(one->record_id, &ids))
			continue;
		for (const struct param *pair = metadata.first; pair; pair = pair->next)
			params_set(&one->metadata, pair->name,
			    pair->value[0] == '\0' ? NULL : pair->value);
	}
	text_add_string(&call->answer->body,
	    "<response><returncode>SUCCESS</returncode>"
	    "<updated>true</updated></response>");
out:
	params_fini(&ids);
	params_fini(&metadata);
}

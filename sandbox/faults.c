#include "faults.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum fault_kind kind;
	const char *help;
} kinds[] = {
	{ "none", FAULT_NONE, "nothing is wrong any more" },
	{ "delay", FAULT_DELAY, "the right answer, ms later (1000)" },
	{ "hang", FAULT_HANG, "no answer as long as the fault lasts" },
	{ "stall", FAULT_STALL,
	    "the head and the first byte of the right answer; the rest once the fault is "
	    "over" },
	{ "drip", FAULT_DRIP,
	    "the right answer, a byte every ms (200); the rest at once when the fault is "
	    "over" },
	{ "refuse", FAULT_REFUSE, "the port does not listen; for all calls only" },
	{ "deaf", FAULT_DEAF,
	    "the port listens, and no connection comes about; for all calls only" },
	{ "reset", FAULT_RESET, "a TCP RST instead of an answer" },
	{ "http500", FAULT_HTTP500, "status 500 and HTML" },
	{ "status", FAULT_STATUS, "that status (502) and HTML, as from nginx" },
	{ "redirect", FAULT_REDIRECT, "status 302 with that location" },
	{ "failed", FAULT_FAILED,
	    "FAILED with key (internalError) as its messageKey; form=errors: "
	    "in a list" },
	{ "html", FAULT_HTML, "status 200 and HTML" },
	{ "empty", FAULT_EMPTY, "status 200 and nothing" },
	{ "huge", FAULT_HUGE, "so many bytes of XML, chunked (64 MiB)" },
	{ "cut", FAULT_CUT, "the right answer's first bytes (half of it), well framed" },
	{ "cut_item", FAULT_CUT_ITEM,
	    "the right list up to the middle of its last item, well "
	    "framed" },
	{ "break_off", FAULT_BREAK_OFF, "the same bytes as cut, then the connection ends" },
	{ "blank_lines", FAULT_BLANK_LINES,
	    "the right answer behind n (2) blank lines and an XML "
	    "declaration" },
	{ "byte", FAULT_BYTE,
	    "the right answer with the byte hex (08), or several, at the begin of "
	    "the n-th (1) element (fullName)" },
	{ "long_query", FAULT_LONG_QUERY,
	    "status 414 when the query has more than so many bytes "
	    "(2048)" },
	{ "wrong_secret", FAULT_WRONG_SECRET, "no checksum is right" },
	{ "set_cookie", FAULT_SET_COOKIE, "the right answer with cookie headers" },
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

int
faults_parse_kind(const char *name, enum fault_kind *kind)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = kinds[i].kind;
			return 0;
		}
	}
	return -1;
}

void
faults_add_names(struct text *text)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		text_add_format(text, "%s%s", i == 0 ? "" : ", ", kinds[i].name);
}

void
faults_add_help(struct text *text)
{
	const size_t indent = 20, width = 88;

	for (size_t i = 0; i < KIND_COUNT; i++) {
		size_t column = indent;

		text_add_format(text, "      %-13s", kinds[i].name);
		for (const char *word = kinds[i].help; *word != '\0';) {
			size_t length = strcspn(word, " ");

			if (column + 1 + length > width) {
				text_add_format(text, "\n%*s", (int)indent - 1, "");
				column = indent;
			}
			text_add_format(text, " %.*s", (int)length, word);
			column += 1 + length;
			word += length + strspn(word + length, " ");
		}
		text_add_string(text, "\n");
	}
}

static struct fault_call *
find_call(const struct faults *faults, const char *name)
{
	for (struct fault_call *call = faults->first; call; call = call->next)
		if (strcmp(call->name, name) == 0)
			return call;
	return NULL;
}

static struct fault_call *
need_call(struct faults *faults, const char *name)
{
	struct fault_call *call = find_call(faults, name);

	if (!call) {
		call = text_new(sizeof(*call));
		call->name = text_duplicate(name);
		call->next = faults->first;
		faults->first = call;
	}
	return call;
}

void
faults_set(struct faults *faults, const char *call, struct fault fault)
{
	if (call) {
		need_call(faults, call)->fault = fault;
		return;
	}
	faults->all = fault;
	if (fault.kind == FAULT_NONE)
		for (struct fault_call *one = faults->first; one; one = one->next)
			one->fault = fault;
}

/* A fault that has been used up is still there for those requests that have it. */
static bool
has_time(const struct fault *fault, long long now_ms)
{
	return fault->kind != FAULT_NONE && (fault->until_ms < 0 || now_ms < fault->until_ms);
}

static bool
take(struct fault *fault, long long now_ms)
{
	if (!has_time(fault, now_ms) || fault->times == 0)
		return false;
	if (fault->times > 0)
		fault->times--;
	return true;
}

struct fault
faults_take(struct faults *faults, const char *call, long long now_ms)
{
	struct fault_call *one = find_call(faults, call);

	if (one && take(&one->fault, now_ms))
		return one->fault;
	if (take(&faults->all, now_ms))
		return faults->all;
	return (struct fault){ .kind = FAULT_NONE };
}

bool
faults_lasts(const struct faults *faults, const char *call, enum fault_kind kind,
    long long now_ms)
{
	const struct fault_call *one = find_call(faults, call);

	return (one && one->fault.kind == kind && has_time(&one->fault, now_ms)) ||
	    (faults->all.kind == kind && has_time(&faults->all, now_ms));
}

void
faults_set_raw(struct faults *faults, const char *call, const char *body, size_t length)
{
	struct fault_call *one = need_call(faults, call);

	text_fini(&one->raw);
	one->has_raw = length > 0;
	if (length > 0)
		text_add(&one->raw, body, length);
}

const struct text *
faults_find_raw(const struct faults *faults, const char *call)
{
	const struct fault_call *one = find_call(faults, call);

	return one && one->has_raw ? &one->raw : NULL;
}

void
faults_clear(struct faults *faults)
{
	while (faults->first) {
		struct fault_call *call = faults->first;

		faults->first = call->next;
		free(call->name);
		text_fini(&call->raw);
		free(call);
	}
	faults->all = (struct fault){ 0 };
}

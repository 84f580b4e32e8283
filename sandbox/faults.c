#include "faults.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum fault_kind kind;
} kinds[] = {
	{ "none", FAULT_NONE },
	{ "delay", FAULT_DELAY },
	{ "hang", FAULT_HANG },
	{ "refuse", FAULT_REFUSE },
	{ "reset", FAULT_RESET },
	{ "http500", FAULT_HTTP500 },
	{ "html", FAULT_HTML },
	{ "empty", FAULT_EMPTY },
	{ "cut", FAULT_CUT },
	{ "huge", FAULT_HUGE },
	{ "drip", FAULT_DRIP },
	{ "wrong_secret", FAULT_WRONG_SECRET },
	{ "set_cookie", FAULT_SET_COOKIE },
};

int
faults_parse_kind(const char *name, enum fault_kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = kinds[i].kind;
			return 0;
		}
	}
	return -1;
}

static struct fault_call *
find_call(const struct faults *faults, const char *name)
{
	for (struct fault_call *call = faults->first; call != NULL; call = call->next)
		if (strcmp(call->name, name) == 0)
			return call;
	return NULL;
}

static struct fault_call *
need_call(struct faults *faults, const char *name)
{
	struct fault_call *call = find_call(faults, name);

	if (call == NULL) {
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
	if (call != NULL) {
		need_call(faults, call)->fault = fault;
		return;
	}
	faults->all = fault;
	if (fault.kind == FAULT_NONE)
		for (struct fault_call *one = faults->first; one != NULL; one = one->next)
			one->fault = fault;
}

struct fault
faults_find(const struct faults *faults, const char *call)
{
	const struct fault_call *one = find_call(faults, call);

	return one != NULL && one->fault.kind != FAULT_NONE ? one->fault : faults->all;
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

	return one != NULL && one->has_raw ? &one->raw : NULL;
}

void
faults_clear(struct faults *faults)
{
	while (faults->first != NULL) {
		struct fault_call *call = faults->first;

		faults->first = call->next;
		free(call->name);
		text_fini(&call->raw);
		free(call);
	}
	faults->all = (struct fault){ 0 };
}

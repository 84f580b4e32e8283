#include "receivers.h"

#include <stdlib.h>
#include <string.h>

struct receiver *
receivers_need(struct receivers *receivers, const char *name)
{
	struct receiver **link = &receivers->first;

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	if (!*link) {
		*link = text_new(sizeof(struct receiver));
		(*link)->name = text_duplicate(name);
	}
	return *link;
}

static void
forget_first(struct receiver *receiver)
{
	struct received *received = receiver->first;

	receiver->first = received->next;
	if (!receiver->first)
		receiver->last = NULL;
	receiver->count--;
	free(received->method);
	free(received->target);
	text_fini(&received->headers);
	text_fini(&received->body);
	free(received);
}

int
receivers_set(struct receiver *receiver, const char *statuses, long long ms)
{
	for (const char *at = statuses; at;) {
		if (strspn(at, "0123456789") != 3 || at[0] < '2' || at[0] > '5' ||
		    (at[3] != ',' && at[3] != '\0'))
			return -1;
		at = at[3] == ',' ? at + 4 : NULL;
	}
	free(receiver->statuses);
	receiver->statuses = text_duplicate(statuses);
	receiver->at = receiver->statuses;
	receiver->ms = ms;
	while (receiver->first)
		forget_first(receiver);
	return 0;
}

static unsigned
next_status(struct receiver *receiver)
{
	unsigned status = 200;

	if (receiver->at) {
		status = (unsigned)strtoul(receiver->at, NULL, 10);
		if (receiver->at[3] == ',')
			receiver->at += 4;
	}
	return status;
}

const struct received *
receivers_take(struct receiver *receiver, const char *method, const char *target,
    struct text *headers, const struct text *body)
{
	struct received *received = text_new(sizeof(*received));

	received->method = text_duplicate(method);
	received->target = text_duplicate(target);
	received->headers = *headers;
	*headers = (struct text){ 0 };
	received->length = body->length;
	text_add(&received->body, text_string(body),
	    body->length < RECEIVERS_BODY_MAX ? body->length : RECEIVERS_BODY_MAX);
	checksum_write_digest(text_string(body), body->length, 64, received->sha256);
	received->status = next_status(receiver);
	if (!receiver->last)
		receiver->first = received;
	else
		receiver->last->next = received;
	receiver->last = received;
	if (++receiver->count > RECEIVERS_REQUESTS_MAX)
		forget_first(receiver);
	return received;
}

void
receivers_clear(struct receivers *receivers)
{
	while (receivers->first) {
		struct receiver *receiver = receivers->first;

		receivers->first = receiver->next;
		while (receiver->first)
			forget_first(receiver);
		free(receiver->statuses);
		free(receiver->name);
		free(receiver);
	}
}

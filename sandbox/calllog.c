#include "calllog.h"

#include <stdlib.h>

#include "text.h"

static void
remove_first(struct calllog *log)
{
	struct calllog_entry *entry = log->first;

	log->first = entry->next;
	if (!log->first)
		log->last = NULL;
	log->count--;
	free(entry->call);
	free(entry->line);
	free(entry);
}

void
calllog_add(struct calllog *log, unsigned long long arrival, const char *call, const char *line)
{
	struct calllog_entry *entry = text_new(sizeof(*entry));

	entry->arrival = arrival;
	entry->call = text_duplicate(call);
	entry->line = text_duplicate(line);
	if (!log->last)
		log->first = entry;
	else
		log->last->next = entry;
	log->last = entry;
	log->count++;
	if (log->count > CALLLOG_MAX)
		remove_first(log);
}

void
calllog_clear(struct calllog *log)
{
	while (log->first)
		remove_first(log);
}

#include "costs.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED(name)                                 \
	{                                           \
#name, offsetof(struct costs, name) \
	}

static const struct {
	const char *name;
	size_t offset;
} table[] = {
	NAMED(picture_us),
	NAMED(row_us),
	NAMED(set_us),
	NAMED(join_us),
	NAMED(listed_us),
	NAMED(note_us),
	NAMED(facts_us),
	NAMED(list_us),
	NAMED(trend_us),
	NAMED(create_us),
	NAMED(way_us),
	NAMED(gateway_create_us),
	NAMED(gateway_join_us),
	NAMED(poll_us),
	NAMED(poll_meeting_us),
	NAMED(gateway_row_us),
	NAMED(empty_bytes),
	NAMED(mapping_bytes),
	NAMED(server_bytes),
	NAMED(list_meeting_bytes),
	NAMED(trend_bytes),
	NAMED(peak_bytes),
	NAMED(answer_meeting_bytes),
	NAMED(gateway_kb),
};

#define COSTS (sizeof(table) / sizeof(*table))

void
costs_read(struct costs *costs, const char *file)
{
	FILE *in = fopen(file, "re");
	char name[64];
	double number;
	int known[COSTS] = { 0 };

	if (!in) {
		perror(file);
		exit(1);
	}
	while (fscanf(in, "%63s %lf", name, &number) == 2)
		for (size_t i = 0; i < COSTS; i++)
			if (strcmp(name, table[i].name) == 0) {
				*(double *)((char *)costs + table[i].offset) = number;
				known[i] = 1;
			}
	fclose(in);
	for (size_t i = 0; i < COSTS; i++)
		if (!known[i]) {
			fprintf(stderr, "%s: there is no %s\n", file, table[i].name);
			exit(1);
		}
}

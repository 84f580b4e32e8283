/*
 * What the state holds: sections that put it there, and those that compare it.
 * They go to the real store, past the watched one.
 */
#ifndef STATE_SECTIONS_H
#define STATE_SECTIONS_H

#include <stdint.h>

#include "base/str.h"
#include "ports/store.h"

struct run;
struct section;

/* All take what follows the title's first words, see the table of run.c. */
void state_sections_set_facts(struct run *run, const struct section *section, char *server);
void state_sections_check_facts(struct run *run, const struct section *section, char *rest);
void state_sections_set_meetings(struct run *run, const struct section *section, char *rest);
void state_sections_set_whole(struct run *run, const struct section *section, char *rest);
void state_sections_check_meetings(struct run *run, const struct section *section, char *rest);
void state_sections_set_recordings(struct run *run, const struct section *section, char *rest);
void state_sections_check_recordings(struct run *run, const struct section *section,
    char *rest);
void state_sections_set_hooks(struct run *run, const struct section *section, char *rest);
void state_sections_check_hooks(struct run *run, const struct section *section, char *rest);
void state_sections_set_list(struct run *run, const struct section *section, char *rest);

/* Map a meeting to a server, as another process would have at that time. */
enum store_result state_sections_map(struct run *run, struct str meeting_id, const char *server,
    int64_t at_ms);

#endif

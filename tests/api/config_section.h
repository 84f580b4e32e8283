/*
 * The configuration of a case: the servers a, b and c, changed by its first section.
 */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H

struct run;
struct section;

/* Load it from the section, or NULL, into run->config; a bad one is a problem, and
 * run->config is NULL. */
void config_section_load(struct run *run, const struct section *section);

#endif

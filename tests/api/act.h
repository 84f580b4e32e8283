/*
 * What a case makes the gateway do: answer a request, or poll.
 */
#ifndef ACT_H
#define ACT_H

struct run;
struct section;

/* Hand the request of the section to the core as a door does, and judge what comes of
 * it by the sections that follow. */
void act_request(struct run *run, const struct section *section, char *rest);

/* The same with a poll of the servers that are due; names are those that must be, or
 * "". */
void act_poll(struct run *run, const struct section *section, char *names);

#endif

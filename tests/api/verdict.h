/*
 * What comes of an act, compared with what must hold of any and with the sections
 * that follow it.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "base/str.h"

struct response;
struct run;
struct section;

/* Check what is true of every answer, whatever went wrong behind it: its header, as a
 * door writes it, is well-formed, so is its body, and neither holds a secret. */
void verdict_of_any_answer(struct run *run, const struct section *request,
    const struct response *response, struct str header);

/* Compare the answer with the act's sections "response". */
void verdict_of_answer(struct run *run, const struct section *request,
    const struct response *response, struct str header);

/* Compare the log with the act's sections "log"; it must hold no secret.  To be called
 * last: when there are problems the log is shown. */
void verdict_of_log(struct run *run, const struct section *act);

#endif

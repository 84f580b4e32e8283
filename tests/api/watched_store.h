/*
 * The store that the core sees in a case: it passes each verb on to the real one
 * (run->inner), and lets one fail when it is that one's turn.
 */
#ifndef WATCHED_STORE_H
#define WATCHED_STORE_H

#include "ports/store.h"

/* For the store of a struct run.  Verbs are counted in run->verbs; number
 * run->failing_verb, counted from 1, does what adapters/none.h does, and so do all from
 * when the state has gone. */
extern const struct store_verbs watched_store_verbs;

#endif

/*
 * What the store in memory remembers: lists of items, each with a key.
 */
#ifndef ITEMS_H
#define ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/store.h"

struct arena;

/* What is remembered under a key.  A kind of thing has a list of these, from the one that
 * was put first to the one that was put last. */
struct item {
	struct str key;
	int64_t at_ms, until_ms;
	struct meeting meeting;
	long peak;
	struct server_facts facts;
	struct store_recording recording;
	struct store_list list;
	struct webhook hook;
	struct event event;
	struct trend trend;
	struct pacing pacing;
};

struct items {
	struct item *list;
	size_t n;
};

/* The item of that key, or NULL. */
struct item *items_find(const struct items *items, struct str key);

void items_remove_at(struct items *items, size_t i);

/* Remove the item of that key, if there is one. */
void items_drop(struct items *items, struct str key);

/* Put a new, empty item in the place of the one of that key, if any, as the last.  Its key
 * is copied into the arena. */
struct item *items_put(struct arena *arena, struct items *items, struct str key);

/* A key of several texts, none of which has a NUL, in the arena. */
struct str items_key(struct arena *arena, const char *a, const char *b, struct str c);

/* Of the items that are meant, forget those from before since_ms, and of the others the
 * oldest, until there are no more than most. */
void items_forget(struct items *items, bool is_meant(const struct item *), int64_t since_ms,
    size_t most);

#endif

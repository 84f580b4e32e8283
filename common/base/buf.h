/*
 * A growing byte buffer that is born with its maximum.
 *
 * Growing past the maximum sets a sticky error and drops the buffer's content:
 * callers append without looking and ask buf_failed() once at the end.  Memory is there or
 * ends the process (mem.h), but in a buffer of buf_init_large(): a large one for which there is
 * no memory fails, too.  That is for what may be long and can be done without, such as a
 * server's answer.  Who does not ask buf_failed(), since the maximum cannot be reached, as of a
 * query that is sent on, has one of buf_init().
 */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
	char *data; /* NUL-terminated; NULL while nothing was added */
	size_t len;
	size_t capacity; /* private */
	size_t max;      /* the most bytes it may hold */
	bool may_fail;   /* private: for want of memory */
	bool failed;
	bool is_short; /* failed, and for want of memory */
};

/* Start an empty buffer of at most max bytes.  Nothing is allocated yet. */
void buf_init(struct buf *buf, size_t max);

/* The same, and once it is a large block and there is none it fails, with is_short. */
void buf_init_large(struct buf *buf, size_t max);

/* Free the content.  The buffer may be filled anew, and is what it was made. */
void buf_free(struct buf *buf);

/* The same, with the content overwritten first: there are secrets in it.  What the buffer held
 * before it grew is not, so whoever adds secrets reserves the room. */
void buf_wipe(struct buf *buf);

/* Drop the content and keep the memory for what is added next. */
void buf_clear(struct buf *buf);

/* Make room for that many bytes more, if the maximum allows: what is then added is
 * not moved again. */
void buf_reserve(struct buf *buf, size_t more);

void buf_add(struct buf *buf, const void *data, size_t len);
void buf_str(struct buf *buf, struct str s);
void buf_text(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Was anything refused for want of room, or of memory?  (Then the buffer is empty.) */
bool buf_failed(const struct buf *buf);

/* The content, borrowed: valid until the buffer changes. */
struct str buf_view(const struct buf *buf);

/*
 * Move the content into the arena and leave the buffer empty.  The span is
 * NUL-terminated, never absent, and lives until the arena is reset.
 */
struct str buf_take(struct buf *buf, struct arena *arena);

#endif

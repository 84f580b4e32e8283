#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

void
buf_init(struct buf *buf, size_t max)
{
	/* Room for the NUL must remain countable. */
	*buf = (struct buf){ .max = max < SIZE_MAX ? max : SIZE_MAX - 1 };
}

void
buf_init_large(struct buf *buf, size_t max)
{
	buf_init(buf, max);
	buf->may_fail = true;
}

/* Make it as it was at first; what it held is another's, or was freed. */
static void
begin_anew(struct buf *buf)
{
	*buf = (struct buf){ .max = buf->max, .may_fail = buf->may_fail };
}

void
buf_free(struct buf *buf)
{
	free(buf->data);
	begin_anew(buf);
}

void
buf_wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	buf_free(buf);
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

/* Make the capacity that; false when it is a large one that cannot be had, which that buffer
 * bears. */
static bool
set_capacity(struct buf *buf, size_t capacity)
{
	char *data = buf->may_fail && capacity >= MEM_LARGE_BYTES ?
	    mem_try_resize(buf->data, capacity) :
	    mem_resize(buf->data, capacity);

	if (!data)
		return false;
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

static void
fail(struct buf *buf)
{
	buf_free(buf);
	buf->failed = true;
}

void
buf_reserve(struct buf *buf, size_t more)
{
	/* One byte more for the NUL. */
	if (buf->failed || more > buf->max - buf->len || more < buf->capacity - buf->len)
		return;
	set_capacity(buf, buf->len + more + 1);
}

void
buf_add(struct buf *buf, const void *data, size_t len)
{
	if (buf->failed)
		return;
	if (len > buf->max - buf->len) {
		fail(buf);
		return;
	}
	/* One byte more for the NUL. */
	if (!buf->data || buf->capacity - buf->len < len + 1) {
		size_t capacity = buf->capacity ? buf->capacity : 64;
		while (capacity < buf->len + len + 1)
			capacity *= 2;
		if (capacity > buf->max + 1)
			capacity = buf->max + 1;
		if (!set_capacity(buf, capacity)) {
			fail(buf);
			buf->is_short = true;
			return;
		}
	}
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void
buf_str(struct buf *buf, struct str s)
{
	buf_add(buf, s.data, s.len);
}

void
buf_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void
buf_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text;
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		fail(buf);
		return;
	}
	buf_add(buf, text, (size_t)len);
	free(text);
}

bool
buf_failed(const struct buf *buf)
{
	return buf->failed;
}

struct str
buf_view(const struct buf *buf)
{
	return (struct str){ buf->data ? buf->data : "", buf->len };
}

struct str
buf_take(struct buf *buf, struct arena *arena)
{
	struct str content = buf_view(buf);

	arena_take(arena, buf->data);
	begin_anew(buf);
	return content;
}

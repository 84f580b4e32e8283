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
buf_free(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->max);
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void
buf_reserve(struct buf *buf, size_t more)
{
	/* One byte more for the NUL. */
	if (buf->failed || more > buf->max - buf->len || more < buf->capacity - buf->len)
		return;
	buf->data = mem_resize(buf->data, buf->len + more + 1);
	buf->capacity = buf->len + more + 1;
}

void
buf_add(struct buf *buf, const void *data, size_t len)
{
	if (buf->failed)
		return;
	if (len > buf->max - buf->len) {
		buf_free(buf);
		buf->failed = true;
		return;
	}
	/* One byte more for the NUL. */
	if (!buf->data || buf->capacity - buf->len < len + 1) {
		size_t capacity = buf->capacity ? buf->capacity : 64;
		while (capacity < buf->len + len + 1)
			capacity *= 2;
		if (capacity > buf->max + 1)
			capacity = buf->max + 1;
		buf->data = mem_resize(buf->data, capacity);
		buf->capacity = capacity;
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
		buf_free(buf);
		buf->failed = true;
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
	buf_init(buf, buf->max);
	return content;
}

/*
 * The growing buffer: its maximum, its sticky error, and who owns the content.
 */
#include "base/buf.h"

#include <stdint.h>

#include "base/arena.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_append(void)
{
	struct buf buf;

	buf_init(&buf, 1000);
	is_str(buf_view(&buf).data, "", "a new buffer's view is empty, not absent");
	ok(!buf_failed(&buf), "and nothing was refused");
	buf_text(&buf, "text ");
	buf_str(&buf, STR("span "));
	buf_str(&buf, (struct str){ 0 });
	buf_add(&buf, "bytes\0", 6);
	buf_add(&buf, NULL, 0);
	buf_char(&buf, '!');
	buf_printf(&buf, " %d %s", 42, "x");
	ok(str_equal(buf_view(&buf), STR("text span bytes\0! 42 x")),
	    "what was added stands there in order");
	is_int(buf.data[buf.len], 0, "and ends in a NUL");
	ok(!buf_failed(&buf), "all had room");
	buf_free(&buf);
	is_int(buf.len, 0, "freed: empty");
	buf_text(&buf, "anew");
	ok(str_is(buf_view(&buf), "anew"), "and can be filled anew");
	buf_free(&buf);
	buf_free(&buf);
}

static void
test_maximum(void)
{
	static const struct {
		size_t max, add, times;
		bool failed;
		const char *what;
	} rows[] = {
		{ 10, 10, 1, false, "full at once" },
		{ 10, 11, 1, true, "too much at once" },
		{ 10, 5, 2, false, "full in two steps" },
		{ 10, 6, 2, true, "too much in two" },
		{ 10, 1, 10, false, "full byte by byte" },
		{ 10, 1, 11, true, "one byte too much" },
		{ 63, 63, 1, false, "63" },
		{ 64, 64, 1, false, "64" },
		{ 65, 65, 1, false, "65" },
		{ 64, 65, 1, true, "65 in 64" },
		{ 0, 0, 1, false, "nothing in nothing" },
		{ 0, 1, 1, true, "something in nothing" },
		{ 100000, 1000, 100, false, "a hundred thousand" },
		{ 100000, 1000, 101, true, "and a thousand more" },
	};
	static char bytes[1000];

	memset(bytes, 'b', sizeof(bytes));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf buf;

		buf_init(&buf, rows[i].max);
		for (size_t k = 0; k < rows[i].times; k++)
			buf_add(&buf, bytes, rows[i].add);
		is_int(buf_failed(&buf), rows[i].failed, "maximum: %s", rows[i].what);
		is_int(buf_view(&buf).len, rows[i].failed ? 0 : rows[i].add * rows[i].times,
		    "… and what it holds");
		bool same = true;
		for (size_t k = 0; k < buf.len; k++)
			same &= buf.data[k] == 'b';
		ok(same, "… is what was added");
		buf_free(&buf);
	}
}

static void
test_sticky(void)
{
	struct buf buf;
	struct arena *arena = arena_new();

	buf_init(&buf, 8);
	buf_text(&buf, "12345678");
	buf_printf(&buf, "%d", 9);
	ok(buf_failed(&buf), "printf beyond the maximum fails");
	buf_char(&buf, 'a');
	buf_text(&buf, "b");
	buf_str(&buf, STR("c"));
	buf_printf(&buf, "d");
	ok(buf_failed(&buf) && buf_view(&buf).len == 0,
	    "what is added after a failure is dropped, though it would fit");
	is_str(buf_take(&buf, arena).data, "", "what is taken then is empty, not absent");
	buf_free(&buf);
	buf_text(&buf, "12345678");
	ok(!buf_failed(&buf) && str_is(buf_view(&buf), "12345678"),
	    "freeing ends the failure; the maximum stays");
	buf_char(&buf, '9');
	ok(buf_failed(&buf), "… which is still 8");
	buf_free(&buf);
	arena_free(arena);
}

static void
test_take(void)
{
	struct arena *arena = arena_new();
	struct buf buf;

	buf_init(&buf, 5);
	buf_text(&buf, "first");
	struct str first = buf_take(&buf, arena);
	is_int(buf.len, 0, "taken: the buffer is empty");
	struct str none = buf_take(&buf, arena);
	buf_text(&buf, "2nd");
	struct str second = buf_take(&buf, arena);
	is_str(first.data, "first", "what was taken stays as it was");
	is_str(second.data, "2nd", "and so does what followed");
	ok(none.data && none.len == 0 && none.data[0] == '\0',
	    "nothing taken: empty, not absent");
	buf_text(&buf, "123456");
	ok(buf_failed(&buf), "the maximum is the same after taking");
	buf_free(&buf);
	arena_free(arena);
}

static void
test_printf_long(void)
{
	static char big[30001];

	memset(big, 'p', sizeof(big) - 1);
	struct buf buf;
	buf_init(&buf, 40000);
	buf_printf(&buf, "<%s>", big);
	ok(buf.len == 30002 && buf.data[30001] == '>', "printf of 30,000 bytes");
	buf_printf(&buf, "%s", "");
	is_int(buf.len, 30002, "printf of nothing");
	buf_free(&buf);
}

static void
test_clear(void)
{
	struct buf buf;

	buf_init(&buf, 100);
	buf_clear(&buf);
	is_str(buf_view(&buf).data, "", "clear: what was empty");
	buf_text(&buf, "some text");
	char *data = buf.data;
	buf_clear(&buf);
	is_str(buf_view(&buf).data, "", "clear: the content is gone");
	is_int(buf.len, 0, "clear: and has no length");
	buf_text(&buf, "other");
	is_str(buf_view(&buf).data, "other", "clear: it is filled anew");
	ok(buf.data == data, "clear: in the same place");
	buf_free(&buf);
}

int
main(void)
{
	test_append();
	test_maximum();
	test_sticky();
	test_take();
	test_clear();
	test_printf_long();
	return done_testing();
}

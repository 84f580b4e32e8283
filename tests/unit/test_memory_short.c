/*
 * When memory is short: a large block is not had, whoever asked for it goes on without, and
 * enough is left for small ones.  The process has a limit of its address space (RLIMIT_AS).
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "base/mem.h"
#include "formats/xml_split.h"
#include "test_xml.h"

#define MIB ((size_t)1 << 20)

/* What the limit leaves. */
#define LEFT_BYTES (MEM_RESERVE_BYTES + 12 * MIB)

/* Is that much there? */
static bool
is_left(size_t size)
{
	void *block = malloc(size);

	free(block);
	return block != NULL;
}

/* Set a limit that leaves so much: a block of more cannot be had. */
static bool
leave(size_t bytes)
{
	size_t pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%zu", &pages) != 1)
		return false;
	fclose(file);
	struct rlimit limit = { 0 };
	limit.rlim_cur = limit.rlim_max = pages * 4096 + bytes;
	return setrlimit(RLIMIT_AS, &limit) == 0 && !is_left(bytes + MIB);
}

static void
test_blocks(void)
{
	char *block = mem_try_resize(NULL, 2 * MIB);

	ok(block != NULL, "a large block that leaves enough is had");
	memset(block, 7, 2 * MIB);
	ok(is_left(LEFT_BYTES - 8 * MIB), "there is room for a larger one");
	ok(!mem_try_resize(block, LEFT_BYTES - 8 * MIB),
	    "one that leaves too little is not had");
	ok(block[0] == 7 && block[2 * MIB - 1] == 7, "and the block is what it was");
	ok(!mem_try_alloc(LEFT_BYTES - 8 * MIB), "nor a new one");
	ok(!mem_try_alloc(SIZE_MAX / 2), "nor one that no machine has");
	ok(is_left(MEM_RESERVE_BYTES) && !mem_is_short(), "the reserve is there");
	char *all = malloc(LEFT_BYTES - 8 * MIB);
	ok(all && mem_is_short(), "until others take of it");
	free(all);
	free(block);
}

static void
test_buf(void)
{
	static char piece[65536];
	struct buf buf;

	buf_init_large(&buf, 1000 * MIB);
	buf_text(&buf, "begin");
	buf_reserve(&buf, 500 * MIB);
	is_str(buf_view(&buf).data, "begin", "without room for more a buffer is what it was");
	ok(!buf_failed(&buf), "which is no failure");
	for (int i = 0; i < 1600; i++)
		buf_add(&buf, piece, sizeof(piece));
	ok(buf_failed(&buf) && buf.is_short, "a buffer that grows beyond what is there fails");
	is_int(buf.len, 0, "and is empty");
	buf_free(&buf);
	ok(!buf.is_short, "filled anew it has not failed");
	buf_init_large(&buf, 3);
	buf_text(&buf, "long");
	ok(buf_failed(&buf) && !buf.is_short,
	    "one that has its maximum is not short of memory");
}

static void
test_arena(void)
{
	size_t capacity = 0;
	int *array = arena_try_room(arena, NULL, sizeof(*array), 0, 8, &capacity);

	array[7] = 7;
	size_t had = capacity;
	ok(!arena_try_alloc(arena, LEFT_BYTES), "a large piece of an arena is not had");
	ok(!arena_try_room(arena, array, sizeof(*array), 8, 100 * MIB, &capacity),
	    "nor room in an array");
	ok(array[7] == 7 && capacity == had, "which is what it was");
	ok(arena_try_alloc(arena, 100) != NULL, "a small one is");
	arena_reset(arena);
}

/* Make a list of n items behind the first one, and read it. */
static void
read_list(const char *first, size_t n, enum xml_result wanted, const char *what)
{
	struct buf document;

	buf_init_large(&document, 100 * MIB);
	buf_text(&document, HEAD "<meetings>");
	buf_text(&document, first);
	for (size_t i = 0; i < n; i++)
		buf_text(&document, "<meeting><a/></meeting>");
	buf_text(&document, "</meetings></response>");
	ok(!buf_failed(&document), "%s: a document of %zu bytes", what, document.len);
	struct xml_field field = { .name = "returncode" };
	struct xml_list list = { .container = "meetings", .item = "meeting" };
	is_int(xml_read(arena, buf_view(&document), &field, 1, &list), wanted, "… is read");
	ok(str_is(field.text, "SUCCESS"), "… its returncode");
	ok(!list.is_complete && list.n > 0 && list.n < n + (*first != 0),
	    "… and %zu items of %zu", list.n, n + (*first != 0));
	buf_free(&document);
	arena_reset(arena);
}

static void
test_xml(void)
{
	read_list("", 99000, XML_UNSOUND, "items that are too many for the memory there is");
	/* The copy in which bytes would be replaced has no room. */
	static char first[7 * MIB];
	memset(first, 'x', sizeof(first) - 1);
	memcpy(first, "<meeting>\x08", 10);
	memcpy(first + sizeof(first) - 11, "</meeting>", 11);
	read_list(first, 1000, XML_UNSOUND, "a forbidden byte");
}

/* Who cannot do without has of what is left for that. */
static void
test_needed(void)
{
	size_t bytes = LEFT_BYTES - 8 * MIB;
	struct buf buf;

	buf_init(&buf, 1000 * MIB);
	buf_reserve(&buf, bytes);
	ok(buf.data != NULL, "a buffer that may not fail has its memory");
	buf_free(&buf);
	ok(!arena_try_alloc(arena, bytes), "there is no such piece of an arena");
	*(char *)arena_alloc(arena, bytes) = 1;
	ok(true, "but for who cannot do without");
	arena_reset(arena);
}

int
main(void)
{
	arena = arena_new();
	if (IS_SANITIZED || !leave(LEFT_BYTES)) {
		skip("no limit of memory can be had");
	} else {
		test_blocks();
		test_buf();
		test_arena();
		test_xml();
		test_needed();
	}
	arena_free(arena);
	return done_testing();
}

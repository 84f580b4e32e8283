/*
 * Arenas, and what happens when memory runs out.
 */
#include "base/arena.h"

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_zero(const void *block, size_t size)
{
	const unsigned char *bytes = block;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void
test_arena(void)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 17, 1000, 16383, 16384, 16385, 1 << 20,
		3 };
	struct arena *arena = arena_new();
	unsigned char *pieces[COUNT(sizes)];

	for (int round = 0; round < 3; round++) {
		bool zeroed = true, aligned = true;
		for (size_t i = 0; i < COUNT(sizes); i++) {
			pieces[i] = arena_alloc(arena, sizes[i]);
			zeroed &= is_zero(pieces[i], sizes[i]);
			aligned &= (uintptr_t)pieces[i] % _Alignof(max_align_t) == 0;
			memset(pieces[i], (int)i + 1, sizes[i]);
		}
		bool apart = true;
		for (size_t i = 0; i < COUNT(sizes); i++)
			for (size_t k = 0; k < sizes[i]; k++)
				apart &= pieces[i][k] == i + 1;
		ok(zeroed, "round %d: pieces are zeroed", round);
		ok(aligned, "round %d: pieces are aligned for any type", round);
		ok(apart, "round %d: no piece overlaps another", round);
		arena_reset(arena);
	}

	unsigned *numbers[5000];
	for (unsigned i = 0; i < COUNT(numbers); i++) {
		numbers[i] = arena_alloc(arena, sizeof(*numbers[i]));
		*numbers[i] = i;
	}
	bool kept = true;
	for (unsigned i = 0; i < COUNT(numbers); i++)
		kept &= *numbers[i] == i;
	ok(kept, "5000 small pieces stay as they were written");

	arena_reset(arena);
	arena_reset(arena);
	ok(arena_alloc(arena, 1) != NULL, "usable after being reset twice");
	arena_free(arena);
	arena_free(arena_new());
	arena_free(NULL);
	ok(true, "freeing an unused arena, and NULL, does nothing bad");
}

/* Leaks and double frees of these are for the sanitizers to tell. */
static void
test_take(void)
{
	struct arena *arena = arena_new();
	char *block = mem_strdup("taken first");

	ok(arena_take(arena, block) == block, "taking a block returns it");
	char *piece = arena_alloc(arena, 8);
	memcpy(piece, "piece", 6);
	char *second = arena_take(arena, mem_strdup("taken later"));
	char *after = arena_alloc(arena, 8);
	memcpy(after, "after", 6);
	is_str(block, "taken first", "a block taken by an empty arena stays");
	is_str(second, "taken later", "one taken by an arena in use stays");
	is_str(piece, "piece", "pieces from before stay");
	is_str(after, "after", "pieces from after are apart");
	ok(arena_take(arena, NULL) == NULL, "taking NULL gives NULL");
	arena_reset(arena);
	is_str(arena_take(arena, mem_strdup("again")), "again", "taking after a reset");
	arena_free(arena);
}

static void
test_room(void)
{
	struct arena *arena = arena_new();
	size_t n = 0, capacity = 0, copies = 0;
	int *array = NULL;
	bool kept = true;

	for (; n < 5000; n++) {
		int *before = array;
		array = arena_room(arena, array, sizeof(*array), n, 1, &capacity);
		copies += array != before;
		array[n] = (int)n;
	}
	for (size_t i = 0; i < n; i++)
		kept &= array[i] == (int)i;
	ok(kept, "an array that grows one by one keeps its elements");
	ok(copies < 15, "and is copied few times: %zu", copies);
	size_t had = capacity;
	ok(arena_room(arena, array, sizeof(*array), n, capacity - n, &capacity) == array &&
	        capacity == had,
	    "with room to spare it stays where it is");
	array = arena_room(arena, array, sizeof(*array), n, capacity - n + 1, &capacity);
	ok(capacity > had && array[n - 1] == (int)n - 1, "with one too few it moves");
	capacity = 0;
	ok(!arena_room(arena, NULL, 8, 0, 0, &capacity) && capacity == 0,
	    "no room is asked for: none is made");
	arena_free(arena);
}

static void
test_out_of_memory(void)
{
	int fds[2];
	pid_t child;

	if (pipe(fds) != 0 || (child = fork()) < 0) {
		skip("no child process can be had");
		return;
	}
	if (child == 0) {
		struct rlimit no_core = { 0, 0 };
		struct arena *arena = arena_new();

		setrlimit(RLIMIT_CORE, &no_core);
		dup2(fds[1], STDERR_FILENO);
		arena_alloc(arena, SIZE_MAX - 8);
		_exit(0);
	}
	close(fds[1]);
	char text[256];
	ssize_t got = read(fds[0], text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	close(fds[0]);
	int status = 0;
	waitpid(child, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
	    "more than there can be ends the process");
	is_str(text, "tinyscale: out of memory\n", "which says why");
}

static void
count_down(void *count)
{
	--*(int *)count;
}

static void
test_at_reset(void)
{
	struct arena *arena = arena_new();
	int count = 2;

	arena_at_reset(arena, count_down, &count);
	arena_alloc(arena, 100);
	arena_at_reset(arena, count_down, &count);
	char *piece = arena_alloc(arena, 100);
	memset(piece, 1, 100);
	is_int(count, 2, "what is put off is not done before the reset");
	arena_reset(arena);
	is_int(count, 0, "all of it is done at the reset");
	arena_reset(arena);
	is_int(count, 0, "and once");
	arena_at_reset(arena, count_down, &count);
	arena_free(arena);
	is_int(count, -1, "the end of an arena is a reset, too");
}

int
main(void)
{
	test_arena();
	test_take();
	test_room();
	test_out_of_memory();
	test_at_reset();
	return done_testing();
}

/*
 * Memory that is there or ends the process.
 */
#include "base/mem.h"

#include "tap.h"

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
test_blocks(void)
{
	unsigned char *block = mem_alloc(100);

	ok(is_zero(block, 100), "a new block is zeroed");
	memset(block, 7, 100);
	block = mem_resize(block, 100000);
	ok(block[0] == 7 && block[99] == 7, "a larger block keeps its content");
	block = mem_resize(block, 10);
	ok(block[0] == 7 && block[9] == 7, "a smaller one too");
	block = mem_resize(block, 0);
	ok(block != NULL, "a block of no bytes is a block");
	free(block);

	block = mem_alloc(0);
	ok(block && is_zero(block, 1), "no bytes asked for: at least one");
	free(block);
	block = mem_resize(NULL, 5);
	ok(block != NULL, "a block that was NULL is made");
	free(block);
}

static void
test_strdup(void)
{
	char text[] = "text";
	char *copy = mem_strdup(text);

	text[0] = 'n';
	is_str(copy, "text", "a copy is a copy");
	free(copy);
	copy = mem_strdup("");
	is_str(copy, "", "of an empty text");
	free(copy);
	ok(mem_strdup(NULL) == NULL, "of NULL: NULL");
}

int
main(void)
{
	test_blocks();
	test_strdup();
	return done_testing();
}

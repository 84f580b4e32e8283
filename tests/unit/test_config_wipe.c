/*
 * Of a configuration's secrets nothing stays in memory when it is given up: the memory of
 * this process is looked through.
 */
#include "test_config.h"

#include <fcntl.h>
#include <string.h>

#define MARK_LEN 16

/* The mark of all secrets, as no text of this program has it. */
static const unsigned char hidden[MARK_LEN] = { 'W' ^ 0x55, 'i' ^ 0x55, 'p' ^ 0x55, 'e' ^ 0x55,
	'M' ^ 0x55, 'e' ^ 0x55, '0' ^ 0x55, '1' ^ 0x55, '2' ^ 0x55, '3' ^ 0x55, '4' ^ 0x55,
	'5' ^ 0x55, '6' ^ 0x55, '7' ^ 0x55, '8' ^ 0x55, '9' ^ 0x55 };

/* So many of its last bytes are looked for: an allocator writes over a text's first ones. */
#define SEEN_LEN 8

static bool
is_mark(const unsigned char *at)
{
	for (size_t i = MARK_LEN - SEEN_LEN; i < MARK_LEN; i++)
		if ((at[i - (MARK_LEN - SEEN_LEN)] ^ 0x55) != hidden[i])
			return false;
	return true;
}

/* How often the mark's last bytes are in memory that may be written. */
static int
count_marks(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int n = 0;

	if (!maps)
		return -1;
	setvbuf(maps, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char rights[5];

		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 ||
		    strncmp(rights, "rw", 2) != 0 || strstr(line, "[vvar]"))
			continue;
		for (unsigned long at = from; at + SEEN_LEN <= to; at++)
			n += is_mark((const unsigned char *)at);
	}
	fclose(maps);
	return n;
}

/* Write the configuration with the mark in place of each "~"; this leaves none. */
static void
write_marked(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		exit(1);
	for (; *text != '\0'; text++) {
		char bytes[MARK_LEN] = { *text };
		size_t len = 1;

		if (*text == '~')
			for (len = 0; len < MARK_LEN; len++)
				bytes[len] = (char)(hidden[len] ^ 0x55);
		if (write(fd, bytes, len) != (ssize_t)len)
			exit(1);
		explicit_bzero(bytes, sizeof(bytes));
	}
	close(fd);
}

static void
test_file(const char *text, bool is_good, const char *what)
{
	write_marked(text);
	is_int(count_marks(), 0, "%s: before it is read nothing is in memory", what);
	struct buf buf;
	buf_init(&buf, 65536);
	struct config *config = config_read(path, &buf, true);
	if (is_good)
		ok(config && count_marks() > 0, "… it is in the configuration");
	else
		ok(!config, "… it is refused");
	config_free(config);
	is_int(count_marks(), 0, "… and no more when that is given up");
	buf_free(&buf);
	ok(config_names_servers(path), "… it names a server");
	is_int(count_marks(), 0, "… to know that leaves nothing");
}

#define LIST "\"servers\": [{\"host\": \"http://a.test\", \"secret\": \"~\"}]"

int
main(void)
{
	begin();
	if (IS_SANITIZED) {
		skip("a sanitizer keeps what is freed");
		return end();
	}
	test_file("{\"secret\": \"~\", " LIST "}", true, "a secret");
	test_file(
	    "{\"secrets\": [\"~\", \"2~\", \"x~\", \"~~~~~~~~~~~~~~~~~~~~~~~\"], "
	    "\"admin_secret\": \" ~ \", " LIST "}",
	    true, "several, short and long");
	test_file("{\"secret\": \"~\", \"state\": \"redis://:~@h\", " LIST "}", true,
	    "a password of Redis");
	test_file("{\"secret\": \"\u00e4~\", " LIST "}", true, "one that is escaped");
	test_file("{\"secret\": \"~\", \"forward\": \"~\", " LIST "}", false,
	    "one in the wrong place");
	test_file("{\"secret\": \"~\", \"servers\": [{\"secret\": \"~", false,
	    "a file that ends");
	return end();
}

/*
 * Locks on bytes of a file: whom they keep out, and when they end.
 */
#include "base/byte_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/* Behind which no byte has a number. */
#define LAST (INT64_MAX - 1)

static char path[] = "/tmp/test_byte_lock.XXXXXX";

/* The file, opened anew. */
static int
reopen(int flags)
{
	int file = open(path, flags | O_CLOEXEC);

	if (file < 0)
		abort();
	return file;
}

static void
test_conflict(void)
{
	int one = reopen(O_RDWR), other = reopen(O_RDWR);

	is_int(byte_lock_take(one, 5), BYTE_LOCK_TAKEN, "a byte");
	is_int(byte_lock_take(one, 5), BYTE_LOCK_TAKEN, "again, by who has it");
	is_int(byte_lock_take(other, 5), BYTE_LOCK_BUSY, "not by another in the same process");
	is_int(byte_lock_take(other, 4), BYTE_LOCK_TAKEN, "the byte before is free");
	is_int(byte_lock_take(other, 6), BYTE_LOCK_TAKEN, "and the one behind");
	is_int(byte_lock_take(one, LAST), BYTE_LOCK_TAKEN, "the last byte");
	is_int(byte_lock_take(other, LAST), BYTE_LOCK_BUSY, "is taken once, too");
	is_int(byte_lock_take(other, 0), BYTE_LOCK_TAKEN, "the first does not matter to it");
	close(reopen(O_RDWR));
	is_int(byte_lock_take(other, 5), BYTE_LOCK_BUSY,
	    "who closes the file elsewhere gives none");
	close(one);
	is_int(byte_lock_take(other, 5), BYTE_LOCK_TAKEN, "who has it gives it by closing");
	is_int(lseek(other, 0, SEEK_END), 0, "the file is as empty as before");
	close(other);
}

static void
test_failed(void)
{
	int file = reopen(O_RDONLY);

	is_int(byte_lock_take(file, 0), BYTE_LOCK_FAILED,
	    "none on a file that cannot be written");
	close(file);
	is_int(byte_lock_take(-1, 0), BYTE_LOCK_FAILED, "none without a file");
	is_int(byte_lock_find(-1, 0, 9), -1, "and nobody is found there");
}

static void
test_find(void)
{
	int one = reopen(O_RDWR), other = reopen(O_RDWR), third = reopen(O_RDWR);

	is_int(byte_lock_find(one, 0, 64), -1, "nobody has a lock");
	byte_lock_take(one, 3);
	is_int(byte_lock_find(one, 0, 64), -1, "one's own is not found");
	is_int(byte_lock_find(other, 0, 64), 3, "another's is");
	is_int(byte_lock_find(other, 3, 4), 3, "at the edges of the range");
	is_int(byte_lock_find(other, 0, 3), -1, "not behind it");
	is_int(byte_lock_find(other, 4, 64), -1, "nor before it");
	is_int(byte_lock_find(other, 4, 4), -1, "nor in an empty one");
	/* In an order that is neither theirs nor its reverse. */
	byte_lock_take(other, 40);
	byte_lock_take(one, 20);
	byte_lock_take(other, 10);
	byte_lock_take(one, 41);
	is_int(byte_lock_find(third, 4, 64), 10, "the first of several");
	is_int(byte_lock_find(third, 11, 64), 20, "and the next");
	is_int(byte_lock_find(third, 41, 64), 41, "of two side by side the second");
	close(other);
	is_int(byte_lock_find(third, 4, 64), 20, "those of a closed file are gone");
	close(one);
	close(third);
}

static void
test_process(void)
{
	int ready[2], mine = reopen(O_RDWR), inherited = reopen(O_RDWR);
	char byte;

	if (pipe(ready) != 0)
		abort();
	byte_lock_take(inherited, 1);
	pid_t pid = fork();
	if (pid == 0) {
		int own = reopen(O_RDWR);
		bool is_good = byte_lock_take(own, 2) == BYTE_LOCK_TAKEN &&
		    byte_lock_take(inherited, 1) == BYTE_LOCK_TAKEN;

		if (write(ready[1], is_good ? "y" : "n", 1) == 1)
			pause();
		_exit(1);
	}
	ok(read(ready[0], &byte, 1) == 1 && byte == 'y',
	    "a process takes one, and has what it inherited");
	is_int(byte_lock_take(mine, 2), BYTE_LOCK_BUSY, "a process keeps another out");
	close(inherited);
	is_int(byte_lock_take(mine, 1), BYTE_LOCK_BUSY,
	    "what was inherited outlives our closing");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(byte_lock_take(mine, 2), BYTE_LOCK_TAKEN, "who is killed gives its lock");
	is_int(byte_lock_take(mine, 1), BYTE_LOCK_TAKEN, "and what it had inherited");
	close(mine);
	close(ready[0]);
	close(ready[1]);
}

int
main(void)
{
	int file = mkstemp(path);

	if (file < 0)
		abort();
	close(file);
	test_conflict();
	test_failed();
	test_find();
	test_process();
	unlink(path);
	return done_testing();
}

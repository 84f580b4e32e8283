/*
 * Connections that are kept open: who may close them, and when.
 */
#include "idle.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

static struct idle idle;
static int ends[2];

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A connection, and its other end. */
static int
connect_one(void)
{
	if (pipe(ends) != 0)
		return -1;
	return ends[0];
}

static void
close_both(void)
{
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	idle_init(&idle);

	int fd = connect_one();
	uint64_t ticket = idle_enter(&idle, fd, 1000);
	is_int((uint32_t)ticket, fd, "a ticket names the descriptor");
	ok(ticket >> 32 != 0, "and is told from a bare one");
	ok(idle_leave(&idle, ticket), "its connection has a request");
	ok(is_open(fd), "and is still open");
	ok(!idle_leave(&idle, ticket), "a ticket is good once");
	ok(!idle_leave(&idle, (unsigned)fd), "and a bare descriptor is none");
	ok(!idle_leave(&idle, UINT64_C(1) << 32 | 100000), "nor one that was never here");
	is_int(idle_close(&idle, 1000000, 0), 0, "one with a request is not closed");
	ok(is_open(fd), "so it is open");

	uint64_t second = idle_enter(&idle, fd, 5000);
	ok(second != ticket, "each stay has a ticket of its own");
	ok(!idle_leave(&idle, ticket), "the one before is worth nothing");
	is_int(idle_close(&idle, 5999, 1000), 0, "it may stay for a while");
	is_int(idle_close(&idle, 6000, 1000), 1, "and then makes room");
	ok(!is_open(fd), "so it is closed");
	ok(!idle_leave(&idle, second), "and its number may be another's");
	close(ends[1]);

	int again = connect_one();
	is_int(again, fd, "as now");
	uint64_t third = idle_enter(&idle, again, 7000);
	ok(!idle_leave(&idle, second) && is_open(again), "whom the old ticket does not take");
	ok(idle_leave(&idle, third), "but its own");
	idle_enter(&idle, again, 8000);
	idle_close_old(&idle, 8000 + IDLE_MOST_MS - 1);
	ok(is_open(again), "nobody is idle for too long");
	idle_close_old(&idle, 8000 + IDLE_MOST_MS);
	ok(is_open(again), "a moment later it is not looked again");
	idle_close_old(&idle, 8000 + IDLE_MOST_MS + 60000);
	ok(!is_open(again), "but a minute later");
	close(ends[1]);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return 1;
	uint64_t waits = idle_enter(&idle, ends[0], 1000);
	ok(write(ends[1], "x", 1) == 1 && idle_close(&idle, 1000000, 0) == 0 &&
	        is_open(ends[0]),
	    "one on which a request waits makes no room");
	ok(idle_leave(&idle, waits), "whatever it takes until a thread has it");
	close_both();

	fd = connect_one();
	idle_enter(&idle, fd, 1);
	idle_fini(&idle);
	ok(!is_open(fd), "the end closes all");
	close_both();
	return done_testing();
}

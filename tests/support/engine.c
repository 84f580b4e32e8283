#include "support/engine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define START_MS 60000

const char *
engine_program(void)
{
	static const char *const programs[] = { "/usr/bin/redis-server",
		"/usr/bin/valkey-server" };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (access(programs[i], X_OK) == 0)
			return programs[i];
	return NULL;
}

static void
run(const char *folder)
{
	char socket_path[256];
	int log = open("/dev/null", O_RDWR);

	/* It goes with the test, however that ends. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(socket_path, sizeof(socket_path), "%s/engine.sock", folder);
	dup2(log, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execl(engine_program(), "redis-server", "--port", "0", "--unixsocket", socket_path,
	    "--save", "", "--appendonly", "no", "--dir", folder, (char *)NULL);
	_exit(127);
}

/* Does it answer?  It takes connections before it does. */
static bool
answers(const char *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[5] = "";

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/engine.sock", folder);
	bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    write(fd, "PING\r\n", 6) == 6 && read(fd, answer, 5) == 5 &&
	    memcmp(answer, "+PONG", 5) == 0;
	close(fd);
	return good;
}

pid_t
engine_start(const char *folder)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + START_MS;
	pid_t engine = engine_program() ? fork() : -1;

	if (engine == 0)
		run(folder);
	while (engine > 0 && !answers(folder)) {
		if (clock_ms(CLOCK_MONOTONIC) > until_ms ||
		    waitpid(engine, NULL, WNOHANG) == engine)
			return -1;
		clock_sleep_ms(10);
	}
	return engine;
}

void
engine_stop(pid_t engine)
{
	if (engine <= 0)
		return;
	kill(engine, SIGTERM);
	waitpid(engine, NULL, 0);
}

#include "support/engine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
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

#define OPTIONS_MOST 40

/* It goes with the test, however that ends, and says nothing. */
static void
run(char *const *words)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execv(engine_program(), words);
	_exit(127);
}

static void
run_engine(const char *folder, const char *const *options)
{
	char socket_path[256];
	static const char *const own[] = { "redis-server", "--port", "0", "--save", "",
		"--appendonly", "no", "--unixsocket" };
	char *words[OPTIONS_MOST] = { NULL };
	size_t n = 0;

	while (n < sizeof(own) / sizeof(*own)) {
		words[n] = strdup(own[n]);
		n++;
	}
	words[n++] = socket_path;
	words[n++] = strdup("--dir");
	words[n++] = strdup(folder);

	snprintf(socket_path, sizeof(socket_path), "%s/engine.sock", folder);
	while (options && *options && n < OPTIONS_MOST - 1)
		words[n++] = strdup(*options++);
	run(words);
}

static int
connect_to(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, address, len) == 0)
		return fd;
	close(fd);
	return -1;
}

static struct sockaddr_in
address_of(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* Does it answer, if only that it wants a password?  It takes connections before it does. */
static bool
answers(const char *folder, int port)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct sockaddr_in place = address_of(port);
	char answer[8] = "";

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/engine.sock", folder);
	int fd = port > 0 ?
	    connect_to((struct sockaddr *)&place, sizeof(place)) :
	    connect_to((struct sockaddr *)&name, sizeof(name));
	if (fd < 0)
		return false;
	bool good = send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && read(fd, answer, 7) >= 5 &&
	    (memcmp(answer, "+PONG", 5) == 0 || memcmp(answer, "-NOAUTH", 5) == 0);
	close(fd);
	return good;
}

static pid_t
wait_for_answer(pid_t engine, const char *folder, int port)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + START_MS;

	while (engine > 0 && !answers(folder, port)) {
		if (clock_ms(CLOCK_MONOTONIC) > until_ms ||
		    waitpid(engine, NULL, WNOHANG) == engine)
			return -1;
		clock_sleep_ms(10);
	}
	return engine;
}

pid_t
engine_start_with(const char *folder, const char *const *options)
{
	pid_t engine = engine_program() ? fork() : -1;

	if (engine == 0)
		run_engine(folder, options);
	return wait_for_answer(engine, folder, 0);
}

pid_t
engine_start(const char *folder)
{
	return engine_start_with(folder, NULL);
}

pid_t
engine_start_sentinel(const char *folder, int port, int engine_port, int quorum)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/sentinel.conf", folder);
	FILE *file = fopen(name, "w");
	if (!file)
		return -1;
	fprintf(file,
	    "port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor mine 127.0.0.1 %d %d\n"
	    "sentinel down-after-milliseconds mine 1000\n"
	    "sentinel failover-timeout mine 5000\n",
	    port, folder, engine_port, quorum);
	fclose(file);
	char program[] = "redis-server", sentinel[] = "--sentinel";
	char *const words[] = { program, name, sentinel, NULL };
	pid_t engine = engine_program() ? fork() : -1;
	if (engine == 0)
		run(words);
	return wait_for_answer(engine, folder, port);
}

int
engine_free_port(void)
{
	static int next;

	if (next == 0)
		next = 20000 + (int)(getpid() % 1000) * 12;
	for (int i = 0; i < 1000; i++) {
		struct sockaddr_in place = address_of(++next);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool is_free = bind(fd, (struct sockaddr *)&place, sizeof(place)) == 0;

		close(fd);
		if (is_free)
			return next;
	}
	return 0;
}

void
engine_hold(pid_t engine)
{
	if (engine > 0 && kill(engine, SIGSTOP) == 0)
		waitpid(engine, NULL, WUNTRACED);
}

void
engine_go_on(pid_t engine)
{
	if (engine > 0)
		kill(engine, SIGCONT);
}

static void
end(pid_t engine, int signal)
{
	if (engine <= 0)
		return;
	kill(engine, signal);
	waitpid(engine, NULL, 0);
}

void
engine_stop(pid_t engine)
{
	end(engine, SIGTERM);
}

void
engine_kill(pid_t engine)
{
	end(engine, SIGKILL);
}

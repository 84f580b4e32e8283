/*
 * What is no fault of the server's: a call that had to wait here for its turn, and one
 * that could not be sent for want of something here.
 *
 * The server is a process of its own, so that what is scarce here is not scarce there.
 * As root both live in a network of their own, whose ports and addresses can be made
 * scarce too.
 */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/curl/http_curl.h"
#include "base/arena.h"
#include "base/clock.h"

#define MOST 8
#define CROWD 32

static struct http *http;
static int port;
static atomic_int *hung; /* how many requests for /hang the server has read */

/* ---- The server ------------------------------------------------------------ */

/* Answer each request of a connection: /slow after 0.8 s, /pause after 0.3 s, /hang never,
 * others at once. */
static void *
connection_main(void *context)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
	int fd = (int)(intptr_t)context;
	char request[4096];
	ssize_t n;

	while ((n = recv(fd, request, sizeof(request) - 1, 0)) > 0) {
		request[n] = '\0';
		if (strncmp(request, "GET /hang", 9) == 0) {
			++*hung;
			continue;
		}
		if (strncmp(request, "GET /slow", 9) == 0)
			poll(NULL, 0, 800);
		if (strncmp(request, "GET /pause", 10) == 0)
			poll(NULL, 0, 300);
		if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static void
serve(int listen_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int fd, on = 1;
	while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		pthread_t thread;
		pthread_create(&thread, NULL, connection_main, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
	_exit(1);
}

static pid_t
start_server(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	hung = mmap(NULL, sizeof(*hung), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	pid_t pid;
	if (hung == MAP_FAILED || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0 || listen(fd, 128) != 0 ||
	    (pid = fork()) < 0) {
		printf("Bail out! no server: %s\n", strerror(errno));
		exit(1);
	}
	if (pid == 0)
		serve(fd);
	close(fd);
	port = ntohs(address.sin_port);
	return pid;
}

/* Write a setting of the network under /proc/sys/net.  Returns whether that went well. */
static bool
set_network(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool done = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return done;
}

/* Move into a network of our own, if that is allowed. */
static bool
leave_network(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	bool done = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	close(fd);
	if (!done) {
		printf("Bail out! a network without lo\n");
		exit(1);
	}
	return true;
}

/* ---- Calls ------------------------------------------------------------------- */

static struct http_call
get(struct arena *arena, const char *path)
{
	return (struct http_call){
		.server = "test",
		.method = "GET",
		.url = str_printf(arena, "http://127.0.0.1:%d%s", port, path),
		.max_answer_bytes = 1 << 20,
		.once = true,
	};
}

static void
run(struct arena *arena, struct http_call *calls, size_t n, int64_t timeout_ms)
{
	struct http_batch batch = { .calls = calls, .n = n, .timeout_ms = timeout_ms };

	http->run(http, arena, &batch);
}

static size_t
count(const struct http_call *calls, size_t n, enum http_result result)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += calls[i].result == result;
	return found;
}

/* Run one call to that URL, which is to fail for want of something. */
static void
expect_shortage(struct arena *arena, const char *url, const char *short_of, const char *what)
{
	struct http_call call = get(arena, "");

	call.url = url;
	run(arena, &call, 1, 5000);
	is_int(call.result, HTTP_SHORTAGE, "%s: a shortage", what);
	ok(!call.sent && !call.waited, "%s: nothing was sent", what);
	ok(call.problem && strstr(call.problem, short_of), "%s: problem \"%s\"", what,
	    call.problem ? call.problem : "(null)");
}

static void
open_http(enum http_curl_mode mode, unsigned max, const char *ca_file)
{
	struct http_curl_options options = {
		.mode = mode,
		.connect_timeout_ms = 2000,
		.ca_file = ca_file,
		.agent = "tinyscale/test",
		.max_calls_per_server = max,
	};

	http = http_curl_open(&options);
}

/* ---- Waiting ----------------------------------------------------------------- */

/* A crowd at a server that takes 0.8 s: the last are launched with little time left. */
static void
test_late_launch(struct arena *arena)
{
	struct http_call calls[CROWD];

	for (size_t i = 0; i < CROWD; i++)
		calls[i] = get(arena, "/slow");
	run(arena, calls, CROWD, 3000);
	size_t blamed = 0, excused = 0;
	for (size_t i = 0; i < CROWD; i++) {
		if (calls[i].result == HTTP_TIMEOUT)
			*(calls[i].waited ? &excused : &blamed) += 1;
		else if (calls[i].waited)
			ok(false, "call %zu waited, but did not time out", i);
	}
	is_int(blamed, 0, "no call that was cut short is laid at the server's door");
	ok(excused > 0, "%zu were cut short", excused);
	is_int(count(calls, CROWD, HTTP_ANSWERED) + count(calls, CROWD, HTTP_BUSY) + excused,
	    CROWD, "the others were answered, or not sent");
	is_int(count(calls, MOST, HTTP_ANSWERED), MOST, "the first of them were answered");
}

/* More calls than any host can begin in their time. */
static void
test_never_begun(struct arena *arena)
{
	enum { MANY = 3000 };
	struct http_call *calls = arena_alloc(arena, MANY * sizeof(*calls));

	for (size_t i = 0; i < MANY; i++)
		calls[i] = get(arena, "/");
	run(arena, calls, MANY, 1);
	size_t n_short = count(calls, MANY, HTTP_SHORTAGE);
	ok(n_short > 0 && calls[MANY - 1].result == HTTP_SHORTAGE && !calls[MANY - 1].sent,
	    "of %d calls with a millisecond %zu were never begun: %s", MANY, n_short,
	    calls[MANY - 1].problem ? calls[MANY - 1].problem : "");
}

static void *
alone_main(void *context)
{
	struct arena *arena = arena_new();

	run(arena, context, 1, 1200);
	arena_free(arena);
	return NULL;
}

/* Callers of one call each, whose turns take more time together than one of them has. */
static void
test_turns(struct arena *arena)
{
	struct http_call calls[MOST];
	pthread_t threads[MOST];
	int64_t begun_us = clock_us(CLOCK_MONOTONIC);
	bool is_alone_slower = false;

	open_http(HTTP_CURL_THREAD, 1, NULL);
	for (size_t i = 0; i < MOST; i++) {
		calls[i] = get(arena, "/pause");
		pthread_create(&threads[i], NULL, alone_main, &calls[i]);
	}
	for (size_t i = 0; i < MOST; i++) {
		pthread_join(threads[i], NULL);
		if (calls[i].elapsed_ms > 1200)
			is_alone_slower = true;
	}
	ok(clock_us(CLOCK_MONOTONIC) - begun_us > 1200000, "a line of more than one's time");
	is_int(count(calls, MOST, HTTP_ANSWERED), MOST, "is no reason to fail");
	ok(!is_alone_slower, "nor is it counted as the server's time");
	http->close(http);
}

/* A call that had all the time there was. */
static void
test_no_waiting(struct arena *arena)
{
	struct http_call calls[MOST + 1];

	for (size_t i = 0; i < MOST + 1; i++)
		calls[i] = get(arena, "/hang");
	run(arena, calls, MOST + 1, 500);
	is_int(count(calls, MOST, HTTP_TIMEOUT), MOST, "a server that hangs");
	for (size_t i = 0; i < MOST; i++)
		if (calls[i].waited)
			ok(false, "call %zu did not wait", i);
	is_int(calls[MOST].result, HTTP_BUSY, "who waits until the end was not sent");
	ok(!calls[MOST].waited, "and waited tells of timeouts only");
}

/* What takes all places of the server. */
struct hanging {
	struct http_call calls[MOST];
	atomic_bool is_over;
};

static void *
hanging_main(void *context)
{
	struct hanging *hanging = context;
	struct arena *arena = arena_new();

	run(arena, hanging->calls, MOST, 4000);
	hanging->is_over = true;
	arena_free(arena);
	return NULL;
}

static void
test_at_once(struct arena *arena)
{
	struct hanging hanging = { 0 };

	for (size_t i = 0; i < MOST; i++)
		hanging.calls[i] = get(arena, "/hang");
	*hung = 0;
	pthread_t thread;
	pthread_create(&thread, NULL, hanging_main, &hanging);
	while (*hung < MOST)
		poll(NULL, 0, 5);
	struct http_call call = get(arena, "/");
	call.at_once = true;
	run(arena, &call, 1, 1500);
	is_int(call.result, HTTP_ANSWERED, "at_once passes all that are under way");
	ok(!hanging.is_over, "at once: after %lld ms they still hang",
	    (long long)call.elapsed_ms);
	call = get(arena, "/");
	run(arena, &call, 1, 500);
	is_int(call.result, HTTP_BUSY, "another call does not");
	pthread_join(thread, NULL);
	is_int(count(hanging.calls, MOST, HTTP_TIMEOUT), MOST, "those time out");

	call = get(arena, "/hang");
	call.at_once = true;
	run(arena, &call, 1, 300);
	ok(call.result == HTTP_TIMEOUT && !call.waited, "at_once has its time");
}

/* ---- Descriptors --------------------------------------------------------------- */

static struct rlimit descriptors;

/* Let this process open that many files more, and no more. */
static void
leave_descriptors(unsigned n)
{
	struct rlimit limit = descriptors;
	unsigned found = 0;

	for (limit.rlim_cur = 0; limit.rlim_cur < descriptors.rlim_cur; limit.rlim_cur++)
		if (fcntl((int)limit.rlim_cur, F_GETFD) == -1 && found++ == n)
			break;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void
test_descriptors(struct arena *arena)
{
	struct http_call kept = get(arena, "/");
	kept.once = false;
	run(arena, &kept, 1, 5000);
	is_int(kept.result, HTTP_ANSWERED, "a connection is kept");

	leave_descriptors(0);
	expect_shortage(arena, get(arena, "/").url, "descriptors", "no descriptor");
	expect_shortage(arena, "http://name.invalid/", "descriptors", "no descriptor, a name");
	expect_shortage(arena, "http://[::1]:9/", "descriptors", "no descriptor, IPv6");
	struct http_call calls[CROWD];
	for (size_t i = 0; i < CROWD; i++)
		calls[i] = get(arena, "/slow");
	run(arena, calls, CROWD, 5000);
	is_int(count(calls, CROWD, HTTP_SHORTAGE), CROWD, "no descriptor for a crowd");
	run(arena, &kept, 1, 5000);
	is_int(kept.result, HTTP_ANSWERED, "the kept connection serves still");

	/* libcurl's pair for the thread that looks up, and nothing for the look-up. */
	leave_descriptors(2);
	expect_shortage(arena, "http://name.invalid/", "descriptors",
	    "two descriptors, a name");

	leave_descriptors(5);
	run(arena, calls, CROWD, 5000);
	ok(count(calls, CROWD, HTTP_ANSWERED) > 0, "five descriptors: some are answered");
	ok(count(calls, CROWD, HTTP_SHORTAGE) > 0, "five descriptors: some find none");
	is_int(count(calls, CROWD, HTTP_ANSWERED) + count(calls, CROWD, HTTP_SHORTAGE), CROWD,
	    "five descriptors: and nothing else");

	setrlimit(RLIMIT_NOFILE, &descriptors);
	run(arena, calls, CROWD, 10000);
	is_int(count(calls, CROWD, HTTP_ANSWERED), CROWD,
	    "all are answered once there are more");
}

/* The certificates are a file too, which is opened after the socket. */
static void
test_certificates(struct arena *arena)
{
	const char *url = str_printf(arena, "https://127.0.0.1:%d/", port);

	open_http(HTTP_CURL_THREAD, 0, "/nowhere/ca.pem");
	struct http_call call = get(arena, "");
	call.url = url;
	run(arena, &call, 1, 2000);
	is_int(call.result, HTTP_UNREACHABLE, "certificates that are not there: no shortage");
	leave_descriptors(1);
	expect_shortage(arena, url, "descriptors", "no descriptor for the certificates");
	setrlimit(RLIMIT_NOFILE, &descriptors);
	http->close(http);
}

/* ---- Threads, ports, IPv6 ------------------------------------------------------- */

/* libcurl makes a thread for each look-up; here with a stack that no machine has. */
static void
test_threads(struct arena *arena)
{
	struct http_call call = get(arena, "");
	pthread_attr_t usual, huge;

	pthread_getattr_default_np(&usual);
	pthread_attr_init(&huge);
	if (pthread_attr_setstacksize(&huge, (size_t)1 << 47) != 0 ||
	    pthread_setattr_default_np(&huge) != 0) {
		skip("no such stack can be asked for");
		return;
	}
	expect_shortage(arena, "http://name.invalid/", "threads", "no thread for a look-up");
	pthread_setattr_default_np(&usual);
	pthread_attr_destroy(&huge);
	call.url = "http://name.invalid/";
	run(arena, &call, 1, 5000);
	ok(call.result == HTTP_UNREACHABLE || call.result == HTTP_TIMEOUT,
	    "a name that is not there is no shortage");
}

static void
test_ports(struct arena *arena, bool own_network)
{
	/* Two that nobody had so far: a closed connection keeps its port for a minute. */
	if (!own_network || !set_network("ipv4/ip_local_port_range", "50000 50001")) {
		skip("local ports cannot be made scarce here");
		return;
	}
	struct http_call calls[6];
	for (size_t i = 0; i < 6; i++)
		calls[i] = get(arena, "/slow");
	run(arena, calls, 6, 5000);
	is_int(count(calls, 6, HTTP_ANSWERED), 2, "two local ports, two calls");
	is_int(count(calls, 6, HTTP_SHORTAGE), 4, "the others find none");
	for (size_t i = 0; i < 6; i++)
		if (calls[i].result == HTTP_SHORTAGE) {
			is_str(calls[i].problem, "short of local ports here", "problem");
			break;
		}
}

/* A host without IPv6 fails to connect in the same way as one without ports. */
static void
test_no_ipv6(struct arena *arena, bool own_network)
{
	struct http_call call = get(arena, "");

	if (!own_network || !set_network("ipv6/conf/all/disable_ipv6", "1")) {
		skip("IPv6 cannot be switched off here");
		return;
	}
	call.url = "http://[2001:db8::1]/";
	run(arena, &call, 1, 5000);
	is_int(call.result, HTTP_UNREACHABLE, "IPv6 where there is none: %s", call.problem);
	call.url = "http://[::1]:9/";
	run(arena, &call, 1, 5000);
	is_int(call.result, HTTP_UNREACHABLE, "::1 where there is none: %s", call.problem);
	/* libcurl knows both addresses of localhost; one is refused, one not there. */
	call.url = "http://localhost:9/";
	run(arena, &call, 1, 5000);
	is_int(call.result, HTTP_UNREACHABLE, "both: %s", call.problem);
	call.url = str_printf(arena, "http://localhost:%d/", port);
	run(arena, &call, 1, 5000);
	is_int(call.result, HTTP_ANSWERED, "the one that is there serves");
}

int
main(void)
{
	struct arena *arena = arena_new();
	bool own_network = leave_network() &&
	    set_network("ipv4/ip_local_port_range", "32768 49999");
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pid_t server = start_server();
	getrlimit(RLIMIT_NOFILE, &descriptors);

	open_http(HTTP_CURL_THREAD, MOST, NULL);
	test_late_launch(arena);
	http->close(http);
	test_turns(arena);
	open_http(HTTP_CURL_THREAD, MOST, NULL);
	test_no_waiting(arena);
	test_at_once(arena);
	http->close(http);

	open_http(HTTP_CURL_THREAD, 0, NULL);
	test_never_begun(arena);
	test_descriptors(arena);
	http->close(http);
	open_http(HTTP_CURL_INLINE, 0, NULL);
	test_descriptors(arena);
	http->close(http);
	test_certificates(arena);

	open_http(HTTP_CURL_THREAD, 0, NULL);
	test_threads(arena);
	test_no_ipv6(arena, own_network);
	test_ports(arena, own_network);
	http->close(http);

	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	arena_free(arena);
	return done_testing();
}

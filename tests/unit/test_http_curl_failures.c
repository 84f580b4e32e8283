/*
 * The libcurl transport, in both modes: calls that fail, those to addresses that are not
 * public, servers that take no connection, and certificates.
 */
#include "test_http_curl.h"

#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/mem.h"

static void
test_failures(struct arena *arena)
{
	int port, fd = bound_socket(&port);

	struct http_call call = get(arena, port, "/?secret=1");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "connection refused", "refused");
	close(fd);

	call = get(arena, web.port, "/echo");
	call.url = "http://no-such-name.invalid/?secret=1";
	run(arena, &call, 1, 5000);
	if (call.result != HTTP_TIMEOUT)
		expect(&call, HTTP_UNREACHABLE, false, "name not found", "no name");
	call.url = "ftp://127.0.0.1/?secret=1";
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "not http", "ftp");
	call.url = "http://127.0.0.1:99999/?secret=1";
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "", "no URL");
	call.url = str_printf(arena, "https://127.0.0.1:%d/error", web.port);
	run(arena, &call, 1, 600);
	ok(call.result != HTTP_ANSWERED && !call.sent, "%s: TLS to plain HTTP: %s", mode_name,
	    call.problem);

	call = run_one(arena, "/reset", 5000);
	expect(&call, HTTP_BROKEN, true, "reset", "reset");
	call = run_one(arena, "/close", 5000);
	expect(&call, HTTP_BROKEN, true, "without an answer", "closed");
	call = run_one(arena, "/garbage", 5000);
	expect(&call, HTTP_BROKEN, true, "no HTTP", "garbage");
	call = run_one(arena, "/cut?", 5000);
	expect(&call, HTTP_BROKEN, true, "cut off", "cut body");
	call = run_one(arena, "/cut-chunk", 5000);
	expect(&call, HTTP_BROKEN, true, "", "cut chunk");
	call = run_one(arena, "/endless-header", 5000);
	expect(&call, HTTP_TOO_LARGE, true, "header", "endless header");
	call = run_one(arena, "/endless", 5000);
	expect(&call, HTTP_TOO_LARGE, true, "1048576", "endless body");
	call = get(arena, web.port, "/bytes");
	call.max_answer_bytes = BIG - 1;
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_TOO_LARGE, true, "299999", "a byte too long");

	int64_t start = clock_ms(CLOCK_MONOTONIC);
	call = run_one(arena, "/hang", 300);
	expect(&call, HTTP_TIMEOUT, true, "no answer within 300 ms", "hang");
	int64_t hung_ms = clock_ms(CLOCK_MONOTONIC) - start;
	ok(hung_ms >= 300, "%s: the deadline, after %lld ms", mode_name, (long long)hung_ms);
	ok(call.elapsed_ms >= 300, "elapsed_ms %lld", (long long)call.elapsed_ms);
	call = run_one(arena, "/drip", 300);
	expect(&call, HTTP_TIMEOUT, true, "no answer", "drip");
	start = clock_ms(CLOCK_MONOTONIC);
	call = run_one(arena, "/hang", 1500);
	ok(hung_ms < clock_ms(CLOCK_MONOTONIC) - start,
	    "%s: and sooner than with more time: %lld ms", mode_name,
	    (long long)(clock_ms(CLOCK_MONOTONIC) - start));
	call = run_one(arena, "/echo", 0);
	expect(&call, HTTP_TIMEOUT, false, "within 0 ms", "no time at all");
}

/* Calls that may go to public addresses only. */
static void
test_public_only(struct arena *arena)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "2130706433", "0x7f.1",
		"0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]" };

	/* A connection is kept now, which must not be used. */
	run_one(arena, "/echo", 5000);
	struct http_call call;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		call = get(arena, web.port, "");
		call.url = str_printf(arena, "http://%s:%d/echo", hosts[i], web.port);
		call.public_only = true;
		run(arena, &call, 1, 5000);
		expect(&call, HTTP_UNREACHABLE, false, NULL, hosts[i]);
	}
	call.url = str_printf(arena, "http://127.0.0.1:%d/echo", web.port);
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "address is not public", "and it says why");

	/* The handle, which is used again, has forgotten it. */
	call = run_one(arena, "/echo", 5000);
	expect(&call, HTTP_ANSWERED, true, NULL, "without it the same address is fine");

	call = get(arena, web.port, "/echo");
	call.authorization = STR("Bearer abc\r\nX-Evil: 1");
	run(arena, &call, 1, 5000);
	ok(call.answer.data &&
	        strstr(call.answer.data, "\r\nAuthorization: Bearer abc  X-Evil: 1\r\n"),
	    "%s: Authorization adds no header", mode_name);

	call = get(arena, web.port, "/bytes");
	call.max_answer_bytes = 1000;
	run(arena, &call, 1, 5000);
	is_int(call.result, HTTP_TOO_LARGE, "%s: too large", mode_name);
	is_int(call.status, 200, "%s: and its status", mode_name);
}

/* A port that takes no connection: its queue is full. */
static void
test_connect_timeout(struct arena *arena)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int port, fd = bound_socket(&port);

	listen(fd, 0);
	address.sin_port = htons((uint16_t)port);
	int fill[4];
	for (int i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&address, sizeof(address));
	}
	sleep_ms(50);
	struct http_call call = get(arena, port, "/");
	run(arena, &call, 1, 20000);
	expect(&call, HTTP_UNREACHABLE, false, "no connection within 1000 ms",
	    "connect timeout");
	run(arena, &call, 1, 200);
	expect(&call, HTTP_TIMEOUT, false, "no connection within 200 ms",
	    "deadline while connecting");
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(fd);
}

/* Run a program and wait for it, or, with pid, leave it running. */
static bool
spawn(const char *const *argv, pid_t *pid)
{
	char *args[32];
	int i;

	for (i = 0; argv[i]; i++)
		args[i] = strdup(argv[i]);
	args[i] = NULL;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	for (i = 0; i < 3; i++)
		posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
	pid_t child;
	bool done = posix_spawnp(&child, args[0], &actions, NULL, args, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	for (i = 0; args[i]; i++)
		free(args[i]);
	int status;
	if (done && pid)
		*pid = child;
	else if (done)
		done = waitpid(child, &status, 0) == child && status == 0;
	return done;
}

static void
test_certificate(struct arena *arena, enum http_curl_mode mode)
{
	char dir[] = "/tmp/test_http_curl.XXXXXX";
	struct http_curl_options options = { mode, 5000, NULL, "tinyscale/test", 0, 1 };
	struct http *all = http;
	pid_t pid = 0;

	if (!mkdtemp(dir))
		return;
	const char *key = str_printf(arena, "%s/key", dir);
	const char *certificate = str_printf(arena, "%s/certificate", dir);
	int port;
	int fd = bound_socket(&port);
	close(fd);
	const char *port_text = str_printf(arena, "127.0.0.1:%d", port);
	const char *const make[] = { "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
		"-keyout", key, "-out", certificate, "-subj", "/CN=test", "-addext",
		"subjectAltName=IP:127.0.0.1", NULL };
	const char *const serve_tls[] = { "openssl", "s_server", "-accept", port_text, "-key",
		key, "-cert", certificate, "-www", "-quiet", NULL };
	if (!spawn(make, NULL) || !spawn(serve_tls, &pid)) {
		skip("openssl(1) is not there");
		goto remove;
	}
	struct http_call call;
	call = get(arena, port, "/");
	call.url = str_printf(arena, "https://127.0.0.1:%d/?secret=1", port);
	for (int try = 0; try < 1000; try++) {
		http->run(http, arena,
		    &(struct http_batch){ .calls = &call, .n = 1, .timeout_ms = 10000 });
		if (!strstr(call.problem, "refused"))
			break;
		sleep_ms(50);
	}
	expect(&call, HTTP_UNREACHABLE, false,
	    "certificate not accepted: ", "strange certificate");
	options.ca_file = certificate;
	http = http_curl_open(&options);
	run(arena, &call, 1, 10000);
	expect(&call, HTTP_ANSWERED, true, NULL, "certificate in ca_file");
	call.url = str_printf(arena, "https://localhost:%d/?secret=1", port);
	run(arena, &call, 1, 10000);
	expect(&call, HTTP_UNREACHABLE, false,
	    "certificate not accepted: ", "certificate of another host");
	http->close(http);
	http = all;
	kill(pid, SIGKILL); /* it inherited the mask: SIGTERM is blocked */
	waitpid(pid, NULL, 0);
remove:
	unlink(key);
	unlink(certificate);
	rmdir(dir);
}

/* A transport whose thread nobody could wake is none. */
static void
test_no_descriptors(void)
{
	const struct http_curl_options options = { HTTP_CURL_THREAD, 1000, NULL,
		"tinyscale/test", 0, 1 };
	const int lowest = dup(0);
	struct rlimit usual, few;
	int n_opened = 0, n_usable = 0;

	close(lowest);
	getrlimit(RLIMIT_NOFILE, &usual);
	for (int spare = 0; spare < 6; spare++) {
		few = usual;
		few.rlim_cur = (rlim_t)(lowest + spare);
		setrlimit(RLIMIT_NOFILE, &few);
		struct http *mine = http_curl_open(&options);
		setrlimit(RLIMIT_NOFILE, &usual);
		if (!mine)
			continue;
		n_opened++;
		struct arena *arena = arena_new();
		struct http_call call = get(arena, web.port, "/echo");
		mine->run(mine, arena,
		    &(struct http_batch){ .calls = &call, .n = 1, .timeout_ms = 20000 });
		n_usable += call.result == HTTP_ANSWERED;
		arena_free(arena);
		mine->close(mine);
	}
	ok(n_opened < 6, "without descriptors there is no transport");
	is_int(n_usable, n_opened, "one that is there can be used");
}

/* The look-up of a name allocates by itself.  Its thread has its stack from the call before. */
static void
test_name_without_memory(struct arena *arena)
{
	struct rlimit usual, little;
	size_t pages = 0;

	if (IS_SANITIZED)
		return; /* they take their memory otherwise */
	struct http_call call = get(arena, web.port, "/echo");
	call.url = "http://no-such-name.invalid/?secret=1";
	run(arena, &call, 1, 5000);
	if (call.result == HTTP_TIMEOUT)
		return; /* a resolver that takes its time */
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%zu", &pages) != 1)
		exit(1);
	fclose(file);
	getrlimit(RLIMIT_AS, &usual);
	little = usual;
	little.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + MEM_RESERVE_BYTES / 4;
	setrlimit(RLIMIT_AS, &little);
	run(arena, &call, 1, 5000);
	setrlimit(RLIMIT_AS, &usual);
	expect(&call, HTTP_SHORTAGE, false, "short of memory here",
	    "no name, and little memory");
	run(arena, &call, 1, 5000);
	expect(&call, HTTP_UNREACHABLE, false, "name not found", "no name, and memory again");
}

static void
tests(struct arena *arena, enum http_curl_mode mode)
{
	if (mode == HTTP_CURL_THREAD)
		test_no_descriptors();
	test_failures(arena);
	test_name_without_memory(arena);
	test_public_only(arena);
	test_connect_timeout(arena);
	test_certificate(arena, mode);
}

int
main(void)
{
	mallopt(M_ARENA_MAX, 1); /* the heap of a thread has its address space beforehand */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	return test_modes(tests);
}

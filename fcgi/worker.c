#include "worker.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "app.h"
#include "base/arena.h"
#include "base/blocking.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/processors.h"
#include "base/shortage.h"
#include "crew.h"
#include "formats/cgi.h"
#include "idle.h"
#include "intake.h"
#include "peers.h"
#include "waiting_line.h"

/* How long a web server may pause inside a request, and inside taking the answer,
 * before the connection is given up and its thread is free again. */
#define RECEIVE_TIMEOUT_S (INTAKE_HEAD_MS / 1000)
#define SEND_TIMEOUT_S 30

/* From here on an answer is sent past libfcgi, which writes 8 KiB at a time. */
#define LARGE_BYTES ((size_t)64 << 10)

/* The most that one record holds (FastCGI specification 1.0, section 3.3), in whole
 * units of 8 bytes, as it recommends. */
#define RECORD_BYTES ((size_t)65528)

/* With so many threads awake one that waits, and has not told, leaves another. */
#define AWAKE_LEAST 2

/* A pause when descriptors ran out. */
#define EXHAUSTED_PAUSE_MS 100

/* How often it is tried to have a file for a head. */
#define HEAD_TRIES 100

struct worker_pool {
	struct app *app;
	int listen_fd;
	int stop_fd; /* an eventfd, readable from the stop on */
	int epoll_fd;
	struct waiting_line line;
	struct idle idle;
	struct peers peers;
	atomic_bool stopping;
	struct shortage shortage;
	struct shortage refusals; /* connections that are closed at once, told as one is */
	struct crew crew;
};

/* A request under way, and what is used again for the next.  It stays where it is, as
 * libfcgi keeps pointers into its own part. */
struct job {
	struct waiting_item item; /* first */
	struct worker_pool *pool;
	struct arena *arena;
	FCGX_Request fcgx;
	struct intake intake;
	struct app_waiting *waiting; /* NULL: it has not begun */
	int64_t body_begun_ms; /* when it began to be read, by CLOCK_MONOTONIC; 0: not yet */
	int64_t received;      /* bytes of the body */
};

/* What each thread works with. */
struct worker {
	struct worker_pool *pool;
	struct job *job;
	int pipe[2]; /* from which libfcgi reads a head; or -1 */
	int long_fd; /* and from which a long one; or -1 */
};

static struct job *
job_new(struct worker_pool *pool)
{
	struct job *job = mem_alloc(sizeof(*job));

	job->pool = pool;
	job->arena = arena_new();
	FCGX_InitRequest(&job->fcgx, -1, 0);
	intake_init(&job->intake);
	return job;
}

static void
job_free(struct job *job)
{
	FCGX_Free(&job->fcgx, 1);
	intake_fini(&job->intake);
	arena_free(job->arena);
	free(job);
}

/* Let one thread know when one of the pool's own descriptors is readable next: add it, or arm
 * it again. */
static int
watch_once(struct worker_pool *pool, int operation, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = (unsigned)fd,
	};

	return epoll_ctl(pool->epoll_fd, operation, fd, &event);
}

/* Let one thread know when a request comes on the connection, which nobody serves now. */
static void
wait_for_request(struct worker_pool *pool, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = idle_enter(&pool->idle, fd, clock_ms(CLOCK_MONOTONIC)),
	};

	if (epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0 &&
	    idle_leave(&pool->idle, event.data.u64))
		close(fd);
}

/* ---- One request -------------------------------------------------------- */

static const char *
variable(void *context, const char *name)
{
	struct job *job = context;

	return FCGX_GetParam(name, job->fcgx.envp);
}

static long
read_body(void *context, char *data, size_t size)
{
	struct job *job = context;
	long got = intake_body(&job->intake, data, size);

	if (got < 0)
		return -1;
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	if (job->body_begun_ms == 0)
		job->body_begun_ms = now_ms;
	if (now_ms - job->body_begun_ms > cgi_body_allowance_ms(job->received))
		return -1;
	job->received += got;
	return got;
}

/* Send all of it; false when the web server takes no more. */
static bool
send_all(int fd, const void *data, size_t len, int flags)
{
	const char *next = data;

	while (len > 0) {
		ssize_t sent = send(fd, next, len, flags | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		next += sent;
		len -= (size_t)sent;
	}
	return true;
}

/* Send a large piece in records of our own, after what libfcgi still holds. */
static void
send_records(FCGX_Request *fcgx, struct str bytes)
{
	FCGI_Header header = {
		.version = FCGI_VERSION_1,
		.type = FCGI_STDOUT,
		.requestIdB1 = (unsigned char)(fcgx->requestId >> 8),
		.requestIdB0 = (unsigned char)fcgx->requestId,
	};

	if (FCGX_FFlush(fcgx->out) != 0)
		return;
	struct str part;
	for (; bytes.len > 0; bytes = str_part(bytes, part.len, SIZE_MAX)) {
		part = str_part(bytes, 0, RECORD_BYTES);
		header.contentLengthB1 = (unsigned char)(part.len >> 8);
		header.contentLengthB0 = (unsigned char)part.len;
		if (send_all(fcgx->ipcFd, &header, sizeof(header), MSG_MORE) &&
		    send_all(fcgx->ipcFd, part.data, part.len, 0))
			continue;
		/* Nothing may follow half a record. */
		shutdown(fcgx->ipcFd, SHUT_RDWR);
		return;
	}
}

static void
write_bytes(void *context, struct str bytes)
{
	FCGX_Request *fcgx = &((struct job *)context)->fcgx;

	/* If it fails the client has gone; the next look sees it. */
	if (bytes.len < LARGE_BYTES)
		FCGX_PutStr(bytes.data, (int)bytes.len, fcgx->out);
	else
		send_records(fcgx, bytes);
}

/* Close the connection when its web server has taken the answer: closed with something in it
 * that was not read, a connection is reset, and the answer may be lost (tcp.c, af_unix.c of
 * Linux).  Where the body was read that is a moment, for which no other thread need be made. */
static void
linger(int fd, bool is_read)
{
	shutdown(fd, SHUT_WR);
	if (!is_read)
		blocking_begin();
	cgi_drop_body(fd);
	if (!is_read)
		blocking_end();
	close(fd);
}

/* End the request, and with it what libfcgi keeps of it.  A connection that the web server
 * keeps open waits with the others: its next request is not to wait for this thread. */
static void
finish(void *context, bool is_read)
{
	struct job *job = context;
	FCGX_Request *fcgx = &job->fcgx;
	bool is_kept = fcgx->keepConnection != 0;

	/* What was not read would be taken for the next request, which may come as soon as the
	 * end of this one is told. */
	is_read = is_read && intake_is_done(&job->intake);
	bool has_end = intake_has_end(&job->intake);
	fcgx->keepConnection = 1; /* libfcgi would close it at once */
	FCGX_Finish_r(fcgx);
	int fd = fcgx->ipcFd;
	fcgx->ipcFd = -1;
	if (fd < 0)
		return;
	if (is_read && is_kept)
		wait_for_request(job->pool, fd);
	else if (is_read && has_end)
		close(fd);
	else
		linger(fd, is_read);
}

/*
 * Serve the job's request; false when it waits for its time, in the line, and the job is no
 * longer the caller's.  Where the line is full nobody waits.
 */
static bool
serve_job(struct job *job)
{
	struct cgi_stream stream = { variable, read_body, write_bytes, finish, job };
	int64_t wait_ms;

	while ((wait_ms = app_serve(job->pool->app, job->arena, &stream, &job->waiting)) > 0)
		if (waiting_line_put(&job->pool->line, &job->item,
		        clock_ms(CLOCK_MONOTONIC) + wait_ms))
			return false;
	job->waiting = NULL;
	arena_reset(job->arena);
	return true;
}

/* Tell that a connection is closed at once, each problem once: who sends such a thing may send
 * many.  An address may be NULL. */
static void
tell_refused(struct worker_pool *pool, const char *problem, const struct sockaddr *address)
{
	const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	char text[NI_MAXHOST] = "";

	shortage_end(&pool->refusals, now_ms);
	if (!shortage_meet(&pool->refusals, problem, now_ms))
		return;
	if (address)
		getnameinfo(address, sizeof(struct sockaddr_storage), text, sizeof(text), NULL,
		    0, NI_NUMERICHOST);
	log_warn("a FastCGI connection is refused", "problem", problem, "address",
	    *text ? text : NULL);
}

static bool
is_exhaustion(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Descriptors or memory ran out: let idle connections make room, tell it once, and pause. */
static void
bear_exhaustion(struct worker_pool *pool, int error)
{
	const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	const char *reason = strerror(error);

	if (shortage_meet(&pool->shortage, reason, now_ms))
		log_error("cannot accept connections, which wait", "reason", reason);
	if (idle_close(&pool->idle, now_ms, IDLE_LEAST_MS) == 0)
		clock_sleep_ms(EXHAUSTED_PAUSE_MS);
}

/* A connection was accepted: is that over? */
static void
end_exhaustion(struct worker_pool *pool)
{
	if (shortage_end(&pool->shortage, clock_ms(CLOCK_MONOTONIC)) > 0)
		log_info("connections can be accepted again");
}

/* Have a pipe and, for a head that is too long for it, a file in memory.  Returns 0 or -1 with
 * errno. */
static int
have_places(struct worker *worker, bool is_long)
{
	if (worker->pipe[0] < 0 && pipe2(worker->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		worker->pipe[0] = worker->pipe[1] = -1;
		return -1;
	}
	if (is_long && worker->long_fd < 0)
		worker->long_fd = memfd_create("tinyscale-head", MFD_CLOEXEC);
	return is_long && worker->long_fd < 0 ? -1 : 0;
}

static void
close_places(struct worker *worker)
{
	for (int i = 0; i < 2; i++)
		if (worker->pipe[i] >= 0)
			close(worker->pipe[i]);
	worker->pipe[0] = worker->pipe[1] = -1;
	if (worker->long_fd >= 0)
		close(worker->long_fd);
	worker->long_fd = -1;
}

/* Put the head where libfcgi can read it: in the pipe, or in a file if it is longer than a pipe
 * surely takes as a whole (pipe(7)).  Returns the descriptor, or -1. */
static int
put_head(struct worker *worker, struct str head)
{
	bool is_long = head.len > PIPE_BUF;
	int error = 0;

	for (int tries = 0; have_places(worker, is_long) != 0; tries++) {
		error = errno;
		if (!is_exhaustion(error) || tries == HEAD_TRIES)
			break;
		bear_exhaustion(worker->pool, error);
		error = 0;
	}
	if (error == 0 &&
	    (is_long ? pwrite(worker->long_fd, head.data, head.len, 0) :
	               write(worker->pipe[1], head.data, head.len)) != (ssize_t)head.len)
		error = errno != 0 ? errno : EIO;
	if (error == 0)
		return is_long ? worker->long_fd : worker->pipe[0];
	log_error("a request cannot be read", "reason", strerror(error));
	return -1;
}

/* Let libfcgi read the head; false when it cannot. */
static bool
give_head(struct worker *worker, struct str head)
{
	FCGX_Request *fcgx = &worker->job->fcgx;
	int fd = put_head(worker, head);
	bool is_read = false;

	if (fd >= 0) {
		/* Without keepConnection the Finish that Accept_r begins with would close
		 * the file we hand over; with a listening socket of -1 what libfcgi takes for a
		 * broken connection returns an error instead of a blocking accept
		 * (fcgiapp.c). */
		fcgx->ipcFd = fd;
		fcgx->keepConnection = 1;
		is_read = FCGX_Accept_r(fcgx) == 0;
		/* It closes what it takes for broken. */
		if (!is_read && fd == worker->pipe[0])
			worker->pipe[0] = -1;
		else if (!is_read)
			worker->long_fd = -1;
	}
	/* Nothing of a request stays in memory, or stands before the next head. */
	if (!is_read || fd == worker->long_fd)
		close_places(worker);
	return is_read;
}

/* Serve one request of a connection, if one has come. */
static void
serve(struct worker *worker, int fd)
{
	struct job *job = worker->job;
	struct str head;

	switch (intake_head(&job->intake, fd, &head)) {
	case INTAKE_WHOLE:
		break;
	case INTAKE_NOTHING:
		wait_for_request(worker->pool, fd);
		return;
	case INTAKE_UNSOUND:
		tell_refused(worker->pool, job->intake.problem, NULL);
		close(fd);
		return;
	case INTAKE_ENDED:
		close(fd);
		return;
	}
	if (!give_head(worker, head)) {
		close(fd);
		return;
	}
	job->fcgx.ipcFd = fd;
	job->body_begun_ms = job->received = 0;
	if (job->fcgx.role != FCGI_RESPONDER) {
		tell_refused(worker->pool, "only the role RESPONDER is served", NULL);
		finish(job, false);
		return;
	}
	if (!serve_job(job))
		worker->job = job_new(worker->pool);
}

/* Serve the first request in the line whose time has come. */
static void
serve_waiting(struct worker_pool *pool)
{
	struct job *job = (void *)waiting_line_take(&pool->line, clock_ms(CLOCK_MONOTONIC));

	/* The next one may have another thread. */
	watch_once(pool, EPOLL_CTL_MOD, pool->line.timer_fd);
	if (job && serve_job(job))
		job_free(job);
}

/* Before the pool ends: let those in the line have the rest of their time, and serve
 * them. */
static void
empty_line(struct worker_pool *pool)
{
	struct job *job;

	while ((job = (void *)waiting_line_take(&pool->line, INT64_MAX)) != NULL) {
		clock_sleep_until_us(job->item.due_ms * 1000);
		if (serve_job(job))
			job_free(job);
	}
}

/* ---- The threads --------------------------------------------------------- */

/* Let every thread know once the descriptor is readable. */
static int
watch_by_all(struct worker_pool *pool, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = (unsigned)fd };

	return epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Accept a connection.  -1: there is none, or none can be had just now. */
static int
accept_connection(struct worker_pool *pool)
{
	static const struct timeval receive = { .tv_sec = RECEIVE_TIMEOUT_S };
	static const struct timeval send = { .tv_sec = SEND_TIMEOUT_S };
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	struct sockaddr *address = (struct sockaddr *)&peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(pool->listen_fd, address, &len, SOCK_CLOEXEC);

	if (fd < 0 && is_exhaustion(errno))
		bear_exhaustion(pool, errno);
	/* Now the next connection may wake the next thread. */
	watch_once(pool, EPOLL_CTL_MOD, pool->listen_fd);
	if (fd < 0)
		return -1;
	end_exhaustion(pool);
	if (!peers_allow(&pool->peers, address)) {
		tell_refused(pool, "it is not in FCGI_WEB_SERVER_ADDRS", address);
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof(send));
	return fd;
}

/* Wait until there is something to serve, and tell by which descriptor of the pool, or by which
 * ticket of a connection.  False: the pool stops. */
static bool
wait_for_event(struct worker_pool *pool, uint64_t *what)
{
	struct epoll_event event;

	do {
		if (atomic_load(&pool->stopping))
			return false;
	} while (epoll_wait(pool->epoll_fd, &event, 1, -1) != 1);
	*what = event.data.u64;
	return *what != (unsigned)pool->stop_fd && !atomic_load(&pool->stopping);
}

/* Serve what was told of. */
static void
serve_event(struct worker *worker, uint64_t what)
{
	struct worker_pool *pool = worker->pool;
	int fd = (int)(uint32_t)what;

	idle_close_old(&pool->idle, clock_ms(CLOCK_MONOTONIC));
	if (what == (unsigned)pool->line.timer_fd) {
		serve_waiting(pool);
		return;
	}
	if (what == (unsigned)pool->listen_fd)
		fd = accept_connection(pool);
	else if (!idle_leave(&pool->idle, what))
		return; /* and its number may be another's */
	else
		epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	if (fd >= 0)
		serve(worker, fd);
}

static void
worker_run(void *argument)
{
	struct worker_pool *pool = argument;
	struct worker
	    worker = { .pool = pool, .job = job_new(pool), .pipe = { -1, -1 }, .long_fd = -1 };
	uint64_t what;

	while (wait_for_event(pool, &what)) {
		crew_begin(&pool->crew);
		serve_event(&worker, what);
		intake_fini(&worker.job->intake); /* idle threads are many, and need no room */
		if (!crew_rest(&pool->crew))
			break;
	}
	job_free(worker.job);
	close_places(&worker);
	if (atomic_load(&pool->stopping))
		empty_line(pool);
}

int
worker_init(void)
{
	/* A web server that keeps its end open must not hold a thread for the two
	 * seconds that libfcgi lingers by default; FCGX_Init reads it (os_unix.c). */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "200", 0);
	if (FCGX_Init() == 0)
		return 0;
	log_error("libfcgi does not start");
	return -1;
}

static void
pool_free(struct worker_pool *pool)
{
	if (pool->stop_fd >= 0)
		close(pool->stop_fd);
	if (pool->epoll_fd >= 0)
		close(pool->epoll_fd);
	waiting_line_close(&pool->line);
	idle_fini(&pool->idle);
	free(pool);
}

static unsigned
threads_awake(void)
{
	unsigned n = processors_count();

	return n < AWAKE_LEAST ? AWAKE_LEAST : n;
}

struct worker_pool *
worker_pool_open(struct app *app, int listen_fd, unsigned threads)
{
	struct worker_pool *pool = mem_alloc(sizeof(*pool));
	const char *wrong;

	idle_init(&pool->idle);
	shortage_init(&pool->shortage);
	shortage_init(&pool->refusals);
	pool->app = app;
	pool->listen_fd = listen_fd;
	pool->stop_fd = eventfd(0, EFD_CLOEXEC);
	pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int flags = fcntl(listen_fd, F_GETFL);
	if (waiting_line_open(&pool->line) != 0 || pool->stop_fd < 0 || pool->epoll_fd < 0 ||
	    flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    watch_once(pool, EPOLL_CTL_ADD, listen_fd) != 0 ||
	    watch_once(pool, EPOLL_CTL_ADD, pool->line.timer_fd) != 0 ||
	    watch_by_all(pool, pool->stop_fd) != 0) {
		log_error("cannot wait for connections", "reason", strerror(errno));
		pool_free(pool);
		return NULL;
	}
	if (peers_read(&pool->peers, getenv("FCGI_WEB_SERVER_ADDRS"), &wrong) != 0) {
		log_error("FCGI_WEB_SERVER_ADDRS must be IP addresses with commas between them",
		    "wrong", wrong);
		pool_free(pool);
		return NULL;
	}
	if (crew_open(&pool->crew, threads, threads_awake(), worker_run, pool) != 0) {
		worker_pool_close(pool);
		return NULL;
	}
	return pool;
}

void
worker_pool_close(struct worker_pool *pool)
{
	/* First, as those that rest return at once, and are to help with the line. */
	atomic_store(&pool->stopping, true);
	crew_stop(&pool->crew);
	eventfd_write(pool->stop_fd, 1);
	crew_close(&pool->crew);
	pool_free(pool);
}

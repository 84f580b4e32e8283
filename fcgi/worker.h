/*
 * The threads that serve FastCGI requests from a listening socket.
 */
#ifndef WORKER_H
#define WORKER_H

struct app;
struct worker_pool;

/* Prepare libfcgi, once in a process and before it makes its first thread, since the
 * environment is written to.  Returns 0, or -1 with the reason logged. */
int worker_init(void);

/*
 * Let that many threads at the most serve requests of the listening socket at once; it is
 * borrowed and made non-blocking.  Those that are awake wait on one epoll instance, so one
 * connection wakes one thread at the most, and connections that a web server keeps open cost
 * none, nor do requests that wait for their time.  No more are awake than there are
 * processors, and for requests that wait for a server there are more threads (crew.h).
 * Signals must be blocked.  Returns NULL, with the reason logged.
 */
struct worker_pool *worker_pool_open(struct app *app, int listen_fd, unsigned threads);

/* Stop accepting, let every request under way finish, also those that wait for their time
 * (three seconds at most, pacing.h), and free the pool.  Until then
 * threads use the listening socket's number: close it after. */
void worker_pool_close(struct worker_pool *pool);

#endif

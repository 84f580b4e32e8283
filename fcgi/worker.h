/*
 * The threads that serve FastCGI requests from a listening socket.
 */
#ifndef WORKER_H
#define WORKER_H

struct app;
struct worker_pool;

/*
 * Start that many threads on the listening socket, which is borrowed and made
 * non-blocking.  All of them wait on one epoll instance, so one connection
 * wakes one thread, and connections that a web server keeps open cost none.
 * Signals must be blocked.  Returns NULL, with the reason logged.
 */
struct worker_pool *worker_pool_open(struct app *app, int listen_fd, unsigned threads);

/* Stop accepting, let every request under way finish, and free the pool. */
void worker_pool_close(struct worker_pool *pool);

#endif

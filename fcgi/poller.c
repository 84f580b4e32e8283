#include "poller.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"

struct poller {
	struct app *app;
	int stop_fd; /* an eventfd, readable from the stop on */
	pthread_t thread;
};

static void *
poller_run(void *argument)
{
	struct poller *poller = argument;
	struct arena *arena = arena_new();
	struct pollfd stop = { .fd = poller->stop_fd, .events = POLLIN };

	do {
		app_poll(poller->app, arena, false);
		arena_reset(arena);
	} while (poll(&stop, 1, app_poll_pause_ms(poller->app)) != 1);
	arena_free(arena);
	return NULL;
}

struct poller *
poller_open(struct app *app)
{
	struct poller *poller = mem_alloc(sizeof(*poller));

	poller->app = app;
	poller->stop_fd = eventfd(0, EFD_CLOEXEC);
	int error = poller->stop_fd < 0 ?
	    errno :
	    pthread_create(&poller->thread, NULL, poller_run, poller);
	if (error == 0)
		return poller;
	log_error("cannot poll the servers", "reason", strerror(error));
	if (poller->stop_fd >= 0)
		close(poller->stop_fd);
	free(poller);
	return NULL;
}

void
poller_close(struct poller *poller)
{
	eventfd_write(poller->stop_fd, 1);
	pthread_join(poller->thread, NULL);
	close(poller->stop_fd);
	free(poller);
}

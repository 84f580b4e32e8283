#include "idle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

/* How often it is looked for those that are too old. */
#define LOOK_MS 10000

void
idle_init(struct idle *idle)
{
	*idle = (struct idle){ 0 };
	pthread_mutex_init(&idle->mutex, NULL);
}

static void
make_room(struct idle *idle, size_t n)
{
	if (n <= idle->n)
		return;
	n += n / 2;
	idle->stays = mem_resize(idle->stays, n * sizeof(*idle->stays));
	memset(idle->stays + idle->n, 0, (n - idle->n) * sizeof(*idle->stays));
	idle->n = n;
}

uint64_t
idle_enter(struct idle *idle, int fd, int64_t now_ms)
{
	pthread_mutex_lock(&idle->mutex);
	make_room(idle, (size_t)fd + 1);
	struct idle_stay *stay = &idle->stays[fd];
	stay->since_ms = now_ms;
	stay->is_here = true;
	uint64_t ticket = (uint64_t)++stay->number << 32 | (unsigned)fd;
	pthread_mutex_unlock(&idle->mutex);
	return ticket;
}

bool
idle_leave(struct idle *idle, uint64_t ticket)
{
	size_t fd = (uint32_t)ticket;

	pthread_mutex_lock(&idle->mutex);
	bool is_here = fd < idle->n && idle->stays[fd].is_here &&
	    idle->stays[fd].number == ticket >> 32;
	if (is_here)
		idle->stays[fd].is_here = false;
	pthread_mutex_unlock(&idle->mutex);
	return is_here;
}

/* Has something come that no thread has taken yet?  Then the connection is not idle. */
static bool
has_input(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static size_t
close_those(struct idle *idle, int64_t until_ms)
{
	size_t n = 0;

	for (size_t fd = 0; fd < idle->n; fd++) {
		struct idle_stay *stay = &idle->stays[fd];

		if (!stay->is_here || stay->since_ms > until_ms || has_input((int)fd))
			continue;
		stay->is_here = false;
		close((int)fd);
		n++;
	}
	return n;
}

size_t
idle_close(struct idle *idle, int64_t now_ms, int64_t least_ms)
{
	pthread_mutex_lock(&idle->mutex);
	size_t n = close_those(idle, now_ms - least_ms);
	pthread_mutex_unlock(&idle->mutex);
	return n;
}

void
idle_close_old(struct idle *idle, int64_t now_ms)
{
	if (now_ms - atomic_load(&idle->looked_ms) < LOOK_MS)
		return;
	atomic_store(&idle->looked_ms, now_ms);
	idle_close(idle, now_ms, IDLE_MOST_MS);
}

void
idle_fini(struct idle *idle)
{
	for (size_t fd = 0; fd < idle->n; fd++)
		if (idle->stays[fd].is_here)
			close((int)fd);
	free(idle->stays);
	pthread_mutex_destroy(&idle->mutex);
}

#include "waiting_line.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

int
waiting_line_open(struct waiting_line *line)
{
	*line = (struct waiting_line){ .timer_fd = -1 };
	pthread_mutex_init(&line->mutex, NULL);
	line->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return line->timer_fd < 0 ? -1 : 0;
}

/* Let the timer tell when the first item is due, at once if that is past; never when there
 * is none. */
static void
set_timer(struct waiting_line *line)
{
	struct itimerspec when = { 0 };

	if (line->first)
		when.it_value = clock_timespec(line->first->due_ms * 1000);
	timerfd_settime(line->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

bool
waiting_line_put(struct waiting_line *line, struct waiting_item *item, int64_t due_ms)
{
	pthread_mutex_lock(&line->mutex);
	bool fits = line->n < WAITING_LINE_MOST;
	if (fits) {
		struct waiting_item **at = &line->first;
		while (*at && (*at)->due_ms <= due_ms)
			at = &(*at)->next;
		item->due_ms = due_ms;
		item->next = *at;
		*at = item;
		line->n++;
		set_timer(line);
	}
	pthread_mutex_unlock(&line->mutex);
	return fits;
}

struct waiting_item *
waiting_line_take(struct waiting_line *line, int64_t now_ms)
{
	pthread_mutex_lock(&line->mutex);
	struct waiting_item *item = line->first;
	if (item && item->due_ms > now_ms)
		item = NULL;
	if (item) {
		line->first = item->next;
		line->n--;
	}
	set_timer(line);
	pthread_mutex_unlock(&line->mutex);
	return item;
}

void
waiting_line_close(struct waiting_line *line)
{
	if (line->timer_fd >= 0)
		close(line->timer_fd);
	pthread_mutex_destroy(&line->mutex);
}

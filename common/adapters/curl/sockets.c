#include "adapters/curl/sockets.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* What libcurl tells of a socket (CURLMOPT_SOCKETFUNCTION(3)). */
static int
on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	const struct sockets *sockets = context;
	struct epoll_event event = {
		.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
		    (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0),
		.data.fd = fd,
	};

	(void)known;
	if (what == CURL_POLL_REMOVE) {
		/* One that is closed has left the set by itself. */
		epoll_ctl(sockets->set, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (epoll_ctl(sockets->set, EPOLL_CTL_ADD, fd, &event) != 0 &&
	    (errno != EEXIST || epoll_ctl(sockets->set, EPOLL_CTL_MOD, fd, &event) != 0))
		sockets->unwatched(easy, sockets->context);
	/* Anything but 0 would end all transfers (CURLM_ABORTED_BY_CALLBACK). */
	return 0;
}

/* When libcurl wants to be called (CURLMOPT_TIMERFUNCTION(3)). */
static int
on_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct sockets *sockets = context;

	(void)multi;
	sockets->timer_us = timeout_ms < 0 ?
	    INT64_MAX :
	    clock_us(CLOCK_MONOTONIC) + (int64_t)timeout_ms * 1000;
	return 0;
}

bool
sockets_open(struct sockets *sockets, const struct curl_functions *curl, CURLM *multi,
    bool has_bell, void (*unwatched)(CURL *easy, void *context), void *context)
{
	int (*socket_wanted)(CURL *, curl_socket_t, int, void *, void *) = on_socket_wanted;
	int (*timer)(CURLM *, long, void *) = on_timer;
	/* Each ring is an event of its own, however many there were, so none is read. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	*sockets = (struct sockets){
		.curl = curl,
		.multi = multi,
		.set = epoll_create1(EPOLL_CLOEXEC),
		.bell = has_bell ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1,
		.timer_us = INT64_MAX,
		.unwatched = unwatched,
		.context = context,
	};
	event.data.fd = sockets->bell;
	if (sockets->set >= 0 &&
	    (!has_bell ||
	        (sockets->bell >= 0 &&
	            epoll_ctl(sockets->set, EPOLL_CTL_ADD, sockets->bell, &event) == 0)) &&
	    curl->multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_wanted) == CURLM_OK &&
	    curl->multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets) == CURLM_OK &&
	    curl->multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer) == CURLM_OK &&
	    curl->multi_setopt(multi, CURLMOPT_TIMERDATA, sockets) == CURLM_OK)
		return true;
	sockets_close(sockets);
	return false;
}

void
sockets_close(struct sockets *sockets)
{
	if (sockets->set >= 0)
		close(sockets->set);
	if (sockets->bell >= 0)
		close(sockets->bell);
	sockets->set = sockets->bell = -1;
}

static void
act(struct sockets *sockets, curl_socket_t fd, int what)
{
	int n;
	CURLMcode code = sockets->curl->multi_socket_action(sockets->multi, fd, what, &n);

	if (code != CURLM_OK)
		sockets->problem = code;
}

CURLMcode
sockets_act(struct sockets *sockets)
{
	sockets->problem = CURLM_OK;
	for (int i = 0; i < sockets->n_ready; i++) {
		uint32_t events = sockets->ready[i].events;
		int what = 0;

		if (sockets->ready[i].data.fd == sockets->bell)
			continue;
		/* Of a socket with an error libcurl finds out itself what it means. */
		if (!(events & (EPOLLERR | EPOLLHUP)))
			what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
		act(sockets, sockets->ready[i].data.fd, what);
	}
	sockets->n_ready = 0;
	if (sockets->timer_us <= clock_us(CLOCK_MONOTONIC)) {
		sockets->timer_us = INT64_MAX;
		act(sockets, CURL_SOCKET_TIMEOUT, 0);
	}
	return sockets->problem;
}

void
sockets_wait(struct sockets *sockets, int64_t sleep_us)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };

	if (sockets->timer_us < INT64_MAX) {
		int64_t timer_us = sockets->timer_us - clock_us(CLOCK_MONOTONIC);

		if (timer_us < sleep_us)
			sleep_us = timer_us > 0 ? timer_us : 0;
	}
	/* Rounded up, or the last millisecond would be spun away.  A failure returns at
	 * once, so it must not be spun away either. */
	int n = epoll_wait(sockets->set, sockets->ready, SOCKETS_A_TURN,
	    (int)((sleep_us + 999) / 1000));
	if (n < 0 && errno != EINTR)
		nanosleep(&pause, NULL);
	sockets->n_ready = n > 0 ? n : 0;
}

void
sockets_ring(const struct sockets *sockets)
{
	uint64_t one = 1;

	/* It fails only where so many rings are there that one more tells nothing. */
	if (write(sockets->bell, &one, sizeof(one)) < 0)
		return;
}

/*
 * The whole stand-in: its servers, their state, and the one lock around it.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "calllog.h"
#include "faults.h"
#include "hooks.h"
#include "http.h"
#include "meetings.h"
#include "receivers.h"
#include "recordings.h"

/* How many secrets a server can have at once. */
#define SERVER_SECRETS_MAX 8

struct server {
	struct sandbox *sandbox;
	unsigned number;          /* from 1 */
	const char *first_secret; /* the command line's, which /reset brings back */
	struct http_port port;

	/*
	 * All below is guarded by the sandbox's lock.  Of the secrets, which NULL
	 * ends, each is right; the first signs what the server sends by itself.
	 */
	char *secrets[SERVER_SECRETS_MAX + 1];
	struct meetings meetings;
	struct recordings recordings;
	struct hooks hooks;
	struct faults faults;
	struct calllog log;
	bool stopping; /* whoever waits on changed must give up */
};

struct sandbox {
	/*
	 * lock guards the state of all servers and is never held while
	 * anything blocks; changed is signalled when a fault or stopping
	 * changes.  listening is held around starting and stopping ports,
	 * always taken before lock.
	 */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_mutex_t listening;

	struct server *servers;
	unsigned server_count;
	unsigned long long arrivals;
	struct receivers receivers;
	struct http_port control;
};

#endif

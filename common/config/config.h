/*
 * The configuration: servers.json and the environment in one struct.
 *
 * The file is a plain array of servers or an object (tinyscale-servers.json(5)).
 * The tables in config_keys.c hold every key with its type, range, default and
 * help; a test compares them with the manual page.  Nothing here refers to the
 * file's text after loading.
 */
#ifndef TINYSCALE_CONFIG_H
#define TINYSCALE_CONFIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/buf.h"
#include "base/crowd.h"
#include "base/crowds.h"
#include "base/shortage.h"
#include "model/known_list.h"
#include "model/parameters.h"
#include "model/placement.h"
#include "model/server.h"

struct arena;
struct state_url;

/* Receivers of callbacks that are told apart; of more some count as one. */
#define CALLBACK_RECEIVERS 64

/* What this process learns while the configuration is in use: all that changes. */
struct config_runtime {
	struct bucket lookups;    /* questions that look-ups may still cost */
	struct shortage shortage; /* of what calls to servers need here (relay.c) */
	/* Callbacks under way to clients, in all and by callback_receiver, and how many may be;
	 * 0: any number (calls/callback.c). */
	atomic_uint callbacks, callbacks_to[CALLBACK_RECEIVERS];
	unsigned most_callbacks, most_callbacks_to;
	struct crowd claims; /* of those that choose a server and write it down (claim.h) */
	/* Of those that ask all servers the same, or one meeting's server (together.h). */
	struct crowds questions, meeting_questions;
	atomic_uint *secret_at; /* of each server, in the configuration's order: which of
	                           its secrets worked last, counted from 1, or 0: it is
	                           not known here (relay_secret.h) */
	struct known_list *known_lists; /* of each server, likewise: what it answered to
	                                   polls; for the one thread that polls (poll.c) */
};

/* What the log tells of a client's address. */
enum config_log_client {
	LOG_CLIENT_FULL,
	LOG_CLIENT_PREFIX, /* the network it is in (ip_prefix) */
	LOG_CLIENT_NONE
};

struct config {
	const char **secrets; /* accepted from clients */
	size_t n_secrets;
	const char *admin_secret;     /* NULL: the admin calls are off */
	unsigned checksum_algorithms; /* accepted: bits 1 << enum checksum_algorithm */
	/* What keeps the state: a file of SQLite's, or an engine, of which the other is NULL;
	 * or nothing ("none"). */
	const char *state;
	const struct state_url *state_url;
	const char *state_text;   /* … for people to read: the path, the engine without user
	                             and password (state_url_text), or "none" */
	bool is_engine_overruled; /* the file names an engine, TINYSCALE_STATE none */
	const char *state_prefix; /* each of the engine's keys begins with it */
	const char *state_files;  /* beside this path lie the files that are this host's
	                             own, "…-metrics" and "…-turns": the state's, or with
	                             an engine the built-in one, to which a prefix that is not
	                             the default is added ("state.db-PREFIX"); NULL with
	                             "none" */
	enum placement_policy placement;
	bool forward_redirect;     /* "forward": "redirect" */
	int checksum_error_status; /* 200 or 401 */
	int64_t connect_timeout_ms;
	int64_t probe_timeout_ms;
	int64_t call_timeout_ms;
	int64_t create_timeout_ms;
	int64_t poll_interval_ms;
	int64_t down_after;
	int64_t up_after;
	int64_t lookups_per_second; /* questions that look-ups of unknown meetings
	                               may cost this process each second; 0: none
	                               while the picture is complete */
	int64_t negative_ttl_ms;
	int64_t max_body_bytes;
	const char *ca_file;          /* NULL: the system's */
	int64_t max_calls_per_server; /* under way; 0: a quarter of the threads */
	const char *public_url;       /* "https://bbb.example.org/bigbluebutton/api",
	                                 no slash at the end; NULL: from the
	                                 request */
	bool callbacks_pass;          /* "callbacks": "pass" */
	bool allow_private_callbacks;
	struct parameters create_defaults, create_overrides;
	struct parameters join_defaults, join_overrides;
	int64_t max_meeting_duration_minutes; /* 0: off */
	bool log_json;
	enum config_log_client log_client;

	struct server *servers; /* in the file's order */
	size_t n_servers;

	struct config_runtime *runtime;

	struct arena *arena; /* private: holds all of this */
};

/*
 * Load the configuration at path, then apply the environment (TINYSCALE_SECRET,
 * TINYSCALE_STATE, TINYSCALE_STATE_PASSWORD).  path NULL means TINYSCALE_CONFIG, else the
 * built-in path.
 *
 * Every problem found is appended to problems, a line each: the file, the key
 * ("servers[1].host"), what is wrong and what to do, for an unknown key the
 * nearest known one.  A variable that is set to nothing counts as not set.  No
 * value of a secret is ever repeated.  When there is little room in problems
 * the last lines are left out; 16 KiB are plenty.
 *
 * Returns the configuration, or NULL when there was any problem.  The caller
 * frees it with config_free().  Nothing is logged.
 */
struct config *config_load(const char *path, struct buf *problems);

/*
 * Does the file at path (as of config_load) name a server?  It does not where it is missing,
 * and where its list of servers is empty or missing: nothing is configured yet.  Whatever
 * cannot be read counts as one that does, since its problems are to be told.  Nothing else
 * about the file is judged.
 */
bool config_names_servers(const char *path);

/* The path that config_load(path) reads. */
const char *config_path(const char *path);

/* Free the configuration, and overwrite its secrets.  NULL is ignored. */
void config_free(struct config *config);

/* Does anything keep the state? */
bool config_has_state(const struct config *config);

/* The server of that name, or NULL. */
const struct server *config_server_find(const struct config *config, const char *name);

#endif

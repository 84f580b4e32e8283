/*
 * What the files of the Redis store share: a link to the engine, and how a verb is run.
 * Private to adapters/redis/.
 */
#ifndef REDIS_H
#define REDIS_H

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "adapters/breaker.h"
#include "adapters/mirror.h"
#include "adapters/redis/scripts.h"
#include "base/buf.h"
#include "base/str.h"
#include "formats/state_url.h"
#include "ports/store.h"

/* The engine's own are 40 characters. */
#define REDIS_RUN_ID_SIZE 64

/* Where the engine is that takes writes. */
struct redis_address {
	struct sockaddr_storage socket;
	socklen_t len; /* 0: not known */
};

/* Why something failed, for people, and where. */
struct redis_problem {
	char text[BREAKER_REASON_SIZE];
	bool is_answer; /* a sentinel has said so, or named who does */
};

/* A connection: used by one thread at a time, kept between verbs. */
struct link {
	struct link *next;
	struct store_redis *redis;
	const char *peer; /* "engine", "sentinel" … */
	struct redis_address address;
	int fd;
	redisReader *reader;
	redisReply *reply; /* the last one, until the next is asked for */
	struct arena *arena;
	struct buf out;          /* commands that are not sent yet */
	size_t n_waiting;        /* replies that are still to come */
	int64_t deadline_ms;     /* of the verb, by the monotonic clock */
	unsigned generation;     /* closed after the verb when it is not the store's */
	bool has[REDIS_SCRIPTS]; /* which scripts the engine was sent through it */
	/* What went wrong: NULL is nothing. */
	const char *problem;
	bool is_dead;       /* it cannot be used any more */
	bool is_refusal;    /* the engine works, but does not take what is to be written … */
	bool is_narrow;     /* … or one key cannot be used, and others can */
	bool has_forgotten; /* the scripts are gone, so the verb is to be run again */
	bool has_any_reply;
	char run_id[REDIS_RUN_ID_SIZE]; /* of the engine: each process has another */
};

struct store_redis {
	struct store store;
	const struct state_url *url;
	const char *files;
	char *base;   /* "{PREFIX}:" */
	char *name;   /* for the log */
	bool is_seen; /* is it noted that this host is there? */
	struct breaker breaker;
	struct mirror mirror;
	_Atomic int64_t offset_ms; /* the engine's clock less this host's */
	/* How many writes were lost; and how many of them the engine knows of (HELLO). */
	_Atomic uint64_t n_lost, n_told;
	_Atomic int64_t narrow_ms; /* when it was logged last that one key cannot be used */
	atomic_bool has_replicas, is_unconfirmed;
	_Atomic int64_t unconfirmed_ms; /* when a claim was last not confirmed */
	_Atomic int64_t noted_ms; /* when it was noted that this host is there (describe.c) */

	pthread_mutex_t mutex; /* guards what follows */
	struct link *idle;
	size_t n_idle;
	struct redis_address primary;
	unsigned generation;
	char run_id[REDIS_RUN_ID_SIZE]; /* of the engine that was greeted last */

	size_t first_host; /* the sentinel that answered last: the mender's */
};

/* ---- Links (link.c) ------------------------------------------------------------- */

/* Connect to that address, and make sure that there is an engine that takes writes; it is
 * not greeted yet.  NULL, and *problem, when that cannot be done until the deadline. */
struct link *link_open(struct store_redis *redis, const struct redis_address *address,
    int64_t deadline_ms, struct redis_problem *problem);

/* Connect to a sentinel at that address, and ask nothing.  NULL, and *problem, as above. */
struct link *link_open_sentinel(struct store_redis *redis, const struct redis_address *address,
    int64_t deadline_ms, struct redis_problem *problem);

/* Who is at the link's end, "192.0.2.1:6379" or "[2001:db8::1]:6379", in the arena; NULL of a
 * socket, whose path the URL has. */
const char *link_address(const struct link *link, struct arena *arena);

/* Tell the link's problem, and who is at its end: "… (engine 192.0.2.1:6379)", but for a
 * socket, whose path the URL has. */
void link_tell(const struct link *link, struct redis_problem *problem);

/* Take the reply to ROLE: false, and a problem, unless it is of an engine that takes writes. */
bool link_take_role(struct link *link);

/* Note whether a replica confirms claims, which is logged when it changes. */
void link_note_confirmation(const struct link *link, bool is_confirmed);

/* Is it still connected?  (An engine that was restarted has closed it.) */
bool link_is_open(const struct link *link);

/* Free it; NULL is ignored. */
void link_close(struct link *link);

/* Begin a verb: nothing is wrong yet. */
void link_begin(struct link *link, int64_t deadline_ms);

/* Put a command of n words, or of a script and its arguments, into the next batch. */
void link_add(struct link *link, const struct str *words, size_t n);
void link_add_script(struct link *link, enum redis_script script, const struct str *words,
    size_t n);

/* Put an AUTH into the next batch, with the user and password of the URL: a password it must
 * have. */
void link_add_auth(struct link *link);

/* The reply to the first command whose reply was not asked for yet, borrowed until the next
 * one; NULL when there is none, or it is an error, which link->problem tells: a constant text,
 * so that it outlives the link and nothing of the error is in it, which may hold keys. */
const redisReply *link_next(struct link *link);

/* ---- Finding the engine (find.c) ----------------------------------------------------- */

/* Find the engine that takes writes, by the URL: a link to it, or NULL with *problem. */
struct link *find_primary(struct store_redis *redis, struct redis_problem *problem);

/* ---- Words ----------------------------------------------------------------------- */

/* A key of the store, "{PREFIX}:a" or "{PREFIX}:ab", and a number, for the link's verb. */
struct str redis_key(struct link *link, const char *a, struct str b);
struct str redis_number(struct link *link, int64_t number);

/* A time as the engine keeps it, and as it is here; 0, which is none, stays. */
int64_t redis_ms_in(const struct link *link, int64_t ms);
int64_t redis_ms_out(const struct link *link, int64_t ms);

/* Note what the engine's clock says: seconds and microseconds (TIME). */
void redis_note_time(const struct link *link, const redisReply *seconds,
    const redisReply *microseconds);

/* A reply as text, empty where it is none; a text as a number from 0 to the most, 0 where it
 * is none; and the next of a text's words, which are divided by that. */
struct str redis_text(const redisReply *reply);
int64_t redis_read(struct str text, int64_t most);
struct str redis_word(struct str *rest, char divider);

/* A version, as the scripts know one when they see it; 0 where it is none. */
uint64_t redis_version(struct str text);

/* The most that a time, and a count of people, may be without overflowing in what is done
 * with it. */
#define REDIS_MS_MOST (INT64_MAX / 4)
#define REDIS_COUNT_MOST 1000000

/* Changes sent at once, so that no batch holds the engine up for long. */
#define REDIS_CHANGES_AT_ONCE 100

/* ---- Verbs ------------------------------------------------------------------------- */

/* A verb's work over one link.  FAILED: the link knows why. */
typedef enum store_result redis_work(struct link *link, void *arguments);

/*
 * Run a verb's work.  When the link turns out to be one that the engine has closed, or its
 * scripts to be gone, it is run once more, over a new link: so it must be able to begin anew,
 * or, where scripts are gone, to go on behind what was done.
 *
 * When one key cannot be used, as it is of another type, its verb fails alone, and the breaker
 * stays as it is: others go on.  The engine is told when a write was lost by that, so the state
 * is whole since then; that is logged once a minute.
 */
enum store_result redis_perform(struct store *store, bool writes, redis_work *work,
    void *arguments);

/* facts.c: a server's facts as a text, without their version, and back with it. */
struct str redis_facts_write(struct link *link, const struct server_facts *facts);
void redis_facts_read(const struct link *link, struct str text, struct server_facts *facts);
struct str redis_event_write(struct link *link, const struct event *event);

/* The verbs, by the files that they are in: servers.c, meetings.c, recordings.c,
 * webhooks.c, history.c, describe.c. */
enum store_result redis_servers_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms);
enum store_result redis_picture_get(struct store *store, const struct server *servers, size_t n,
    struct server_facts *facts, int64_t *whole_ms, const struct str *meeting_ids,
    struct store_history *histories, size_t n_meetings);
enum store_result redis_polls_begin(struct store *store, struct store_poll *polls, size_t n);
enum store_result redis_servers_set(struct store *store, struct store_server *servers,
    size_t n);
/* Since when the state is whole: what the engine says, as a time here (INT64_MAX: what it says
 * is none); and what a verb with that result hands out for it, n_told being as it was before
 * the engine was asked: who asked before it knew of a loss has an old answer. */
int64_t redis_read_whole(const struct link *link, struct str text);
int64_t redis_whole(const struct store *store, enum store_result result, int64_t whole_ms,
    uint64_t n_told);

enum store_result redis_meeting_get(struct store *store, struct arena *arena,
    struct str meeting_id, int64_t now_ms, struct meeting *meeting, struct server_facts *facts,
    int64_t *whole_ms);
enum store_result redis_meetings_set(struct store *store, struct arena *arena,
    struct store_change *changes, size_t n, int64_t now_ms);
enum store_result redis_meetings_on(struct store *store, struct arena *arena,
    const char *server, struct mapped **meetings, size_t *n);
enum store_result redis_history_get(struct store *store, struct str meeting_id,
    struct store_history *history);
/* Ask for it, and read it once the replies to what was asked before are read. */
void redis_history_add(struct link *link, struct str meeting_id);
enum store_result redis_history_take(struct link *link, struct store_history *history);
enum store_result redis_typical_put(struct store *store, double typical);
enum store_result redis_absent_put(struct store *store, struct str meeting_id, int64_t now_ms,
    int64_t ttl_ms);
enum store_result redis_lease_take(struct store *store, uint64_t holder, int64_t now_ms,
    int64_t ttl_ms);
enum store_result redis_slot_take(struct store *store, const char *server, int64_t now_ms,
    int64_t step_us, struct pacing_slot *slot);

enum store_result redis_recordings_put(struct store *store,
    const struct store_recording *recordings, size_t n, int64_t now_ms);
enum store_result redis_recordings_find(struct store *store, struct arena *arena,
    const struct str *record_ids, size_t n, struct store_recording **found, size_t *n_found);
enum store_result redis_lists_put(struct store *store, const struct store_list *lists,
    size_t n);
enum store_result redis_list_find(struct store *store, struct arena *arena,
    struct store_list *list);
enum store_result redis_lists_drop(struct store *store, const char *server, const char *call);

enum store_result redis_webhook_put(struct store *store, const struct webhook *hook, bool anew);
enum store_result redis_webhook_list(struct store *store, struct arena *arena,
    struct webhook **hooks, size_t *n);
enum store_result redis_webhook_drop(struct store *store, const char *id, int64_t now_ms);

enum store_result redis_events_get(struct store *store, struct arena *arena,
    struct event **events, size_t *n);
enum store_result redis_trends_get(struct store *store, struct store_trend *trends, size_t n);
enum store_result redis_trends_put(struct store *store, struct store_trend *trends, size_t n);
enum store_result redis_describe(struct store *store, struct arena *arena,
    struct store_description *description);
/* How long it is told, and remembered, that a host is there: containers have another name
 * each time. */
#define REDIS_HOST_TOLD_S INT64_C(3600)

/* Of a host that is there this is noted within so many seconds. */
#define REDIS_HOST_SEEN_S INT64_C(60)

/* This host's name, or "" where it has none. */
const char *redis_host(struct link *link);

/* The same when it is to be noted, and time to note, that it is there; or "". */
const char *redis_host_to_note(struct link *link);
enum store_result redis_purge(struct store *store, int64_t now_ms);

#endif

/*
 * The port to the state: what the gateway remembers between requests.
 *
 * The BBB servers are the truth, the state only makes it fast, and it is where a
 * meetingID is claimed.  So each verb may fail with STORE_FAILED, which the adapter has
 * logged, and the core goes on by asking the servers.
 *
 * A verb never waits long: one that cannot be done within STORE_WAIT_MS, its queue
 * included, has failed.  After a failure further verbs fail at once, until a try of the
 * adapter's own, in the background, has succeeded.
 *
 * The verbs store and compare, and know nothing of load, placement, health or polls.
 * What decides is pure and stands above them (claim.h, reconcile.h, server.h): it reads,
 * thinks, and writes with what it read as a condition.  A write whose condition no
 * longer holds has changed nothing, and is tried anew with what is there now.
 *
 * Adapters: store_sqlite.h, store_redis.h, none.h, and support/memory.h for tests; one contract
 * test runs over all that remember.  Verbs may be called by many threads at once.  Spans
 * and texts handed out live in the arena that was given.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"
#include "model/meeting.h"
#include "model/pacing.h"
#include "model/server.h"
#include "model/trend.h"
#include "model/webhook.h"
#include "base/str.h"

/* How long a verb takes at most. */
#define STORE_WAIT_MS 250

/* How long a mapping is kept that no poll has shown and no create was sent for. */
#define MEETING_KEEP_MS (INT64_C(24) * 3600 * 1000)

/* What a meetingID had last time is remembered over the longest holidays, and of no more
 * meetings than this. */
#define PEAK_KEEP_MS (INT64_C(100) * 24 * 3600 * 1000)
#define PEAKS_MOST 100000

/* How long a recording is remembered after it was last put; and when one that is
 * remembered as it is put is written all the same. */
#define RECORDING_KEEP_MS (INT64_C(90) * 24 * 3600 * 1000)
#define RECORDING_RENEW_MS (INT64_C(24) * 3600 * 1000)

/* How long turn_take waits at most. */
#define STORE_TURN_MS 20

/* How long it is remembered that a hook was dropped: 30 days. */
#define WEBHOOK_DROPPED_MS (INT64_C(30) * 86400 * 1000)

/* A lease that was taken so long after another's request is none of the future: the
 * request waited. */
#define LEASE_AHEAD_MS 5000

/* How long a host leaves a poll to another (polls_begin): twice as long as the longest pause of
 * a gateway that looks for servers to poll (app_poll_pause_ms). */
#define STORE_POLL_WAIT_MS INT64_C(2000)

/* How often what is too old is forgotten. */
#define PURGE_INTERVAL_MS (INT64_C(3600) * 1000)

/* After so long without that nothing is forgotten for one interval more: nobody polled, or the
 * clock was set forward, so what is there may look old and be in use. */
#define PURGE_GAP_MS (2 * PURGE_INTERVAL_MS)

struct arena;
struct store;

enum store_result {
	STORE_OK,
	STORE_NOT_FOUND,
	STORE_ABSENT,   /* no server had the meeting a moment ago */
	STORE_EXISTS,   /* the hook is there already */
	STORE_CONFLICT, /* what is there is not what the caller expected */
	STORE_STALE,    /* the server's facts are no longer what the caller read */
	STORE_FULL,     /* there are LIMIT_WEBHOOKS hooks already */
	STORE_FAILED    /* logged; ask the servers instead */
};

/* New facts of one server, in place of those of facts.version. */
struct store_server {
	const char *name;
	struct server_facts facts;
	enum store_result result;  /* out: OK, STALE or FAILED */
	const struct event *event; /* NULL, or what to remember of it, if it is done */
};

/*
 * One change of a mapping: compare and set.  It is done if what is there is what was
 * expected, by its version; expected and wanted are NULL where there is, or is to be, no
 * mapping.  So a claim is NULL to a mapping, a drop the reverse, and a move one to another.
 */
struct store_change {
	struct str meeting_id;
	const struct meeting *expected;
	const struct meeting *wanted; /* its version is the store's to give */
	struct store_server *load;    /* NULL, or the facts of the server as the change
	                                 leaves them: a condition too … */
	bool is_load_kept;        /* … and nothing else: its version alone counts, no facts
	                                 and no event are set, and its result says nothing */
	enum store_result result; /* out: OK; CONFLICT; STALE when load is that;
	                                 or FAILED */
	struct meeting found;     /* out: what is there now */
};

/* A turn, or the wait for one: the adapter's; all 0 before the first turn_take. */
struct store_turn {
	bool is_begun; /* there is something to give back */
	int file;
	struct str meeting_id;
};

/* What earlier meetings tell of a new one (load.h). */
struct store_history {
	long peak;      /* the most people this meetingID had last time; 0: unknown */
	double typical; /* how many people meetings have typically; 0: unknown */
};

/* A copy of a recording. */
struct store_recording {
	struct str record_id;
	const char *server; /* the name of a server … */
	bool is_there;      /* … that has it, or has it no longer */
};

/* A server's list as it last answered. */
struct store_list {
	const char *server;
	const char *call;   /* "getMeetings" */
	const char *filter; /* what else the answer depends on, or "" */
	struct str answer;  /* the whole XML document */
};

/* The last hour of a server's load. */
struct store_trend {
	const char *server;
	struct trend trend;
};

/* A server that is to be polled. */
struct store_poll {
	const char *server;
	bool may_leave, is_left; /* to another host */
};

/* A gateway host that uses the state. */
struct store_host {
	const char *name;
	int64_t seen_ms; /* when it last read the servers' facts, to a minute */
};

/* What holds a state that hosts share, for those who look after it. */
struct store_description {
	const char *version;  /* "Redis 7.0.15" */
	const char *address;  /* where it is: "192.0.2.11:6379", or its socket's path */
	const char *policy;   /* what it does when its memory is used up (maxmemory-policy) */
	bool is_saved;        /* is each write saved, or nearly (appendonly)? */
	bool is_of_bbb;       /* does BigBlueButton use it, too? */
	int64_t used_bytes;   /* of its memory … */
	int64_t most_bytes;   /* … of so much; 0: no limit */
	long replicas;        /* how many are connected … */
	int64_t behind_bytes; /* … and how far behind the last of them is */
	struct store_host *hosts; /* those of the last hour, by name */
	size_t n_hosts;
};

/* After FAILED what is handed out is empty: lists have no items, facts are those of new
 * servers, there is no history, and changes that were not done have failed. */
struct store_verbs {
	/* clang-format off */
	/*
	 * What is known of each of the n servers, in one read.  Servers the state has
	 * never heard of get the facts of a new, healthy, empty one, with version 0.
	 * *whole_ms, which may be NULL, is since when nothing was lost that was to be
	 * written; INT64_MAX while it cannot be, or is not known.
	 */
	enum store_result (*servers_get)(struct store *store, const struct server *servers,
	    size_t n, struct server_facts *facts, int64_t *whole_ms);

	/* Write the facts of n servers, each if it is still of facts.version: result is
	 * OK, with the new version, or STALE.  Of their events, and those that
	 * meetings_set brings, the last EVENTS_MOST are kept. */
	enum store_result (*servers_set)(struct store *store, struct store_server *servers,
	    size_t n);

	/*
	 * Where a meeting lives, with what is known of that server: OK; or ABSENT, while
	 * absent_put's time runs; or NOT_FOUND.  *whole_ms is as of servers_get.  This is
	 * the one read of a join.
	 */
	enum store_result (*meeting_get)(struct store *store, struct arena *arena,
	    struct str meeting_id, int64_t now_ms, struct meeting *meeting,
	    struct server_facts *facts, int64_t *whole_ms);

	/*
	 * Do n changes of mappings, in their order; each says what came of it.  However
	 * many set one meetingID at once, in any number of processes, with one
	 * expectation, one of them gets OK.  Where a mapping goes, the most people its
	 * meeting had are kept for history_get.  A meeting that is mapped is no longer
	 * absent.  Returns OK or FAILED, after which nothing was done, or, of many
	 * changes, only the first ones.
	 */
	enum store_result (*meetings_set)(struct store *store, struct arena *arena,
	    struct store_change *changes, size_t n, int64_t now_ms);

	/*
	 * Take the turn to place a meetingID that no server has: OK; or CONFLICT, when
	 * another has it still after STORE_TURN_MS, and it may be asked for again; or
	 * FAILED, when turns cannot be had, as without a state, which is not logged.  Of all
	 * threads and processes of this host one at a time has the turn of a meetingID.
	 * It does not depend on whether the state can be read or written, and ends with its
	 * process.  Whatever the result, the turn is given back in the end.
	 */
	enum store_result (*turn_take)(struct store *store, struct str meeting_id,
	    struct store_turn *turn);

	/* Give the turn back, or end the wait for it.  One that was given back, or never
	 * asked for, is ignored. */
	void (*turn_give)(struct store *store, struct store_turn *turn);

	/* All mappings to a server, in the arena. */
	enum store_result (*meetings_on)(struct store *store, struct arena *arena,
	    const char *server, struct mapped **meetings, size_t *n);

	/* What earlier meetings tell of the meetingID. */
	enum store_result (*history_get)(struct store *store, struct str meeting_id,
	    struct store_history *history);

	/* All that the placement of those meetingIDs needs, in one read: as servers_get, and
	 * as history_get of each. */
	enum store_result (*picture_get)(struct store *store, const struct server *servers,
	    size_t n, struct server_facts *facts, int64_t *whole_ms,
	    const struct str *meeting_ids, struct store_history *histories,
	    size_t n_meetings);

	/* Remember how many people meetings have typically. */
	enum store_result (*typical_put)(struct store *store, double typical);

	/* Remember for ttl_ms that no server has the meeting.  Where there is a mapping,
	 * nothing is remembered. */
	enum store_result (*absent_put)(struct store *store, struct str meeting_id,
	    int64_t now_ms, int64_t ttl_ms);

	/*
	 * Take the lease that lets one process at a time poll: OK, and its holder's for
	 * ttl_ms, or CONFLICT while another holds it.  ttl_ms 0 gives it back.  One that
	 * was taken more than LEASE_AHEAD_MS in the future was taken before the clock was
	 * set back, and is free.
	 */
	enum store_result (*lease_take)(struct store *store, uint64_t holder, int64_t now_ms,
	    int64_t ttl_ms);

	/*
	 * Note that this host polls n servers now.  A poll that fails may be the fault of
	 * the host that makes it (its network, a secret that it has not reloaded), so of
	 * those that may be left (may_leave) the ones are left to other hosts (is_left)
	 * that this host polled last, while other hosts use the state: for
	 * STORE_POLL_WAIT_MS, in which this host comes for them again and again.  Where
	 * hosts share no state none are left, nor after FAILED.
	 */
	enum store_result (*polls_begin)(struct store *store, struct store_poll *polls,
	    size_t n);

	/*
	 * Take the next slot for a join at the server, by pacing_take (pacing.h), from what
	 * is kept of it.  However many take one at once, in any number of processes, each
	 * gets another.
	 */
	enum store_result (*slot_take)(struct store *store, const char *server,
	    int64_t now_ms, int64_t step_us, struct pacing_slot *slot);

	/*
	 * Remember which servers have copies of recordings, or no longer have; one
	 * recording may be on several.  What is remembered so already costs no write, but
	 * for one a day.
	 */
	enum store_result (*recordings_put)(struct store *store,
	    const struct store_recording *recordings, size_t n, int64_t now_ms);

	/* The copies of n recordings that are remembered, in the order of the recordIDs
	 * and by server. */
	enum store_result (*recordings_find)(struct store *store, struct arena *arena,
	    const struct str *record_ids, size_t n, struct store_recording **found,
	    size_t *n_found);

	/* Remember lists of servers; equal ones cost no write.  Of the lists with a filter
	 * a server's last LIMIT_LISTS are kept. */
	enum store_result (*lists_put)(struct store *store, const struct store_list *lists,
	    size_t n);

	/* The list last remembered for list's server, call and filter: OK with
	 * list->answer, or NOT_FOUND. */
	enum store_result (*list_find)(struct store *store, struct arena *arena,
	    struct store_list *list);

	/* Forget a server's lists of that call, whatever their filters, since what they
	 * tell was changed. */
	enum store_result (*lists_drop)(struct store *store, const char *server,
	    const char *call);

	/*
	 * Remember a hook (its is_dropped means nothing): OK; EXISTS, when one of its
	 * id is there and not dropped, which stays as it is; or FULL.  One that was
	 * dropped is put anew if that is wanted, as it is when a client asks for it,
	 * else it stays so: CONFLICT.
	 */
	enum store_result (*webhook_put)(struct store *store, const struct webhook *hook,
	    bool anew);

	/* All hooks, dropped ones too, ordered by id, in the arena. */
	enum store_result (*webhook_list)(struct store *store, struct arena *arena,
	    struct webhook **hooks, size_t *n);

	/*
	 * Drop the hook.  That it was dropped is remembered, for a server that cannot be
	 * told now, even of a hook that was not known.  Of dropped hooks the last
	 * LIMIT_WEBHOOKS are kept, for WEBHOOK_DROPPED_MS.
	 */
	enum store_result (*webhook_drop)(struct store *store, const char *id, int64_t now_ms);

	/* What happened to the servers, the last first, in the arena. */
	enum store_result (*events_get)(struct store *store, struct arena *arena,
	    struct event **events, size_t *n);

	/* The trends of n servers; those of whom nothing is remembered have no samples. */
	enum store_result (*trends_get)(struct store *store, struct store_trend *trends,
	    size_t n);

	/* Remember them, in place of what was there: of two who do so at once one wins. */
	enum store_result (*trends_put)(struct store *store, struct store_trend *trends,
	    size_t n);

	/*
	 * Forget what is too old, if that was not done for PURGE_INTERVAL_MS, and was done
	 * within PURGE_GAP_MS, or never; after a read of the servers' facts, as a poll
	 * makes it: mappings after MEETING_KEEP_MS, peaks, recordings, dropped hooks and
	 * absent meetings after their times, trends without a sample of the last
	 * TREND_MINUTES, servers (server_is_forgotten) with their lists and slots; and of
	 * peaks beyond PEAKS_MOST and recordings beyond LIMIT_RECORDINGS the oldest.
	 */
	enum store_result (*purge)(struct store *store, int64_t now_ms);

	/* What holds the state: OK; or NOT_FOUND, where it is this host's alone. */
	enum store_result (*describe)(struct store *store, struct arena *arena,
	    struct store_description *description);

	/* Why a verb failed last, for those who look after the state: a text, in the arena or
	 * constant, without a password or a key; NULL where none has failed. */
	const char *(*problem)(struct store *store, struct arena *arena);

	/* Free the adapter.  No other verb may be under way. */
	void (*close)(struct store *store);
	/* clang-format on */
};

struct store {
	const struct store_verbs *verbs;
};

#endif

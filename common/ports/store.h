/*
 * The port to the state: what the gateway remembers between requests.
 *
 * The BBB servers are the truth, the state only makes it fast.  So every verb
 * may fail with STORE_FAILED, which the adapter has logged, and the core then
 * goes on by asking the servers.  Adapters: store_sqlite.h, store_memory.h,
 * adapters/none.h; one contract test runs over all that remember.
 *
 * Verbs may be called by many threads at once.  Spans and texts handed out
 * live in the arena that was given.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/meeting.h"
#include "model/placement.h"
#include "model/server.h"
#include "model/webhook.h"

/* How long a recording is remembered after it was last put; and when one that is
 * remembered as it is put is written all the same. */
#define RECORDING_KEEP_MS (INT64_C(90) * 24 * 3600 * 1000)
#define RECORDING_RENEW_MS (INT64_C(24) * 3600 * 1000)

struct arena;
struct store;

enum store_result {
	STORE_OK,
	STORE_NOT_FOUND,
	STORE_ABSENT,    /* no server had the meeting a moment ago */
	STORE_EXISTS,    /* the meeting was mapped already */
	STORE_CONFLICT,  /* the mapping is not what the caller expected */
	STORE_NO_SERVER, /* no server can take the meeting */
	STORE_FULL,      /* there are LIMIT_WEBHOOKS hooks already */
	STORE_FAILED     /* logged; ask the servers instead */
};

/* A server's list of meetings (or sessions, recordings) as it last answered. */
struct store_list {
	const char *server;
	const char *what;  /* the call's name, or "CALL?QUERY" */
	struct str answer; /* the whole XML document */
};

/* A meeting that a poll found. */
struct store_polled {
	struct str meeting_id;
	long users;        /* those in its breakout rooms counted along */
	bool is_room;      /* a breakout room keeps a mapping but is given none */
	bool is_elsewhere; /* out: it is mapped to another server, and stays so */
};

/* Where a recording is. */
struct store_recording {
	struct str record_id;
	const char *server; /* its name, or NULL: not known */
};

/* What a poll learnt of one server. */
struct store_poll {
	const char *server;
	int64_t next_poll_ms; /* when to poll it next; 0: as its last contact said */
	bool answered;        /* if not, the rest means nothing */
	bool is_complete;     /* if not, more may run there than the meetings below */
	long users, voice, videos;
	struct store_polled *meetings; /* all that run there */
	size_t n;
};

/* How long it is remembered that a hook was dropped: 30 days. */
#define WEBHOOK_DROPPED_MS (INT64_C(30) * 86400 * 1000)

struct store_verbs {
	/* clang-format off */
	/*
	 * What is known of each of the n named servers.  Servers the state has
	 * never heard of get the facts of a new, healthy, empty one.  On
	 * STORE_FAILED all facts are those.
	 */
	enum store_result (*servers)(struct store *store, const struct server *servers,
	    size_t n, struct server_facts *facts);

	/*
	 * One contact with a server: server_contact() on what is known of it, in
	 * one transaction.  facts, which may be NULL, gets what is known after it,
	 * and *before the health before it.  A contact that changes nothing, as a
	 * good one with a server that is up, costs no write.
	 */
	enum store_result (*server_contact)(struct store *store, const char *server,
	    enum contact contact, const struct server_rules *rules, int64_t now_ms,
	    uint64_t nonce, enum server_health *before, struct server_facts *facts);

	/* Save one server's health and operator's state; its count of meetings and
	 * its turn are not touched. */
	enum store_result (*server_save)(struct store *store, const char *server,
	    const struct server_facts *facts);

	/*
	 * Find where a meeting lives, with the facts of that server: OK; or
	 * ABSENT, when meeting_absent was told less than absent_ttl_ms before
	 * now_ms; or NOT_FOUND.  This is the one read of a join.
	 */
	enum store_result (*meeting_find)(struct store *store, struct arena *arena,
	    struct str meeting_id, int64_t now_ms, int64_t absent_ttl_ms,
	    struct meeting *meeting);

	/* Remember that no server has the meeting; where there is a mapping, it
	 * stays and nothing else is remembered. */
	enum store_result (*meeting_absent)(struct store *store, struct str meeting_id,
	    int64_t now_ms);

	/*
	 * Map placement->meeting_id, in one transaction: EXISTS with the mapping
	 * that is already there; or choose a server by placement_choose(), with
	 * the facts of this moment filled into the candidates, reserve seats for
	 * the meeting there (load.h), and OK with the new mapping; or NO_SERVER.
	 * However many claim one meetingID at once, in any number of processes, one
	 * gets OK and the others EXISTS.  A mapping to a server that is not among
	 * the candidates is replaced.  Mappings older than a day may be forgotten
	 * on this occasion.
	 */
	enum store_result (*meeting_claim)(struct store *store, struct arena *arena,
	    struct placement *placement, int64_t now_ms, struct meeting *meeting);

	/* Map a meeting that was found on a server, without choosing: OK, with seats
	 * reserved until a poll has counted who is there; or EXISTS where there is a
	 * mapping already, which stays. */
	enum store_result (*meeting_adopt)(struct store *store, struct str meeting_id,
	    const char *server, int64_t now_ms);

	/*
	 * Map the meeting anew, as meeting_claim does, if it is still mapped to
	 * old_server: OK with the new mapping, NO_SERVER (the old mapping is
	 * gone then), or CONFLICT with the mapping of whoever was faster, or
	 * NOT_FOUND.
	 */
	enum store_result (*meeting_move)(struct store *store, struct arena *arena,
	    struct placement *placement, const char *old_server, int64_t now_ms,
	    struct meeting *meeting);

	/* Forget the mapping if it is to that server and was made at
	 * claimed_ms: OK, else CONFLICT or NOT_FOUND. */
	enum store_result (*meeting_drop)(struct store *store, struct str meeting_id,
	    const char *server, int64_t claimed_ms);

	/*
	 * Save what a poll learnt, in one transaction.  Of a server that answered,
	 * running meetings that are not mapped are, to it, and those mapped to it
	 * that no longer run are forgotten, but none that was mapped after
	 * now_ms - fresh_ms: its create may be under way; and none at all when the
	 * server's list is not complete.  The most people that a
	 * forgotten meeting had is remembered, for the seats of the next one with its
	 * meetingID.
	 */
	enum store_result (*polls_save)(struct store *store, struct store_poll *polls, size_t n,
	    int64_t now_ms, int64_t fresh_ms);

	/*
	 * Take the lease that lets one process at a time poll: OK, and ours until
	 * now_ms + ttl_ms, or CONFLICT while another holds it.  ttl_ms 0 gives it
	 * back.
	 */
	enum store_result (*lease_take)(struct store *store, uint64_t holder, int64_t now_ms,
	    int64_t ttl_ms);

	/*
	 * Remember where n recordings are, in one transaction; those without a
	 * server are forgotten.  What is remembered so already costs no write, but
	 * for one a day.  Recordings that were not put for RECORDING_KEEP_MS are
	 * forgotten, and of the others the oldest beyond LIMIT_RECORDINGS.
	 */
	enum store_result (*recordings_put)(struct store *store,
	    const struct store_recording *recordings, size_t n, int64_t now_ms);

	/* Fill in the servers of n recordings; NULL where none is remembered, and
	 * for all of them on STORE_FAILED. */
	enum store_result (*recordings_find)(struct store *store, struct arena *arena,
	    struct store_recording *recordings, size_t n);

	/* Remember the lists of several servers; equal ones cost no write, and
	 * is_known[i] tells whether lists[i] was one (is_known may be NULL; all are
	 * false on STORE_FAILED).  Of lists for a query ("CALL?QUERY") a server's last
	 * LIMIT_LISTS are kept. */
	enum store_result (*lists_save)(struct store *store, const struct store_list *lists,
	    size_t n, bool *is_known);

	/* The list last remembered for list->server and list->what: OK with
	 * list->answer, or NOT_FOUND. */
	enum store_result (*list_find)(struct store *store, struct arena *arena,
	    struct store_list *list);

	/* Forget a server's lists for queries of that call ("CALL?QUERY"), since what
	 * they tell was changed. */
	enum store_result (*lists_drop)(struct store *store, const char *server,
	    const char *call);

	/*
	 * Remember a hook (its is_dropped means nothing): OK; EXISTS, when one of its
	 * id is there and not dropped, which stays as it is; or FULL.  One that was
	 * dropped is put anew if that is wanted, as it is when a client asks for it,
	 * else it stays so: CONFLICT.
	 */
	enum store_result (*hook_put)(struct store *store, const struct webhook *hook,
	    bool anew);

	/* All hooks, dropped ones too, ordered by id, in the arena. */
	enum store_result (*hook_list)(struct store *store, struct arena *arena,
	    struct webhook **hooks, size_t *n);

	/*
	 * Drop the hook.  That it was dropped is remembered, even of one that was not
	 * known, for a server that cannot be told now: for WEBHOOK_DROPPED_MS, and of the
	 * last LIMIT_WEBHOOKS.
	 */
	enum store_result (*hook_drop)(struct store *store, const char *id, int64_t now_ms);

	/* Free the adapter.  No other verb may be under way. */
	void (*close)(struct store *store);
	/* clang-format on */
};

struct store {
	const struct store_verbs *verbs;
};

#endif

/*
 * The scripts that change and read what is in the engine, each in one piece.  They store,
 * compare and count, and know nothing of load, placement or health.
 *
 * KEYS[1] is what all keys begin with, "{PREFIX}:".  Behind it:
 *
 *	hosts               hash: a host's name to when it last read the servers' facts
 *	version, born       the version given last, and the one since when what was read stays
 *	                    true, in microseconds since 1970: so no version comes back after
 *	                    the engine was emptied, or has lost its last writes
 *	whole, engine       since when nothing was lost (ms), and the run_id that knows it
 *	servers             hash: name to "VERSION FACTS" (facts.c)
 *	changed             sorted set: name by version
 *	m:MEETINGID         "VERSION PEAK …\nSERVER\nCOPY" (meetings.c), with a time to live
 *	on:SERVER           sorted set: meetingIDs by when they were seen or created last
 *	homes               set: servers of which there is an on:SERVER
 *	absent:MEETINGID    "AT UNTIL", with a time to live
 *	peaks, peaked       hash: meetingID to the most people; sorted set: by when
 *	typical, lease, purged
 *	pacing              hash: server to "NEXT_US TAKEN_MS"
 *	r:RECORDID          hash: server to when it was put, with a time to live
 *	recordings          sorted set: "RECORDID\nSERVER" by when
 *	lists:SERVER        hash: "CALL\nFILTER" to the answer, deflated
 *	digests:SERVER      hash: the same to the answer's SHA-1
 *	listed:SERVER       sorted set: those with a filter, by when they changed
 *	hooks, dropped      hash: id to the hook (webhooks.c); sorted set: ids by when
 *	events, trends      list; hash: server to "MINUTE SAMPLES"
 *
 * Times are the engine's, in milliseconds.  Any key may hold anything, if somebody else was
 * at it: what is damaged is taken for nothing, and replaced by the next write.  A version has
 * at most 16 digits, as numbers are exact to 2^53 here; C and Lua must agree on what is one.
 */
#ifndef SCRIPTS_H
#define SCRIPTS_H

/* Their arguments stand above each in scripts.c. */
enum redis_script {
	SCRIPT_HELLO,
	SCRIPT_SERVERS,
	SCRIPT_SERVER_SET,
	SCRIPT_MEETING_GET,
	SCRIPT_MEETING_SET,
	SCRIPT_MEETINGS_ON,
	SCRIPT_ABSENT_PUT,
	SCRIPT_LEASE_TAKE,
	SCRIPT_POLLS_BEGIN,
	SCRIPT_SLOT_TAKE,
	SCRIPT_RECORDINGS_PUT,
	SCRIPT_LIST_PUT,
	SCRIPT_LISTS_DROP,
	SCRIPT_HOOK_PUT,
	SCRIPT_HOOK_DROP,
	SCRIPT_PURGE,
	REDIS_SCRIPTS
};

/* A script's text, and its SHA-1 as EVALSHA wants it, which is made once in a process. */
const char *script_text(enum redis_script script);
const char *script_sha(enum redis_script script);

#endif

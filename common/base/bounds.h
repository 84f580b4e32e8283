/*
 * All maxima in one place.  Whatever a stranger can make grow ends here.
 * (max_body_bytes of the configuration caps request bodies.)
 */
#ifndef BOUNDS_H
#define BOUNDS_H

/* A request's path and query.  nginx and mod_fcgid end at about 32 KiB. */
#define LIMIT_PATH_BYTES 4096
#define LIMIT_QUERY_BYTES 65536

/* A form that brings its own checksum, which is read before anybody knows who sent it.  So
 * much is what a BBB server's Tomcat takes (maxPostSize). */
#define LIMIT_FORM_BYTES ((size_t)2 << 20)

/* Parameters in one query or form; and how many are read, since the checksum may stand
 * behind those that are too many: all that a query of LIMIT_QUERY_BYTES can hold. */
#define LIMIT_PARAMETERS 1000
#define LIMIT_PARAMETERS_READ (LIMIT_QUERY_BYTES / 2)

/* BBB allows 256 characters (MeetingIDConstraint); UTF-8 takes up to 4 bytes. */
#define LIMIT_MEETING_ID_BYTES 1024

/* BBB's recordIDs have 54 characters; longer ones than this are not remembered, nor asked
 * for, since no name of a directory is that long. */
#define LIMIT_RECORD_ID_BYTES 256

/* RecordIDs in one call that changes recordings. */
#define LIMIT_RECORD_IDS 1000

/* Recordings of which the state remembers the server. */
#define LIMIT_RECORDINGS 100000

/* What is remembered of a server's answers to getRecordings: so many, the newest,
 * each for a query of so many bytes, and so large. */
#define LIMIT_LISTS 20
#define LIMIT_LIST_QUERY_BYTES 4096
#define LIMIT_LIST_BYTES ((size_t)2 << 20)

/* A server's list of meetings that is remembered: 1,500 of 30 attendees.  One that is larger
 * would be written to the state with each poll, and read while a client waits for it. */
#define LIMIT_MEETINGS_BYTES ((size_t)16 << 20)

/* What is kept in memory of each server's list of meetings (known_list.h): some 350 meetings of
 * BBB's own meetingIDs.  So all servers together, LIMIT_SERVERS of them, have 32 MiB at most;
 * of 500 servers with 20 meetings each it is 1 MB. */
#define LIMIT_KNOWN_LIST_BYTES ((size_t)32 << 10)

/* A call's name, "hooks/create". */
#define LIMIT_CALL_NAME_BYTES 64

/* A JSON Web Token, and a URL that BBB calls back.  A gateway's URL carries the
 * latter with up to three bytes for one, and web servers end at 8 KiB. */
#define LIMIT_TOKEN_BYTES 16384
#define LIMIT_CALLBACK_URL_BYTES 2048

/* Such URLs that are made a client's again in one answer: some hundredths of a millisecond
 * each, which a server that lists nothing else must not take without end. */
#define LIMIT_CALLBACKS_SHOWN 20000

/* Webhooks, all together, and the events that one names. */
#define LIMIT_WEBHOOKS 500
#define LIMIT_WEBHOOK_EVENTS_BYTES 2048

/* The answer to a callback, and what of it BBB is told. */
#define LIMIT_CALLBACK_ANSWER_BYTES 65536
#define LIMIT_CALLBACK_RELAY_BYTES 4096

/* Refusals of one client for a wrong checksum that are logged, and within how many seconds from
 * the first on.  Five times what the jail in contrib/fail2ban bans for, which so sees enough
 * of them, and more than somebody with a mistyped secret needs to see; but one who sends 20,000
 * a second does not fill the disk. */
#define LIMIT_REFUSALS 100
#define LIMIT_REFUSALS_S 60

/* One answer of one server: 3,000 meetings of 30 attendees are some 30 MiB. */
#define LIMIT_ANSWER_BYTES ((size_t)64 << 20)

/* All answers that this process has at a time, but for the first bytes of each, so that a
 * server with long answers takes no memory from calls with short ones. */
#define LIMIT_ANSWERS_BYTES ((size_t)256 << 20)
#define LIMIT_ANSWER_FREE_BYTES ((size_t)1 << 20)

/* A server's XML: elements in each other, elements in all, items of one list, bytes of
 * one tag, comment or instruction, of a text that is wanted (a longer one is empty), and the
 * memory of its parsers.  Clients' parsers end at 256 levels (libxml2, parserInternals.h).
 * A host of BBB's has some 10,000 recordings; the elements of its lists have 20 bytes and
 * more. */
#define LIMIT_XML_DEPTH 64
#define LIMIT_XML_ELEMENTS ((size_t)4000000)
#define LIMIT_LIST_ITEMS ((size_t)100000)
#define LIMIT_XML_TOKEN_BYTES ((size_t)1 << 20)
#define LIMIT_XML_TEXT_BYTES ((size_t)1000 << 10)
#define LIMIT_XML_PARSER_BYTES ((size_t)32 << 20)

/* What of a thread's time reading one answer may take when the call's deadline has passed:
 * enough for a list of 10 MB, while the lists of many servers that are read one after the
 * other do not add up to minutes. */
#define LIMIT_XML_LATE_MS 500

/* A merged answer. */
#define LIMIT_MERGED_BYTES ((size_t)256 << 20)

/* An answer's header, and what of it is relayed. */
#define LIMIT_HEADER_BYTES 16384

/* A Location that the gateway makes: a server's address and a client's query, three bytes for
 * one at the worst, with what the configuration adds. */
#define LIMIT_LOCATION_BYTES ((size_t)4 * LIMIT_QUERY_BYTES)

/* The query sent to a server; above it form fields go along as a body, since
 * Tomcat and nginx refuse request lines beyond 8 KiB. */
#define LIMIT_FORM_AS_QUERY_BYTES 6000

/* The configuration file, and the servers in it. */
#define LIMIT_CONFIG_BYTES ((size_t)4 << 20)
#define LIMIT_SERVERS 1000

/* The URL of the engine that keeps the state, and the sentinels that it names. */
#define LIMIT_STATE_URL_BYTES 8192
#define LIMIT_STATE_HOSTS 32

/* The secrets of one server, all of which may be tried for one call. */
#define LIMIT_SERVER_SECRETS 10

#endif

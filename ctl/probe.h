/*
 * Servers asked live, and what to do about each that fails: for check and init.
 *
 * A server is asked for its version document, which needs no secret, and isMeetingRunning,
 * signed with each of its secrets and then by each algorithm.  Nothing of it counts for the
 * gateway's picture of the server's health.
 */
#ifndef CTL_PROBE_H
#define CTL_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "formats/checksum.h"
#include "ports/http.h"
#include "table.h"

struct config;
struct ctl;
struct server;

/* Something to do. */
struct finding {
	bool is_failure; /* else it may well stay so */
	const char *what, *what_to_do;
};

struct probed {
	const struct server *server;
	struct http_call version, *secrets; /* one question for each secret */
	struct http_call algorithms[CHECKSUM_ALGORITHMS];
	bool is_signed[CHECKSUM_ALGORITHMS]; /* was that question asked? */
	const char *good_secret;             /* that it took, or NULL */
	bool is_good;
	const char *verdict; /* in a word or two */
};

struct probe {
	struct ctl *ctl; /* with configuration and transport open */
	const struct config *config;
	struct probed *servers; /* those to ask: each with its server, else zero */
	size_t n;
	/* What was found out, in the arena of ctl. */
	int64_t begin_ms; /* when the servers were asked */
	struct finding *findings;
	size_t n_findings, capacity;
	size_t n_failures; /* … of servers and all else */
	size_t n_failed_servers;
	const char *state_verdict; /* check's: "good", "cannot be used"; NULL: there is none */
	const char *state_problem; /* … and why; NULL: it is good */
};

/* Add a finding; both texts are borrowed. */
void probe_find(struct probe *probe, bool is_failure, const char *what, const char *what_to_do);

/* Ask all servers of the probe at once, and judge each.  On a terminal a line tells so
 * meanwhile. */
void probe_servers(struct probe *probe);

/* Begin the table, and fill it with a row for each server. */
void probe_fill(struct probe *probe, struct table *table);

/* Append each finding with what to do, for people, or that all is well. */
void probe_write_findings(struct probe *probe, struct buf *out);

#endif

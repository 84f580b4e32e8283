/*
 * Every metric.  The names of calls and results are those of core/api.c and core/reply.c,
 * which tests compare.
 */
#include "base/built.h"
#include "base/metrics.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const calls[] = { "index", "create", "join", "isMeetingRunning",
	"getMeetingInfo", "end", "insertDocument", "sendChatMessage", "getMeetings",
	"getSessions", "getRecordings", "publishRecordings", "deleteRecordings",
	"updateRecordings", "getRecordingTextTracks", "putRecordingTextTrack", "hooks/create",
	"hooks/list", "hooks/destroy", "tinyscale/health", "tinyscale/callback",
	"tinyscale/status", "tinyscale/metrics", "other" };

static const char *const results[] = { "SUCCESS", "FAILED", "redirect", "queued",
	"checksumError", "missingParamMeetingID", "notFound", "invalidMeetingIdentifier",
	"meetingNotFound", "missingParamRecordID", "missingParamPublish", "serverUnavailable",
	"noRecordings", "paramError", "noServerAvailable", "serverTagUnavailable",
	"invalidRequest", "unsupportedContentType", "unsupportedRequest",
	"missingParamCallbackURL", "missingParamHookID", "destroyMissingHook",
	"createHookError", "listHookError", "destroyHookError", "idNotUnique",
	"duplicateWarning", "noMeetings", "noSessions", "other" };

static const char *const accesses[] = { "read", "write" };
static const char *const healths[] = { "up", "suspect", "down" };
static const char *const states[] = { "enabled", "cordoned", "disabled" };
static const char *const versions[] = { BUILT_VERSION };

static const struct metric_label call = { "call", calls, COUNT(calls) };
static const struct metric_label result = { "result", results, COUNT(results) };
static const struct metric_label access_label = { "access", accesses, COUNT(accesses) };
static const struct metric_label health = { "health", healths, COUNT(healths) };
static const struct metric_label state = { "state", states, COUNT(states) };
static const struct metric_label version = { "version", versions, COUNT(versions) };

const int64_t metrics_bounds_us[METRIC_BOUNDS] = { 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000 };

#define COUNTER METRIC_COUNTER, METRIC_COUNTED
#define HISTOGRAM METRIC_HISTOGRAM, METRIC_COUNTED
#define PROCESSES METRIC_GAUGE, METRIC_PROCESS
#define LAST METRIC_GAUGE, METRIC_LAST
#define TOLD METRIC_GAUGE, METRIC_TOLD

const struct metric_row metrics_table[METRICS] = {
	[METRIC_BUILD_INFO] = { "tinyscale_build_info", TOLD, false, { &version },
	    "The version of the process that was asked; always 1." },
	[METRIC_REQUESTS] = { "tinyscale_requests_total", COUNTER, false, { &call, &result },
	    "Requests that were answered, by the call and by what the client was told." },
	[METRIC_REQUEST_DURATION] = { "tinyscale_request_duration_seconds", HISTOGRAM, false,
	    { &call }, "Time from a request to its answer." },
	[METRIC_CHECKSUM_FAILURES] = { "tinyscale_checksum_failures_total", COUNTER, false,
	    { 0 }, "Requests refused for a missing or wrong checksum." },
	[METRIC_LOOKUPS] = { "tinyscale_lookups_total", COUNTER, false, { 0 },
	    "Meetings not in the state that were looked for on all servers." },
	[METRIC_LOOKUPS_SPARED] = { "tinyscale_lookups_spared_total", COUNTER, false, { 0 },
	    "Look-ups beyond the budget, answered without asking." },
	[METRIC_LOOKUP_QUESTIONS] = { "tinyscale_lookup_questions_total", COUNTER, false, { 0 },
	    "Questions to servers that look-ups cost." },
	[METRIC_LOOKUP_BUDGET] = { "tinyscale_lookup_budget_per_second", TOLD, false, { 0 },
	    "Questions that look-ups may cost a process each second (lookups_per_second)." },
	[METRIC_STATE_FAILURES] = { "tinyscale_state_failures_total", COUNTER, false,
	    { &access_label }, "Accesses to the state that failed; the servers were asked." },
	[METRIC_STATE_BROKEN] = { "tinyscale_state_broken", PROCESSES, false, { &access_label },
	    "Processes that cannot read or write the state now, and go on without it." },
	[METRIC_SHARED] = { "tinyscale_metrics_shared", TOLD, false, { 0 },
	    "1: these are totals of the installation; 0: of the process that was asked." },
	[METRIC_PROCESSES] = { "tinyscale_processes", PROCESSES, false, { 0 },
	    "Processes of tinyscale that run." },
	[METRIC_WORKERS] = { "tinyscale_workers", PROCESSES, false, { 0 },
	    "Requests that can be served at once." },
	[METRIC_WORKERS_BUSY] = { "tinyscale_workers_busy", PROCESSES, false, { 0 },
	    "Requests that are being served; a join that waits its turn is none." },
	[METRIC_POLL_DURATION] = { "tinyscale_poll_duration_seconds", HISTOGRAM, false, { 0 },
	    "Time that servers took to answer their polls." },
	[METRIC_SERVER_HEALTH] = { "tinyscale_server_health", TOLD, true, { &health },
	    "1 for the health that the server has, 0 for the others." },
	[METRIC_SERVER_STATE] = { "tinyscale_server_state", TOLD, true, { &state },
	    "1 for the state that the configuration or the operator gave it, else 0." },
	[METRIC_SERVER_WEIGHT] = { "tinyscale_server_weight", TOLD, true, { 0 },
	    "The server's capacity relative to the others." },
	[METRIC_SERVER_MEETINGS] = { "tinyscale_server_meetings", TOLD, true, { 0 },
	    "Meetings mapped to the server." },
	[METRIC_SERVER_USERS] = { "tinyscale_server_users", TOLD, true, { 0 },
	    "People in the server's meetings, at its last poll." },
	[METRIC_SERVER_RESERVED] = { "tinyscale_server_reserved_seats", TOLD, true, { 0 },
	    "Seats reserved for people to come." },
	[METRIC_SERVER_FAILED_POLLS] = { "tinyscale_server_failed_polls", TOLD, true, { 0 },
	    "Polls in a row that failed." },
	[METRIC_SERVER_FAILED_CREATES] = { "tinyscale_server_failed_creates", TOLD, true, { 0 },
	    "Creates of different meetings in a row that failed." },
	[METRIC_SERVER_POLL_AGE] = { "tinyscale_server_poll_age_seconds", TOLD, true, { 0 },
	    "Time since the server was polled; infinite: never." },
	[METRIC_SERVER_POLL_DURATION] = { "tinyscale_server_poll_duration_seconds", LAST, true,
	    { 0 }, "Time that the server's last poll took." },
	[METRIC_SERVER_CALLS] = { "tinyscale_server_calls_total", COUNTER, true, { 0 },
	    "Calls to the server, polls included." },
	[METRIC_SERVER_CALL_FAILURES] = { "tinyscale_server_call_failures_total", COUNTER, true,
	    { 0 }, "Calls to the server that brought no HTTP answer." },
	[METRIC_SERVER_IN_FLIGHT] = { "tinyscale_server_calls_in_flight", PROCESSES, true,
	    { 0 }, "Calls to the server that wait for its answer, or for their turn." },
};

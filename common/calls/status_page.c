/*
 * The status page: one HTML document with all that it needs, for a phone and for a wall.
 *
 * It works without a script, by a reload; with one, what has changed is replaced where it
 * stands.  Nothing is loaded from elsewhere, and the Content-Security-Policy lets nothing
 * but its own style and script do anything.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/bounds.h"
#include "base/buf.h"
#include "calls/status.h"
#include "core/reply.h"
#include "formats/checksum.h"
#include "formats/xml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The load that fills a bar at least, lest three people look like a crowd. */
#define FULL_BAR_LEAST 25

/* ---- The page, in its parts ------------------------------------------------------- */

/* In these, "{name}" becomes the slot's text, escaped, and "{!name}" its markup.  What
 * has an id and data-live is what the script replaces. */

/* clang-format off */
static const char page_template[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<meta name=\"robots\" content=\"noindex\"/>\n"
    "<noscript><meta http-equiv=\"refresh\" content=\"30\"/></noscript>\n"
    "<title>{summary} – tinyscale</title>\n"
    "<style>{!style}</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>tinyscale</h1>\n"
    "<p id=\"summary\" data-live=\"\" aria-live=\"polite\"><span class=\"summary {level}\">"
    "<span aria-hidden=\"true\">{sign}</span> {summary}</span></p>\n"
    "<h2>Totals</h2>\n"
    "<dl id=\"totals\" data-live=\"\">\n"
    "<div><dt>Servers up</dt><dd>{up} <small>of {used}</small></dd></div>\n"
    "<div><dt>Meetings</dt><dd>{meetings}{!meetings_plot}</dd></div>\n"
    "<div><dt>Users</dt><dd>{users}{!users_plot}</dd></div>\n"
    "<div><dt>Seats reserved</dt><dd>{expected}</dd></div>\n"
    "</dl>\n"
    "<h2 id=\"servers-title\">Servers</h2>\n"
    "<section class=\"table\" aria-labelledby=\"servers-title\" tabindex=\"0\">\n"
    "<table role=\"table\" id=\"servers\" data-live=\"\">\n"
    "<thead role=\"rowgroup\"><tr role=\"row\">"
    "<th role=\"columnheader\" scope=\"col\">Server</th>"
    "<th role=\"columnheader\" scope=\"col\">Health</th>"
    "<th role=\"columnheader\" scope=\"col\">State</th>"
    "<th role=\"columnheader\" scope=\"col\" class=\"n\">Meetings</th>"
    "<th role=\"columnheader\" scope=\"col\" class=\"n\">Users</th>"
    "<th role=\"columnheader\" scope=\"col\" class=\"n\">Reserved</th>"
    "<th role=\"columnheader\" scope=\"col\">Load</th>"
    "<th role=\"columnheader\" scope=\"col\">Last hour</th>"
    "<th role=\"columnheader\" scope=\"col\">Answered</th>"
    "<th role=\"columnheader\" scope=\"col\">New meetings</th>"
    "</tr></thead>\n"
    "<tbody role=\"rowgroup\">\n"
    "{!rows}"
    "</tbody>\n"
    "</table>\n"
    "</section>\n"
    "<p class=\"muted\" id=\"legend\" data-live=\"\">Load is users and reserved seats "
    "(hatched), divided by the server’s weight. The last hour shows users, all servers to "
    "one scale, up to {most}.</p>\n"
    "<h2>Recent changes</h2>\n"
    "<div id=\"changes\" data-live=\"\">{!changes}</div>\n"
    "<p class=\"muted\" id=\"time\" data-live=\"\">As of "
    "<time datetime=\"{iso}\">{clock}</time>. Placement: {placement}. Version {version}.</p>\n"
    "<p id=\"stale\" role=\"status\"></p>\n"
    "</main>\n"
    "<script>{!script}</script>\n"
    "</body>\n"
    "</html>\n";

static const char row_template[] =
    "<tr role=\"row\" class=\"row-{level}\">"
    "<th role=\"rowheader\" scope=\"row\"><bdi>{name}</bdi>{!release}</th>"
    "<td role=\"cell\" data-label=\"Health\"><span class=\"{health}\">"
    "<span aria-hidden=\"true\">{sign}</span> {health}</span></td>"
    "<td role=\"cell\" data-label=\"State\">{state}</td>"
    "<td role=\"cell\" data-label=\"Meetings\" class=\"n\">{meetings}</td>"
    "<td role=\"cell\" data-label=\"Users\" class=\"n\">{users}</td>"
    "<td role=\"cell\" data-label=\"Reserved\" class=\"n\">{expected}</td>"
    "<td role=\"cell\" data-label=\"Load\" class=\"load\">"
    "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    "<rect class=\"there\" width=\"{there}\" height=\"10\"/>"
    "<path class=\"to-come\" d=\"{to_come}\"/></svg> <span class=\"n\">{load}</span></td>"
    "<td role=\"cell\" data-label=\"Last hour\" class=\"hour\">{!plot}</td>"
    "<td role=\"cell\" data-label=\"Answered\">{contact}</td>"
    "<td role=\"cell\" data-label=\"New meetings\" class=\"why\">{why}</td>"
    "</tr>\n";

static const char release_template[] =
    " <small class=\"release\">BigBlueButton {release}</small>";

static const char change_template[] =
    "<li><time datetime=\"{iso}\">{clock}</time> <span class=\"muted\">{ago}</span> "
    "<span><bdi>{server}</bdi> {change}</span></li>\n";

static const char plot_template[] =
    "<svg class=\"plot\" viewBox=\"-1 0 61 20\" preserveAspectRatio=\"none\" role=\"img\" "
    "aria-label=\"{label}\"><path d=\"M0 19.5H59\" class=\"floor\"/><path d=\"{line}\"/></svg>";

static const char style[] =
    ":root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--text:#1b1f24;--muted:#57606a;"
    "--line:#d0d7de;--good:#1a7f37;--doubt:#8a5300;--bad:#b3261e;--bar:#1f6feb}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#14171b;--card:#1d2127;--text:#e6e9ec;"
    "--muted:#a4adb7;--line:#3a424c;--good:#5cd27c;--doubt:#f0b849;--bad:#ff9a91;"
    "--bar:#6ea8fe}}\n"
    "html{font:1rem/1.45 system-ui,sans-serif;background:var(--page);color:var(--text)}\n"
    "@media(min-width:110rem){html{font-size:1.5rem}}\n"
    "body{margin:0}\n"
    "main{max-width:84rem;margin:0 auto;padding:1rem clamp(.75rem,3vw,2rem) 2rem}\n"
    "h1{font-size:1rem;margin:0;color:var(--muted);font-weight:600;letter-spacing:.03em}\n"
    "h2{font-size:1.05rem;margin:1.75rem 0 .6rem}\n"
    "p{margin:.6rem 0}\n"
    ".summary{font-size:1.6rem;line-height:1.25;font-weight:650;overflow-wrap:anywhere}\n"
    ".muted{color:var(--muted)}\n"
    ".good,.up{color:var(--good)}.doubt,.suspect,.unknown{color:var(--doubt)}"
    ".bad,.down{color:var(--bad)}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;"
    "margin:0}\n"
    "dl div,.table{background:var(--card);border:1px solid var(--line);border-radius:.5rem}\n"
    "dl div{padding:.6rem .9rem}\n"
    "dt{color:var(--muted);font-size:.875rem}\n"
    "dd{margin:0;font-size:1.75rem;line-height:1.2;font-weight:650;"
    "font-variant-numeric:tabular-nums}\n"
    "small{font-size:1rem;font-weight:400;color:var(--muted)}\n"
    ".release{display:block;font-size:.875rem}\n"
    ".table{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;padding:.5rem .75rem;vertical-align:top;white-space:nowrap}\n"
    "thead th{font-size:.875rem;font-weight:600;color:var(--muted)}\n"
    "tbody tr{border-top:1px solid var(--line)}\n"
    "tbody th{font-weight:650;white-space:normal;overflow-wrap:anywhere;min-width:13rem;"
    "border-left:.3rem solid transparent}\n"
    ".row-bad th{border-color:var(--bad)}.row-doubt th{border-color:var(--doubt)}\n"
    ".row-wanted th,.row-wanted td,.row-wanted .unknown{color:var(--muted)}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".why{white-space:normal;min-width:11rem;overflow-wrap:anywhere}\n"
    ".load svg{width:6rem;height:.8rem;vertical-align:-.05rem;background:var(--page);"
    "border:1px solid var(--line);border-radius:.15rem}\n"
    ".there{fill:var(--bar)}"
    ".to-come{stroke:var(--bar);stroke-width:1.5;vector-effect:non-scaling-stroke;fill:none}\n"
    ".plot{width:8rem;height:1.6rem;vertical-align:middle}\n"
    ".plot path{fill:none;stroke:var(--bar);stroke-width:1.75;stroke-linecap:round;"
    "stroke-linejoin:round;vector-effect:non-scaling-stroke}\n"
    ".plot .floor{stroke:var(--line);stroke-width:1}\n"
    "dd .plot{width:100%;height:2.2rem;display:block;margin-top:.4rem}\n"
    "ol{list-style:none;margin:0;padding:0}\n"
    "li{display:flex;flex-wrap:wrap;gap:0 1rem;padding:.3rem 0;overflow-wrap:anywhere}\n"
    "li time{font-variant-numeric:tabular-nums}li .muted{min-width:7em}\n"
    "#stale:empty{display:none}\n"
    "#stale{position:sticky;bottom:0;padding:.6rem .9rem;background:var(--card);"
    "border:2px solid var(--bad);border-radius:.5rem;font-weight:650}\n"
    "@media(max-width:50rem){.table{border:0;background:none;overflow:visible}"
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "table,tbody{display:block}"
    "tbody tr{display:grid;grid-template-columns:minmax(0,4fr) minmax(0,5fr);"
    "grid-auto-flow:dense;column-gap:1.25rem;background:var(--card);"
    "border:1px solid var(--line);border-radius:.5rem;margin:0 0 .75rem;padding:.5rem .9rem}"
    "tbody th,.load,.hour,.why{grid-column:1/-1}"
    "tbody th{padding:.1rem 0 .3rem;border:0;font-size:1.15rem}"
    ".row-bad{border-left:.3rem solid var(--bad)}"
    ".row-doubt{border-left:.3rem solid var(--doubt)}"
    "td,td.n{display:flex;justify-content:space-between;gap:.5rem;padding:.15rem 0;"
    "text-align:right;min-width:0;white-space:normal}"
    ".load{justify-content:flex-start;align-items:center}.load svg{margin-left:auto}"
    ".load .n{min-width:2.5em}.hour{align-items:center}"
    "td::before{content:attr(data-label);color:var(--muted);white-space:nowrap}}\n";

static const char script[] =
    "'use strict';\n"
    "{\n"
    "  const stale = document.getElementById('stale');\n"
    "  const refresh = async () => {\n"
    "    if (document.hidden || !getSelection().isCollapsed) return;\n"
    "    let problem = 'the gateway does not answer';\n"
    "    try {\n"
    "      const answer = await fetch(location.href, { cache: 'no-store' });\n"
    "      const text = await answer.text();\n"
    "      const fresh = new DOMParser().parseFromString(text, 'text/html');\n"
    "      if (!fresh.getElementById('servers')) {\n"
    "        problem = 'this address is no longer valid, sign a new one';\n"
    "        throw new Error(problem);\n"
    "      }\n"
    "      for (const old of document.querySelectorAll('[data-live]')) {\n"
    "        const by = fresh.getElementById(old.id);\n"
    "        if (old.innerHTML !== by.innerHTML) old.replaceChildren(...by.childNodes);\n"
    "      }\n"
    "      document.title = fresh.title;\n"
    "      stale.textContent = '';\n"
    "    } catch {\n"
    "      const since = document.querySelector('#time time').textContent;\n"
    "      const text = 'This is as it was at ' + since + ': ' + problem + '.';\n"
    "      if (stale.textContent !== text) stale.textContent = text;\n"
    "    }\n"
    "  };\n"
    "  setInterval(refresh, 10000);\n"
    "  document.addEventListener('visibilitychange', refresh);\n"
    "}\n";
/* clang-format on */

/* ---- Filling in -------------------------------------------------------------------- */

struct slot {
	const char *name;
	struct str value;
};

/* Append the template with its slots filled in. */
static void
fill(struct buf *out, const char *template, const struct slot *slots, size_t n)
{
	for (const char *at = template; *at != '\0';) {
		size_t plain = strcspn(at, "{");

		buf_add(out, at, plain);
		at += plain;
		if (*at == '\0')
			break;
		at++;
		bool is_markup = *at == '!';
		struct str name = { at + is_markup, strcspn(at, "}") - is_markup };
		at += is_markup + name.len + 1;
		for (size_t i = 0; i < n; i++) {
			if (!str_is(name, slots[i].name))
				continue;
			if (is_markup)
				buf_str(out, slots[i].value);
			else
				xml_text(out, slots[i].value);
		}
	}
}

static struct str
number(const struct status *status, double value)
{
	return str_from(str_printf(status->call->arena, "%.0f", value));
}

static const char *const level_names[] = {
	[STATUS_GOOD] = "good",
	[STATUS_WANTED] = "wanted",
	[STATUS_DOUBT] = "doubt",
	[STATUS_BAD] = "bad",
};

/* Shapes, since not everybody tells the colours apart. */
static struct str
sign_of(const struct status_server *row)
{
	if (strcmp(row->health, "unknown") == 0)
		return STR("?");
	switch (row->facts->health) {
	case SERVER_UP:
		return STR("●");
	case SERVER_SUSPECT:
		return STR("▲");
	case SERVER_DOWN:
		break;
	}
	return STR("✖");
}

/* ---- The last hour ------------------------------------------------------------------ */

/* What a plot shows: the people, or the meetings. */
enum kind { USERS, MEETINGS };

static long
value_at(const struct status *status, const struct trend *trend, enum kind kind, int ago)
{
	struct trend_sample sample = trend_at(trend, status->now_ms, ago);

	return kind == USERS ? sample.users : sample.meetings;
}

/* The most of it in the last hour; -1 where nothing is known. */
static long
most_of(const struct status *status, const struct trend *trend, enum kind kind)
{
	long most = -1;

	for (int ago = 0; ago < TREND_MINUTES; ago++) {
		long value = value_at(status, trend, kind, ago);

		if (value > most)
			most = value;
	}
	return most;
}

/* A line that breaks off where there is no sample; full is at its top. */
static struct str
plot(const struct status *status, const struct trend *trend, enum kind kind, long full)
{
	struct arena *arena = status->call->arena;
	const char *what = kind == USERS ? "users" : "meetings";
	long most = most_of(status, trend, kind), last = -1, before = -1;
	struct buf line, out;

	buf_init(&line, LIMIT_ANSWER_BYTES);
	for (int ago = TREND_MINUTES - 1; ago >= 0; ago--, before = last) {
		last = value_at(status, trend, kind, ago);
		if (last < 0)
			continue;
		int x = TREND_MINUTES - 1 - ago;
		double y = 19 - 18 * (double)last / (double)(full > 0 ? full : 1);
		/* One alone is a dot. */
		buf_printf(&line, before < 0 ? "M%d %.1fh.01" : "L%d %.1f", x, y);
	}
	const struct slot slots[] = {
		{ "line", buf_take(&line, arena) },
		{ "label",
		    str_from(most < 0 ?
		            str_printf(arena, "%s in the last hour: none known", what) :
		            str_printf(arena, "%s in the last hour: at most %ld", what,
		                most)) },
	};
	buf_init(&out, LIMIT_ANSWER_BYTES);
	fill(&out, plot_template, slots, COUNT(slots));
	return buf_take(&out, arena);
}

/* ---- The servers ------------------------------------------------------------------- */

/* What becomes of new meetings. */
static struct str
why(const struct status *status, const struct status_server *row)
{
	if (!row->takes_meetings)
		return str_from(str_printf(status->call->arena, "no: %s",
		    row->problem ? row->problem : placement_reason_text(row->reason)));
	struct buf out;
	buf_init(&out, LIMIT_ANSWER_BYTES);
	if (row->reason == PLACEMENT_CHOSEN)
		buf_text(&out, "yes, the next one");
	else if (row->reason == PLACEMENT_TAGS)
		buf_text(&out, "only those with its tags");
	else
		buf_text(&out, "yes");
	if (row->problem)
		buf_printf(&out, "; %s", row->problem);
	return buf_take(&out, status->call->arena);
}

/* The server's version of BBB, where that is known. */
static struct str
release(const struct status *status, const struct status_server *row)
{
	const struct slot slot = { "release", str_from(row->facts->release) };
	struct buf out;

	if (slot.value.len == 0)
		return slot.value;
	buf_init(&out, LIMIT_ANSWER_BYTES);
	fill(&out, release_template, &slot, 1);
	return buf_take(&out, status->call->arena);
}

/* Users, and what the limit is if there is one. */
static struct str
with_limit(const struct status *status, long value, long limit)
{
	struct arena *arena = status->call->arena;

	return str_from(limit < 0 ?
	        str_printf(arena, "%ld", value) :
	        str_printf(arena, "%ld of %ld", value, limit));
}

/* The strokes of what is to come, behind what is there: a path across the bar. */
static struct str
strokes(const struct status *status, int from, int to)
{
	struct buf out;

	buf_init(&out, LIMIT_ANSWER_BYTES);
	for (int x = from + 1; x < to; x += 3)
		buf_printf(&out, "M%d 10L%d 0", x, x + 2);
	return buf_take(&out, status->call->arena);
}

/* full is the load at the end of a bar, most the users at the top of a plot. */
static void
add_row(struct buf *out, const struct status *status, const struct status_server *row,
    double full, long most)
{
	double there = (double)row->facts->users / row->server->weight;
	int users_end = (int)lround(100 * there / full);
	int end = (int)lround(100 * row->load / full);
	const char *contact = call_status_age(status, row->contact_ms);

	if (row->contact_ms == 0)
		contact = row->facts->polled_ms == 0 ? "never" : "not for long";
	else if (strcmp(contact, "now") != 0)
		contact = str_printf(status->call->arena, "%s ago", contact);
	const struct slot slots[] = {
		{ "level", str_from(level_names[row->level]) },
		{ "name", str_from(row->server->name) },
		{ "release", release(status, row) },
		{ "health", str_from(row->health) },
		{ "sign", sign_of(row) },
		{ "state", str_from(server_state_name(row->state)) },
		{ "meetings",
		    with_limit(status, row->facts->meetings, row->server->max_meetings) },
		{ "users", with_limit(status, row->facts->users, row->server->max_users) },
		{ "expected", number(status, row->expected) },
		{ "there", number(status, users_end) },
		{ "to_come", strokes(status, users_end, end) },
		{ "load", number(status, row->load) },
		{ "plot", plot(status, row->trend, USERS, most) },
		{ "contact", str_from(contact) },
		{ "why", why(status, row) },
	};
	fill(out, row_template, slots, COUNT(slots));
}

/* ---- All of it --------------------------------------------------------------------- */

/* The worst come first, and otherwise all in the configuration's order. */
static int
compare_rows(const void *a, const void *b)
{
	const struct status_server *x = *(struct status_server *const *)a;
	const struct status_server *y = *(struct status_server *const *)b;
	bool is_x_wrong = x->level >= STATUS_DOUBT, is_y_wrong = y->level >= STATUS_DOUBT;

	if ((is_x_wrong || is_y_wrong) && x->level != y->level)
		return x->level > y->level ? -1 : 1;
	return x < y ? -1 : x > y;
}

static struct str
all_rows(const struct status *status, long most)
{
	struct status_server **rows = arena_alloc(status->call->arena,
	    (status->n + 1) * sizeof(*rows));
	double full = FULL_BAR_LEAST;
	struct buf out;

	for (size_t i = 0; i < status->n; i++) {
		rows[i] = &status->servers[i];
		full = fmax(full, rows[i]->load);
	}
	qsort(rows, status->n, sizeof(struct status_server *), compare_rows);
	buf_init(&out, LIMIT_ANSWER_BYTES);
	for (size_t i = 0; i < status->n; i++)
		add_row(&out, status, rows[i], full, most);
	return buf_take(&out, status->call->arena);
}

/* The time by the gateway's clock and zone, and as machines read it. */
static struct str
format_time(const struct status *status, int64_t ms, bool is_iso)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[64] = "";

	if (!(is_iso ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)))
		return STR("");
	strftime(text, sizeof(text), is_iso ? "%Y-%m-%dT%H:%M:%SZ" : "%H:%M:%S %Z", &tm);
	return (struct str){ str_copy(status->call->arena, str_from(text)), strlen(text) };
}

static struct str
all_changes(const struct status *status)
{
	struct arena *arena = status->call->arena;
	struct buf out;

	if (status->n_events == 0)
		return STR("<p class=\"muted\">None are known.</p>");
	buf_init(&out, LIMIT_ANSWER_BYTES);
	buf_text(&out, "<ol>\n");
	for (size_t i = 0; i < status->n_events; i++) {
		const struct event *event = &status->events[i];
		const char *age = call_status_age(status, event->at_ms);
		const struct slot slots[] = {
			{ "iso", format_time(status, event->at_ms, true) },
			{ "clock", format_time(status, event->at_ms, false) },
			{ "ago",
			    str_from(strcmp(age, "now") == 0 ?
			            age :
			            str_printf(arena, "%s ago", age)) },
			{ "server", str_from(event->server) },
			{ "change", str_from(event_text(event->kind)) },
		};
		fill(&out, change_template, slots, COUNT(slots));
	}
	buf_text(&out, "</ol>\n");
	return buf_take(&out, arena);
}

static const char *
policy(struct arena *arena)
{
	char style_source[CHECKSUM_SOURCE_SIZE], script_source[CHECKSUM_SOURCE_SIZE];

	checksum_source(str_from(style), style_source);
	checksum_source(str_from(script), script_source);
	return str_printf(arena,
	    "default-src 'none'; style-src '%s'; script-src '%s'; connect-src 'self'; "
	    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	    style_source, script_source);
}

void
call_status_page(const struct status *status)
{
	struct call *call = status->call;
	enum status_level worst = status->is_good ? STATUS_GOOD : STATUS_DOUBT;
	long most = FULL_BAR_LEAST;
	struct buf out;

	if (status->has_state && status->n_taking == 0)
		worst = STATUS_BAD;
	for (size_t i = 0; i < status->n; i++) {
		const struct status_server *row = &status->servers[i];
		long users = most_of(status, row->trend, USERS);

		if (row->level == STATUS_BAD)
			worst = STATUS_BAD;
		if (users > most)
			most = users;
	}
	const struct slot slots[] = {
		{ "summary", str_from(status->summary) },
		{ "level", str_from(level_names[worst]) },
		{ "sign",
		    worst == STATUS_GOOD    ? STR("●") :
		        worst == STATUS_BAD ? STR("✖") :
		                              STR("▲") },
		{ "up", number(status, (double)status->n_up) },
		{ "used", number(status, (double)status->n_used) },
		{ "meetings", number(status, (double)status->meetings) },
		{ "users", number(status, (double)status->users) },
		{ "expected", number(status, status->expected) },
		{ "most", number(status, (double)most) },
		{ "meetings_plot",
		    plot(status, &status->trend, MEETINGS,
		        most_of(status, &status->trend, MEETINGS)) },
		{ "users_plot",
		    plot(status, &status->trend, USERS,
		        most_of(status, &status->trend, USERS)) },
		{ "rows", all_rows(status, most) },
		{ "changes", all_changes(status) },
		{ "iso", format_time(status, status->now_ms, true) },
		{ "clock", format_time(status, status->now_ms, false) },
		{ "placement", str_from(placement_policy_name(call->config->placement)) },
		{ "version", STR(PACKAGE_VERSION) },
		{ "style", str_from(style) },
		{ "script", str_from(script) },
	};
	buf_init(&out, LIMIT_ANSWER_BYTES);
	fill(&out, page_template, slots, COUNT(slots));
	reply_text(call->response, 200, buf_take(&out, call->arena));
	call->response->content_type = "text/html; charset=utf-8";
	call->response->policy = policy(call->arena);
}

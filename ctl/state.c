#include "state.h"

#include "base/arena.h"
#include "base/str.h"
#include "config/config.h"
#include "ports/store.h"
#include "table.h"
#include "text.h"

/* Where a line goes on that is too long: behind "state: " and "hosts: ". */
#define INDENT 7

/* A list that is written in lines of TABLE_COLUMNS. */
struct list {
	struct ctl *ctl;
	struct buf *out;
	size_t column;
	bool is_begun;
};

static struct list
begin(struct ctl *ctl, struct buf *out, const char *title)
{
	buf_printf(out, "%-*s", INDENT, title);
	return (struct list){ ctl, out, INDENT, false };
}

static void
add(struct list *list, const char *text)
{
	const char *item = ctl_plain(list->ctl, str_from(text));
	size_t width = text_width(item);

	buf_text(list->out, list->is_begun ? "," : "");
	/* A comma follows, and one was written. */
	if (list->is_begun && list->column + width + 3 > TABLE_COLUMNS) {
		buf_printf(list->out, "\n%*s", INDENT, "");
		list->column = INDENT;
	} else if (list->is_begun) {
		buf_char(list->out, ' ');
		list->column += 2;
	}
	buf_text(list->out, item);
	list->column += width;
	list->is_begun = true;
}

/* What the store says of an engine; false where it is none, or does not say it. */
static bool
describe(const struct ctl *ctl, struct store_description *engine)
{
	struct store *store = ctl->api.store;

	return ctl->api.config->state_url &&
	    store->verbs->describe(store, ctl->arena, engine) == STORE_OK;
}

/* ---- For people ------------------------- */

static void
write_hosts(struct ctl *ctl, const struct store_description *engine, struct buf *out)
{
	struct list list = begin(ctl, out, "hosts:");

	for (size_t i = 0; i < engine->n_hosts; i++)
		add(&list,
		    str_printf(ctl->arena, "%s (seen %s ago)", engine->hosts[i].name,
		        text_age(ctl->arena, ctl_now_ms() - engine->hosts[i].seen_ms)));
	if (engine->n_hosts == 0)
		add(&list, "none was seen in the last hour");
	buf_char(out, '\n');
}

void
state_write(struct ctl *ctl, const char *verdict, struct buf *out)
{
	const struct config *config = ctl->api.config;
	struct arena *arena = ctl->arena;
	struct list list = begin(ctl, out, "state:");
	struct store_description engine;

	if (verdict)
		add(&list, verdict);
	add(&list,
	    config->state ? str_printf(arena, "file %s", config->state) : config->state_text);
	if (!describe(ctl, &engine)) {
		buf_char(out, '\n');
		return;
	}
	add(&list, engine.version);
	add(&list, str_printf(arena, "primary %s", engine.address));
	add(&list,
	    str_printf(arena, "%ld replica%s", engine.replicas,
	        engine.replicas == 1 ? "" : "s"));
	if (engine.replicas > 0)
		add(&list,
		    str_printf(arena, "the last %lld bytes behind",
		        (long long)engine.behind_bytes));
	add(&list, engine.policy);
	if (!engine.is_saved)
		add(&list, "no append-only file");
	buf_char(out, '\n');
	write_hosts(ctl, &engine, out);
}

/* ---- For programs ------------------------- */

static void
add_member(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":", name);
	text_json(out, str_from(text));
}

void
state_write_json(struct ctl *ctl, const char *problem, struct buf *out)
{
	const struct config *config = ctl->api.config;
	struct store_description engine;

	buf_printf(out, "{\"kind\":\"%s\",\"good\":%s",
	    config->state_url ? "redis" :
	        config->state ? "file" :
	                        "none",
	    problem ? "false" : "true");
	if (problem)
		add_member(out, "problem", problem);
	if (config->state)
		add_member(out, "path", config->state);
	if (config->state_url)
		add_member(out, "url", config->state_text);
	if (describe(ctl, &engine)) {
		add_member(out, "address", engine.address);
		add_member(out, "version", engine.version);
		buf_printf(out, ",\"replicas\":%ld,\"behind_bytes\":%lld", engine.replicas,
		    (long long)engine.behind_bytes);
		add_member(out, "policy", engine.policy);
		buf_printf(out, ",\"is_saved\":%s,\"used_bytes\":%lld,\"hosts\":[",
		    engine.is_saved ? "true" : "false", (long long)engine.used_bytes);
		for (size_t i = 0; i < engine.n_hosts; i++) {
			buf_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
			text_json(out, str_from(engine.hosts[i].name));
			buf_printf(out, ",\"seen_ms\":%lld}",
			    (long long)engine.hosts[i].seen_ms);
		}
		buf_char(out, ']');
	}
	buf_char(out, '}');
}

#include "model/event.h"

static const struct {
	const char *name, *text;
} kinds[EVENT_KINDS] = {
	[EVENT_UP] = { "up", "is up again" },
	[EVENT_SUSPECT] = { "suspect", "is suspect" },
	[EVENT_DOWN] = { "down", "is down" },
	[EVENT_CREATES_FAIL] = { "creates-fail", "fails to create meetings" },
	[EVENT_CREATES_WORK] = { "creates-work", "creates meetings again" },
	[EVENT_ENABLED] = { "enabled", "was enabled by an operator" },
	[EVENT_CORDONED] = { "cordoned", "was cordoned by an operator" },
	[EVENT_DISABLED] = { "disabled", "was disabled by an operator" },
};

bool
event_find(const struct server *server, const struct server_facts *before,
    const struct server_facts *after, const struct server_rules *rules, int64_t now_ms,
    struct event *event)
{
	static const enum event_kind of_health[] = {
		[SERVER_UP] = EVENT_UP,
		[SERVER_SUSPECT] = EVENT_SUSPECT,
		[SERVER_DOWN] = EVENT_DOWN,
	};
	static const enum event_kind of_state[] = {
		[SERVER_ENABLED] = EVENT_ENABLED,
		[SERVER_CORDONED] = EVENT_CORDONED,
		[SERVER_DISABLED] = EVENT_DISABLED,
	};
	bool failed = server_fails_creates(before, rules);
	bool fails = server_fails_creates(after, rules);
	enum server_state state = server_state_of(server, after);

	*event = (struct event){ .at_ms = now_ms, .server = server->name };
	if (before->health != after->health)
		event->kind = of_health[after->health];
	else if (failed != fails)
		event->kind = fails ? EVENT_CREATES_FAIL : EVENT_CREATES_WORK;
	else if (server_state_of(server, before) != state)
		event->kind = of_state[state];
	else
		return false;
	return true;
}

const char *
event_name(enum event_kind kind)
{
	return kinds[kind].name;
}

const char *
event_text(enum event_kind kind)
{
	return kinds[kind].text;
}

#include "server.h"

static const char *const state_names[] = {"enabled", "cordoned", "disabled"};

enum server_state
server_state_of(const struct server *server, const struct server_facts *facts)
{

	return facts->has_operator_state ? facts->operator_state : server->state;
}

bool
server_is_usable(const struct server *server, const struct server_facts *facts)
{

	return server_state_of(server, facts) != SERVER_DISABLED &&
	    facts->health != SERVER_DOWN;
}

bool
server_takes_meetings(const struct server *server, const struct server_facts *facts)
{

	return server_state_of(server, facts) == SERVER_ENABLED &&
	    facts->health == SERVER_UP;
}

const char *
server_state_name(enum server_state state)
{

	return state_names[state];
}

int
server_state_find(struct str name, enum server_state *state)
{
	size_t i;

	for (i = 0; i < sizeof(state_names) / sizeof(*state_names); i++) {
		if (str_is(name, state_names[i])) {
			*state = (enum server_state)i;
			return 0;
		}
	}
	return -1;
}

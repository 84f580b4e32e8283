/*
 * URLs of servers and of the state's engine (url.h, state_url.h): the input is one.
 */
#include "base/bounds.h"
#include "formats/state_url.h"
#include "formats/url.h"
#include "fuzz.h"

/* In its one form it is taken apart into the same parts. */
static void
check_url(struct arena *arena, struct str text)
{
	struct url url, again;

	if (url_parse(text, &url))
		return;
	fuzz_must(strlen(url.authority) < sizeof(url.authority));
	fuzz_must(url.path.len == 0 || url.path.data[0] == '/');
	const char *form = str_printf(arena, "%s://%s%.*s", url.scheme, url.authority,
	    STR_ARG(url.path));
	fuzz_must(!url_parse(str_from(form), &again));
	fuzz_must(strcmp(url.scheme, again.scheme) == 0 &&
	    strcmp(url.authority, again.authority) == 0 && str_equal(url.path, again.path));
	char host[URL_HOST_SIZE];
	int port = -1;
	fuzz_must(!url_parse_host(str_from(url.authority), host, &port));
	fuzz_must(port == -1 || (port > 0 && port < 65536));
}

/* Is the text, which may be NULL, shown as it is written?  Others are shown decoded. */
static bool
is_plain(const char *text)
{
	return !text || !strpbrk(text, " %?#/@");
}

/* So is the engine's, as it is shown; and that has neither user nor password. */
static void
check_state_url(struct arena *arena, struct str text)
{
	struct state_url url, again;

	if (state_url_parse(arena, text, &url))
		return;
	fuzz_must(state_url_is(text) && url.n_hosts <= LIMIT_STATE_HOSTS);
	fuzz_must(url.kind != STATE_URL_UNIX || url.path[0] == '/');
	fuzz_must(url.kind != STATE_URL_SENTINEL || url.name[0] != '\0');
	const char *form = state_url_text(arena, &url);
	if (!is_plain(url.name) || !is_plain(url.path ? url.path + 1 : NULL))
		return;
	fuzz_must(!state_url_parse(arena, str_from(form), &again));
	fuzz_must(!again.user && !again.password);
	fuzz_must(url.kind == again.kind && url.db == again.db && url.n_hosts == again.n_hosts);
	for (size_t i = 0; i < url.n_hosts; i++)
		fuzz_must(strcmp(url.hosts[i].name, again.hosts[i].name) == 0 &&
		    url.hosts[i].port == again.hosts[i].port);
	fuzz_must(!url.path || strcmp(url.path, again.path) == 0);
	fuzz_must(!url.name || strcmp(url.name, again.name) == 0);
	fuzz_must(strcmp(form, state_url_text(arena, &again)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const struct str text = fuzz_text(arena, data, size);

	check_url(arena, text);
	check_state_url(arena, text);
	arena_free(arena);
	return 0;
}

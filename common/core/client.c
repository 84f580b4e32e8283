#include "core/client.h"

#include "config/config.h"
#include "formats/ip.h"
#include "formats/request.h"

const char *
client_for_log(struct arena *arena, const struct config *config, const struct request *request)
{
	const char *shown = NULL;

	switch (config->log_client) {
	case LOG_CLIENT_NONE:
		return NULL;
	case LOG_CLIENT_PREFIX:
		shown = ip_prefix(arena, request->client);
		break;
	case LOG_CLIENT_FULL:
		if (request->client.len > 0)
			shown = str_copy(arena, request->client);
		break;
	}
	return shown ? shown : "-";
}

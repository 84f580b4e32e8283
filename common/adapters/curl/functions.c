#include "adapters/curl/functions.h"

#include <dlfcn.h>
#include <locale.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "adapters/curl/memory.h"
#include "base/dynlib.h"
#include "base/log.h"

static struct curl_functions functions;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
curl_functions_load_once(void)
{
	const curl_version_info_data *version;
	CURLcode code;
	void *library;

	library = dlopen(LIBCURL_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		log_error("libcurl cannot be loaded", "reason", dlerror());
		return;
	}
#define CURL_FUNCTION_FIND(name)                                                  \
	if (!dynlib_find(library, "curl_" #name, &functions.name)) {              \
		log_error("libcurl lacks a function", "function", "curl_" #name); \
		goto close;                                                       \
	}
	CURL_FUNCTIONS(CURL_FUNCTION_FIND)
#undef CURL_FUNCTION_FIND

	version = functions.version_info(CURLVERSION_NOW);
	if (version->version_num < LIBCURL_VERSION_MIN) {
		log_error("libcurl is too old", "version", version->version, "needed",
		    "7.87.0");
		goto close;
	}
	/* A client's host name that is not ASCII is turned into such by libidn2, which
	 * takes it for text in the locale's charset. */
	setlocale(LC_CTYPE, "C.UTF-8");
	/* What this allocates lasts as long as the process: detached resolver
	 * threads may still use it when the last transport is closed. */
	memory_is_short();
	code = functions.global_init_mem(CURL_GLOBAL_ALL, memory_malloc, memory_free,
	    memory_realloc, memory_strdup, memory_calloc);
	if (code != CURLE_OK) {
		log_error("libcurl does not start", "reason", functions.easy_strerror(code));
		goto close;
	}
	loaded = true;
	return;

close:
	dlclose(library);
}

const struct curl_functions *
curl_functions_load(void)
{
	pthread_once(&once, curl_functions_load_once);
	return loaded ? &functions : NULL;
}

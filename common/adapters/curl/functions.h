/*
 * The functions of libcurl that the transport uses, loaded when first needed.
 *
 * libcurl's own header gives the types and the constants, dlopen(3) the code.
 * Calls through these pointers pass by the header's argument checks: an
 * option that takes a long must be given a long (curl_easy_setopt(3)).
 */
#ifndef CURL_FUNCTIONS_H
#define CURL_FUNCTIONS_H

#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK
#endif
#include <curl/curl.h>

/* The file looked for; its number changes when the functions do. */
#ifndef LIBCURL_SONAME
#define LIBCURL_SONAME "libcurl.so.4"
#endif

/* The oldest one that knows every option used here (7.87.0). */
#define LIBCURL_VERSION_MIN 0x075700

/* Every function used, without its "curl_". */
#define CURL_FUNCTIONS(X)      \
	X(global_init_mem)     \
	X(getdate)             \
	X(version_info)        \
	X(easy_init)           \
	X(easy_setopt)         \
	X(easy_getinfo)        \
	X(easy_cleanup)        \
	X(easy_strerror)       \
	X(slist_append)        \
	X(slist_free_all)      \
	X(multi_init)          \
	X(multi_setopt)        \
	X(multi_add_handle)    \
	X(multi_remove_handle) \
	X(multi_socket_action) \
	X(multi_info_read)     \
	X(multi_strerror)      \
	X(multi_cleanup)

struct curl_functions {
#define CURL_FUNCTION_MEMBER(name) __typeof__(curl_##name) *name;
	CURL_FUNCTIONS(CURL_FUNCTION_MEMBER)
#undef CURL_FUNCTION_MEMBER
};

/*
 * Load libcurl and initialise it, once per process and after the last fork;
 * later calls, of any thread, return the same.  It stays loaded till the
 * process ends.  Returns NULL when it cannot be had; the reason is logged by
 * the first call.  The first call also sets the process's charset (LC_CTYPE) to UTF-8,
 * so no other thread may be at work with texts of the locale then.
 */
const struct curl_functions *curl_functions_load(void);

#endif

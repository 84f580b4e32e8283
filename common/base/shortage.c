#include "base/shortage.h"

#include "base/str.h"

void
shortage_init(struct shortage *shortage)
{
	*shortage = (struct shortage){ .mutex = PTHREAD_MUTEX_INITIALIZER };
}

/* With the mutex locked. */
static bool
is_new(struct shortage *shortage, const char *of)
{
	uint32_t kind = (uint32_t)str_hash(str_from(of));

	for (size_t i = 0; i < shortage->n_told; i++)
		if (shortage->told[i] == kind)
			return false;
	if (shortage->n_told == SHORTAGE_KINDS)
		return false;
	shortage->told[shortage->n_told++] = kind;
	return true;
}

bool
shortage_meet(struct shortage *shortage, const char *of, int64_t now_ms)
{
	pthread_mutex_lock(&shortage->mutex);
	bool is_told = is_new(shortage, of);
	shortage->n_met++;
	shortage->met_ms = now_ms;
	atomic_store(&shortage->is_met, true);
	pthread_mutex_unlock(&shortage->mutex);
	return is_told;
}

size_t
shortage_end(struct shortage *shortage, int64_t now_ms)
{
	size_t n = 0;

	if (!atomic_load(&shortage->is_met))
		return 0;
	pthread_mutex_lock(&shortage->mutex);
	/* That the clock was set back makes it no longer. */
	if (now_ms < shortage->met_ms)
		shortage->met_ms = now_ms;
	if (now_ms - shortage->met_ms >= SHORTAGE_OVER_MS) {
		n = shortage->n_met;
		shortage->n_met = shortage->n_told = 0;
		atomic_store(&shortage->is_met, false);
	}
	pthread_mutex_unlock(&shortage->mutex);
	return n;
}

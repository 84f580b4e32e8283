#include "base/bucket.h"

void
bucket_init(struct bucket *bucket)
{
	pthread_mutex_init(&bucket->mutex, NULL);
	bucket->level = 0;
	bucket->at_ms = 0;
}

bool
bucket_take(struct bucket *bucket, int64_t cost, int64_t per_second, int64_t now_ms)
{
	double most = (double)per_second;

	if (per_second <= 0)
		return false;
	pthread_mutex_lock(&bucket->mutex);
	if (bucket->at_ms == 0)
		bucket->level = most;
	else if (now_ms > bucket->at_ms)
		bucket->level += (double)(now_ms - bucket->at_ms) * most / 1000;
	if (bucket->level > most)
		bucket->level = most;
	bucket->at_ms = now_ms;
	bool is_there = bucket->level >= (double)cost || bucket->level >= most;
	if (is_there)
		bucket->level -= (double)cost;
	pthread_mutex_unlock(&bucket->mutex);
	return is_there;
}

/* A token bucket per address, for pages that anybody may ask for. Any thread. */
#ifndef XINKE_PUBLIC_LIMITER_H
#define XINKE_PUBLIC_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter; /* opaque */

/* BURST requests at once, then PER_MINUTE. New (limiter_free), NULL when out of memory. */
struct limiter *limiter_new(int burst, int per_minute);
void limiter_free(struct limiter *l);
/* May ADDRESS (numeric; of IPv6 the first 64 bits count) go on at MONO (ms)? If not, *WAIT_MS says when. */
bool limiter_take(struct limiter *l, const char *address, int64_t mono, int64_t *wait_ms);

#endif

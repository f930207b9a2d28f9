/* See limiter.h. A fixed table, so that no number of addresses makes it grow: each address has WAYS places, and the one
 * unused for longest gives way. Whoever loses its place begins with a full bucket, which costs us nothing. */
#include "shared/public/limiter.h"

#include "shared/crypto/digest.h"
#include "shared/crypto/rng.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 512, WAYS = 4, KEY = 16 };

struct bucket {
	uint8_t key[KEY];
	int64_t at;     /* ms; 0 = empty place */
	int64_t tokens; /* thousandths */
};

struct limiter {
	pthread_mutex_t lock;
	uint8_t secret[16];        /* so that nobody can aim at one set */
	int64_t burst, per_minute; /* thousandths of a token */
	struct bucket sets[SETS][WAYS];
};

struct limiter *limiter_new(int burst, int per_minute)
{
	struct limiter *l = calloc(1, sizeof *l);
	if (!l) return NULL;
	(void)pthread_mutex_init(&l->lock, NULL);
	rng_bytes(l->secret, sizeof l->secret);
	l->burst = burst * 1000LL;
	l->per_minute = per_minute * 1000LL;
	return l;
}

void limiter_free(struct limiter *l)
{
	if (!l) return;
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

static void key_of(const struct limiter *l, const char *address, uint8_t out[DIGEST_LEN])
{
	uint8_t addr[16] = {0};
	size_t n = 8; /* of IPv6: a household has all the rest */
	if (inet_pton(AF_INET6, address, addr) != 1) {
		n = 4;
		if (inet_pton(AF_INET, address, addr) != 1) n = 0; /* none that we know: all of them together */
	}
	digest_hmac(l->secret, sizeof l->secret, addr, n, out);
}

static struct bucket *find(struct limiter *l, const uint8_t key[DIGEST_LEN], int64_t mono)
{
	struct bucket *set = l->sets[((unsigned)key[KEY] << 8 | key[KEY + 1]) % SETS], *oldest = set;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].at && memcmp(set[i].key, key, KEY) == 0) return &set[i];
		if (set[i].at < oldest->at) oldest = &set[i];
	}
	memcpy(oldest->key, key, KEY);
	oldest->at = mono;
	oldest->tokens = l->burst;
	return oldest;
}

bool limiter_take(struct limiter *l, const char *address, int64_t mono, int64_t *wait_ms)
{
	uint8_t key[DIGEST_LEN];
	key_of(l, address, key);
	if (mono < 1) mono = 1;
	(void)pthread_mutex_lock(&l->lock);
	struct bucket *b = find(l, key, mono);
	int64_t since = mono > b->at ? mono - b->at : 0;
	int64_t gain = since > 3600000 ? l->burst : since * l->per_minute / 60000;
	if (gain > 0 || since == 0) b->at = mono; /* less than a thousandth waits for more */
	b->tokens = b->tokens + gain > l->burst ? l->burst : b->tokens + gain;
	bool ok = b->tokens >= 1000;
	if (ok) b->tokens -= 1000;
	*wait_ms = ok ? 0 : (1000 - b->tokens) * 60000 / l->per_minute + 1;
	(void)pthread_mutex_unlock(&l->lock);
	return ok;
}

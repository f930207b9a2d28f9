/* See password.h. Called by the staff log-in's own worker thread and by the commands that set passwords.
 *
 * A log-in for an account that does not exist, or whose hash is damaged, costs what a wrong password costs: an answer's
 * time tells nobody which accounts there are. */
#include "shared/password.h"

#include "shared/crypto/rng.h"
#include "shared/err.h"
#include "shared/text.h"

#include <argon2.h>
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { M_KIB = 19456, T_COST = 2, LANES = 1, SALT_LEN = 16, HASH_LEN = 32 };

/* What may stand before salt and hash. A damaged row could otherwise ask for gigabytes; when the figures rise, the new
 * line goes first and the old ones stay, so that old hashes still open. */
static const char *const known[] = {
    "$argon2id$v=19$m=19456,t=2,p=1$",
};

int password_hash(const char *password, char out[PASSWORD_HASH_MAX])
{
	uint8_t salt[SALT_LEN];
	rng_bytes(salt, sizeof salt);
	int rc = argon2id_hash_encoded(T_COST, M_KIB, LANES, password, strlen(password), salt, sizeof salt, HASH_LEN,
	                               out, PASSWORD_HASH_MAX);
	if (rc == ARGON2_OK) return ERR_OK;
	out[0] = '\0';
	return ERR_NOMEM; /* the arguments are constants, so memory is all that can be missing */
}

static bool readable(const char *hash)
{
	if (!hash || strlen(hash) >= PASSWORD_HASH_MAX) return false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strncmp(hash, known[i], strlen(known[i])) == 0) return true;
	return false;
}

static void same_work(const char *password)
{
	static const uint8_t salt[SALT_LEN];
	uint8_t waste[HASH_LEN];
	(void)argon2id_hash_raw(T_COST, M_KIB, LANES, password, strlen(password), salt, sizeof salt, waste,
	                        sizeof waste);
	explicit_bzero(waste, sizeof waste);
}

bool password_verify(const char *password, const char *hash)
{
	if (readable(hash)) {
		int rc = argon2id_verify(hash, password, strlen(password));
		if (rc == ARGON2_OK) return true;
		if (rc == ARGON2_VERIFY_MISMATCH) return false;
	}
	same_work(password);
	return false;
}

void password_random(char *out, size_t cap)
{
	/* 32 signs, five bits each: no 0 and O, no 1 and I; capitals, so that L is no 1 either */
	static const char signs[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
	enum { GROUPS = 4, GROUP = 4 };
	uint8_t r[GROUPS * GROUP];
	assert(cap >= PASSWORD_RANDOM_MAX);
	(void)cap;
	rng_bytes(r, sizeof r);
	for (size_t i = 0; i < sizeof r; i++) {
		if (i && i % GROUP == 0) *out++ = '-';
		*out++ = signs[r[i] & 31];
	}
	*out = '\0';
	explicit_bzero(r, sizeof r);
}

/* Is S one piece of at most half its length, repeated? */
static bool repeats(const char *s, size_t len)
{
	for (size_t piece = 1; piece * 2 <= len; piece++)
		if (len % piece == 0 && memcmp(s, s + piece, len - piece) == 0) return true;
	return false;
}

/* Does each byte follow the one before by the same step? MOD: digits go round from 9 to 0. */
static bool runs(const char *s, size_t len, int mod)
{
	int step = s[1] - s[0];
	for (size_t i = 2; i < len; i++) {
		int d = s[i] - s[i - 1] - step;
		if (mod ? d % mod != 0 : d != 0) return false;
	}
	return true;
}

const char *password_weak(const char *password, const char *name)
{
	size_t len = strlen(password), n = strlen(name);
	if (text_utf8_count(password, len) < PASSWORD_MIN) return "length";
	/* the name with little more: what is left must be a password by itself */
	if (n > 0 && strncasecmp(password, name, n) == 0 && text_utf8_count(password + n, len - n) < PASSWORD_MIN)
		return "name";
	return repeats(password, len) || runs(password, len, 0) ? "simple" : NULL;
}

const char *password_pin_weak(const char *pin)
{
	unsigned seen = 0;
	size_t len = strlen(pin);
	if (len != PASSWORD_PIN_LEN || strspn(pin, "0123456789") != len) return "format";
	for (size_t i = 0; i < len; i++)
		seen |= 1U << (pin[i] - '0');
	return __builtin_popcount(seen) < 3 || repeats(pin, len) || runs(pin, len, 10) ? "simple" : NULL;
}

/* See password.h. Called by the staff log-in's own worker thread and by the commands that set passwords.
 *
 * A log-in for an account that does not exist, or whose hash is damaged, costs what a wrong password costs: an answer's
 * time tells nobody which accounts there are. */
#include "shared/password.h"

#include "shared/crypto/rng.h"
#include "shared/err.h"

#include <argon2.h>
#include <assert.h>
#include <stdint.h>
#include <string.h>

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

/* Passwords: argon2id (RFC 9106) by libargon2, m = 19,456 KiB, t = 2, p = 1 (the figure of OWASP's cheat sheet).
 *
 * One call takes 19 MiB and tens of milliseconds: run at most one at a time, never on a thread that serves HTTP. */
#ifndef XINKE_PASSWORD_H
#define XINKE_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MIN        10  /* characters of one that people choose */
#define PASSWORD_PIN_LEN    6   /* digits */
#define PASSWORD_HASH_MAX   128 /* bytes of the encoded hash, NUL included */
#define PASSWORD_RANDOM_MAX 20  /* bytes of a random password, NUL included */

/* Encoded hash ("$argon2id$v=19$...") of PASSWORD with a random salt. Returns 0 or ERR_NOMEM. */
int password_hash(const char *password, char out[PASSWORD_HASH_MAX]);
/* True when PASSWORD gave HASH. One that cannot be read, or NULL (no such account), gives false after the same work. */
bool password_verify(const char *password, const char *hash);
/* Random password of 4 groups of 4 letters and digits that cannot be misread (80 bits), for printing once. CAP is at
 * least PASSWORD_RANDOM_MAX. */
void password_random(char *out, size_t cap);

/* What is wrong with a new PASSWORD of NAME: "length" (in characters), "name" (it is hardly more than the name), "simple" (one
 * sign over and over, a straight run, a short piece repeated); NULL when nothing is. Valid UTF-8. */
const char *password_weak(const char *password, const char *name);
/* The same of a PIN: "format" (six digits are wanted), "simple" (a run in even steps, fewer than three digits, a piece
 * repeated). */
const char *password_pin_weak(const char *pin);

#endif

/* One event of the ledger: its members, its mac, its place in the hash chain. Design: "The ledger: one truth". */
#ifndef XINKE_EVENT_H
#define XINKE_EVENT_H

#include "shared/clock.h"
#include "shared/crypto/digest.h"
#include "shared/err.h"
#include "shared/uuid.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_TYPE_MAX    32  /* bytes of a type name, NUL included */
#define EVENT_ACTOR_MAX   168 /* bytes of an actor: 50 characters and NUL */
#define EVENT_DEVICE_MAX  64
#define EVENT_ORIGIN_MAX  64       /* a station's code, or "county" */
#define EVENT_BODY_MAX    65536    /* bytes of a canonical body */
#define EVENT_KEY_LEN     32       /* bytes of a station key */
#define EVENT_COUNTY      "county" /* the origin of what the county appends */
#define EVENT_LOG_OPENED  "log_opened"
#define EVENT_CLOCK_FIXED "clock_fixed" /* {boot, offset, error}: the county's time at its `at` and `mono` */

struct event {
	uint8_t log[UUID_LEN]; /* the station's log; zero for county events */
	int64_t seq;           /* from 1, dense in its log; 0 for county events */
	uint8_t id[UUID_LEN];  /* with the station, its identity for ever */
	uint8_t case_id[UUID_LEN];
	bool has_case; /* false for log_opened and clock_fixed */
	char type[EVENT_TYPE_MAX];
	char station[13]; /* whose log */
	char actor[EVENT_ACTOR_MAX];
	char device[EVENT_DEVICE_MAX];
	char origin[EVENT_ORIGIN_MAX];
	int64_t at; /* Unix ms */
	enum clock_quality quality;
	char boot[UUID_TEXT];
	int64_t mono; /* ms */
	char *body;   /* canonical JSON, owned; NULL once erased */
	size_t body_len;
	uint8_t mac[DIGEST_LEN];
	uint8_t hash[DIGEST_LEN];
};

/* Frees what EV holds and zeroes it. */
void event_release(struct event *ev);
/* Sets the body to the canonical form of BODY and the mac under KEY. ERR_INVALID when it has none or is too large. */
int event_set_body(struct event *ev, const json_t *body, const uint8_t key[EVENT_KEY_LEN], struct err *e);
/* mac = HMAC-SHA-256(station key, canonical body). */
void event_mac(const uint8_t key[EVENT_KEY_LEN], const void *body, size_t len, uint8_t mac[DIGEST_LEN]);
/* hash = SHA-256(previous hash, canonical event with the mac in the body's place); the first event of a log follows
 * 32 zero bytes. 0 or ERR_NOMEM. */
int event_hash(const struct event *ev, const uint8_t prev[DIGEST_LEN], uint8_t hash[DIGEST_LEN]);
/* New JSON of the body (decref), NULL when it was erased or memory is out. */
json_t *event_body(const struct event *ev);
/* Copies a member with its limit; ERR_INVALID when it does not fit. */
int event_set(char *dst, size_t cap, const char *src, const char *what, struct err *e);

#endif

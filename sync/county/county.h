/* What the county's parts share: keys, clock, addresses. Made by main, borrowed by all; read-only after start. */
#ifndef XINKE_COUNTY_H
#define XINKE_COUNTY_H

#include "certs/ca.h"
#include "shared/clock.h"
#include "shared/config.h"
#include "shared/crypto/ec.h"
#include "shared/enrolcode.h"
#include "shared/file.h"
#include "shared/log.h"
#include "shared/registers.h"
#include "sync/county/store.h"

#include <pthread.h>
#include <stdio.h>

struct metrics; /* metrics.h */

struct county_config {
	char data[CONFIG_TEXT_MAX]; /* folder: county.db, recovery.key, answer.key/.crt, server.key/.crt, ca/ */
	char bind[CONFIG_TEXT_MAX];
	int64_t sync_port, api_port, public_port;
	char names[CONFIG_TEXT_MAX]; /* DNS names and addresses of this server, comma separated */
	char sync_url[CONFIG_TEXT_MAX], public_url[CONFIG_TEXT_MAX]; /* as boxes and citizens see it */
	int64_t workers;
	int64_t code_hours;   /* an enrolment code's life */
	int64_t archive_days; /* after which an ended case is archived */
	int64_t blob_max_bytes, blob_reserve_bytes, upload_days;
	int64_t register_years; /* for which an entry of a register is kept; 0 = no term is set */
	struct register_days registers;
	char log_level[CONFIG_TEXT_MAX];
	enum log_level level; /* made from the above */
};

/* --- config.c --- */

/* Reads the file and fills what follows from it. ERR_INVALID says what is wrong and where. */
int county_config_load(const char *path, struct county_config *out, struct err *e);
/* A commented sample file. */
void county_config_sample(FILE *f);
/* The path of NAME in the data folder. */
int county_path(const struct county_config *cfg, const char *name, char out[FILE_PATH_MAX], struct err *e);
/* The names of the configuration as certificate names, at most X509_SAN_MAX; *N of them. */
int county_names(const struct county_config *cfg, struct x509_san out[X509_SAN_MAX], size_t *n, struct err *e);

struct county {
	const struct county_config *cfg;
	const struct log *log;
	struct metrics *metrics;   /* borrowed; NULL = nobody counts */
	struct clock clock;        /* under `lock` */
	struct ca *ca;             /* under `lock`: signing is not reentrant */
	struct ec_key *answer_key; /* under `lock` */
	pthread_mutex_t lock;
	char answer_key_id[WIRE_KEY_ID_MAX]; /* first 16 bytes of the certificate's SHA-256, hex */
	char answer_cert[X509_PEM_MAX];
	char server_pin[X509_PIN_MAX]; /* of the key that TLS shows; "" where there is none */
	uint8_t recovery[SEAL_KEY_LEN];
};

/* The county's clock, Unix ms. */
int64_t county_now(struct county *c);

/* --- keys.c --- */

/* Makes what is missing in the data folder: recovery key, CA (NAME is the county's), answer key, server key. A folder
 * that lost a part of an older start is refused (ERR_CONFLICT), never filled up. */
int county_keys_make(const struct county_config *cfg, const char *name, struct err *e);
/* Reads the keys. CFG and LOG are borrowed. Release with county_release, on error too. */
int county_init(struct county *c, const struct county_config *cfg, const struct log *log, struct err *e);
void county_release(struct county *c);
/* A store on the county's database. New (close with store_close). */
int county_store(const struct county *c, enum store_mode mode, struct store **out, struct err *e);

/* Signs ANSWER to REQUEST into OUT, the header Xinke-Signature. Any thread. */
int county_sign(struct county *c, const char *request, size_t len, const char *answer, size_t answer_len, char out[256],
                struct err *e);

#define COUNTY_TIME_MAX 256
/* The time as a box with a dead clock is told it: {nonce, now, server_keys} into TEXT, *N bytes, and its signature. Any
 * thread. */
int county_time(struct county *c, const char *nonce, char text[COUNTY_TIME_MAX], size_t *n, char signature[256],
                struct err *e);

/* --- exchange.c --- */

/* Who called: from the verified client certificate. */
struct county_peer {
	uint8_t fingerprint[DIGEST_LEN];
	char station[13];  /* the certificate's common name */
	int box;           /* the number in its URI, 0 = none */
	bool expired;      /* its last day is past: it may only renew */
	int64_t not_after; /* ms */
};
/* Takes an exchange: REQUEST as it came, the answer as new bytes (free) and its signature header. A refusal goes to P
 * with nothing stored. The same code runs under the simulator. */
int county_exchange(struct county *c, struct store *s, const struct county_peer *peer, const char *request, size_t len,
                    char **answer, size_t *answer_len, char signature[256], struct problem *p, struct err *e);

/* --- renew.c --- */

/* Issues the box of PEER a new certificate for the log that REQUEST names, and a server certificate where it asks for
 * one (POST /sync/v1/renew). An expired certificate may do this and nothing else. A new JSON answer, or a refusal in P. */
int county_renew(struct county *c, struct store *s, const struct county_peer *peer, const json_t *request,
                 json_t **answer, struct problem *p, struct err *e);
/* What a box is given. */
struct county_certificates {
	char client[X509_PEM_MAX], server[X509_PEM_MAX];
	bool has_server;
	struct x509_info info; /* of the client certificate */
};
/* Issues what REQUEST asks for: `csr` for box BOX of STATION, and `server_csr` where `server_names` come with it. A request
 * that cannot be signed goes to P. */
int county_issue(struct county *c, const json_t *request, const char *station, int box, int64_t now,
                 struct county_certificates *out, struct problem *p, struct err *e);

/* --- enrol.c --- */

/* Takes an enrolment (POST /sync/v1/enroll): a new JSON answer, or a refusal in P. ADDRESS counts wrong codes. */
int county_enrol(struct county *c, struct store *s, const json_t *request, const char *address, json_t **answer,
                 struct problem *p, struct err *e);
#define COUNTY_CODE_MAX ENROLCODE_MAX
/* A new one-time code for STATION as text of 80 random bits; kept hashed. */
int county_enrol_code(struct county *c, struct store *s, const char *station, const char *by,
                      char code[COUNTY_CODE_MAX], int64_t *expires_at, struct err *e);

#endif

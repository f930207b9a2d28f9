/* Opening a ledger: the key, the schema, the start-up checks, who the box is. Also transactions and sealing, which the
 * other files of the ledger use. See ledger.h. */
#include "shared/canon.h"
#include "shared/ledger/internal.h"

#include "shared/crypto/rng.h"
#include "shared/file.h"
#include "shared/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const struct db_query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "box_queries.inc"
#undef QUERY
};

static const struct db_migration migrations[] = {
#define MIGRATION(version, name, sql) {version, name, sql},
#include "box_migrations.inc"
#undef MIGRATION
};

/* Opens only under the key that the file was made with: tells a wrong key from damage. */
#define KEY_CHECK "xinke field key"

int ledger_key_make(const char *path, struct err *e)
{
	uint8_t key[SEAL_KEY_LEN];
	if (file_exists(path)) return ERR_OK;
	rng_bytes(key, sizeof key);
	int rc = file_write(path, key, sizeof key, 0640, false, e);
	explicit_bzero(key, sizeof key);
	return rc;
}

static int load_keys(struct ledger *l, const char *path, struct err *e)
{
	uint8_t key[SEAL_KEY_LEN + 2]; /* one more than a key and the NUL: a longer file is told from it */
	size_t n = 0;
	struct err inner = {0};
	int rc = file_load(path, false, key, sizeof key, &n, &inner);
	if (rc == (int)ERR_NOTFOUND)
		return err_set(e, ERR_DENIED, "the field key %s is missing: restore it, nothing starts without it",
		               path);
	if (rc) return err_set(e, (enum err_code)rc, "%s", inner.msg);
	if (n == SEAL_KEY_LEN) memcpy(l->field_key, key, SEAL_KEY_LEN);
	explicit_bzero(key, sizeof key);
	if (n != SEAL_KEY_LEN) return err_set(e, ERR_DENIED, "%s is no field key: 32 bytes are wanted", path);
	uint8_t body_key[SEAL_KEY_LEN];
	digest_hkdf(l->field_key, SEAL_KEY_LEN, "xinke body", body_key, sizeof body_key);
	digest_hkdf(l->field_key, SEAL_KEY_LEN, "xinke index", l->index_key, sizeof l->index_key);
	l->seal = seal_new(body_key);
	explicit_bzero(body_key, sizeof body_key);
	return l->seal ? ERR_OK : err_set(e, ERR_NOMEM, "field key");
}

static int put_blob(struct ledger *l, const char *key, const void *v, size_t len, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_meta_put, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "key", key);
	db_bind_blob(s, "value", v, len);
	return db_run(s, e);
}

static int first_meta(struct ledger *l, struct err *e)
{
	uint8_t *sealed = NULL;
	size_t n = 0;
	int64_t epoch;
	rng_bytes(&epoch, sizeof epoch);
	int rc = ledger_begin(l, e);
	if (!rc) rc = ledger_seal(l, "key", 0, 0, KEY_CHECK, sizeof KEY_CHECK - 1, &sealed, &n, e);
	if (!rc) rc = put_blob(l, "key_check", sealed, n, e);
	if (!rc) rc = ledger_meta_set_int(l, "epoch", (epoch & INT32_MAX) + 1, e);
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	free(sealed);
	return rc;
}

static int check_key(struct ledger *l, bool may_make, struct err *e)
{
	char *plain = NULL;
	size_t n = 0;
	struct err inner = {0};
	struct db_stmt *s = db_query(l->db, Q_meta_get, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "key", "key_check");
	int r = db_step(s, e);
	if (r < 0) return -r;
	if (r == 0) return may_make ? first_meta(l, e) : err_set(e, ERR_CORRUPT, "the database has no key check");
	const void *sealed = db_blob(s, 0, &n);
	int rc = ledger_unseal(l, "key", 0, 0, sealed, n, &plain, &n, &inner);
	db_reset(s);
	free(plain);
	if (rc == (int)ERR_NOMEM) return err_set(e, ERR_NOMEM, "%s", inner.msg); /* which says nothing of the key */
	return rc ? err_set(e, ERR_DENIED, "the field key is not the one this database was made with") : ERR_OK;
}

int ledger_open(const struct ledger_config *cfg, struct ledger **out, struct err *e)
{
	*out = NULL;
	struct ledger *l = calloc(1, sizeof *l);
	if (!l) return err_set(e, ERR_NOMEM, "ledger");
	l->clock = cfg->clock;
	l->first = cfg->first;
	l->gate = -1;
	struct db_config dc = {
	    .path = cfg->path, .vfs = cfg->vfs, .queries = queries, .n_queries = Q_COUNT, .cache_kib = cfg->cache_kib};
	dc.mode = cfg->mode == LEDGER_MIGRATE ? DB_CREATE : cfg->mode == LEDGER_WRITE ? DB_WRITE : DB_READ;
	int rc = load_keys(l, cfg->field_key, e);
	if (!rc && cfg->gate && cfg->mode != LEDGER_READ) {
		l->gate = open(cfg->gate, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
		if (l->gate < 0) rc = err_sys(e, errno, "%s", cfg->gate);
	}
	if (!rc) rc = db_open(&dc, &l->db, e);
	if (!rc && cfg->mode == LEDGER_MIGRATE)
		rc = db_migrate(l->db, migrations, sizeof migrations / sizeof *migrations, e);
	if (!rc) rc = db_expect_version(l->db, LEDGER_SCHEMA, e);
	if (!rc) rc = check_key(l, cfg->mode == LEDGER_MIGRATE, e);
	if (!rc) rc = db_prepare_all(l->db, e);
	if (!rc) rc = ledger_clock_load(l, e);
	if (rc) {
		ledger_close(l);
		return rc;
	}
	(void)ledger_identity(l);
	*out = l;
	return ERR_OK;
}

void ledger_close(struct ledger *l)
{
	if (!l) return;
	db_close(l->db);
	if (l->gate >= 0) (void)close(l->gate);
	seal_free(l->seal);
	explicit_bzero(l, sizeof *l);
	free(l);
}

const uint8_t *ledger_field_key(const struct ledger *l)
{
	return l->field_key;
}

struct db *ledger_db(struct ledger *l)
{
	return l->db;
}

struct clock_now ledger_now(struct ledger *l)
{
	return clock_read(l->clock);
}

/* --- meta --- */

int ledger_meta_int(struct ledger *l, const char *key, int64_t def, int64_t *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_meta_get, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "key", key);
	int r = db_step(s, e);
	*out = r > 0 ? db_int(s, 0) : def;
	if (r > 0) db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_meta_set_int(struct ledger *l, const char *key, int64_t v, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_meta_put, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "key", key);
	db_bind_int(s, "value", v);
	return db_run(s, e);
}

int ledger_meta_text(struct ledger *l, const char *key, char *out, size_t cap, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_meta_get, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "key", key);
	int r = db_step(s, e);
	const char *t = r > 0 ? db_text(s, 0) : NULL;
	(void)snprintf(out, cap, "%s", t ? t : "");
	if (r > 0) db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_meta_set_text(struct ledger *l, const char *key, const char *v, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_meta_put, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "key", key);
	db_bind_text(s, "value", v);
	return db_run(s, e);
}

static int load_station_key(struct ledger *l, struct ledger_identity *id, struct err *e)
{
	char *key = NULL;
	size_t n = 0;
	struct db_stmt *s = db_query(l->db, Q_meta_get, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "key", "station_key");
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : (int)ERR_NOTFOUND;
	const void *sealed = db_blob(s, 0, &n);
	int rc = ledger_unseal(l, "station_key", 0, 0, sealed, n, &key, &n, e);
	db_reset(s);
	if (!rc && n != EVENT_KEY_LEN) rc = err_set(e, ERR_CORRUPT, "station key");
	if (!rc) memcpy(id->station_key, key, EVENT_KEY_LEN);
	if (key) explicit_bzero(key, n);
	free(key);
	return rc;
}

const struct ledger_identity *ledger_identity(struct ledger *l)
{
	struct ledger_identity id = {0};
	char tier[16] = "";
	if (l->id.enrolled) return &l->id; /* it never changes again */
	if (ledger_meta_text(l, "station", id.station, sizeof id.station, NULL) || !*id.station) return &l->id;
	if (ledger_meta_text(l, "name", id.name, sizeof id.name, NULL) ||
	    ledger_meta_text(l, "township", id.township, sizeof id.township, NULL) ||
	    ledger_meta_text(l, "tier", tier, sizeof tier, NULL) || !tier_parse(tier, &id.tier) ||
	    load_station_key(l, &id, NULL))
		return &l->id;
	id.enrolled = true;
	l->id = id;
	return &l->id;
}

/* --- heads and transactions --- */

int ledger_head(struct ledger *l, struct ledger_head *h, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_log_open, e);
	if (!s) return ERR_IO;
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no log is open: the box is not enrolled");
	*h = (struct ledger_head){.n = db_int(s, 0),
	                          .box = (int)db_int(s, 2),
	                          .seq = db_int(s, 3),
	                          .sent_seq = db_int(s, 5),
	                          .received_seq = db_int(s, 6)};
	(void)db_copy_blob(s, 1, h->log, UUID_LEN);
	(void)db_copy_blob(s, 4, h->hash, DIGEST_LEN);
	(void)db_copy_blob(s, 7, h->received_hash, DIGEST_LEN);
	db_reset(s);
	return ERR_OK;
}

int ledger_tx_head(struct ledger *l, struct ledger_head **out, struct err *e)
{
	if (!l->head_loaded) {
		int rc = ledger_head(l, &l->head, e);
		if (rc) return rc;
		l->head_loaded = true;
		l->head_dirty = false;
	}
	*out = &l->head;
	return ERR_OK;
}

static void forget_head(struct ledger *l)
{
	l->head_loaded = l->head_dirty = false;
	l->change = -1;
	l->serial = (struct ledger_serial){0};
}

/* A killed holder lets go by dying. Blocking is right: whoever holds the gate is about to finish. */
static void gate_lock(struct ledger *l)
{
	while (l->gate >= 0 && flock(l->gate, LOCK_EX) && errno == EINTR)
		;
}

static void gate_unlock(struct ledger *l)
{
	if (l->gate >= 0) (void)flock(l->gate, LOCK_UN);
}

int ledger_begin(struct ledger *l, struct err *e)
{
	forget_head(l);
	gate_lock(l);
	if (!l->first) gate_unlock(l);
	int rc = db_begin(l->db, e);
	if (rc) gate_unlock(l);
	return rc;
}

static int write_head(struct ledger *l, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_log_head, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", l->head.n);
	db_bind_int(s, "seq", l->head.seq);
	db_bind_blob(s, "hash", l->head.hash, DIGEST_LEN);
	return db_run(s, e);
}

int ledger_serial_keep(struct ledger *l, struct err *e)
{
	if (!l->serial.dirty) return ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_serial_raise, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", l->serial.log);
	db_bind_int(s, "day", l->serial.day);
	db_bind_int(s, "last", l->serial.last);
	int rc = db_run(s, e);
	if (!rc) l->serial.dirty = false;
	return rc;
}

int ledger_commit(struct ledger *l, struct err *e)
{
	int rc = l->head_dirty ? write_head(l, e) : ERR_OK;
	if (!rc) rc = ledger_serial_keep(l, e);
	forget_head(l);
	if (!rc) rc = db_commit(l->db, e);
	if (!rc) gate_unlock(l);
	if (!rc && l->erased) l->erased = !db_scrub(l->db); /* readers may hold it up: then behind a later one */
	return rc;
}

void ledger_rollback(struct ledger *l)
{
	forget_head(l);
	db_rollback(l->db);
	gate_unlock(l);
}

void ledger_note(struct ledger *l)
{
	l->part_head = l->head;
	l->part_loaded = l->head_loaded;
	l->part_dirty = l->head_dirty;
	l->part_change = l->change;
	l->part_serial = l->serial;
}

void ledger_recall(struct ledger *l)
{
	l->head = l->part_head;
	l->head_loaded = l->part_loaded;
	l->head_dirty = l->part_dirty;
	l->change = l->part_change;
	l->serial = l->part_serial;
}

int ledger_part_begin(struct ledger *l, struct err *e)
{
	/* After a full disk SQLite rolls back by itself; a savepoint would then open a transaction of its own. */
	if (!db_in_transaction(l->db)) return err_set(e, ERR_IO, "the transaction is gone");
	ledger_note(l);
	return db_savepoint(l->db, e);
}

int ledger_part_end(struct ledger *l, bool keep, struct err *e)
{
	if (!db_in_transaction(l->db)) return err_set(e, ERR_IO, "the transaction is gone");
	if (keep) return db_release_savepoint(l->db, e);
	ledger_recall(l);
	return db_rollback_savepoint(l->db, e);
}

/* --- sealing --- */

static size_t aad_of(char out[96], const char *kind, int64_t a, int64_t b)
{
	int n = snprintf(out, 96, "%s|%lld|%lld", kind, (long long)a, (long long)b);
	return n < 0 ? 0 : (size_t)n;
}

/* The first byte names the codec of what follows, so that compression can come: 0 = plain. It is bound by the AAD. */
#define CODEC_PLAIN 0

int ledger_seal(struct ledger *l, const char *kind, int64_t a, int64_t b, const void *plain, size_t len, uint8_t **out,
                size_t *out_len, struct err *e)
{
	char aad[96];
	size_t n = aad_of(aad, kind, a, b);
	*out = malloc(len + SEAL_OVERHEAD + 1);
	if (!*out) return err_set(e, ERR_NOMEM, "sealing %zu bytes", len);
	(*out)[0] = CODEC_PLAIN;
	*out_len = len + SEAL_OVERHEAD + 1;
	int rc = seal_close(l->seal, aad, n, plain, len, *out + 1);
	return rc ? err_set(e, ERR_IO, "AES-GCM failed") : ERR_OK;
}

int ledger_seal_json(struct ledger *l, const char *kind, int64_t a, const json_t *v, uint8_t **out, size_t *out_len,
                     struct err *e)
{
	struct buf raw;
	buf_init(&raw, LIMIT_EXCHANGE);
	int rc = canon_write(v, &raw, e);
	if (!rc) rc = ledger_seal(l, kind, a, 0, raw.data, raw.len, out, out_len, e);
	buf_release(&raw);
	return rc;
}

int ledger_unseal(struct ledger *l, const char *kind, int64_t a, int64_t b, const void *sealed, size_t len, char **out,
                  size_t *out_len, struct err *e)
{
	char aad[96];
	size_t n = aad_of(aad, kind, a, b);
	const uint8_t *in = sealed;
	*out = NULL;
	if (!in || len < SEAL_OVERHEAD + 1) return err_set(e, ERR_CORRUPT, "a sealed %s is too short", kind);
	if (in[0] != CODEC_PLAIN) return err_set(e, ERR_VERSION, "a sealed %s has codec %u: upgrade", kind, in[0]);
	size_t plain = len - SEAL_OVERHEAD - 1;
	*out = malloc(plain + 1);
	if (!*out) return err_set(e, ERR_NOMEM, "opening %zu bytes", len);
	if (seal_open(l->seal, aad, n, in + 1, len - 1, *out)) {
		free(*out);
		*out = NULL;
		return err_set(e, ERR_CORRUPT, "a sealed %s does not open", kind);
	}
	(*out)[plain] = '\0';
	*out_len = plain;
	return ERR_OK;
}

int64_t ledger_index_key(struct ledger *l, const char *kind, const char *value)
{
	char text[128];
	uint8_t mac[DIGEST_LEN];
	uint64_t key = 0;
	int n = snprintf(text, sizeof text, "%s:%s", kind, value);
	digest_hmac(l->index_key, sizeof l->index_key, text, n < 0 ? 0 : strlen(text), mac);
	for (size_t i = 0; i < sizeof key; i++)
		key = key << 8 | mac[i];
	return (int64_t)key;
}

/* --- start-up --- */

int ledger_check_heads(struct ledger *l, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_log_list, e);
	int r = s ? 0 : -(int)ERR_IO;
	while (s && (r = db_step(s, e)) > 0) {
		size_t n = 0, m = 0;
		int64_t log = db_int(s, 0), seq = db_int(s, 4);
		const void *want = db_blob(s, 5, &n);
		if (seq == 0) continue;
		struct db_stmt *h = db_query(l->db, Q_event_hash_at, e);
		if (!h) return ERR_IO;
		db_bind_int(h, "log", log);
		db_bind_int(h, "seq", seq);
		int hr = db_step(h, e);
		const void *have = hr > 0 ? db_blob(h, 0, &m) : NULL;
		bool same = have && n == m && memcmp(want, have, n) == 0;
		db_reset(h);
		if (hr < 0) return -hr;
		if (!same) return err_set(e, ERR_CORRUPT, "log %lld: its head is not its last event", (long long)log);
	}
	return r < 0 ? -r : ERR_OK;
}

int ledger_check(struct ledger *l, struct err *e)
{
	int rc = db_quick_check(l->db, e);
	return rc ? rc : ledger_check_heads(l, e);
}

/* See outbox.h. Called on the gateway's worker. */
#include "shared/ledger/outbox.h"
#include "shared/ledger/internal.h"

#include "shared/crypto/rng.h"

#include <stdlib.h>
#include <string.h>

#define KIND "outbox" /* in what the sealed form is bound to, with the rows of phone and account */

static int unseal(struct ledger *l, int64_t device, int64_t staff, const void *sealed, size_t len,
                  struct outbox_key *out, struct err *e)
{
	char *plain = NULL;
	size_t n = 0;
	int rc = ledger_unseal(l, KIND, device, staff, sealed, len, &plain, &n, e);
	if (!rc && n != OUTBOX_KEY_LEN) rc = err_set(e, ERR_CORRUPT, "a key of an outbox has %zu bytes", n);
	if (!rc) {
		memcpy(out->key, plain, OUTBOX_KEY_LEN);
		out->has = true;
	}
	if (plain) explicit_bzero(plain, n);
	free(plain);
	return rc;
}

/* *APPROVED tells whether the phone may have one. */
static int find(struct ledger *l, int64_t device, int64_t staff, struct outbox_key *out, bool *approved, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_outbox_key_get, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "device", device);
	db_bind_int(s, "staff", staff);
	int r = db_step(s, e);
	int rc = r < 0 ? -r : ERR_OK;
	*approved = r > 0;
	if (r > 0 && !db_is_null(s, 0)) {
		size_t len = 0;
		const void *sealed = db_blob(s, 0, &len);
		rc = unseal(l, device, staff, sealed, len, out, e);
	}
	db_reset(s);
	return rc;
}

static int make(struct ledger *l, int64_t device, int64_t staff, struct outbox_key *out, struct err *e)
{
	uint8_t *sealed = NULL;
	size_t len = 0;
	rng_bytes(out->key, OUTBOX_KEY_LEN);
	int rc = ledger_seal(l, KIND, device, staff, out->key, OUTBOX_KEY_LEN, &sealed, &len, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_outbox_key_put, e);
	if (!rc && !s) rc = ERR_IO;
	if (s) {
		db_bind_int(s, "device", device);
		db_bind_int(s, "staff", staff);
		db_bind_blob(s, "sealed", sealed, len);
		db_bind_int(s, "at", ledger_now(l).wall);
		rc = db_run(s, e);
	}
	free(sealed);
	out->has = rc == ERR_OK;
	return rc;
}

int ledger_outbox_key(struct ledger *l, int64_t device, int64_t staff, struct outbox_key *out, struct err *e)
{
	bool approved = false;
	*out = (struct outbox_key){0};
	int rc = find(l, device, staff, out, &approved, e);
	return rc || !approved || out->has ? rc : make(l, device, staff, out, e);
}

int ledger_outbox_forget(struct ledger *l, int64_t device, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_outbox_keys_forget, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "device", device);
	return db_run(s, e);
}

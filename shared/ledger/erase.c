/* What an erase does to the ledger of a box: the bodies go, their macs stay in their places. Runs in the transaction that
 * folds the case, and again whenever something more of it is judged or brought; so nothing comes back. See internal.h. */
#include "shared/ledger/internal.h"

#include "shared/canon.h"
#include "shared/feed.h"
#include "shared/json_parse.h"

#include <stdlib.h>
#include <string.h>

/* Sealed JSON that may hold a body: where it stands and how it is found and put back. */
struct place {
	const char *seal; /* the name that it is sealed under */
	size_t next, put;
};

struct row {
	int64_t key, seal_key, gen;
	uint8_t *raw; /* owned */
	size_t len;
};

static int next_row(struct ledger *l, const struct place *p, const uint8_t id[UUID_LEN], struct row *row, bool *found,
                    struct err *e)
{
	size_t n;
	struct db_stmt *s = db_query(l->db, p->next, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "case_id", id, UUID_LEN);
	db_bind_int(s, "after", row->key);
	db_bind_int(s, "gen", row->gen);
	int r = db_step(s, e);
	*found = r > 0;
	if (r <= 0) return -r;
	const void *raw = db_blob(s, 3, &n);
	*row = (struct row){
	    .key = db_int(s, 0), .seal_key = db_int(s, 1), .gen = db_int(s, 2), .raw = malloc(n + 1), .len = n};
	if (row->raw && raw) memcpy(row->raw, raw, n);
	db_reset(s);
	return row->raw ? ERR_OK : err_set(e, ERR_NOMEM, "erase");
}

static int put_back(struct ledger *l, const struct place *p, const struct row *row, const json_t *entry, struct err *e)
{
	uint8_t *sealed = NULL;
	size_t len = 0;
	int rc = ledger_seal_json(l, p->seal, row->seal_key, entry, &sealed, &len, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, p->put, e);
	if (s) {
		db_bind_int(s, "n", row->key);
		db_bind_int(s, "gen", row->gen);
		db_bind_blob(s, "raw", sealed, len);
		rc = db_run(s, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	free(sealed);
	return rc;
}

static int strip_row(struct ledger *l, const struct place *p, const struct row *row, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	json_t *entry = NULL;
	bool gone = false;
	int rc = ledger_unseal(l, p->seal, row->seal_key, 0, row->raw, row->len, &text, &len, e);
	if (!rc) rc = json_parse_strict(text, len, LEDGER_RAW_DEPTH, &entry, e);
	if (!rc) rc = feed_strip(entry, l->id.station_key, &gone, e);
	if (!rc && gone) rc = put_back(l, p, row, entry, e);
	json_decref(entry);
	free(text);
	return rc;
}

static int strip_all(struct ledger *l, const struct place *p, const uint8_t id[UUID_LEN], struct err *e)
{
	struct row row = {0};
	bool found = true;
	int rc = ERR_OK;
	while (!rc && found) {
		rc = next_row(l, p, id, &row, &found, e);
		if (!rc && found) rc = strip_row(l, p, &row, e);
		free(row.raw);
		row.raw = NULL;
	}
	return rc;
}

int ledger_erase_bodies(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e)
{
	static const struct place places[] = {
	    {"feed", Q_erase_feed_next, Q_erase_feed_put},
	    {"feed", Q_erase_lost_next, Q_erase_lost_put},
	    {"recovered", Q_erase_recovered_next, Q_erase_recovered_put},
	};
	struct db_stmt *s = db_query(l->db, Q_erase_events, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "case_id", id, UUID_LEN);
	int rc = db_run(s, e);
	l->erased = true;
	for (size_t i = 0; i < sizeof places / sizeof *places && !rc; i++)
		rc = strip_all(l, &places[i], id, e);
	return rc;
}

/* See citizen.h. Called by the gateway's public pages. */
#include "shared/ledger/citizen.h"

#include "shared/ledger/internal.h"
#include "shared/text.h"

#include <string.h>

#define SAME_KEY 8 /* cases that share one hash of eight bytes: more do not come by chance */

/* Ids that Q finds, at most MAX into OUT; their number, or an error as a negative one. */
static int read_ids(struct db_stmt *q, uint8_t (*out)[UUID_LEN], int max, struct err *e)
{
	int n = 0, r = 0;
	while (n < max && (r = db_step(q, e)) > 0)
		if (db_copy_blob(q, 0, out[n], UUID_LEN)) n++;
	db_reset(q);
	return r < 0 ? r : n;
}

int ledger_case_by_token(struct ledger *l, const char *token, struct ledger_case *out, struct err *e)
{
	uint8_t ids[SAME_KEY][UUID_LEN];
	size_t len = strlen(token);
	if (!len) return err_set(e, ERR_NOTFOUND, "no token"); /* entries of registers have none */
	struct db_stmt *q = db_query(l->db, Q_case_key_find, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "hmac", ledger_index_key(l, "token", token));
	db_bind_int(q, "limit", SAME_KEY);
	int n = read_ids(q, ids, SAME_KEY, e);
	if (n < 0) return -n;
	for (int i = 0; i < n; i++) {
		struct ledger_case c = {0};
		int rc = ledger_case_get(l, ids[i], &c, e);
		if (!rc && strlen(c.view.token) == len && text_equal_const(c.view.token, token, len)) {
			*out = c;
			return ERR_OK;
		}
		ledger_case_release(&c);
		if (rc) return rc;
	}
	return err_set(e, ERR_NOTFOUND, "no such token");
}

static int near(struct ledger *l, struct db_stmt *q, struct caseview *out, int *n, struct err *e)
{
	uint8_t id[1][UUID_LEN];
	struct ledger_case c = {0};
	int found = read_ids(q, id, 1, e);
	if (found < 1) return -found;
	int rc = ledger_case_get(l, id[0], &c, e);
	if (rc) {
		ledger_case_release(&c);
		return rc;
	}
	*out = c.view;
	(*n)++;
	return ERR_OK;
}

int ledger_cases_near(struct ledger *l, const char *receipt, struct caseview out[LEDGER_NEAR], int *n, struct err *e)
{
	*n = 0;
	struct db_stmt *q = db_query(l->db, Q_case_near_receipt, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "receipt", receipt);
	int rc = near(l, q, &out[*n], n, e);
	if (rc) return rc;
	q = db_query(l->db, Q_case_near_key, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "hmac", ledger_index_key(l, "receipt", receipt));
	return near(l, q, &out[*n], n, e);
}

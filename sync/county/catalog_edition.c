/* See catalog_edition.h. Called by the commands, beside a running server too: every change is one write transaction. */
#include "sync/county/catalog_edition.h"

#include "shared/canon.h"
#include "shared/casejson.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/text.h"
#include "sync/county/catalog_diff.h"
#include "sync/county/thing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX (4 * 1048576)

void catalog_edition_release(struct catalog_edition *ed)
{
	json_decref(ed->doc);
	free(ed->text);
	free(ed->signature);
	free(ed->cert);
	*ed = (struct catalog_edition){0};
}

/* --- reading --- */

static int parse(const char *text, json_t **doc, struct err *e)
{
	return json_parse_strict(text, strlen(text), LIMIT_DEPTH, doc, e);
}

int catalog_edition_in_force(const struct catalog_work *w, int64_t *version, json_t **doc, struct err *e)
{
	struct err why = {0};
	*version = 0;
	int rc = store_thing(w->s, w->kind, doc, version, &why);
	if (rc == (int)ERR_NOTFOUND) return ERR_OK;
	return rc ? err_set(e, why.code, "%s", why.msg) : ERR_OK;
}

static char *copied(struct db_stmt *q, int col, bool *nomem)
{
	const char *t = db_text(q, col);
	char *out = t ? strdup(t) : NULL;
	if (t && !out) *nomem = true;
	return out;
}

/* The row of `editions`; *FOUND. */
static int read_row(const struct catalog_work *w, struct catalog_edition *out, bool *found, struct err *e)
{
	bool nomem = false;
	struct db_stmt *q = db_query(w->s->db, Q_edition_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", w->kind);
	db_bind_int(q, "version", out->version);
	int r = db_step(q, e);
	*found = r > 0;
	if (r > 0) {
		out->text = copied(q, 0, &nomem);
		out->signature = copied(q, 1, &nomem);
		out->cert = copied(q, 2, &nomem);
		out->signed_at = db_int(q, 3);
		out->published_at = db_int(q, 4);
	}
	db_reset(q);
	return r < 0 ? -r : nomem ? err_set(e, ERR_NOMEM, "%s", w->kind) : ERR_OK;
}

static int newest_draft(const struct catalog_work *w, int64_t *version, struct err *e)
{
	json_t *doc = NULL;
	int64_t in_force;
	int rc = catalog_edition_in_force(w, &in_force, &doc, e);
	json_decref(doc);
	struct db_stmt *q = rc ? NULL : db_query(w->s->db, Q_edition_draft, e);
	if (!q) return rc ? rc : (int)ERR_IO;
	db_bind_text(q, "kind", w->kind);
	db_bind_int(q, "above", in_force);
	int r = db_step(q, e);
	*version = r > 0 ? db_int(q, 0) : 0;
	db_reset(q);
	return r < 0 ? -r : r == 0 ? err_set(e, ERR_NOTFOUND, "there is no draft: see `%s import`", w->kind) : ERR_OK;
}

int catalog_edition_get(const struct catalog_work *w, int64_t version, struct catalog_edition *out, struct err *e)
{
	bool found = false;
	*out = (struct catalog_edition){.version = version};
	int rc = version ? ERR_OK : newest_draft(w, &out->version, e);
	if (!rc) rc = read_row(w, out, &found, e);
	if (!rc && !found) rc = thing_text(w->s, w->kind, out->version, &out->text, e);
	if (!rc && !out->text) rc = err_set(e, ERR_NOTFOUND, "there is no %s %" PRId64, w->kind, version);
	if (!rc) rc = parse(out->text, &out->doc, e);
	if (rc) catalog_edition_release(out);
	return rc;
}

/* --- writing: all within the caller's transaction --- */

static int note(const struct catalog_work *w, int64_t version, const char *act, struct err *e)
{
	struct db_stmt *q = db_query(w->s->db, Q_edition_act, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "at", w->now);
	db_bind_text(q, "kind", w->kind);
	db_bind_int(q, "version", version);
	db_bind_text(q, "act", act);
	db_bind_text(q, "who", w->who);
	db_bind_text(q, "reason", w->reason);
	return db_run(q, e);
}

static int next_version(const struct catalog_work *w, int64_t *version, struct err *e)
{
	struct db_stmt *q = db_query(w->s->db, Q_edition_next, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", w->kind);
	int r = db_step(q, e);
	*version = r > 0 ? db_int(q, 0) : 0;
	db_reset(q);
	return r < 0 ? -r : r == 0 ? err_set(e, ERR_IO, "no version") : ERR_OK;
}

static int insert(const struct catalog_work *w, json_t *doc, int64_t *version, struct err *e)
{
	struct buf text;
	struct catalog *cat = NULL;
	buf_init(&text, DOCUMENT_MAX);
	int rc = next_version(w, version, e);
	if (!rc && json_object_set_new(doc, "version", json_integer(*version)))
		rc = err_set(e, ERR_NOMEM, "%s", w->kind);
	if (!rc && strcmp(w->kind, "catalog") == 0) rc = catalog_new(doc, &cat, e);
	catalog_free(cat);
	if (!rc) rc = canon_write(doc, &text, e);
	struct db_stmt *q = rc ? NULL : db_query(w->s->db, Q_edition_insert, e);
	if (q) {
		db_bind_text(q, "kind", w->kind);
		db_bind_int(q, "version", *version);
		db_bind_text(q, "doc", text.data);
		db_bind_int(q, "at", w->now);
		rc = db_run(q, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	buf_release(&text);
	return rc;
}

/* SHA-256("xinke-thing-1", kind, 0, document): no answer to a box can pass for it, nor a calendar for a catalog. */
static void digest(const char *kind, const char *text, uint8_t out[DIGEST_LEN])
{
	static const char label[] = "xinke-thing-1";
	struct digest_part parts[] = {{label, sizeof label - 1}, {kind, strlen(kind) + 1}, {text, strlen(text)}};
	digest_sha256_parts(parts, 3, out);
}

static int sign(const struct catalog_work *w, const struct catalog_edition *ed, struct err *e)
{
	uint8_t hash[DIGEST_LEN], sig[EC_SIG_MAX];
	char b64[TEXT_B64_LEN(EC_SIG_MAX)];
	size_t n = 0;
	digest(w->kind, ed->text, hash);
	(void)pthread_mutex_lock(&w->c->lock);
	int rc = ec_sign(w->c->answer_key, hash, sig, &n, e);
	(void)pthread_mutex_unlock(&w->c->lock);
	if (rc) return rc;
	(void)text_b64(sig, n, b64);
	struct db_stmt *q = db_query(w->s->db, Q_edition_sign, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", w->kind);
	db_bind_int(q, "version", ed->version);
	db_bind_text(q, "signature", b64);
	db_bind_text(q, "certificate", w->c->answer_cert);
	db_bind_int(q, "at", w->now);
	return db_run(q, e);
}

int catalog_edition_verify(const struct catalog_work *w, const struct catalog_edition *ed, struct err *e)
{
	uint8_t hash[DIGEST_LEN], sig[EC_SIG_MAX];
	struct ec_key *k = NULL;
	struct err why = {0};
	if (!ed->signature || !ed->cert)
		return err_set(e, ERR_DENIED, "version %" PRId64 " is not signed", ed->version);
	/* as of the day when it was signed: the key's own days end, what it signed stays */
	int rc = x509_verify(ed->cert, ca_root_pem(w->c->ca), X509_EKU_ANSWER, ed->signed_at, &why);
	if (rc)
		return err_set(e, ERR_DENIED, "version %" PRId64 ": the signer's certificate: %s", ed->version,
		               why.msg);
	long n = text_unb64(ed->signature, strlen(ed->signature), sig, sizeof sig);
	digest(w->kind, ed->text, hash);
	rc = ec_key_from_cert(ed->cert, strlen(ed->cert), &k, e);
	if (rc) return rc;
	rc = n < 1 ? (int)ERR_DENIED : ec_verify(k, hash, sig, (size_t)n);
	ec_key_free(k);
	if (rc == (int)ERR_NOMEM) return err_set(e, ERR_NOMEM, "signature");
	return rc ? err_set(e, ERR_DENIED, "version %" PRId64 ": the signature does not fit the document", ed->version)
	          : ERR_OK;
}

static int publish(const struct catalog_work *w, const struct catalog_edition *ed, struct err *e)
{
	int64_t in_force;
	json_t *doc = NULL;
	int rc = catalog_edition_in_force(w, &in_force, &doc, e);
	json_decref(doc);
	if (!rc && ed->version <= in_force)
		rc = err_set(e, ERR_CONFLICT, "version %" PRId64 " is in force: boxes only go forward", in_force);
	if (!rc && !ed->signature)
		rc = err_set(e, ERR_CONFLICT, "version %" PRId64 " is not signed: see `%s sign`", ed->version, w->kind);
	if (!rc) rc = catalog_edition_verify(w, ed, e);
	if (!rc) rc = thing_in_force(w->s, w->kind, ed->version, ed->text, w->now, e);
	struct db_stmt *q = rc ? NULL : db_query(w->s->db, Q_edition_published, e);
	if (!q) return rc ? rc : (int)ERR_IO;
	db_bind_text(q, "kind", w->kind);
	db_bind_int(q, "version", ed->version);
	db_bind_int(q, "at", w->now);
	return db_run(q, e);
}

/* --- the acts --- */

static int end(const struct catalog_work *w, int rc, struct err *e)
{
	if (!rc) rc = store_commit(w->s, e);
	if (rc) store_rollback(w->s);
	return rc;
}

int catalog_edition_draft(const struct catalog_work *w, json_t *doc, int64_t *version, struct err *e)
{
	int64_t in_force;
	json_t *base = NULL;
	int rc = store_begin(w->s, e);
	if (rc) return rc;
	rc = catalog_edition_in_force(w, &in_force, &base, e);
	json_t *diff = !rc && base ? catalog_diff(base, doc) : NULL;
	if (!rc && base && !diff) rc = err_set(e, ERR_NOMEM, "%s", w->kind);
	if (!rc && diff && catalog_diff_empty(diff))
		rc = err_set(e, ERR_CONFLICT, "it is the %s in force, version %" PRId64, w->kind, in_force);
	json_decref(diff);
	json_decref(base);
	if (!rc) rc = insert(w, doc, version, e);
	if (!rc) rc = note(w, *version, "import", e);
	return end(w, rc, e);
}

int catalog_edition_sign(const struct catalog_work *w, int64_t version, struct err *e)
{
	struct catalog_edition ed = {0};
	bool found = false;
	int rc = store_begin(w->s, e);
	if (rc) return rc;
	ed.version = version;
	rc = read_row(w, &ed, &found, e);
	if (!rc && !found) rc = err_set(e, ERR_NOTFOUND, "there is no draft %" PRId64, version);
	if (!rc && ed.signature) rc = err_set(e, ERR_CONFLICT, "version %" PRId64 " is signed", version);
	if (!rc) rc = sign(w, &ed, e);
	if (!rc) rc = note(w, version, "sign", e);
	catalog_edition_release(&ed);
	return end(w, rc, e);
}

int catalog_edition_publish(const struct catalog_work *w, int64_t version, struct err *e)
{
	struct catalog_edition ed = {0};
	int rc = store_begin(w->s, e);
	if (rc) return rc;
	rc = catalog_edition_get(w, version, &ed, e);
	if (!rc) rc = publish(w, &ed, e);
	if (!rc) rc = note(w, version, "publish", e);
	catalog_edition_release(&ed);
	return end(w, rc, e);
}

/* The document to go back to: OLD, or the one before the one in force. */
static int older(const struct catalog_work *w, int64_t old, json_t **doc, struct err *e)
{
	int64_t in_force;
	char *text = NULL;
	json_t *base = NULL;
	int rc = catalog_edition_in_force(w, &in_force, &base, e);
	json_decref(base);
	if (rc) return rc;
	if (old >= in_force)
		return err_set(e, ERR_INVALID, "version %" PRId64 " is in force: an older one is wanted", in_force);
	if (!old) {
		struct db_stmt *q = db_query(w->s->db, Q_thing_before, e);
		if (!q) return ERR_IO;
		db_bind_text(q, "kind", w->kind);
		db_bind_int(q, "version", in_force);
		int r = db_step(q, e);
		old = r > 0 ? db_int(q, 0) : 0;
		db_reset(q);
		if (r < 0) return -r;
	}
	rc = thing_text(w->s, w->kind, old, &text, e);
	if (!rc && !text) rc = err_set(e, ERR_NOTFOUND, "no older %s was in force", w->kind);
	if (!rc) rc = parse(text, doc, e);
	free(text);
	return rc;
}

int catalog_edition_rollback(const struct catalog_work *w, int64_t old, int64_t *version, struct err *e)
{
	json_t *doc = NULL;
	struct catalog_edition ed = {0};
	*version = 0;
	int rc = store_begin(w->s, e);
	if (rc) return rc;
	rc = older(w, old, &doc, e);
	if (!rc) rc = insert(w, doc, version, e);
	if (!rc) rc = catalog_edition_get(w, *version, &ed, e);
	if (!rc) rc = sign(w, &ed, e);
	catalog_edition_release(&ed);
	if (!rc) rc = catalog_edition_get(w, *version, &ed, e);
	if (!rc) rc = publish(w, &ed, e);
	if (!rc) rc = note(w, *version, "rollback", e);
	catalog_edition_release(&ed);
	json_decref(doc);
	return end(w, rc, e);
}

int catalog_edition_acts(const struct catalog_work *w, json_t **out, struct err *e)
{
	int r = 0, rc = ERR_OK;
	*out = json_array();
	struct db_stmt *q = *out ? db_query(w->s->db, Q_edition_acts, e) : NULL;
	if (!q) return *out ? (int)ERR_IO : err_set(e, ERR_NOMEM, "acts");
	db_bind_text(q, "kind", w->kind);
	while (!rc && (r = db_step(q, e)) > 0) {
		json_t *one = json_pack("{s:I, s:s, s:s, s:s}", "version", (json_int_t)db_int(q, 1), "act",
		                        db_text(q, 2), "by", db_text(q, 3), "reason", db_text(q, 4));
		casejson_time(one, "at", db_int(q, 0), &rc);
		if (json_array_append_new(*out, one)) rc = ERR_NOMEM;
	}
	db_reset(q);
	return rc ? err_set(e, ERR_NOMEM, "acts") : r < 0 ? -r : ERR_OK;
}

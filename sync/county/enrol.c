/* Enrolment: a one-time code becomes a certificate, a box number, the station key; the box's field key comes to rest
 * here. Called by the sync face on a worker thread, and by the API and the command for new codes. The answer is kept
 * sealed while its code lives: a box that lost it sends the same request again and gets the same bytes. */
#include "sync/county/county.h"
#include "sync/county/feed.h"

#include "shared/canon.h"
#include "shared/caseview.h"
#include "shared/crypto/rng.h"
#include "shared/enrolcode.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wrong codes; forgiven by a right one alone. */
static const struct lockout_rule rule = {.tries = 5};

int64_t county_now(struct county *c)
{
	(void)pthread_mutex_lock(&c->lock);
	int64_t now = clock_read(&c->clock).wall;
	(void)pthread_mutex_unlock(&c->lock);
	return now;
}

int county_enrol_code(struct county *c, struct store *s, const char *station, const char *by,
                      char code[COUNTY_CODE_MAX], int64_t *expires_at, struct err *e)
{
	uint8_t raw[ENROLCODE_CHARS], hash[DIGEST_LEN];
	struct store_station st;
	int64_t now = county_now(c);
	int rc = store_station(s, station, &st, e);
	if (rc) return rc;
	rng_bytes(raw, sizeof raw);
	enrolcode_text(raw, code);
	(void)enrolcode_hash(code, hash);
	*expires_at = now + c->cfg->code_hours * 3600000;
	struct db_stmt *q = db_query(s->db, Q_enrolment_insert, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "code", hash, sizeof hash);
	db_bind_text(q, "station", station);
	db_bind_text(q, "by", by);
	db_bind_int(q, "at", now);
	db_bind_int(q, "expires_at", *expires_at);
	return db_run(q, e);
}

struct enrol {
	struct county *c;
	struct store *s;
	json_t *req; /* what this release knows of the request */
	int64_t now;
	char subject[80];          /* whose wrong codes count */
	uint8_t asked[DIGEST_LEN]; /* SHA-256 of the canonical request */
	uint8_t code[DIGEST_LEN], log[UUID_LEN], field_key[SEAL_KEY_LEN];
	json_t *answer;
	bool restore;
	char station[13];
	struct store_station st;
	int box;
	struct county_certificates made;
};

static const struct field request_fields[] = {
    {"code", FIELD_LINE, FIELD_REQUIRED, 1, 40, 0, 0},
    {"log", FIELD_UUID, FIELD_REQUIRED, 0, 0, 0, 0},
    {"csr", FIELD_TEXT, FIELD_REQUIRED, 1, X509_PEM_MAX - 1, 0, 0},
    {"server_csr", FIELD_TEXT, FIELD_NULLABLE, 1, X509_PEM_MAX - 1, 0, 0},
    {"server_names", FIELD_LINE, FIELD_NULLABLE, 1, 400, 0, 0},
    {"field_key", FIELD_LINE, FIELD_NULLABLE, 1, 64, 0, 0},
    {"restore", FIELD_BOOL, FIELD_NULLABLE, 0, 0, 0, 0},
    {"software", FIELD_LINE, FIELD_REQUIRED, 1, WIRE_SOFTWARE_MAX - 1, 0, 0},
    {.name = NULL},
};

/* The sync face ignores members that it does not know. */
static int take_request(struct enrol *x, const json_t *request, struct err *e)
{
	int rc = ERR_OK;
	x->req = json_object();
	for (const struct field *f = request_fields; f->name; f++) {
		json_t *m = json_object_get(request, f->name);
		if (m) caseview_set(x->req, f->name, json_incref(m), &rc);
	}
	return x->req && !rc ? ERR_OK : err_set(e, ERR_NOMEM, "enrolment");
}

static int digest_request(struct enrol *x, struct err *e)
{
	struct buf b;
	buf_init(&b, 4 * X509_PEM_MAX);
	int rc = canon_write(x->req, &b, e);
	if (!rc) digest_sha256(b.data, b.len, x->asked);
	if (b.data) explicit_bzero(b.data, b.len);
	buf_release(&b);
	return rc;
}

static void check_request(struct enrol *x, struct problem *p)
{
	if (!fields_check(x->req, request_fields, "", p)) return;
	x->restore = json_is_true(json_object_get(x->req, "restore"));
	(void)uuid_parse(fields_text(x->req, "log"), x->log);
	const char *key = fields_text(x->req, "field_key");
	if (x->restore) return; /* the old box's field key is handed back */
	if (text_unb64(key, strlen(key), x->field_key, sizeof x->field_key) != SEAL_KEY_LEN)
		problem_field(p, "/field_key", "format", "32 bytes in base64 are wanted");
}

/* The answer that this very request got when it used the code. */
static int answer_again(struct enrol *x, struct db_stmt *q, struct err *e)
{
	size_t n, len;
	const void *asked = db_blob(q, 3, &n);
	if (!asked || n != DIGEST_LEN || memcmp(asked, x->asked, n) != 0) return ERR_OK;
	const void *sealed = db_blob(q, 4, &len);
	char *text = sealed && len > SEAL_OVERHEAD ? malloc(len) : NULL;
	if (!text) return ERR_OK;
	len -= SEAL_OVERHEAD;
	int rc = seal_open(x->s->recovery, x->code, DIGEST_LEN, sealed, len + SEAL_OVERHEAD, text);
	if (!rc)
		rc = json_parse_strict(text, len, LIMIT_DEPTH, &x->answer, e);
	else
		(void)err_set(e, ERR_CORRUPT, "the answer of an enrolment does not open");
	explicit_bzero(text, len);
	free(text);
	return rc;
}

/* Looks the code up; a refusal in P when it is wrong, used or too old. */
static int check_code(struct enrol *x, struct problem *p, struct err *e)
{
	int64_t expires, used;
	int rc = ERR_OK;
	bool formed = enrolcode_hash(fields_text(x->req, "code"), x->code);
	struct db_stmt *q = db_query(x->s->db, Q_enrolment_get, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "code", x->code, DIGEST_LEN);
	int r = formed ? db_step(q, e) : 0;
	if (r < 0) return -r;
	if (r > 0) {
		const char *t = db_text(q, 0);
		(void)snprintf(x->station, sizeof x->station, "%s", t ? t : "");
		expires = db_int(q, 1);
		used = db_int(q, 2);
		if (used && x->now < expires) rc = answer_again(x, q, e);
		db_reset(q);
		if (rc || x->answer || (used == 0 && x->now < expires)) return rc;
	}
	problem_set(p, PROBLEM_BAD_CREDENTIALS, "%s", r > 0 ? "the code was used or has expired" : "no such code");
	return ERR_OK;
}

static int use_code(struct enrol *x, struct err *e)
{
	struct db_stmt *q = db_query(x->s->db, Q_enrolment_use, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "code", x->code, DIGEST_LEN);
	db_bind_int(q, "at", x->now);
	int rc = db_run(q, e);
	return rc ? rc : db_changes(x->s->db) == 1 ? ERR_OK : err_set(e, ERR_CONFLICT, "the code was used meanwhile");
}

/* The first enrolment makes the station key, which is the station's for ever, and starts its feed with the things in
 * force. */
static int keys(struct enrol *x, struct err *e)
{
	int rc = ERR_OK;
	if (x->st.has_key) {
		if (x->restore) rc = store_field_key(x->s, x->station, x->field_key, e);
		return rc ? rc : store_station_keys(x->s, x->station, x->st.station_key, x->field_key, e);
	}
	store_derive_key(x->c->recovery, x->station, x->st.station_key);
	rc = store_station_keys(x->s, x->station, x->st.station_key, x->field_key, e);
	return rc ? rc : feed_put_things(x->s, x->station, e);
}

static int open_log(struct enrol *x, struct err *e)
{
	struct store_log l = {.box = x->box, .state = LOG_ACTIVE};
	memcpy(l.log, x->log, UUID_LEN);
	memcpy(l.station, x->station, sizeof l.station);
	l.not_after = x->made.info.not_after;
	int rc = store_log_insert(x->s, &l, x->now, e);
	if (!rc) rc = store_log_certificate(x->s, x->log, x->made.info.fingerprint, x->made.info.not_after, e);
	if (rc || !x->restore) return rc;
	/* A declared restore: whatever was there before is gone or will be found a stranger. */
	struct db_stmt *q = db_query(x->s->db, Q_log_retire_station, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", x->station);
	db_bind_blob(q, "log", x->log, UUID_LEN);
	return db_run(q, e);
}

static json_t *answer_of(struct enrol *x)
{
	char log[UUID_TEXT], key[TEXT_B64_LEN(EVENT_KEY_LEN)], field[TEXT_B64_LEN(SEAL_KEY_LEN)];
	int rc = ERR_OK;
	uuid_text(x->log, log);
	(void)text_b64(x->st.station_key, EVENT_KEY_LEN, key);
	json_t *a =
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:I}", "station", x->st.code, "station_name",
	              x->st.title, "tier", tier_name(x->st.tier), "township", x->st.township, "log", log, "box", x->box,
	              "certificate", x->made.client, "root", ca_root_pem(x->c->ca), "station_key", key, "answer_key_id",
	              x->c->answer_key_id, "answer_certificate", x->c->answer_cert, "now", (json_int_t)x->now);
	if (!a) return NULL;
	caseview_set(a, "public_url", json_string(x->c->cfg->public_url), &rc);
	caseview_set(a, "server_certificate", x->made.has_server ? json_string(x->made.server) : json_null(), &rc);
	(void)text_b64(x->field_key, SEAL_KEY_LEN, field);
	if (x->restore) caseview_set(a, "field_key", json_string(field), &rc);
	if (!rc) return a;
	json_decref(a);
	return NULL;
}

static int keep_answer(struct enrol *x, struct err *e)
{
	x->answer = answer_of(x);
	char *text = x->answer ? json_dumps(x->answer, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	uint8_t *sealed = text ? malloc(len + SEAL_OVERHEAD) : NULL;
	struct db_stmt *q = NULL;
	int rc = sealed ? seal_close(x->s->recovery, x->code, DIGEST_LEN, text, len, sealed) : (int)ERR_NOMEM;
	if (rc)
		(void)err_set(e, (enum err_code)rc, "the answer of an enrolment");
	else
		q = db_query(x->s->db, Q_enrolment_answer, e);
	if (q) {
		db_bind_blob(q, "code", x->code, DIGEST_LEN);
		db_bind_blob(q, "request", x->asked, DIGEST_LEN);
		db_bind_blob(q, "answer", sealed, len + SEAL_OVERHEAD);
		rc = db_run(q, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	if (text) explicit_bzero(text, len);
	free(sealed);
	free(text);
	return rc;
}

static int grant(struct enrol *x, struct problem *p, struct err *e)
{
	int rc = use_code(x, e);
	if (!rc) rc = store_station(x->s, x->station, &x->st, e);
	if (!rc && x->restore && !x->st.has_key) {
		problem_set(p, PROBLEM_CONFLICT, "this station was never enrolled: there is nothing to restore");
		return ERR_OK;
	}
	if (!rc) rc = store_next_box(x->s, x->station, &x->box, e);
	if (!rc) rc = county_issue(x->c, x->req, x->station, x->box, x->now, &x->made, p, e);
	if (rc || problem_any(p)) return rc;
	rc = keys(x, e);
	if (!rc) rc = open_log(x, e);
	if (!rc) rc = lockout_clear(x->s->db, &store_account_queries()->lockout, x->subject, e);
	return rc ? rc : keep_answer(x, e);
}

static int count_wrong(struct enrol *x, struct err *e)
{
	int rc = store_begin(x->s, e);
	if (!rc) rc = lockout_fail(x->s->db, &store_account_queries()->lockout, x->subject, &rule, x->now, e);
	if (!rc) rc = store_commit(x->s, e);
	if (rc) store_rollback(x->s);
	return rc;
}

/* Looks the code up and grants in one transaction: of two equal requests at once the second finds the first's answer. */
static int transact(struct enrol *x, bool *wrong, struct problem *p, struct err *e)
{
	int rc = store_begin(x->s, e);
	if (rc) return rc;
	struct err bad = {0};
	rc = check_code(x, p, &bad);
	*wrong = !rc && problem_any(p);
	if (!rc && !*wrong && !x->answer) rc = grant(x, p, &bad);
	if (rc == (int)ERR_CONFLICT) { /* no number is left, the log's id is taken */
		problem_set(p, PROBLEM_CONFLICT, "%s", bad.msg);
		rc = ERR_OK;
	}
	if (rc) (void)err_set(e, bad.code, "%s", bad.msg);
	if (!rc && !problem_any(p)) rc = store_commit(x->s, e);
	if (rc || problem_any(p)) store_rollback(x->s);
	return rc;
}

static int enrol(struct enrol *x, struct problem *p, struct err *e)
{
	int64_t wait = 0;
	bool wrong = false;
	int rc = lockout_wait(x->s->db, &store_account_queries()->lockout, x->subject, x->now, &wait, e);
	if (rc) return rc;
	if (wait) {
		problem_set(p, PROBLEM_LOCKED, "too many wrong codes");
		problem_member(p, "retry_after_s", json_integer((wait + 999) / 1000));
		return ERR_OK;
	}
	check_request(x, p);
	if (problem_any(p)) return ERR_OK;
	rc = digest_request(x, e);
	if (!rc) rc = transact(x, &wrong, p, e);
	return !rc && wrong ? count_wrong(x, e) : rc;
}

int county_enrol(struct county *c, struct store *s, const json_t *request, const char *address, json_t **answer,
                 struct problem *p, struct err *e)
{
	struct enrol x = {.c = c, .s = s, .now = county_now(c)};
	*answer = NULL;
	(void)snprintf(x.subject, sizeof x.subject, "enrol:%s", address);
	int rc = take_request(&x, request, e);
	if (!rc) rc = enrol(&x, p, e);
	if (!rc && !problem_any(p)) {
		*answer = x.answer;
		x.answer = NULL;
	}
	json_decref(x.answer);
	json_decref(x.req);
	explicit_bzero(x.field_key, sizeof x.field_key);
	explicit_bzero(&x.st, sizeof x.st);
	return rc;
}

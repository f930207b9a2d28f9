/* See renewal.h and sync/PROTOCOL.md, section 8. */
#include "sync/agent/renewal.h"

#include "shared/buf.h"
#include "shared/crypto/x509.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS    3600000
#define EXPIRED_MS 60000
#define CALL_MS    30000

/* One certificate that may be due. */
struct due {
	const char *path;
	enum x509_eku eku;
	char pem[X509_PEM_MAX];
	struct x509_info info;
	bool there, due;
};

static int look_at(struct due *d, int64_t now, struct err *e)
{
	if (!file_exists(d->path)) return ERR_OK;
	int rc = file_load(d->path, false, d->pem, sizeof d->pem, NULL, e);
	if (!rc) rc = x509_read(d->pem, strlen(d->pem), &d->info, e);
	if (rc) return rc;
	d->there = true;
	d->due = now >= d->info.not_before + (d->info.not_after - d->info.not_before) / 3 * 2;
	return ERR_OK;
}

/* The names of the gateway's certificate, as the request writes them. */
static int names_of(const struct x509_info *info, struct buf *b, struct err *e)
{
	for (size_t i = 0; i < info->n_sans; i++)
		buf_addf(b, "%s%s", i ? "," : "", info->sans[i].value);
	return b->bad ? err_set(e, ERR_NOMEM, "names") : ERR_OK;
}

static int add_server(const struct renewal *r, const struct due *d, json_t *j, struct err *e)
{
	char csr[X509_PEM_MAX];
	struct buf names;
	int rc = file_load(r->server_csr, false, csr, sizeof csr, NULL, e);
	buf_init(&names, X509_SAN_MAX * X509_NAME_MAX);
	if (!rc) rc = names_of(&d->info, &names, e);
	if (!rc && (json_object_set_new(j, "server_csr", json_string(csr)) ||
	            json_object_set_new(j, "server_names", json_stringn(names.data, names.len))))
		rc = err_set(e, ERR_NOMEM, "renewal");
	buf_release(&names);
	return rc;
}

static int make_request(const struct renewal *r, struct hands *h, const struct due *server, char **out, struct err *e)
{
	char log[UUID_TEXT], csr[X509_PEM_MAX];
	struct ledger_head head;
	struct ec_key *key = NULL;
	json_t *j = NULL;
	int rc = ledger_head(h->l, &head, e);
	if (!rc) rc = ec_key_load(r->client_key, &key, e);
	if (!rc) rc = x509_csr_make(key, "xinke box", NULL, 0, csr, e);
	if (!rc) {
		uuid_text(head.log, log);
		j = json_pack("{s:s,s:s,s:s}", "station", ledger_identity(h->l)->station, "log", log, "csr", csr);
		if (!j) rc = err_set(e, ERR_NOMEM, "renewal");
	}
	if (!rc && server->due) rc = add_server(r, server, j, e);
	*out = rc ? NULL : json_dumps(j, JSON_COMPACT);
	if (!rc && !*out) rc = err_set(e, ERR_NOMEM, "renewal");
	json_decref(j);
	ec_key_free(key);
	return rc;
}

/* Puts PEM in the place of D, if it is what was asked for. */
static int replace(const struct due *d, const char *root, const char *pem, int64_t now, struct err *e)
{
	char was[X509_PIN_MAX], is[X509_PIN_MAX];
	int rc = x509_verify(pem, root, d->eku, now, e);
	if (!rc) rc = x509_pin(d->pem, was, e);
	if (!rc) rc = x509_pin(pem, is, e);
	if (!rc && strcmp(was, is) != 0) rc = err_set(e, ERR_DENIED, "the new certificate is of another key");
	return rc ? rc : file_write(d->path, pem, strlen(pem), 0644, true, e);
}

static int take(const struct due *client, const struct due *server, struct hands *h, const struct transport_answer *a,
                bool *new_client, bool *new_server, struct err *e)
{
	json_t *j = NULL;
	if (a->status != 200) return err_set(e, ERR_DENIED, "renewal: HTTP %d", a->status);
	int rc = json_parse_strict(a->body, a->len, LIMIT_DEPTH, &j, e);
	if (rc) return rc;
	int64_t now = clock_read(h->clock).wall;
	const char *cert = fields_text(j, "certificate"), *other = fields_text(j, "server_certificate");
	rc = replace(client, h->root, cert, now, e);
	*new_client = !rc;
	if (!rc && server->due && *other) {
		rc = replace(server, h->root, other, now, e);
		*new_server = !rc;
	}
	json_decref(j);
	return rc;
}

int renewal_look(struct renewal *r, struct hands *h, bool *new_client, bool *new_server, struct err *e)
{
	struct engine_status st;
	struct clock_now now = clock_read(h->clock);
	struct due client = {.path = r->client_crt, .eku = X509_EKU_CLIENT};
	struct due server = {.path = r->server_crt, .eku = X509_EKU_SERVER};
	struct transport_answer a = {0};
	char *text = NULL;
	*new_client = *new_server = false;
	engine_status(h->g, &st);
	bool sooner = st.expired && r->next > now.mono + EXPIRED_MS;
	if (now.mono < r->next && !sooner) return ERR_OK;
	if (!st.link_up && !st.expired) return ERR_OK; /* no call that is known to fail */
	r->next = now.mono + (st.expired ? EXPIRED_MS : LOOK_MS);
	int rc = look_at(&client, now.wall, e);
	if (!rc) rc = look_at(&server, now.wall, e);
	server.due = server.due && file_exists(r->server_csr);
	if (rc || !client.there || (!client.due && !server.due && !st.expired)) return rc;
	rc = make_request(r, h, &server, &text, e);
	if (!rc) rc = h->call(h->arg, "/sync/v1/renew", text, strlen(text), CALL_MS, &a, e);
	if (!rc) rc = take(&client, &server, h, &a, new_client, new_server, e);
	transport_answer_release(&a);
	free(text);
	return rc;
}

/* See setup.h. Called by the command `init`, before anything is open. */
#include "gateway/setup.h"

#include "gateway/trust.h"
#include "shared/crypto/ec.h"
#include "shared/crypto/x509.h"
#include "shared/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_MODE 02770 /* the courier is in the group */
#define KEY_MODE    0640
#define DB_MODE     0660

static int make_database(const struct settings *cfg, struct clock *clock, struct err *e)
{
	struct ledger *l = NULL;
	struct ledger_config lc = {
	    .path = cfg->db, .field_key = cfg->field_key, .mode = LEDGER_MIGRATE, .clock = clock, .gate = cfg->gate};
	if (file_exists(cfg->db) && !file_exists(cfg->field_key))
		return err_set(e, ERR_DENIED, "%s is there and its key %s is not: restore the key", cfg->db,
		               cfg->field_key);
	int rc = ledger_key_make(cfg->field_key, e);
	if (!rc) rc = ledger_open(&lc, &l, e);
	ledger_close(l);
	/* SQLite makes it for its owner alone; what stands beside it takes its mode */
	if (!rc && chmod(cfg->db, DB_MODE)) rc = err_sys(e, errno, "%s", cfg->db);
	return rc;
}

static int make_key(const struct settings *cfg, struct ec_key **out, struct err *e)
{
	char pem[EC_PEM_MAX];
	int rc;
	*out = NULL;
	if (file_exists(cfg->server_key)) {
		rc = file_load(cfg->server_key, false, pem, sizeof pem, NULL, e);
		if (!rc) rc = ec_key_from_pem(pem, out, e);
	} else {
		*out = ec_key_generate();
		rc = *out ? ec_key_to_pem(*out, pem, e) : err_set(e, ERR_NOMEM, "server key");
		if (!rc) rc = file_write(cfg->server_key, pem, strlen(pem), KEY_MODE, false, e);
	}
	explicit_bzero(pem, sizeof pem);
	return rc;
}

static int make_request(const struct settings *cfg, struct err *e)
{
	struct x509_san names[X509_SAN_MAX];
	struct ec_key *key = NULL;
	char csr[X509_PEM_MAX];
	size_t n = 0;
	int rc = trust_names(cfg, names, &n, e);
	if (!rc) rc = make_key(cfg, &key, e);
	if (!rc) rc = x509_csr_make(key, names[0].value, names, n, csr, e);
	if (!rc) rc = file_write(cfg->server_csr, csr, strlen(csr), 0644, true, e);
	ec_key_free(key);
	return rc;
}

int setup_init(const struct settings *cfg, struct clock *clock, struct err *e)
{
	bool fresh = !file_exists(cfg->data);
	int rc = file_mkdirs(cfg->data, FOLDER_MODE & 0777, e);
	if (!rc && fresh && chmod(cfg->data, FOLDER_MODE))
		rc = err_sys(e, errno, "%s", cfg->data); /* mkdir drops 02000 */
	if (!rc) rc = make_database(cfg, clock, e);
	return rc ? rc : make_request(cfg, e);
}

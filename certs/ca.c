/* See ca.h. One struct ca is used by one thread at a time (its key is). The root key is in memory from ca_open to
 * ca_free and is written once, by ca_init. Every certificate ends no later than the root and begins no earlier. */
#include "certs/ca.h"

#include "shared/crypto/rng.h"
#include "shared/file.h"
#include "shared/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CN_CHARS = 64 }; /* ub-common-name, RFC 5280 appendix A.1 */
#define DAY_MS INT64_C(86400000)

enum profile_id {
#define X(name, days, backdate, eku, ca) PROFILE_##name,
#include "certs/profiles.def"
#undef X
};

static const struct profile {
	const char *name;
	int days;     /* whole life */
	int backdate; /* of these, before it is made */
	unsigned eku;
	bool ca;
} profiles[] = {
#define X(name, days, backdate, eku, ca) [PROFILE_##name] = {#name, days, backdate, eku, ca},
#include "certs/profiles.def"
#undef X
};

/* Permitted by every root: names and addresses that mean something on a local network only. */
static const char *const always[] = {
    "dns:xinke.internal", "ip:10.0.0.0/8", "ip:172.16.0.0/12", "ip:192.168.0.0/16", "ip:169.254.0.0/16",
    "ip:127.0.0.0/8",     "ip:fc00::/7",   "ip:fe80::/10",     "ip:::1/128",
};
enum { N_ALWAYS = sizeof always / sizeof *always };

struct ca {
	struct ec_key *key;
	char pem[X509_PEM_MAX];
	struct x509_info info; /* of the root */
};

static int path_in(const char *dir, const char *name, char out[FILE_PATH_MAX], struct err *e)
{
	int n = snprintf(out, FILE_PATH_MAX, "%s/%s", dir, name);
	return n > 0 && n < FILE_PATH_MAX ? ERR_OK : err_set(e, ERR_INVALID, "the path is too long");
}

static void set_dates(struct x509_spec *spec, const struct profile *p, int64_t days, int64_t now)
{
	spec->not_before = (now / 1000) * 1000 - p->backdate * DAY_MS;
	spec->not_after = spec->not_before + days * DAY_MS - 1000; /* the last second counts */
}

/* --- the root --- */

/* The constraint texts of one root. */
struct permits {
	char text[N_ALWAYS + CA_CONSTRAINT_MAX][X509_NAME_MAX + 8];
	const char *list[N_ALWAYS + CA_CONSTRAINT_MAX + 1];
	size_t n;
};

static int add_permit(struct permits *p, const char *kind, const char *value, const char *tail, struct err *e)
{
	if (p->n == N_ALWAYS + CA_CONSTRAINT_MAX)
		return err_set(e, ERR_INVALID, "more than %d hosts and nets", CA_CONSTRAINT_MAX);
	int n = snprintf(p->text[p->n], sizeof p->text[0], "%s%s%s", kind, value, tail);
	if (n < 0 || (size_t)n >= sizeof p->text[0]) return err_set(e, ERR_INVALID, "a host or net is too long");
	p->list[p->n] = p->text[p->n];
	p->n++;
	return ERR_OK;
}

static int add_host(struct permits *p, const char *host, struct err *e)
{
	unsigned char addr[16];
	if (inet_pton(AF_INET, host, addr) == 1) return add_permit(p, "ip:", host, "/32", e);
	if (inet_pton(AF_INET6, host, addr) == 1) return add_permit(p, "ip:", host, "/128", e);
	return add_permit(p, "dns:", host, "", e);
}

static int gather(struct permits *p, const struct ca_root *root, struct err *e)
{
	int rc = ERR_OK;
	memset(p, 0, sizeof *p);
	for (size_t i = 0; i < root->n_hosts && rc == ERR_OK; i++)
		rc = add_host(p, root->hosts[i], e);
	for (size_t i = 0; i < root->n_nets && rc == ERR_OK; i++)
		rc = add_permit(p, "ip:", root->nets[i], "", e);
	for (size_t i = 0; i < N_ALWAYS && rc == ERR_OK; i++)
		rc = add_permit(p, "", always[i], "", e);
	return rc;
}

static int check_root(const struct ca_root *root, struct err *e)
{
	size_t len = strlen(root->name);
	if (!text_utf8_valid(root->name, len) || text_utf8_count(root->name, len) > CN_CHARS)
		return err_set(e, ERR_INVALID, "the county's name is not UTF-8 of at most %d characters", CN_CHARS);
	if (root->n_hosts == 0) return err_set(e, ERR_INVALID, "the county's host is missing");
	if (root->years > CA_YEARS_MAX) return err_set(e, ERR_INVALID, "more than %d years", CA_YEARS_MAX);
	return ERR_OK;
}

/* Neither file may be there. Writing refuses it too; asking first keeps a half-made pair from the usual case. */
static int check_free(const char *dir, char key[FILE_PATH_MAX], char cert[FILE_PATH_MAX], struct err *e)
{
	int rc = path_in(dir, CA_ROOT_KEY, key, e);
	if (rc == ERR_OK) rc = path_in(dir, CA_ROOT_CERT, cert, e);
	if (rc != ERR_OK) return rc;
	if (access(key, F_OK) == 0) return err_set(e, ERR_CONFLICT, "%s exists", key);
	if (access(cert, F_OK) == 0) return err_set(e, ERR_CONFLICT, "%s exists", cert);
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) return err_sys(e, errno, "%s", dir);
	return ERR_OK;
}

static int make_root(struct ec_key *k, const struct ca_root *root, int64_t now, char pem[X509_PEM_MAX], struct err *e)
{
	const struct profile *p = &profiles[PROFILE_root];
	struct permits permits;
	int rc = gather(&permits, root, e);
	if (rc != ERR_OK) return rc;
	struct x509_spec spec = {.cn = root->name, .eku = p->eku, .ca = p->ca, .permit = permits.list};
	set_dates(&spec, p, root->years ? (int64_t)root->years * 365 : p->days, now);
	return x509_root_make(k, &spec, pem, e);
}

int ca_init(const char *dir, const struct ca_root *root, int64_t now, struct err *e)
{
	char key_path[FILE_PATH_MAX], cert_path[FILE_PATH_MAX], key[EC_PEM_MAX], cert[X509_PEM_MAX];
	struct ec_key *k = NULL;
	int rc = check_root(root, e);
	if (rc == ERR_OK) rc = check_free(dir, key_path, cert_path, e);
	if (rc != ERR_OK) return rc;
	k = ec_key_generate();
	if (!k) {
		rc = err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	rc = make_root(k, root, now, cert, e);
	if (rc == ERR_OK) rc = ec_key_to_pem(k, key, e);
	if (rc != ERR_OK) goto out;
	rc = file_write(key_path, key, strlen(key), 0600, false, e);
	if (rc != ERR_OK) goto out;
	rc = file_write(cert_path, cert, strlen(cert), 0644, false, e);
	if (rc != ERR_OK) (void)unlink(key_path); /* ours of a moment ago; left there it would block the next try */
out:
	explicit_bzero(key, sizeof key);
	ec_key_free(k);
	return rc;
}

/* --- open and close --- */

/* Signs something with the key and checks it with the certificate: the only proof that the two belong together. */
static int check_pair(struct ca *ca, struct err *e)
{
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX];
	size_t sig_len = 0;
	struct ec_key *pub = NULL;
	int rc = ec_key_from_cert(ca->pem, strlen(ca->pem), &pub, e);
	rng_bytes(digest, sizeof digest);
	if (rc == ERR_OK) rc = ec_sign(ca->key, digest, sig, &sig_len, e);
	if (rc == ERR_OK) {
		rc = ec_verify(pub, digest, sig, sig_len);
		if (rc == ERR_DENIED) rc = err_set(e, ERR_CORRUPT, CA_ROOT_KEY " is not the key of " CA_ROOT_CERT);
		if (rc == ERR_NOMEM) (void)err_set(e, ERR_NOMEM, "out of memory");
	}
	ec_key_free(pub);
	return rc;
}

int ca_open(const char *dir, struct ca **out, struct err *e)
{
	char path[FILE_PATH_MAX];
	int rc;
	*out = NULL;
	struct ca *ca = calloc(1, sizeof *ca);
	if (!ca) return err_set(e, ERR_NOMEM, "out of memory");
	rc = path_in(dir, CA_ROOT_CERT, path, e);
	if (rc == ERR_OK) rc = file_load(path, false, ca->pem, sizeof ca->pem, NULL, e);
	if (rc == ERR_OK) rc = x509_read(ca->pem, strlen(ca->pem), &ca->info, e);
	if (rc == ERR_OK && !ca->info.ca) rc = err_set(e, ERR_INVALID, "%s is not a CA's certificate", path);
	if (rc == ERR_OK) rc = path_in(dir, CA_ROOT_KEY, path, e);
	if (rc == ERR_OK) rc = ec_key_load(path, &ca->key, e);
	if (rc == ERR_OK) rc = check_pair(ca, e);
	if (rc == ERR_OK)
		*out = ca;
	else
		ca_free(ca);
	return rc;
}

void ca_free(struct ca *ca)
{
	if (!ca) return;
	ec_key_free(ca->key);
	free(ca);
}

const char *ca_root_pem(const struct ca *ca)
{
	return ca->pem;
}

const struct x509_info *ca_root_info(const struct ca *ca)
{
	return &ca->info;
}

/* --- issuing --- */

static int issue(struct ca *ca, enum profile_id id, const char *csr_pem, struct x509_spec *spec, int64_t now,
                 char out[X509_PEM_MAX], struct err *e)
{
	const struct profile *p = &profiles[id];
	/* a wrong clock here would make certificates that no box takes: say so instead */
	if (now < ca->info.not_before || now > ca->info.not_after)
		return err_set(e, ERR_INVALID, "%s: this clock is outside the root's life", p->name);
	spec->eku = p->eku;
	spec->ca = p->ca;
	set_dates(spec, p, p->days, now);
	if (spec->not_before < ca->info.not_before) spec->not_before = ca->info.not_before;
	if (spec->not_after > ca->info.not_after) spec->not_after = ca->info.not_after;
	return x509_issue(ca->key, ca->pem, csr_pem, spec, out, e);
}

static bool digits(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789") == n;
}

int ca_issue_station(struct ca *ca, const char *csr_pem, const char *station, unsigned box, int64_t now,
                     char out[X509_PEM_MAX], struct err *e)
{
	if (!digits(station, CA_STATION_LEN))
		return err_set(e, ERR_INVALID, "a station's code is %d digits", CA_STATION_LEN);
	if (box > CA_BOX_MAX) return err_set(e, ERR_INVALID, "a box number is at most %d", CA_BOX_MAX);
	struct x509_san san = {.kind = X509_SAN_URI};
	(void)snprintf(san.value, sizeof san.value, "xinke:station:%s:box:%02u", station, box);
	struct x509_spec spec = {.cn = station, .sans = &san, .n_sans = 1};
	return issue(ca, PROFILE_station, csr_pem, &spec, now, out, e);
}

int ca_issue_server(struct ca *ca, const char *csr_pem, const struct x509_san *sans, size_t n, int64_t now,
                    char out[X509_PEM_MAX], struct err *e)
{
	/* Where no DNS name stands in the SAN, GnuTLS and OpenSSL hold the CN against the DNS constraints: so it is
	 * always a DNS name that the root permits. Nobody is reached by this one. */
	struct x509_spec spec = {.cn = "box.xinke.internal", .sans = sans, .n_sans = n};
	if (n == 0) return err_set(e, ERR_INVALID, "a server needs a DNS name or an address");
	for (size_t i = n; i--;) {
		if (sans[i].kind != X509_SAN_DNS && sans[i].kind != X509_SAN_IP)
			return err_set(e, ERR_INVALID, "a server's names are DNS names and addresses");
		if (sans[i].kind == X509_SAN_DNS && strlen(sans[i].value) <= CN_CHARS) spec.cn = sans[i].value;
	}
	return issue(ca, PROFILE_server, csr_pem, &spec, now, out, e);
}

int ca_issue_answer(struct ca *ca, const char *csr_pem, int64_t now, char out[X509_PEM_MAX], struct err *e)
{
	struct x509_spec spec = {.cn = "xinke answer"};
	return issue(ca, PROFILE_answer, csr_pem, &spec, now, out, e);
}

/* --- reading --- */

bool ca_station_uri(const char *s, char station[CA_STATION_LEN + 1], unsigned *box)
{
	static const char head[] = "xinke:station:", middle[] = ":box:";
	enum {
		HEAD = sizeof head - 1,
		MIDDLE = sizeof middle - 1,
		BOX = HEAD + CA_STATION_LEN + MIDDLE,
		LEN = BOX + 2
	};
	if (strlen(s) != LEN || strncmp(s, head, HEAD) != 0) return false;
	if (strncmp(s + HEAD + CA_STATION_LEN, middle, MIDDLE) != 0 || !digits(s + BOX, 2)) return false;
	if (strspn(s + HEAD, "0123456789") != CA_STATION_LEN) return false;
	memcpy(station, s + HEAD, CA_STATION_LEN);
	station[CA_STATION_LEN] = '\0';
	*box = (unsigned)(s[BOX] - '0') * 10 + (unsigned)(s[BOX + 1] - '0');
	return true;
}

bool ca_station_of(const struct x509_info *info, char station[CA_STATION_LEN + 1], unsigned *box)
{
	return info->n_sans == 1 && info->sans[0].kind == X509_SAN_URI &&
	       ca_station_uri(info->sans[0].value, station, box);
}

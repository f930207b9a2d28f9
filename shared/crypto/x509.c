/* See x509.h. Requests and certificates; called by the CA, by enrolment on the box and at the county, and wherever a
 * peer's certificate is read.
 *
 * Certificates are written by x509_der.c (it says why) and read by mbedTLS. Names go in and out as bytes. Dates are
 * judged against the caller's clock only, never the system's: a box may know better what time it is than its RTC. */
#include "shared/crypto/x509.h"

#include "shared/crypto/ec_private.h"
#include "shared/crypto/x509_der.h"
#include "shared/text.h"

#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <string.h>
#include <time.h>

#define OID(o) (o), sizeof(o) - 1 /* an OID of mbedtls/oid.h and its length */

enum { SERIAL_LEN = 16, KEY_ID_LEN = 20, POINT_LEN = 65 };
enum {
	SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE,
	SET = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET,
	FIELD = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED, /* plus its number */
};

/* --- what requests and certificates share --- */

/* SubjectPublicKeyInfo of K, and in ID (may be NULL) the name of the key: the first 160 bits of the SHA-256 of its
 * point (RFC 7093 section 2, method 1). Roots out in the field carry it, so the method stays as it is. */
static int put_key(struct x509_der *x, mbedtls_pk_context *pk, uint8_t *id, struct err *e)
{
	unsigned char spki[128];
	uint8_t sum[DIGEST_LEN];
	int len = mbedtls_pk_write_pubkey_der(pk, spki, sizeof spki); /* at the end of the buffer */
	if (len < POINT_LEN) return ec_fail(e, len, ERR_INVALID, "public key");
	if (x) x509_der_raw(x, spki + sizeof spki - len, (size_t)len);
	digest_sha256(spki + sizeof spki - POINT_LEN, POINT_LEN, sum);
	if (id) memcpy(id, sum, KEY_ID_LEN);
	return ERR_OK;
}

/* ecdsa-with-SHA256, parameters absent (RFC 5758 section 3.2) */
static void put_algorithm(struct x509_der *x)
{
	static const unsigned char id[] = {0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
	x509_der_raw(x, id, sizeof id);
}

/* Signs BODY with K and writes body, algorithm and signature as PEM. */
static int sign(struct ec_key *k, const struct x509_der *body, const char *begin, const char *end_line,
                char out[X509_PEM_MAX], struct err *e)
{
	struct x509_der x;
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX];
	size_t sig_len = 0, n = 0;
	if (body->bad) return err_set(e, ERR_INVALID, "the names do not fit into a certificate");
	digest_sha256(body->p, body->len, digest);
	int rc = ec_sign(k, digest, sig, &sig_len, e);
	if (rc != ERR_OK) return rc;
	x509_der_start(&x);
	x509_der_raw(&x, sig, sig_len);
	x509_der_raw(&x, "", 1); /* a BIT STRING with no unused bits */
	x509_der_wrap(&x, 0, MBEDTLS_ASN1_BIT_STRING);
	put_algorithm(&x);
	x509_der_raw(&x, body->p, body->len);
	x509_der_wrap(&x, 0, SEQUENCE);
	if (x.bad) return err_set(e, ERR_INVALID, "the names do not fit into a certificate");
	int ret = mbedtls_pem_write_buffer(begin, end_line, x.p, x.len, (unsigned char *)out, X509_PEM_MAX, &n);
	return ret ? ec_fail(e, ret, ERR_INVALID, "PEM") : ERR_OK;
}

/* --- requests --- */

/* Attributes: the wish for SANs, or an empty set. */
static int put_wishes(struct x509_der *x, const struct x509_san *sans, size_t n, struct err *e)
{
	size_t mark = x->len;
	if (n) {
		int rc = x509_der_san(x, sans, n, e);
		if (rc != ERR_OK) return rc;
		x509_der_wrap(x, mark, SEQUENCE);
		x509_der_wrap(x, mark, SET);
		size_t oid = x->len;
		x509_der_raw(x, OID(MBEDTLS_OID_PKCS9_CSR_EXT_REQ));
		x509_der_wrap(x, oid, MBEDTLS_ASN1_OID);
		x509_der_wrap(x, mark, SEQUENCE);
	}
	x509_der_wrap(x, mark, FIELD | 0);
	return ERR_OK;
}

int x509_csr_make(struct ec_key *k, const char *cn, const struct x509_san *sans, size_t n, char out[X509_PEM_MAX],
                  struct err *e)
{
	static const unsigned char version[] = {0x02, 0x01, 0x00};
	struct x509_der x;
	x509_der_start(&x);
	int rc = put_wishes(&x, sans, n, e);
	if (rc == ERR_OK) rc = put_key(&x, &k->pk, NULL, e);
	if (rc == ERR_OK) rc = x509_der_name(&x, cn, e);
	if (rc != ERR_OK) return rc;
	x509_der_raw(&x, version, sizeof version);
	x509_der_wrap(&x, 0, SEQUENCE);
	return sign(k, &x, "-----BEGIN CERTIFICATE REQUEST-----\n", "-----END CERTIFICATE REQUEST-----\n", out, e);
}

/* Reads a request and proves that its maker holds the key (2.28 and 3.6 parse it without looking at the signature). */
static int csr_read(mbedtls_x509_csr *csr, const char *pem, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	int ret = mbedtls_x509_csr_parse(csr, (const unsigned char *)pem, strlen(pem) + 1);
	if (ret) return ec_fail(e, ret, ERR_INVALID, "request");
	if (!ec_is_p256(&csr->pk)) return err_set(e, ERR_INVALID, "request: its key is not on P-256");
	if (csr->MBEDTLS_PRIVATE(sig_md) != MBEDTLS_MD_SHA256 || csr->MBEDTLS_PRIVATE(sig_pk) != MBEDTLS_PK_ECDSA)
		return err_set(e, ERR_INVALID, "request: not signed by ecdsa-with-SHA256");
	digest_sha256(csr->cri.p, csr->cri.len, hash);
	ret = mbedtls_pk_verify(&csr->pk, MBEDTLS_MD_SHA256, hash, sizeof hash, csr->MBEDTLS_PRIVATE(sig).p,
	                        csr->MBEDTLS_PRIVATE(sig).len);
	return ret ? ec_fail(e, ret, ERR_DENIED, "request: its signature is not its key's") : ERR_OK;
}

/* --- issuing --- */

/* Basic constraints (of a CA) and key usage, the two that say what the key is for. */
static void put_role(struct x509_der *x, bool ca)
{
	/* BIT STRINGs: keyCertSign and cRLSign; digitalSignature */
	static const unsigned char signs[] = {0x03, 0x02, 0x01, 0x06}, speaks[] = {0x03, 0x02, 0x07, 0x80};
	/* SEQUENCE { BOOLEAN TRUE, INTEGER 0 }: a CA, and nothing but leaves below it */
	static const unsigned char is_ca[] = {0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x00};
	size_t mark = x->len;
	x509_der_raw(x, ca ? signs : speaks, sizeof signs);
	x509_der_ext(x, mark, OID(MBEDTLS_OID_KEY_USAGE), true);
	if (!ca) return;
	mark = x->len;
	x509_der_raw(x, is_ca, sizeof is_ca);
	x509_der_ext(x, mark, OID(MBEDTLS_OID_BASIC_CONSTRAINTS), true);
}

/* The key's own name and its issuer's, by which verifiers build the chain. */
static void put_key_ids(struct x509_der *x, const uint8_t own[KEY_ID_LEN], const uint8_t issuer[KEY_ID_LEN])
{
	enum { KEY_IDENTIFIER = 0 };
	size_t mark = x->len;
	x509_der_raw(x, issuer, KEY_ID_LEN);
	x509_der_wrap(x, mark, MBEDTLS_ASN1_CONTEXT_SPECIFIC | KEY_IDENTIFIER);
	x509_der_wrap(x, mark, SEQUENCE);
	x509_der_ext(x, mark, OID(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER), false);
	mark = x->len;
	x509_der_raw(x, own, KEY_ID_LEN);
	x509_der_wrap(x, mark, MBEDTLS_ASN1_OCTET_STRING);
	x509_der_ext(x, mark, OID(MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER), false);
}

static int put_extensions(struct x509_der *x, const struct x509_spec *spec, const uint8_t own[KEY_ID_LEN],
                          const uint8_t issuer[KEY_ID_LEN], struct err *e)
{
	int rc = ERR_OK;
	size_t mark = x->len;
	if (spec->permit && spec->permit[0]) rc = x509_der_permit(x, spec->permit, e);
	if (rc == ERR_OK && spec->eku) x509_der_eku(x, spec->eku);
	if (rc == ERR_OK && spec->n_sans) rc = x509_der_san(x, spec->sans, spec->n_sans, e);
	put_key_ids(x, own, issuer);
	put_role(x, spec->ca);
	x509_der_wrap(x, mark, SEQUENCE);
	x509_der_wrap(x, mark, FIELD | 3);
	return rc;
}

static int put_validity(struct x509_der *x, const struct x509_spec *spec, struct err *e)
{
	size_t mark = x->len;
	if (spec->not_before >= spec->not_after) return err_set(e, ERR_INVALID, "the dates make no span of time");
	int rc = x509_der_time(x, spec->not_after, e);
	if (rc == ERR_OK) rc = x509_der_time(x, spec->not_before, e);
	x509_der_wrap(x, mark, SEQUENCE);
	return rc;
}

static void put_serial(struct x509_der *x)
{
	uint8_t serial[SERIAL_LEN];
	size_t mark = x->len;
	rng_bytes(serial, sizeof serial);
	serial[0] = (uint8_t)((serial[0] & 0x3F) | 0x40); /* positive, and always the same length */
	x509_der_raw(x, serial, sizeof serial);
	x509_der_wrap(x, mark, MBEDTLS_ASN1_INTEGER);
}

/* Signs SPEC for SUBJECT with K. ISSUER is the signer's Name as its own certificate has it; NULL: it signs itself. */
static int issue(struct ec_key *k, const mbedtls_x509_buf *issuer, mbedtls_pk_context *subject,
                 const struct x509_spec *spec, char out[X509_PEM_MAX], struct err *e)
{
	static const unsigned char version_3[] = {0xA0, 0x03, 0x02, 0x01, 0x02};
	uint8_t own[KEY_ID_LEN], signer[KEY_ID_LEN];
	struct x509_der x;
	x509_der_start(&x);
	int rc = put_key(NULL, subject, own, e);
	if (rc == ERR_OK) rc = put_key(NULL, &k->pk, signer, e);
	if (rc == ERR_OK) rc = put_extensions(&x, spec, own, signer, e);
	if (rc == ERR_OK) rc = put_key(&x, subject, NULL, e);
	if (rc == ERR_OK) rc = x509_der_name(&x, spec->cn, e);
	if (rc == ERR_OK) rc = put_validity(&x, spec, e);
	if (rc == ERR_OK && !issuer) rc = x509_der_name(&x, spec->cn, e);
	if (rc != ERR_OK) return rc;
	if (issuer) x509_der_raw(&x, issuer->p, issuer->len);
	put_algorithm(&x);
	put_serial(&x);
	x509_der_raw(&x, version_3, sizeof version_3);
	x509_der_wrap(&x, 0, SEQUENCE);
	return sign(k, &x, "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", out, e);
}

int x509_root_make(struct ec_key *k, const struct x509_spec *spec, char out[X509_PEM_MAX], struct err *e)
{
	if (!spec->ca) return err_set(e, ERR_INVALID, "a root is a CA");
	return issue(k, NULL, &k->pk, spec, out, e);
}

int x509_issue(struct ec_key *ca_key, const char *ca_pem, const char *csr_pem, const struct x509_spec *spec,
               char out[X509_PEM_MAX], struct err *e)
{
	mbedtls_x509_crt root;
	mbedtls_x509_csr csr;
	mbedtls_x509_crt_init(&root);
	mbedtls_x509_csr_init(&csr);
	int rc = spec->ca ? err_set(e, ERR_INVALID, "the root signs no further CA") : ERR_OK;
	if (rc == ERR_OK) rc = ec_parse_cert(&root, ca_pem, strlen(ca_pem), e);
	if (rc == ERR_OK && !root.MBEDTLS_PRIVATE(ca_istrue)) rc = err_set(e, ERR_INVALID, "the issuer is not a CA");
	if (rc == ERR_OK) rc = csr_read(&csr, csr_pem, e);
	if (rc == ERR_OK) rc = issue(ca_key, &root.subject_raw, &csr.pk, spec, out, e);
	mbedtls_x509_crt_free(&root);
	mbedtls_x509_csr_free(&csr);
	return rc;
}

/* --- reading --- */

/* The subject as text. Only a name that is one CN and nothing else is ours. */
static int get_cn(const mbedtls_x509_name *name, char out[X509_NAME_MAX], struct err *e)
{
	const mbedtls_asn1_buf *v = &name->val;
	if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) != 0 || name->next)
		return err_set(e, ERR_INVALID, "certificate: its subject is not a common name alone");
	if (v->len == 0 || v->len >= X509_NAME_MAX || !text_utf8_valid((const char *)v->p, v->len) ||
	    text_has_control((const char *)v->p, v->len, false))
		return err_set(e, ERR_INVALID, "certificate: malformed common name");
	memcpy(out, v->p, v->len);
	out[v->len] = '\0';
	return ERR_OK;
}

static int64_t seconds(const mbedtls_x509_time *t)
{
	struct tm tm = {.tm_year = t->year - 1900,
	                .tm_mon = t->mon - 1,
	                .tm_mday = t->day,
	                .tm_hour = t->hour,
	                .tm_min = t->min,
	                .tm_sec = t->sec};
	return (int64_t)timegm(&tm);
}

static int read_serial(const mbedtls_x509_buf *serial, char *out, size_t cap, struct err *e)
{
	const unsigned char *p = serial->p;
	size_t len = serial->len;
	while (len > 1 && *p == 0) { /* DER's sign byte is not part of the number */
		p++;
		len--;
	}
	if (TEXT_HEX_LEN(len) > cap) return err_set(e, ERR_INVALID, "certificate: serial number over 20 bytes");
	text_hex(p, len, out);
	return ERR_OK;
}

static int info_from(const mbedtls_x509_crt *crt, struct x509_info *out, struct err *e)
{
	int rc = get_cn(&crt->subject, out->cn, e);
	if (rc == ERR_OK) rc = x509_der_read_sans(crt, out, e);
	if (rc == ERR_OK) rc = read_serial(&crt->serial, out->serial, sizeof out->serial, e);
	out->eku = x509_der_read_eku(crt);
	out->ca = crt->MBEDTLS_PRIVATE(ca_istrue) != 0;
	out->not_before = 1000 * seconds(&crt->valid_from);
	out->not_after = 1000 * seconds(&crt->valid_to);
	digest_sha256(crt->raw.p, crt->raw.len, out->fingerprint);
	return rc;
}

int x509_read(const void *cert, size_t len, struct x509_info *out, struct err *e)
{
	mbedtls_x509_crt crt;
	memset(out, 0, sizeof *out);
	mbedtls_x509_crt_init(&crt);
	int rc = ec_parse_cert(&crt, cert, len, e);
	if (rc == ERR_OK) rc = info_from(&crt, out, e);
	mbedtls_x509_crt_free(&crt);
	return rc;
}

/* --- checking --- */

/* Puts the verdict of our clock in the place of the system's, for each certificate of the chain. */
static int judge_dates(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	int64_t now = *(const int64_t *)ctx;
	(void)depth;
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
	if (now > seconds(&crt->valid_to)) *flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	if (now < seconds(&crt->valid_from)) *flags |= MBEDTLS_X509_BADCERT_FUTURE;
	return 0;
}

static const char *reason(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} reasons[] = {
	    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "not issued by this root"},
	    {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
	     "not P-256 with SHA-256"},
	    {MBEDTLS_X509_BADCERT_EXPIRED, "it, or the root, has expired"},
	    {MBEDTLS_X509_BADCERT_FUTURE, "it, or the root, is not yet valid"},
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (flags & reasons[i].flag) return reasons[i].text;
	return "refused";
}

/* The usage must be stated: a certificate without the extension is good for anything to mbedTLS, for nothing to us. */
static int check_usage(const mbedtls_x509_crt *crt, enum x509_eku want, struct err *e)
{
	if (want == X509_EKU_NONE) return ERR_OK;
	if (!(x509_der_read_eku(crt) & want) || crt->MBEDTLS_PRIVATE(ca_istrue) ||
	    mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
		return err_set(e, ERR_DENIED, "certificate: not made for this use");
	return ERR_OK;
}

int x509_verify(const char *cert_pem, const char *root_pem, enum x509_eku want, int64_t now, struct err *e)
{
	static const mbedtls_x509_crt_profile ours = {
	    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256),
	    .allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY),
	    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1),
	};
	mbedtls_x509_crt crt, root;
	uint32_t flags = 0;
	int64_t now_s = now / 1000; /* dates are whole seconds, and a certificate is good through its last one */
	mbedtls_x509_crt_init(&crt);
	mbedtls_x509_crt_init(&root);
	int rc = ec_parse_cert(&crt, cert_pem, strlen(cert_pem), e);
	if (rc == ERR_OK) rc = ec_parse_cert(&root, root_pem, strlen(root_pem), e);
	if (rc == ERR_OK) {
		int ret =
		    mbedtls_x509_crt_verify_with_profile(&crt, &root, NULL, &ours, NULL, &flags, judge_dates, &now_s);
		if (ret == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
			rc = err_set(e, ERR_DENIED, "certificate: %s", reason(flags));
		else if (ret)
			rc = ec_fail(e, ret, ERR_DENIED, "certificate");
	}
	if (rc == ERR_OK) rc = check_usage(&crt, want, e);
	mbedtls_x509_crt_free(&crt);
	mbedtls_x509_crt_free(&root);
	return rc;
}

int x509_pin(const char *cert_pem, char out[X509_PIN_MAX], struct err *e)
{
	mbedtls_x509_crt crt;
	unsigned char spki[512];
	uint8_t sum[DIGEST_LEN];
	mbedtls_x509_crt_init(&crt);
	int ret = mbedtls_x509_crt_parse(&crt, (const unsigned char *)cert_pem, strlen(cert_pem) + 1);
	int len = ret ? ret : mbedtls_pk_write_pubkey_der(&crt.pk, spki, sizeof spki); /* at the end of the buffer */
	mbedtls_x509_crt_free(&crt);
	if (len <= 0) return ec_fail(e, len, ERR_INVALID, "the certificate's key");
	digest_sha256(spki + sizeof spki - len, (size_t)len, sum);
	(void)text_b64(sum, DIGEST_LEN, out);
	return ERR_OK;
}

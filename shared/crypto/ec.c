/* See ec.h. The boxes' and the county's keys; called by the CA, the courier and the county daemon.
 *
 * P-256 alone: any other curve is refused when a key is read, so no later call has to ask. */
#include "shared/crypto/ec.h"

#include "shared/crypto/ec_private.h"
#include "shared/file.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

bool ec_is_p256(mbedtls_pk_context *pk)
{
	mbedtls_pk_type_t t = mbedtls_pk_get_type(pk);
	if (t != MBEDTLS_PK_ECKEY && t != MBEDTLS_PK_ECDSA) return false;
	return mbedtls_pk_ec(*pk)->MBEDTLS_PRIVATE(grp).id == MBEDTLS_ECP_DP_SECP256R1;
}

/* mbedTLS adds the number of a high module and that of a low one; either half may say "no memory". */
static bool is_nomem(int ret)
{
	int low = -ret & 0x7F, high = -ret & 0xFF80;
	return low == -MBEDTLS_ERR_ASN1_ALLOC_FAILED || low == -MBEDTLS_ERR_MPI_ALLOC_FAILED ||
	       high == -MBEDTLS_ERR_X509_ALLOC_FAILED || high == -MBEDTLS_ERR_PK_ALLOC_FAILED ||
	       high == -MBEDTLS_ERR_ECP_ALLOC_FAILED || high == -MBEDTLS_ERR_PEM_ALLOC_FAILED ||
	       high == -MBEDTLS_ERR_MD_ALLOC_FAILED;
}

int ec_fail(struct err *e, int ret, enum err_code code, const char *what)
{
	if (is_nomem(ret)) return err_set(e, ERR_NOMEM, "%s: out of memory", what);
	return err_set(e, code, "%s: mbedTLS -0x%04x", what, (unsigned)-ret);
}

int ec_parse_cert(mbedtls_x509_crt *crt, const void *cert, size_t len, struct err *e)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const char *s = cert;
	/* leading text (openssl x509 -text writes some) is legal in a PEM file; DER starts with a SEQUENCE */
	if (len && s[0] != 0x30) {
		char *copy = malloc(len + 1); /* mbedTLS takes text for PEM only with its NUL */
		if (!copy) return err_set(e, ERR_NOMEM, "certificate: out of memory");
		memcpy(copy, cert, len);
		copy[len] = '\0';
		int ret = strstr(copy, begin) ? mbedtls_x509_crt_parse(crt, (unsigned char *)copy, len + 1)
		                              : MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT;
		free(copy);
		if (ret > 0) return err_set(e, ERR_INVALID, "certificate: one of several cannot be read");
		return ret ? ec_fail(e, ret, ERR_INVALID, "certificate") : ERR_OK;
	}
	int ret = mbedtls_x509_crt_parse_der(crt, cert, len);
	if (ret) return ec_fail(e, ret, ERR_INVALID, "certificate");
	if (crt->raw.len != len) return err_set(e, ERR_INVALID, "certificate: bytes follow it");
	return ERR_OK;
}

static struct ec_key *blank(void)
{
	struct ec_key *k = calloc(1, sizeof *k);
	if (k) mbedtls_pk_init(&k->pk);
	return k;
}

struct ec_key *ec_key_generate(void)
{
	struct ec_key *k = blank();
	if (!k) return NULL;
	if (mbedtls_pk_setup(&k->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0 &&
	    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(k->pk), rng_mbedtls, NULL) == 0)
		return k;
	ec_key_free(k);
	return NULL;
}

int ec_key_from_pem(const char *pem, struct ec_key **out, struct err *e)
{
	int rc = ERR_OK;
	*out = NULL;
	struct ec_key *k = blank();
	if (!k) return err_set(e, ERR_NOMEM, "key: out of memory");
	int ret = compat_parse_key(&k->pk, (const unsigned char *)pem, strlen(pem) + 1);
	if (ret)
		rc = ec_fail(e, ret, ERR_INVALID, "key");
	else if (!ec_is_p256(&k->pk))
		rc = err_set(e, ERR_INVALID, "key: not on P-256");
	if (rc == ERR_OK)
		*out = k;
	else
		ec_key_free(k);
	return rc;
}

int ec_key_from_cert(const void *cert, size_t len, struct ec_key **out, struct err *e)
{
	mbedtls_x509_crt crt;
	struct ec_key *k = NULL;
	*out = NULL;
	mbedtls_x509_crt_init(&crt);
	int rc = ec_parse_cert(&crt, cert, len, e);
	if (rc) goto out;
	if (!ec_is_p256(&crt.pk)) {
		rc = err_set(e, ERR_INVALID, "certificate: its key is not on P-256");
		goto out;
	}
	k = blank();
	if (!k) {
		rc = err_set(e, ERR_NOMEM, "key: out of memory");
		goto out;
	}
	/* the key moves over and the certificate keeps an empty one: copying a public key has no call in 2.28 */
	k->pk = crt.pk;
	mbedtls_pk_init(&crt.pk);
	*out = k;
out:
	mbedtls_x509_crt_free(&crt);
	return rc;
}

void ec_key_free(struct ec_key *k)
{
	if (!k) return;
	mbedtls_pk_free(&k->pk); /* wipes the private number */
	free(k);
}

int ec_key_to_pem(struct ec_key *k, char out[EC_PEM_MAX], struct err *e)
{
	if (mbedtls_mpi_cmp_int(&mbedtls_pk_ec(k->pk)->MBEDTLS_PRIVATE(d), 0) == 0)
		return err_set(e, ERR_INVALID, "key: no private part");
	int ret = mbedtls_pk_write_key_pem(&k->pk, (unsigned char *)out, EC_PEM_MAX);
	if (ret == 0) return ERR_OK;
	mbedtls_platform_zeroize(out, EC_PEM_MAX);
	return ec_fail(e, ret, ERR_INVALID, "key");
}

int ec_key_load(const char *path, struct ec_key **out, struct err *e)
{
	char pem[4 * EC_PEM_MAX]; /* openssl writes the curve's parameters before the key */
	*out = NULL;
	int rc = file_load(path, true, pem, sizeof pem, NULL, e);
	if (rc == ERR_OK) rc = ec_key_from_pem(pem, out, e);
	mbedtls_platform_zeroize(pem, sizeof pem);
	return rc;
}

int ec_key_save(struct ec_key *k, const char *path, struct err *e)
{
	char pem[EC_PEM_MAX];
	int rc = ec_key_to_pem(k, pem, e);
	if (rc == ERR_OK) rc = file_write(path, pem, strlen(pem), 0600, true, e);
	mbedtls_platform_zeroize(pem, sizeof pem);
	return rc;
}

int ec_sign(struct ec_key *k, const uint8_t digest[DIGEST_LEN], uint8_t sig[EC_SIG_MAX], size_t *sig_len, struct err *e)
{
	unsigned char room[MBEDTLS_PK_SIGNATURE_MAX_SIZE]; /* 2.28 wants no less, whatever the key */
	int ret = compat_sign(&k->pk, digest, DIGEST_LEN, room, sizeof room, sig_len);
	/* With a private key and a digest of this length only memory can be wanting. 2.28 does not always say so: an inversion
	 * that got none ends in a sum of two low codes (-0x001c). */
	bool private = mbedtls_mpi_cmp_int(&mbedtls_pk_ec(k->pk)->MBEDTLS_PRIVATE(d), 0) != 0;
	if (ret && private) return err_set(e, ERR_NOMEM, "signature: out of memory (mbedTLS -0x%04x)", (unsigned)-ret);
	if (ret) return ec_fail(e, ret, ERR_INVALID, "signature");
	if (*sig_len > EC_SIG_MAX) return err_set(e, ERR_INVALID, "signature: too long");
	memcpy(sig, room, *sig_len);
	return ERR_OK;
}

int ec_verify(struct ec_key *k, const uint8_t digest[DIGEST_LEN], const uint8_t *sig, size_t sig_len)
{
	int ret = mbedtls_pk_verify(&k->pk, MBEDTLS_MD_SHA256, digest, DIGEST_LEN, sig, sig_len);
	if (ret == 0) return ERR_OK;
	return is_nomem(ret) ? ERR_NOMEM : ERR_DENIED;
}

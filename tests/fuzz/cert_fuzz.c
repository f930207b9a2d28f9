/* Certificates, requests and keys from outside, PEM or DER. Nothing that the fuzzer makes is vouched for by our root; what is
 * issued on its request is, and says what we wrote and no more. */
#include "shared/crypto/x509.h"
#include "shared/text.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1795478400000LL
#define DAY 86400000LL

static struct ec_key *ca;
static char root[X509_PEM_MAX];

static void make(void)
{
	static const char *const permit[] = {"dns:county.test", "dns:xinke.internal", "ip:127.0.0.0/8", NULL};
	struct x509_spec spec = {
	    .cn = "fuzz", .ca = true, .permit = permit, .not_before = NOW - DAY, .not_after = NOW + DAY};
	struct err e = {0};
	ca = ec_key_generate();
	MUST(ca && x509_root_make(ca, &spec, root, &e) == ERR_OK);
}

static void issue(const char *csr)
{
	static const struct x509_san san = {X509_SAN_URI, "xinke:station:652323101200:box:01"};
	struct x509_spec spec = {.cn = "652323101200",
	                         .sans = &san,
	                         .n_sans = 1,
	                         .eku = X509_EKU_CLIENT,
	                         .not_before = NOW - DAY,
	                         .not_after = NOW + DAY};
	char cert[X509_PEM_MAX];
	struct x509_info info;
	struct err e = {0};
	if (x509_issue(ca, root, csr, &spec, cert, &e)) return;
	MUST(x509_verify(cert, root, X509_EKU_CLIENT, NOW, &e) == ERR_OK);
	MUST(x509_read(cert, strlen(cert), &info, &e) == ERR_OK);
	MUST(strcmp(info.cn, spec.cn) == 0 && info.n_sans == 1 && info.eku == X509_EKU_CLIENT && !info.ca);
}

static void read_cert(const void *cert, size_t len)
{
	struct x509_info info;
	struct ec_key *key = NULL;
	struct err e = {0};
	if (x509_read(cert, len, &info, &e) == ERR_OK) {
		MUST(memchr(info.cn, '\0', sizeof info.cn) && info.n_sans <= X509_SAN_MAX);
		for (size_t i = 0; i < info.n_sans; i++)
			MUST(memchr(info.sans[i].value, '\0', sizeof info.sans[i].value));
	}
	if (ec_key_from_cert(cert, len, &key, &e) == ERR_OK) {
		uint8_t digest[DIGEST_LEN] = {0};
		MUST(ec_verify(key, digest, digest, sizeof digest) != ERR_OK);
		ec_key_free(key);
	}
}

/* What takes PEM. */
static void texts(const char *text)
{
	struct ec_key *key = NULL;
	struct err e = {0};
	char pin[X509_PIN_MAX];
	read_cert(text, strlen(text));
	for (unsigned eku = X509_EKU_SERVER; eku <= X509_EKU_ANSWER; eku *= 2)
		MUST(x509_verify(text, root, (enum x509_eku)eku, NOW, &e) != ERR_OK);
	(void)x509_pin(text, pin, &e);
	if (ec_key_from_pem(text, &key, &e) == ERR_OK) ec_key_free(key);
	issue(text);
}

/* DER as the PEM of a WHAT: the fuzzer's changes lie in what is signed and not in its base64. */
static void as_pem(const char *what, const uint8_t *der, size_t len)
{
	size_t cap = TEXT_B64_LEN(len) + len / 32 + 128, n = 0;
	char *b64 = malloc(TEXT_B64_LEN(len)), *pem = malloc(cap);
	MUST(b64 && pem);
	size_t all = text_b64(der, len, b64);
	n += (size_t)snprintf(pem, cap, "-----BEGIN %s-----\n", what);
	for (size_t i = 0; i < all; i += 64)
		n += (size_t)snprintf(pem + n, cap - n, "%.64s\n", b64 + i);
	(void)snprintf(pem + n, cap - n, "-----END %s-----\n", what);
	texts(pem);
	free(b64);
	free(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!ca) make();
	char *text = malloc(len + 1);
	MUST(text);
	memcpy(text, data, len);
	text[len] = '\0';
	read_cert(data, len); /* DER, or a text without its NUL */
	if (len && data[0] == 0x30) {
		as_pem("CERTIFICATE", data, len);
		as_pem("CERTIFICATE REQUEST", data, len);
		as_pem("EC PRIVATE KEY", data, len);
	} else {
		texts(text);
	}
	free(text);
	return 0;
}

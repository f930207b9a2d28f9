/* Requests, issuing, reading and checking, without any tool from outside (certs_test.c has those). */
#include "shared/crypto/x509.h"
#include "shared/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define DAY      INT64_C(86400000)
#define NOW      INT64_C(1790000000000) /* 2026-09-21 */

/* A request for a P-384 key, made by openssl. */
static const char p384_csr[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
                               "MIIBBzCBjQIBADAOMQwwCgYDVQQDDANib3gwdjAQBgcqhkjOPQIBBgUrgQQAIgNi\n"
                               "AAQHnyWOiPf/jxfiVB3Yr3k/X4L0dEuqd3EOLPVzi06lu43WmF33QGA4BSXDBgDL\n"
                               "5LhMhPT7S+FepqGv5SoaLJkhx0IWfWyKwXyhtkkYqzIf9p2hqjx7eb26uKL8Xbya\n"
                               "XNugADAKBggqhkjOPQQDAgNpADBmAjEAmtNPV1NXsi6Ssu6SOS8CBEvTHE3nOnXT\n"
                               "J6xFE0laFaAofgSN+Cl49dHpbxDDE1kaAjEAqhZQ3GWAOLGOwjra1UsY0coZzi2p\n"
                               "TNjtmsd25WuRYETdGCRItSlP5U3XbYUjlAZv\n"
                               "-----END CERTIFICATE REQUEST-----\n";

static const char *const permit[] = {"dns:xinke.internal", "ip:10.0.0.0/8", "ip:fe80::/10", "uri:xinke.internal", NULL};
static const struct x509_san names[] = {
    {X509_SAN_DNS, "box.xinke.internal"},
    {X509_SAN_IP, "192.168.1.1"},
    {X509_SAN_IP, "fd00::1"},
    {X509_SAN_URI, "xinke:station:422822001001:box:07"},
};

/* What most tests start from. */
struct world {
	struct ec_key *root_key, *key;
	char root[X509_PEM_MAX], csr[X509_PEM_MAX], cert[X509_PEM_MAX];
};

static struct x509_spec root_spec(void)
{
	return (struct x509_spec){.cn = "建始县政务服务中心",
	                          .ca = true,
	                          .permit = permit,
	                          .not_before = NOW - DAY,
	                          .not_after = NOW + 3650 * DAY};
}

static struct x509_spec leaf_spec(void)
{
	return (struct x509_spec){.cn = "box",
	                          .sans = names,
	                          .n_sans = COUNT(names),
	                          .eku = X509_EKU_SERVER,
	                          .not_before = NOW - DAY,
	                          .not_after = NOW + 397 * DAY};
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct x509_spec r = root_spec(), l = leaf_spec();
	if (!w) return -1;
	*state = w;
	w->root_key = ec_key_generate();
	w->key = ec_key_generate();
	if (!w->root_key || !w->key) return -1;
	if (x509_root_make(w->root_key, &r, w->root, NULL)) return -1;
	if (x509_csr_make(w->key, "asked for", names, COUNT(names), w->csr, NULL)) return -1;
	return x509_issue(w->root_key, w->root, w->csr, &l, w->cert, NULL);
}

static int end(void **state)
{
	struct world *w = *state;
	ec_key_free(w->root_key);
	ec_key_free(w->key);
	free(w);
	return 0;
}

/* DER inside PEM, and back. */
static size_t to_der(const char *pem, uint8_t *der, size_t cap)
{
	char b64[X509_PEM_MAX];
	size_t n = 0;
	const char *p = strchr(pem, '\n');
	assert_non_null(p);
	for (; *p && *p != '-'; p++)
		if (*p != '\n') b64[n++] = *p;
	long len = text_unb64(b64, n, der, cap);
	assert_true(len > 0);
	return (size_t)len;
}

static void to_pem(const uint8_t *der, size_t len, const char *label, char out[X509_PEM_MAX])
{
	char b64[X509_PEM_MAX];
	assert_true(TEXT_B64_LEN(len) + 100 < sizeof b64);
	(void)text_b64(der, len, b64);
	size_t n = (size_t)snprintf(out, X509_PEM_MAX, "-----BEGIN %s-----\n", label);
	for (const char *p = b64; *p; p += strlen(p) < 64 ? strlen(p) : 64)
		n += (size_t)snprintf(out + n, X509_PEM_MAX - n, "%.64s\n", p);
	(void)snprintf(out + n, X509_PEM_MAX - n, "-----END %s-----\n", label);
}

static void read_back(void **state)
{
	struct world *w = *state;
	struct x509_info info;
	uint8_t der[X509_PEM_MAX], sum[DIGEST_LEN];
	assert_int_equal(x509_read(w->cert, strlen(w->cert), &info, NULL), ERR_OK);
	assert_string_equal(info.cn, "box"); /* not what the request asked for */
	assert_int_equal(info.n_sans, COUNT(names));
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(info.sans[i].kind, names[i].kind);
		assert_string_equal(info.sans[i].value, names[i].value);
	}
	assert_int_equal(info.eku, X509_EKU_SERVER);
	assert_false(info.ca);
	assert_int_equal(info.not_before, NOW - DAY);
	assert_int_equal(info.not_after, NOW + 397 * DAY);
	assert_int_equal(strlen(info.serial), 32);
	assert_true(info.serial[0] >= '4' && info.serial[0] <= '7'); /* positive, first bits fixed */
	size_t n = to_der(w->cert, der, sizeof der);
	digest_sha256(der, n, sum);
	assert_memory_equal(info.fingerprint, sum, sizeof sum);
	struct x509_info same;
	assert_int_equal(x509_read(der, n, &same, NULL), ERR_OK);
	assert_memory_equal(&same, &info, sizeof info);
}

/* ecdsa-with-SHA256 has no parameters, not even NULL (RFC 5758 section 3.2): Chromium refuses a NULL. */
static void algorithm(void **state)
{
	struct world *w = *state;
	static const uint8_t oid[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
	const char *const each[] = {w->root, w->cert, w->csr};
	for (size_t i = 0; i < COUNT(each); i++) {
		uint8_t der[X509_PEM_MAX];
		size_t n = to_der(each[i], der, sizeof der), seen = 0;
		for (size_t at = 2; at + sizeof oid < n; at++) {
			if (memcmp(der + at, oid, sizeof oid) != 0) continue;
			assert_int_equal(der[at - 2], 0x30);
			assert_int_equal(der[at - 1], sizeof oid); /* the SEQUENCE holds the OID alone */
			seen++;
		}
		assert_int_equal(seen, i < 2 ? 2 : 1);
	}
}

/* Dates from 2050 on are written in the other form. */
static void far_dates(void **state)
{
	struct world *w = *state;
	struct x509_spec r = root_spec();
	struct x509_info info;
	r.not_after = INT64_C(2524608000000); /* 2050-01-01 */
	assert_int_equal(x509_root_make(w->root_key, &r, w->root, NULL), ERR_OK);
	assert_int_equal(x509_read(w->root, strlen(w->root), &info, NULL), ERR_OK);
	assert_int_equal(info.not_after, r.not_after);
	r.not_after -= 1000;
	assert_int_equal(x509_root_make(w->root_key, &r, w->root, NULL), ERR_OK);
	assert_int_equal(x509_read(w->root, strlen(w->root), &info, NULL), ERR_OK);
	assert_int_equal(info.not_after, r.not_after);
	r.not_after = INT64_MAX;
	assert_int_equal(x509_root_make(w->root_key, &r, w->root, NULL), ERR_INVALID);
}

static void read_root(void **state)
{
	struct world *w = *state;
	struct x509_info info, other;
	char again[X509_PEM_MAX];
	struct x509_spec r = root_spec();
	assert_int_equal(x509_read(w->root, strlen(w->root), &info, NULL), ERR_OK);
	assert_string_equal(info.cn, "建始县政务服务中心");
	assert_true(info.ca);
	assert_int_equal(info.eku, X509_EKU_NONE);
	assert_int_equal(info.n_sans, 0);
	assert_int_equal(x509_root_make(w->root_key, &r, again, NULL), ERR_OK);
	assert_int_equal(x509_read(again, strlen(again), &other, NULL), ERR_OK);
	assert_string_not_equal(info.serial, other.serial);
}

static void usages(void **state)
{
	struct world *w = *state;
	for (unsigned eku = 0; eku < 8; eku++) {
		struct x509_spec s = leaf_spec();
		struct x509_info info;
		s.eku = eku;
		assert_int_equal(x509_issue(w->root_key, w->root, w->csr, &s, w->cert, NULL), ERR_OK);
		assert_int_equal(x509_read(w->cert, strlen(w->cert), &info, NULL), ERR_OK);
		assert_int_equal(info.eku, eku);
		static const enum x509_eku each[] = {X509_EKU_SERVER, X509_EKU_CLIENT, X509_EKU_ANSWER};
		for (size_t i = 0; i < COUNT(each); i++)
			assert_int_equal(x509_verify(w->cert, w->root, each[i], NOW, NULL),
			                 eku & each[i] ? ERR_OK : ERR_DENIED);
		assert_int_equal(x509_verify(w->cert, w->root, X509_EKU_NONE, NOW, NULL), ERR_OK);
	}
	assert_int_equal(x509_verify(w->root, w->root, X509_EKU_SERVER, NOW, NULL), ERR_DENIED);
}

static void refused_at(const char *cert, const char *root, int64_t now, const char *why)
{
	struct err e = {0};
	assert_int_equal(x509_verify(cert, root, X509_EKU_SERVER, now, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, why));
}

static void dates(void **state)
{
	struct world *w = *state;
	const int64_t from = NOW - DAY, to = NOW + 397 * DAY;
	refused_at(w->cert, w->root, from - 1, "not yet valid");
	assert_int_equal(x509_verify(w->cert, w->root, X509_EKU_SERVER, from, NULL), ERR_OK);
	assert_int_equal(x509_verify(w->cert, w->root, X509_EKU_SERVER, to + 999, NULL), ERR_OK);
	refused_at(w->cert, w->root, to + 1000, "expired");
	refused_at(w->cert, w->root, 0, "not yet valid"); /* the clock of a box without a battery */
	/* a leaf that outlives its root is no use after the root's end */
	struct x509_spec r = root_spec();
	r.not_after = NOW + DAY;
	assert_int_equal(x509_root_make(w->root_key, &r, w->root, NULL), ERR_OK);
	assert_int_equal(x509_verify(w->cert, w->root, X509_EKU_SERVER, NOW, NULL), ERR_OK);
	refused_at(w->cert, w->root, NOW + 2 * DAY, "expired");
}

static void other_roots(void **state)
{
	struct world *w = *state;
	char root[X509_PEM_MAX], fake[X509_PEM_MAX];
	struct x509_spec r = root_spec(), l = leaf_spec();
	struct ec_key *k = ec_key_generate();
	assert_non_null(k);
	assert_int_equal(x509_root_make(k, &r, root, NULL), ERR_OK); /* the same name, another key */
	refused_at(w->cert, root, NOW, "not issued by this root");
	assert_int_equal(x509_issue(k, w->root, w->csr, &l, fake, NULL), ERR_OK); /* claims our root, wrong signature */
	refused_at(fake, w->root, NOW, "not issued by this root");
	/* a leaf is no issuer, neither when asked to sign nor when it did */
	struct err e = {0};
	assert_int_equal(x509_issue(w->key, w->cert, w->csr, &l, fake, &e), ERR_INVALID);
	refused_at(w->cert, w->cert, NOW, "not issued by this root");
	assert_int_equal(x509_verify("", w->root, X509_EKU_SERVER, NOW, NULL), ERR_INVALID);
	assert_int_equal(x509_verify(w->cert, "", X509_EKU_SERVER, NOW, NULL), ERR_INVALID);
	ec_key_free(k);
}

static void tampered(void **state)
{
	struct world *w = *state;
	uint8_t der[X509_PEM_MAX];
	char pem[X509_PEM_MAX];
	size_t n = to_der(w->cert, der, sizeof der);
	for (size_t i = 0; i < n; i++) {
		der[i] ^= 1;
		to_pem(der, n, "CERTIFICATE", pem);
		assert_int_not_equal(x509_verify(pem, w->root, X509_EKU_SERVER, NOW, NULL), ERR_OK);
		der[i] ^= 1;
	}
	to_pem(der, n, "CERTIFICATE", pem);
	assert_int_equal(x509_verify(pem, w->root, X509_EKU_SERVER, NOW, NULL), ERR_OK);
}

static void malformed(void **state)
{
	struct world *w = *state;
	uint8_t der[X509_PEM_MAX];
	struct x509_info info;
	size_t n = to_der(w->cert, der, sizeof der - 1);
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i + 1); /* on the heap, so that a byte read too far is seen */
		assert_non_null(cut);
		memcpy(cut, der, i);
		assert_int_equal(x509_read(cut, i, &info, NULL), ERR_INVALID);
		free(cut);
	}
	der[n] = 0;
	assert_int_equal(x509_read(der, n + 1, &info, NULL), ERR_INVALID);
	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			der[i] ^= (uint8_t)(1u << bit);
			(void)x509_read(der, n, &info, NULL); /* may read or not; must not run out of bounds */
			der[i] ^= (uint8_t)(1u << bit);
		}
}

/* A NUL in a name reads differently to C and to others: the certificate is not read at all. */
static void nul_in_name(void **state)
{
	struct world *w = *state;
	static const char *const where[] = {"box.xinke.internal", "xinke:station", "box"};
	for (size_t i = 0; i < COUNT(where); i++) {
		uint8_t der[X509_PEM_MAX];
		struct x509_info info;
		size_t n = to_der(w->cert, der, sizeof der), at = 0, len = strlen(where[i]);
		while (memcmp(der + at, where[i], len) != 0)
			assert_true(++at + len < n);
		der[at + 1] = '\0';
		assert_int_equal(x509_read(der, n, &info, NULL), ERR_INVALID);
	}
}

static void possession(void **state)
{
	struct world *w = *state;
	uint8_t der[X509_PEM_MAX];
	char csr[X509_PEM_MAX], out[X509_PEM_MAX];
	struct x509_spec l = leaf_spec();
	size_t n = to_der(w->csr, der, sizeof der);
	struct err e = {0};
	der[n - 1] ^= 1; /* last byte of the signature */
	to_pem(der, n, "CERTIFICATE REQUEST", csr);
	assert_int_equal(x509_issue(w->root_key, w->root, csr, &l, out, &e), ERR_DENIED);
	der[n - 1] ^= 1;
	for (size_t i = 0; i < n; i++) { /* nor does any other changed byte pass */
		der[i] ^= 1;
		to_pem(der, n, "CERTIFICATE REQUEST", csr);
		assert_int_not_equal(x509_issue(w->root_key, w->root, csr, &l, out, NULL), ERR_OK);
		der[i] ^= 1;
	}
	e = (struct err){0};
	assert_int_equal(x509_issue(w->root_key, w->root, p384_csr, &l, out, &e), ERR_INVALID);
	assert_non_null(strstr(e.msg, "P-256"));
	assert_int_equal(x509_issue(w->root_key, w->root, "", &l, out, NULL), ERR_INVALID);
	assert_int_equal(x509_issue(w->root_key, w->root, w->cert, &l, out, NULL), ERR_INVALID);
}

static void bad_specs(void **state)
{
	struct world *w = *state;
	char out[X509_PEM_MAX], label[X509_NAME_MAX + 4];
	struct x509_spec ok = leaf_spec(), s;
	static const struct x509_san bad[] = {
	    {X509_SAN_DNS, ""},
	    {X509_SAN_DNS, "a..b"},
	    {X509_SAN_DNS, ".a"},
	    {X509_SAN_DNS, "a."},
	    {X509_SAN_DNS, "-a.b"},
	    {X509_SAN_DNS, "a-.b"},
	    {X509_SAN_DNS, "a b"},
	    {X509_SAN_DNS, "*.a"},
	    {X509_SAN_DNS, "建始.internal"},
	    {X509_SAN_IP, ""},
	    {X509_SAN_IP, "1.2.3"},
	    {X509_SAN_IP, "1.2.3.256"},
	    {X509_SAN_IP, "fe80::1%eth0"},
	    {X509_SAN_IP, "10.0.0.0/8"},
	    {X509_SAN_URI, ""},
	    {X509_SAN_URI, "nocolon"},
	    {X509_SAN_URI, ":x"},
	    {X509_SAN_URI, "a:b c"},
	    {X509_SAN_URI, "a:\xe4"},
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		s = ok;
		s.sans = &bad[i];
		s.n_sans = 1;
		assert_int_equal(x509_issue(w->root_key, w->root, w->csr, &s, out, NULL), ERR_INVALID);
		assert_int_equal(x509_csr_make(w->key, "x", &bad[i], 1, out, NULL), ERR_INVALID);
	}
	(void)snprintf(label, sizeof label, "%0*d", X509_NAME_MAX, 0);
	const char *const cns[] = {"", "a\nb", "\xff", label};
	for (size_t i = 0; i < COUNT(cns); i++) {
		s = ok;
		s.cn = cns[i];
		assert_int_equal(x509_issue(w->root_key, w->root, w->csr, &s, out, NULL), ERR_INVALID);
	}
	s = ok;
	s.not_after = s.not_before;
	assert_int_equal(x509_issue(w->root_key, w->root, w->csr, &s, out, NULL), ERR_INVALID);
	s = ok;
	s.ca = true;
	assert_int_equal(x509_issue(w->root_key, w->root, w->csr, &s, out, NULL), ERR_INVALID);
	s.ca = false;
	assert_int_equal(x509_root_make(w->root_key, &s, out, NULL), ERR_INVALID);
}

static void bad_permits(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {
	    "",      "dns:",           "dns:*.a",        "ip:10.0.0.0",   "ip:10.0.0.0/33", "ip:10.0.0.0/",
	    "ip:/8", "ip:10.0.0.0/8x", "ip:10.0.0.0/-1", "ip:fe80::/129", "uri:",           "email:a@b",
	    "x"};
	char out[X509_PEM_MAX];
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *const list[] = {bad[i], NULL};
		struct x509_spec s = root_spec();
		s.permit = list;
		assert_int_equal(x509_root_make(w->root_key, &s, out, NULL), ERR_INVALID);
	}
}

static void many_names(void **state)
{
	struct world *w = *state;
	struct x509_san most[X509_SAN_MAX + 1];
	struct x509_spec s = leaf_spec();
	struct x509_info info;
	for (size_t i = 0; i < COUNT(most); i++) {
		most[i].kind = X509_SAN_DNS; /* four labels, 127 bytes: the longest that fits */
		(void)snprintf(most[i].value, X509_NAME_MAX, "%031zu.%031d.%031d.%031d", i, 0, 0, 0);
	}
	s.sans = most;
	s.n_sans = X509_SAN_MAX;
	assert_int_equal(x509_issue(w->root_key, w->root, w->csr, &s, w->cert, NULL), ERR_OK);
	assert_int_equal(x509_read(w->cert, strlen(w->cert), &info, NULL), ERR_OK);
	assert_int_equal(info.n_sans, X509_SAN_MAX);
	assert_string_equal(info.sans[11].value, most[11].value);
	s.n_sans = X509_SAN_MAX + 1;
	assert_int_equal(x509_issue(w->root_key, w->root, w->csr, &s, w->cert, NULL), ERR_INVALID);
}

static void key_of_cert(void **state)
{
	struct world *w = *state;
	struct ec_key *pub = NULL;
	uint8_t digest[DIGEST_LEN] = {1}, sig[EC_SIG_MAX];
	char pem[EC_PEM_MAX];
	size_t n = 0;
	assert_int_equal(ec_key_from_cert(w->cert, strlen(w->cert), &pub, NULL), ERR_OK);
	assert_int_equal(ec_sign(w->key, digest, sig, &n, NULL), ERR_OK);
	assert_int_equal(ec_verify(pub, digest, sig, n), ERR_OK);
	assert_int_not_equal(ec_sign(pub, digest, sig, &n, NULL), ERR_OK); /* it has no private part */
	assert_int_equal(ec_key_to_pem(pub, pem, NULL), ERR_INVALID);
	ec_key_free(pub);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
	    TEST(read_back),   TEST(read_root),  TEST(usages),      TEST(dates),      TEST(other_roots),
	    TEST(tampered),    TEST(malformed),  TEST(nul_in_name), TEST(possession), TEST(bad_specs),
	    TEST(bad_permits), TEST(many_names), TEST(key_of_cert), TEST(algorithm),  TEST(far_dates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

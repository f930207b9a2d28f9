/* Keys, their files, and signatures: RFC 6979 A.2.5's key and signature, round trips, refusals. */
#include "shared/crypto/ec.h"
#include "shared/file.h"
#include "shared/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The P-256 key of RFC 6979 appendix A.2.5, as SEC1 PEM. */
static const char rfc_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
                              "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
                              "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
                              "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
                              "-----END EC PRIVATE KEY-----\n";
/* A P-384 key made for this test. */
static const char p384_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
                               "MIGkAgEBBDAXGXAC+S6ngrYXnQOxsdbJwfp8MZDrPQNeG7gDq/XhUncfvkeebpp6\n"
                               "kD2ONahoHsygBwYFK4EEACKhZANiAAQHnyWOiPf/jxfiVB3Yr3k/X4L0dEuqd3EO\n"
                               "LPVzi06lu43WmF33QGA4BSXDBgDL5LhMhPT7S+FepqGv5SoaLJkhx0IWfWyKwXyh\n"
                               "tkkYqzIf9p2hqjx7eb26uKL8XbyaXNs=\n"
                               "-----END EC PRIVATE KEY-----\n";
/* A certificate for it. */
static const char p384_cert[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBVDCB3AIUd6NE9sE9mzwffjyw9D9DGaHXQJkwCgYIKoZIzj0EAwIwDjEMMAoG\n"
                                "A1UEAwwDYm94MCAXDTI2MTEyNDAzNDE1M1oYDzIxMjYxMDMxMDM0MTUzWjAOMQww\n"
                                "CgYDVQQDDANib3gwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAAQHnyWOiPf/jxfiVB3Y\n"
                                "r3k/X4L0dEuqd3EOLPVzi06lu43WmF33QGA4BSXDBgDL5LhMhPT7S+FepqGv5Soa\n"
                                "LJkhx0IWfWyKwXyhtkkYqzIf9p2hqjx7eb26uKL8XbyaXNswCgYIKoZIzj0EAwID\n"
                                "ZwAwZAIwZaMqBt+OCVR8wvX2sM0inXxDEzU1hao4wb8QEa6ROUDlqhdb1tZ1SZVz\n"
                                "lMOH5qAxAjBLF+UMMzRiELQFp5/TSsbcXys8l61YHDFykGAMP2fRG9L1jt052b33\n"
                                "793NhfZRvAA=\n"
                                "-----END CERTIFICATE-----\n";

static char dir[256];

static int enter(void **state)
{
	const char *tmp = getenv("TMPDIR");
	(void)state;
	(void)snprintf(dir, sizeof dir, "%s/xinke-ec-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	(void)unlink("k.key");
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1; /* rmdir fails where a temporary file was left */
}

static void rfc_vector(void **state)
{
	/* r and s of "sample" with SHA-256, as DER */
	static const char hex[] = "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	                          "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
	uint8_t digest[DIGEST_LEN], sig[sizeof hex / 2];
	struct ec_key *k = NULL;
	(void)state;
	digest_sha256("sample", 6, digest);
	assert_true(text_unhex(hex, sig, sizeof sig));
	assert_int_equal(ec_key_from_pem(rfc_key, &k, NULL), ERR_OK);
	assert_int_equal(ec_verify(k, digest, sig, sizeof sig), ERR_OK);
	digest_sha256("test", 4, digest);
	assert_int_equal(ec_verify(k, digest, sig, sizeof sig), ERR_DENIED);
	ec_key_free(k);
}

static void sign_and_tamper(void **state)
{
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX + 1] = {0};
	size_t n = 0;
	struct ec_key *k = ec_key_generate(), *other = ec_key_generate();
	(void)state;
	assert_non_null(k);
	assert_non_null(other);
	digest_sha256("batch", 5, digest);
	assert_int_equal(ec_sign(k, digest, sig, &n, NULL), ERR_OK);
	assert_int_equal(ec_verify(k, digest, sig, n), ERR_OK);
	assert_int_equal(ec_verify(other, digest, sig, n), ERR_DENIED);
	for (size_t i = 0; i < n; i++) {
		sig[i] ^= 0x10;
		assert_int_equal(ec_verify(k, digest, sig, n), ERR_DENIED);
		sig[i] ^= 0x10;
	}
	for (size_t i = 0; i < sizeof digest; i++) {
		digest[i] ^= 1;
		assert_int_equal(ec_verify(k, digest, sig, n), ERR_DENIED);
		digest[i] ^= 1;
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ec_verify(k, digest, sig, i), ERR_DENIED);
	assert_int_equal(ec_verify(k, digest, sig, n + 1), ERR_DENIED); /* a byte behind it */
	assert_int_equal(ec_verify(k, digest, sig, n), ERR_OK);
	ec_key_free(k);
	ec_key_free(other);
	ec_key_free(NULL);
}

static void pem(void **state)
{
	static const char *const bad[] = {
	    "", "no key", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", p384_key, p384_cert};
	char out[EC_PEM_MAX], back[EC_PEM_MAX];
	struct ec_key *k = ec_key_generate(), *again = NULL;
	(void)state;
	assert_non_null(k);
	assert_int_equal(ec_key_to_pem(k, out, NULL), ERR_OK);
	assert_int_equal(ec_key_from_pem(out, &again, NULL), ERR_OK);
	assert_int_equal(ec_key_to_pem(again, back, NULL), ERR_OK);
	assert_string_equal(out, back);
	ec_key_free(again);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		again = k; /* anything but NULL */
		assert_int_equal(ec_key_from_pem(bad[i], &again, &e), ERR_INVALID);
		assert_null(again);
		assert_int_equal(e.code, ERR_INVALID);
	}
	ec_key_free(k);
}

static void from_cert(void **state)
{
	struct ec_key *k = NULL;
	struct err e = {0};
	(void)state;
	assert_int_equal(ec_key_from_cert(p384_cert, strlen(p384_cert), &k, &e), ERR_INVALID);
	assert_non_null(strstr(e.msg, "P-256"));
	assert_null(k);
	assert_int_equal(ec_key_from_cert("", 0, &k, NULL), ERR_INVALID);
	assert_int_equal(ec_key_from_cert("\x30", 1, &k, NULL), ERR_INVALID);
}

static void files(void **state)
{
	static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0660};
	struct ec_key *k = ec_key_generate(), *back = NULL;
	uint8_t digest[DIGEST_LEN] = {7}, sig[EC_SIG_MAX];
	size_t n = 0;
	struct stat st;
	(void)state;
	assert_non_null(k);
	assert_int_equal(ec_key_save(k, "k.key", NULL), ERR_OK);
	assert_int_equal(stat("k.key", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ec_key_load("k.key", &back, NULL), ERR_OK);
	assert_int_equal(ec_sign(back, digest, sig, &n, NULL), ERR_OK);
	assert_int_equal(ec_verify(k, digest, sig, n), ERR_OK);
	ec_key_free(back);
	for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
		struct err e = {0};
		assert_int_equal(chmod("k.key", open_modes[i]), 0);
		assert_int_equal(ec_key_load("k.key", &back, &e), ERR_DENIED);
		assert_null(back);
	}
	assert_int_equal(ec_key_save(k, "k.key", NULL), ERR_OK); /* takes the old one's place, closed again */
	assert_int_equal(ec_key_load("k.key", &back, NULL), ERR_OK);
	ec_key_free(back);
	assert_int_equal(ec_key_load("none.key", &back, NULL), ERR_NOTFOUND);
	assert_int_equal(ec_key_load(".", &back, NULL), ERR_INVALID);
	assert_int_equal(ec_key_save(k, "none/k.key", NULL), ERR_NOTFOUND);
	ec_key_free(k);
}

static void small_files(void **state)
{
	char out[8];
	size_t n = 0;
	(void)state;
	assert_int_equal(unlink("k.key"), 0);
	assert_int_equal(file_write("k.key", "1234567", 7, 0644, false, NULL), ERR_OK);
	assert_int_equal(file_write("k.key", "other", 5, 0644, false, NULL), ERR_CONFLICT);
	assert_int_equal(file_load("k.key", false, out, sizeof out, &n, NULL), ERR_OK);
	assert_int_equal(n, 7);
	assert_string_equal(out, "1234567");
	assert_int_equal(file_write("k.key", "12345678", 8, 0644, true, NULL), ERR_OK);
	assert_int_equal(file_load("k.key", false, out, sizeof out, &n, NULL), ERR_INVALID); /* no room for the NUL */
	assert_int_equal(out[0], 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rfc_vector), cmocka_unit_test(sign_and_tamper), cmocka_unit_test(pem),
	    cmocka_unit_test(from_cert),  cmocka_unit_test(files),           cmocka_unit_test(small_files),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}

/* The CA: its files, what it issues by profile, and what OpenSSL says of it (skipped with a line where there is no
 * openssl). The program itself is tried when XINKE_CA names it. Dates are judged at a fixed time: nothing expires. */
#include "certs/ca.h"
#include "shared/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define DAY      INT64_C(86400000)
#define NOW      INT64_C(1790000000000) /* 2026-09-21 */
#define AT_TIME  "1790000000"
#define SERVER_DNS                                                                                                     \
	{                                                                                                              \
		X509_SAN_DNS, "box.xinke.internal"                                                                     \
	}

enum { OUT_MAX = 16384, ARGS_MAX = 24 };

static char folder[256], program[PATH_MAX];
static bool have_openssl;

static const char *const hosts[] = {"county.example.gov.cn", "203.0.113.7"};
static const char *const nets[] = {"100.64.0.0/10"};
static const struct ca_root county = {.name = "建始县", .hosts = hosts, .n_hosts = 2, .nets = nets, .n_nets = 1};

/* Runs ARGV, both outputs into OUT; the exit status, 127 when it cannot run. */
static int run(const char *const *argv, char out[OUT_MAX])
{
	char *args[ARGS_MAX + 1] = {0};
	for (size_t i = 0; argv[i] && i < ARGS_MAX; i++)
		args[i] = strdup(argv[i]);
	int status = 0, fd = open("run.out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(fd, 1) >= 0 && dup2(fd, 2) >= 0) (void)execvp(args[0], args);
		_exit(127);
	}
	assert_true(pid > 0);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	ssize_t n = pread(fd, out, OUT_MAX - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	(void)close(fd);
	for (size_t i = 0; i < ARGS_MAX; i++)
		free(args[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(out, ...) run((const char *const[]){__VA_ARGS__, NULL}, out)

static void sweep(const char *path)
{
	DIR *d = opendir(path);
	if (!d) return;
	for (struct dirent *f; (f = readdir(d));) {
		char name[PATH_MAX];
		(void)snprintf(name, sizeof name, "%s/%s", path, f->d_name);
		if (f->d_name[0] != '.' && unlink(name) != 0) {
			sweep(name);
			(void)rmdir(name);
		}
	}
	(void)closedir(d);
}

static int enter(void **state)
{
	const char *tmp = getenv("TMPDIR"), *ca = getenv("XINKE_CA");
	char out[OUT_MAX];
	(void)state;
	if (ca && !realpath(ca, program)) return -1;
	(void)snprintf(folder, sizeof folder, "%s/xinke-certs-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder) || chdir(folder) != 0) return -1;
	have_openssl = RUN(out, "openssl", "version") == 0;
	if (!have_openssl) print_message("no openssl here: what it would say is not checked\n");
	if (!program[0]) print_message("XINKE_CA is not set: the program is not tried\n");
	return 0;
}

static int leave(void **state)
{
	(void)state;
	sweep(folder);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* A fresh CA in "d". */
static int begin(void **state)
{
	struct ca *ca = NULL;
	sweep(folder);
	if (ca_init("d", &county, NOW, NULL) || ca_open("d", &ca, NULL)) return -1;
	*state = ca;
	return 0;
}

static int end(void **state)
{
	ca_free(*state);
	return 0;
}

static void put_file(const char *path, const char *text)
{
	assert_int_equal(file_write(path, text, strlen(text), 0600, true, NULL), ERR_OK);
}

static void make_csr(char csr[X509_PEM_MAX])
{
	struct ec_key *k = ec_key_generate();
	assert_non_null(k);
	assert_int_equal(x509_csr_make(k, "new box", NULL, 0, csr, NULL), ERR_OK);
	ec_key_free(k);
}

static void files(void **state)
{
	struct stat st;
	struct err e = {0};
	struct ca *ca = NULL, *mine = *state;
	assert_int_equal(stat("d", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat("d/root.key", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat("d/root.crt", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_string_equal(ca_root_info(mine)->cn, "建始县");
	assert_int_equal(ca_root_info(mine)->not_before, NOW - DAY);
	assert_int_equal(ca_root_info(mine)->not_after, NOW + 3649 * DAY - 1000);
	assert_int_equal(ca_init("d", &county, NOW, &e), ERR_CONFLICT);
	assert_int_equal(rename("d/root.crt", "d/kept"), 0);
	assert_int_equal(ca_init("d", &county, NOW, NULL), ERR_CONFLICT); /* the key alone is enough to refuse */
	assert_int_equal(ca_open("d", &ca, NULL), ERR_NOTFOUND);
	assert_int_equal(rename("d/kept", "d/root.crt"), 0);
	assert_int_equal(rename("d/root.key", "d/kept"), 0);
	assert_int_equal(ca_init("d", &county, NOW, NULL), ERR_CONFLICT);
	assert_int_equal(rename("d/kept", "d/root.key"), 0);
	assert_int_equal(chmod("d/root.key", 0640), 0);
	assert_int_equal(ca_open("d", &ca, NULL), ERR_DENIED);
	assert_int_equal(ca_init("e", &county, NOW, NULL), ERR_OK);
	assert_int_equal(rename("e/root.key", "d/root.key"), 0);
	assert_int_equal(ca_open("d", &ca, NULL), ERR_CORRUPT); /* another root's key */
	assert_null(ca);
	ca_free(NULL);
}

static void bad_roots(void **state)
{
	static const char *const bad_hosts[] = {"", "a b", "*.gov.cn", "县.cn"};
	static const char *const bad_nets[] = {"", "10.0.0.0", "10.0.0.0/99", "county.example.gov.cn"};
	const char *many[CA_CONSTRAINT_MAX + 1];
	struct ca_root r;
	struct stat st;
	(void)state;
	for (size_t i = 0; i < COUNT(bad_hosts); i++) {
		r = county;
		r.hosts = &bad_hosts[i];
		r.n_hosts = 1;
		assert_int_equal(ca_init("bad", &r, NOW, NULL), ERR_INVALID);
		r = county;
		r.nets = &bad_nets[i];
		assert_int_equal(ca_init("bad", &r, NOW, NULL), ERR_INVALID);
	}
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = "h.example.cn";
	r = county;
	r.hosts = many;
	r.n_hosts = COUNT(many);
	assert_int_equal(ca_init("bad", &r, NOW, NULL), ERR_INVALID);
	r = county;
	r.n_hosts = 0;
	assert_int_equal(ca_init("bad", &r, NOW, NULL), ERR_INVALID);
	r = county;
	r.years = CA_YEARS_MAX + 1;
	assert_int_equal(ca_init("bad", &r, NOW, NULL), ERR_INVALID);
	r = county;
	r.name = "";
	assert_int_equal(ca_init("bad", &r, NOW, NULL), ERR_INVALID);
	r.name = "01234567890123456789012345678901234567890123456789012345678901234";
	assert_int_equal(ca_init("bad", &r, NOW, NULL), ERR_INVALID);
	assert_int_equal(stat("bad/root.key", &st), -1); /* and no half-made CA stays behind */
	assert_int_equal(stat("bad/root.crt", &st), -1);
}

static void profiles(void **state)
{
	struct ca *ca = *state;
	static const struct x509_san sans[] = {SERVER_DNS, {X509_SAN_IP, "192.168.1.1"}};
	char csr[X509_PEM_MAX], cert[3][X509_PEM_MAX];
	static const struct {
		enum x509_eku eku;
		int days;
	} want[] = {{X509_EKU_CLIENT, 397}, {X509_EKU_SERVER, 397}, {X509_EKU_ANSWER, 730}};
	make_csr(csr);
	assert_int_equal(ca_issue_station(ca, csr, "422822001001", 7, NOW + 123, cert[0], NULL), ERR_OK);
	assert_int_equal(ca_issue_server(ca, csr, sans, COUNT(sans), NOW + 123, cert[1], NULL), ERR_OK);
	assert_int_equal(ca_issue_answer(ca, csr, NOW + 123, cert[2], NULL), ERR_OK);
	for (size_t i = 0; i < COUNT(want); i++) {
		struct x509_info info;
		assert_int_equal(x509_read(cert[i], strlen(cert[i]), &info, NULL), ERR_OK);
		assert_int_equal(info.eku, want[i].eku);
		assert_false(info.ca);
		assert_int_equal(info.not_before, NOW - DAY);
		assert_int_equal(info.not_after, NOW + (want[i].days - 1) * DAY - 1000);
		for (size_t k = 0; k < COUNT(want); k++)
			assert_int_equal(x509_verify(cert[i], ca_root_pem(ca), want[k].eku, NOW, NULL),
			                 i == k ? ERR_OK : ERR_DENIED);
		assert_int_equal(x509_verify(cert[i], ca_root_pem(ca), want[i].eku, NOW - DAY - 1, NULL), ERR_DENIED);
		assert_int_equal(x509_verify(cert[i], ca_root_pem(ca), want[i].eku, info.not_after + 1000, NULL),
		                 ERR_DENIED);
	}
}

static void station_names(void **state)
{
	struct ca *ca = *state;
	char csr[X509_PEM_MAX], cert[X509_PEM_MAX], code[CA_STATION_LEN + 1];
	struct x509_info info;
	unsigned box = 0;
	static const char *const bad[] = {"",        "42282200100", "4228220010011", "42282200100x", "42282200100 ",
	                                  "４２２８"};
	make_csr(csr);
	assert_int_equal(ca_issue_station(ca, csr, "422822001001", 99, NOW, cert, NULL), ERR_OK);
	assert_int_equal(x509_read(cert, strlen(cert), &info, NULL), ERR_OK);
	assert_string_equal(info.cn, "422822001001");
	assert_string_equal(info.sans[0].value, "xinke:station:422822001001:box:99");
	assert_true(ca_station_of(&info, code, &box));
	assert_string_equal(code, "422822001001");
	assert_int_equal(box, 99);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(ca_issue_station(ca, csr, bad[i], 1, NOW, cert, NULL), ERR_INVALID);
	assert_int_equal(ca_issue_station(ca, csr, "422822001001", 100, NOW, cert, NULL), ERR_INVALID);
	static const char *const not_ours[] = {
	    "xinke:station:42282200100:box:99",   "xinke:station:422822001001:box:9",
	    "xinke:station:422822001001:box:999", "xinke:station:422822001001:bax:99",
	    "xinke:Station:422822001001:box:99",  "xinke:station:42282200100a:box:99",
	    "xinke:station:422822001001:box:9a",  "",
	};
	for (size_t i = 0; i < COUNT(not_ours); i++) {
		(void)snprintf(info.sans[0].value, X509_NAME_MAX, "%s", not_ours[i]);
		assert_false(ca_station_of(&info, code, &box));
	}
	info.n_sans = 0;
	assert_false(ca_station_of(&info, code, &box));
}

static void server_names(void **state)
{
	struct ca *ca = *state;
	char csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	static const struct x509_san uri = {X509_SAN_URI, "a:b"};
	struct x509_san one = SERVER_DNS;
	make_csr(csr);
	assert_int_equal(ca_issue_server(ca, csr, &one, 0, NOW, cert, NULL), ERR_INVALID);
	assert_int_equal(ca_issue_server(ca, csr, &uri, 1, NOW, cert, NULL), ERR_INVALID);
	assert_int_equal(ca_issue_server(ca, "no request", &one, 1, NOW, cert, NULL), ERR_INVALID);
}

/* Nothing issued reaches past the root, and a CA whose clock is wrong issues nothing. */
static void root_end(void **state)
{
	struct ca *ca = *state;
	char csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	const struct x509_info *root = ca_root_info(ca);
	struct x509_info info;
	make_csr(csr);
	assert_int_equal(ca_issue_answer(ca, csr, root->not_after - DAY, cert, NULL), ERR_OK);
	assert_int_equal(x509_read(cert, strlen(cert), &info, NULL), ERR_OK);
	assert_int_equal(info.not_after, root->not_after);
	assert_int_equal(ca_issue_answer(ca, csr, root->not_before, cert, NULL), ERR_OK);
	assert_int_equal(x509_read(cert, strlen(cert), &info, NULL), ERR_OK);
	assert_int_equal(info.not_before, root->not_before);
	assert_int_equal(ca_issue_answer(ca, csr, root->not_before - 1, cert, NULL), ERR_INVALID);
	assert_int_equal(ca_issue_answer(ca, csr, root->not_after + 1, cert, NULL), ERR_INVALID);
}

/* --- what OpenSSL says --- */

static int verify(const char *purpose, const char *extra, const char *value, char out[OUT_MAX])
{
	const char *argv[] = {"openssl", "verify",     "-x509_strict", "-attime", AT_TIME, "-purpose", purpose,
	                      "-CAfile", "d/root.crt", "leaf.crt",     NULL,      NULL,    NULL};
	if (extra) {
		argv[9] = extra;
		argv[10] = value;
		argv[11] = "leaf.crt";
	}
	return run(argv, out);
}

static void openssl_servers(void **state)
{
	struct ca *ca = *state;
	char csr[X509_PEM_MAX], cert[X509_PEM_MAX], out[OUT_MAX];
	static const struct {
		struct x509_san san[2];
		size_t n;
		const char *extra, *value; /* a host or address to match */
		bool good;
	} cases[] = {
	    {{SERVER_DNS}, 1, "-verify_hostname", "box.xinke.internal", true},
	    {{SERVER_DNS}, 1, "-verify_hostname", "other.xinke.internal", false},
	    {{{X509_SAN_DNS, "county.example.gov.cn"}}, 1, "-verify_hostname", "county.example.gov.cn", true},
	    {{{X509_SAN_DNS, "a.county.example.gov.cn"}}, 1, NULL, NULL, true},
	    {{SERVER_DNS, {X509_SAN_IP, "192.168.1.1"}}, 2, "-verify_ip", "192.168.1.1", true},
	    {{{X509_SAN_IP, "10.1.2.3"}}, 1, "-verify_ip", "10.1.2.3", true}, /* no DNS name in the SAN at all */
	    {{{X509_SAN_IP, "172.31.255.255"}}, 1, NULL, NULL, true},
	    {{{X509_SAN_IP, "169.254.1.1"}}, 1, NULL, NULL, true},
	    {{{X509_SAN_IP, "127.0.0.1"}, {X509_SAN_IP, "::1"}}, 2, "-verify_ip", "::1", true},
	    {{{X509_SAN_IP, "fd12::1"}, {X509_SAN_IP, "fe80::1"}}, 2, "-verify_ip", "fd12::1", true},
	    {{{X509_SAN_IP, "203.0.113.7"}}, 1, NULL, NULL, true}, /* --host as an address */
	    {{{X509_SAN_IP, "100.127.0.1"}}, 1, NULL, NULL, true}, /* --net */
	    /* outside the constraints, though the root signed it */
	    {{{X509_SAN_DNS, "www.example.com"}}, 1, NULL, NULL, false},
	    {{{X509_SAN_DNS, "example.gov.cn"}}, 1, NULL, NULL, false},
	    {{{X509_SAN_DNS, "xcounty.example.gov.cn"}}, 1, NULL, NULL, false},
	    {{SERVER_DNS, {X509_SAN_DNS, "www.example.com"}}, 2, NULL, NULL, false},
	    {{{X509_SAN_IP, "8.8.8.8"}}, 1, NULL, NULL, false},
	    {{{X509_SAN_IP, "172.32.0.1"}}, 1, NULL, NULL, false},
	    {{{X509_SAN_IP, "203.0.113.8"}}, 1, NULL, NULL, false},
	    {{{X509_SAN_IP, "2001:db8::1"}}, 1, NULL, NULL, false},
	};
	if (!have_openssl) skip();
	make_csr(csr);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(ca_issue_server(ca, csr, cases[i].san, cases[i].n, NOW, cert, NULL), ERR_OK);
		put_file("leaf.crt", cert);
		int status = verify("sslserver", cases[i].extra, cases[i].value, out);
		if ((status == 0) != cases[i].good) fail_msg("case %zu: %s", i, out);
		bool named = strstr(out, "permitted subtree violation");
		if (!cases[i].good && !cases[i].extra && !named) fail_msg("case %zu: %s", i, out);
	}
	assert_int_not_equal(verify("sslclient", NULL, NULL, out), 0);
}

static void openssl_others(void **state)
{
	struct ca *ca = *state;
	char csr[X509_PEM_MAX], cert[X509_PEM_MAX], out[OUT_MAX];
	static const char *const text[] = {
	    "ecdsa-with-SHA256",
	    "prime256v1",
	    "URI:xinke:station:422822001001:box:01",
	    "TLS Web Client Authentication",
	    "X509v3 Key Usage: critical\n                Digital Signature\n",
	    "X509v3 Subject Key Identifier",
	    "X509v3 Authority Key Identifier",
	};
	if (!have_openssl) skip();
	make_csr(csr);
	put_file("box.csr", csr);
	assert_int_equal(RUN(out, "openssl", "req", "-in", "box.csr", "-noout", "-verify"), 0);
	assert_int_equal(ca_issue_station(ca, csr, "422822001001", 1, NOW, cert, NULL), ERR_OK);
	put_file("leaf.crt", cert);
	if (verify("sslclient", NULL, NULL, out) != 0) fail_msg("%s", out);
	assert_int_not_equal(verify("sslserver", NULL, NULL, out), 0);
	assert_int_equal(RUN(out, "openssl", "x509", "-in", "leaf.crt", "-noout", "-text"), 0);
	for (size_t i = 0; i < COUNT(text); i++)
		if (!strstr(out, text[i])) fail_msg("%s is not in %s", text[i], out);
	assert_int_equal(ca_issue_answer(ca, csr, NOW, cert, NULL), ERR_OK);
	put_file("leaf.crt", cert);
	if (verify("any", NULL, NULL, out) != 0) fail_msg("%s", out);
	assert_int_not_equal(verify("sslserver", NULL, NULL, out), 0);
	assert_int_not_equal(verify("sslclient", NULL, NULL, out), 0);
	assert_int_equal(RUN(out, "openssl", "x509", "-in", "leaf.crt", "-noout", "-text"), 0);
	assert_non_null(strstr(out, X509_ANSWER_EKU_OID "\n"));
}

static void openssl_root(void **state)
{
	char out[OUT_MAX];
	static const char *const text[] = {
	    "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0\n",
	    "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
	    "X509v3 Name Constraints: \n                Permitted:\n", /* not critical: mbedTLS 2.28 refuses that */
	    "DNS:county.example.gov.cn\n",
	    "IP:203.0.113.7/255.255.255.255\n",
	    "IP:100.64.0.0/255.192.0.0\n",
	    "DNS:xinke.internal\n",
	    "IP:172.16.0.0/255.240.0.0\n",
	    "X509v3 Subject Key Identifier",
	};
	(void)state;
	if (!have_openssl) skip();
	assert_int_equal(RUN(out, "openssl", "x509", "-in", "d/root.crt", "-noout", "-text"), 0);
	for (size_t i = 0; i < COUNT(text); i++)
		if (!strstr(out, text[i])) fail_msg("%s is not in %s", text[i], out);
	assert_int_equal(RUN(out, "openssl", "verify", "-x509_strict", "-check_ss_sig", "-attime", AT_TIME, "-CAfile",
	                     "d/root.crt", "d/root.crt"),
	                 0);
}

/* A request and a key that openssl made are taken. */
static void openssl_requests(void **state)
{
	struct ca *ca = *state;
	char out[OUT_MAX], csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	struct ec_key *k = NULL;
	if (!have_openssl) skip();
	assert_int_equal(RUN(out, "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
	                     "-nodes", "-keyout", "o.key", "-subj", "/CN=x", "-addext",
	                     "subjectAltName=DNS:evil.example", "-out", "o.csr"),
	                 0);
	assert_int_equal(file_load("o.csr", false, csr, sizeof csr, NULL, NULL), ERR_OK);
	assert_int_equal(ca_issue_station(ca, csr, "422822001001", 1, NOW, cert, NULL), ERR_OK);
	assert_null(strstr(cert, "evil"));
	assert_int_equal(chmod("o.key", 0600), 0);
	assert_int_equal(ec_key_load("o.key", &k, NULL), ERR_OK); /* PKCS#8 */
	ec_key_free(k);
}

/* --- the program --- */

static void the_program(void **state)
{
	char out[OUT_MAX], csr[X509_PEM_MAX];
	(void)state;
	if (!program[0]) skip();
	make_csr(csr);
	put_file("box.csr", csr);
	assert_int_equal(RUN(out, program, "--help"), 0);
	assert_int_equal(RUN(out, program), 2);
	assert_int_equal(RUN(out, program, "nonsense"), 2);
	assert_int_equal(RUN(out, program, "init", "--dir", "p"), 2);
	assert_int_equal(RUN(out, program, "init", "--dir", "p", "--dir", "q"), 2);
	assert_int_equal(RUN(out, program, "init", "--dir", "p", "--county-name", "县", "--host", "a.cn,,b.cn"), 1);
	assert_int_equal(
	    RUN(out, program, "init", "--dir", "p", "--county-name", "县", "--host", "a.cn", "--years", "x"), 1);
	assert_int_equal(RUN(out, program, "init", "--dir", "p", "--county-name", "建始县", "--host", "a.cn,b.cn",
	                     "--net", "100.64.0.0/10", "--years", "5"),
	                 0);
	assert_int_equal(strlen(out), 65); /* the fingerprint, to be compared by eye */
	char print[66], again[OUT_MAX];
	(void)snprintf(print, sizeof print, "%s", out);
	assert_int_equal(RUN(again, program, "fingerprint", "p/root.crt"), 0);
	assert_string_equal(again, print);
	assert_int_equal(RUN(out, program, "init", "--dir", "p", "--county-name", "建始县", "--host", "a.cn"), 1);
	assert_int_equal(RUN(out, program, "server", "--dir", "p", "--out", "srv"), 1);
	assert_int_equal(RUN(out, program, "server", "--dir", "p", "--out", "srv", "--dns", "box.xinke.internal,a.cn",
	                     "--ip", "192.168.1.1"),
	                 0);
	assert_int_equal(RUN(out, program, "server", "--dir", "p", "--out", "srv", "--dns", "a.cn"),
	                 1); /* key is there */
	assert_int_equal(RUN(out, program, "answer", "--dir", "p", "--out", "ans"), 0);
	assert_int_equal(RUN(out, program, "station", "--dir", "p", "--csr", "box.csr", "--station", "422822001001",
	                     "--box", "03", "--out", "box.crt"),
	                 0);
	assert_int_equal(RUN(out, program, "show", "box.crt"), 0);
	assert_non_null(strstr(out, "xinke:station:422822001001:box:03\n"));
	assert_non_null(strstr(out, " client\n"));
	assert_int_equal(RUN(out, program, "show", "ans.crt"), 0);
	assert_non_null(strstr(out, " answer\n"));
	assert_int_equal(RUN(out, program, "show", "box.csr"), 1);
	assert_int_equal(RUN(out, program, "show"), 2);
	struct stat st;
	assert_int_equal(stat("srv.key", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
	    TEST(files),        TEST(bad_roots),        TEST(profiles),        TEST(station_names),
	    TEST(server_names), TEST(root_end),         TEST(openssl_servers), TEST(openssl_others),
	    TEST(openssl_root), TEST(openssl_requests), TEST(the_program),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}

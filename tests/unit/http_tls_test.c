/* The HTTP server over TLS: client certificates of every kind, alerts, versions, reloading, slow handshakes.
 *
 * The certificates are made with the openssl command in a folder of their own; without it the tests are skipped. */
#include "shared/http/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGS_MAX 32

static char dir[64];

/* --- commands --- */

/* Runs openssl in DIR, its output in FILE; the exit code, or -1. */
static int openssl(const char *file, const char *const *args)
{
	char *argv[ARGS_MAX] = {(char *)(uintptr_t) "openssl"};
	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)args[i];
	pid_t pid = fork();
	if (pid < 0) return -1;
	if (pid == 0) {
		int in = open("/dev/null", O_RDONLY);
		int out = chdir(dir) == 0 ? open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
		if (in < 0 || out < 0) _exit(126);
		(void)dup2(in, 0);
		(void)dup2(out, 1);
		(void)dup2(out, 2);
		execvp("openssl", argv);
		_exit(127);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define OPENSSL(file, ...) openssl(file, (const char *const[]){__VA_ARGS__, NULL})

static const char *in_dir(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *p = paths[next++ % 8];
	(void)snprintf(p, sizeof paths[0], "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void read_file(const char *name, char *out, size_t cap)
{
	FILE *f = fopen(in_dir(name), "r");
	assert_non_null(f);
	out[fread(out, 1, cap - 1, f)] = '\0';
	(void)fclose(f);
}

static void authority(const char *name)
{
	char key[32], crt[32], subj[32];
	(void)snprintf(key, sizeof key, "%s.key", name);
	(void)snprintf(crt, sizeof crt, "%s.crt", name);
	(void)snprintf(subj, sizeof subj, "/CN=%s", name);
	assert_int_equal(OPENSSL("log", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
	                         "-nodes", "-keyout", key, "-out", crt, "-subj", subj, "-days", "10"),
	                 0);
}

/* A certificate NAME.crt with NAME.key, issued by CA, DAYS long, with these extensions. */
static void leaf(const char *name, const char *ca, const char *days, const char *ext)
{
	char key[32], csr[32], crt[32], subj[32], ca_key[32], ca_crt[32];
	(void)snprintf(key, sizeof key, "%s.key", name);
	(void)snprintf(csr, sizeof csr, "%s.csr", name);
	(void)snprintf(crt, sizeof crt, "%s.crt", name);
	(void)snprintf(subj, sizeof subj, "/CN=%s", name);
	(void)snprintf(ca_key, sizeof ca_key, "%s.key", ca);
	(void)snprintf(ca_crt, sizeof ca_crt, "%s.crt", ca);
	write_file("ext", ext);
	assert_int_equal(OPENSSL("log", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
	                         "-keyout", key, "-out", csr, "-subj", subj),
	                 0);
	assert_int_equal(OPENSSL("log", "x509", "-req", "-in", csr, "-CA", ca_crt, "-CAkey", ca_key, "-out", crt,
	                         "-days", days, "-extfile", "ext"),
	                 0);
}

/* --- the server --- */

static void hello(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, "text/plain", "hello", 5);
}

static void who(struct http_req *req, void *ctx)
{
	(void)ctx;
	struct http_peer_cert c;
	if (!http_req_cert(req, &c)) {
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
		return;
	}
	http_reply_json(req, 200,
	                json_pack("{s:s, s:s, s:b, s:i, s:b}", "cn", c.cn, "uri", c.uri, "verified", c.verified,
	                          "first", c.fingerprint[0], "later", c.not_after > (int64_t)time(NULL) * 1000));
}

static void maybe(struct http_req *req, void *ctx)
{
	(void)ctx;
	struct http_peer_cert c;
	http_reply(req, 200, "text/plain", http_req_cert(req, &c) ? "yes" : "no", 2);
}

static const struct http_route routes[] = {
    {"GET", "/hello", 0, 0, HTTP_OPEN, hello, ""},
    {"GET", "/who", 0, 0, HTTP_OPEN | HTTP_CERT, who, ""},
    {"GET", "/maybe", 0, 0, HTTP_OPEN, maybe, ""},
};

static struct http_server *start(const char *cert, const char *key, const char *ca, bool tls13_only, unsigned deadline)
{
	struct http_config cfg = {
	    .cert_file = in_dir(cert),
	    .key_file = in_dir(key),
	    .client_ca = ca ? in_dir(ca) : NULL,
	    .tls13_only = tls13_only,
	    .routes = routes,
	    .n_routes = sizeof routes / sizeof *routes,
	    .request_deadline_ms = deadline,
	    .threads = 2,
	};
	struct http_server *s = NULL;
	struct err e = {0};
	if (http_open(&cfg, &s, &e)) fail_msg("%s", e.msg);
	return s;
}

struct reply {
	CURLcode rc;
	long status;
	size_t len;
	char text[4096];
};

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct reply *r = arg;
	size_t len = size * n;
	if (len > sizeof r->text - 1 - r->len) return 0;
	memcpy(r->text + r->len, p, len);
	r->len += len;
	return len;
}

/* Gets PATH with CURL (which keeps its connection), showing the certificate NAME or none. */
static void get(CURL *curl, struct http_server *s, const char *path, const char *name, struct reply *r)
{
	char url[64], crt[32], key[32];
	memset(r, 0, sizeof *r);
	(void)snprintf(url, sizeof url, "https://127.0.0.1:%u%s", (unsigned)http_port(s), path);
	(void)snprintf(crt, sizeof crt, "%s.crt", name ? name : "");
	(void)snprintf(key, sizeof key, "%s.key", name ? name : "");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_CAINFO, in_dir("ca.crt"));
	curl_easy_setopt(curl, CURLOPT_SSLCERT, name ? in_dir(crt) : NULL);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, name ? in_dir(key) : NULL);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
	r->rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r->status);
}

static void get_once(struct http_server *s, const char *path, const char *name, struct reply *r)
{
	CURL *curl = curl_easy_init();
	assert_non_null(curl);
	get(curl, s, path, name, r);
	curl_easy_cleanup(curl);
}

/* What openssl's client prints when it connects with VERSION and the certificate NAME (or none). */
static const char *connect_as(struct http_server *s, const char *version, const char *name)
{
	static char out[32768];
	char at[32], crt[32], key[32];
	(void)snprintf(at, sizeof at, "127.0.0.1:%u", (unsigned)http_port(s));
	(void)snprintf(crt, sizeof crt, "%s.crt", name ? name : "");
	(void)snprintf(key, sizeof key, "%s.key", name ? name : "");
	if (name)
		(void)OPENSSL("client", "s_client", "-connect", at, version, "-cert", crt, "-key", key, "-ign_eof");
	else
		(void)OPENSSL("client", "s_client", "-connect", at, version);
	read_file("client", out, sizeof out);
	return out;
}

/* --- tests --- */

static int make_all(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "%s", "/tmp/xinke-http-tls-XXXXXX");
	if (!mkdtemp(dir)) return -1;
	if (OPENSSL("log", "version") != 0) {
		print_message("skipped: the openssl command is missing\n");
		return 1;
	}
	authority("ca");
	authority("other");
	static const char server[] = "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n";
	leaf("box", "ca", "10", server);
	leaf("box2", "ca", "10", server);
	leaf("good", "ca", "10",
	     "subjectAltName=DNS:x.internal,URI:urn:xinke:station:042\nextendedKeyUsage=clientAuth\n");
	leaf("plain", "ca", "10", "extendedKeyUsage=clientAuth\n");
	leaf("longname", "ca", "10",
	     "extendedKeyUsage=clientAuth\nsubjectAltName=URI:urn:x:"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
	leaf("foreign", "other", "10", "extendedKeyUsage=clientAuth\n");
	leaf("expired", "ca", "-1", "extendedKeyUsage=clientAuth\n");
	leaf("purpose", "ca", "10", "extendedKeyUsage=serverAuth\n");
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	static const char *const names[] = {"ca",       "other",   "box",     "box2",    "good", "plain",
	                                    "longname", "foreign", "expired", "purpose", "live"};
	static const char *const ends[] = {"crt", "key", "csr"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
			char file[32];
			(void)snprintf(file, sizeof file, "%s.%s", names[i], ends[k]);
			(void)unlink(in_dir(file));
		}
	(void)unlink(in_dir("ext"));
	(void)unlink(in_dir("log"));
	(void)unlink(in_dir("client"));
	return rmdir(dir);
}

static void without_a_certificate(void **state)
{
	(void)state;
	struct http_server *s = start("box.crt", "box.key", "ca.crt", false, 0);
	struct reply r;
	get_once(s, "/hello", NULL, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.text, "hello");
	get_once(s, "/maybe", NULL, &r);
	assert_string_equal(r.text, "no");
	get_once(s, "/who", NULL, &r);
	assert_int_equal(r.status, 403);
	assert_non_null(strstr(r.text, "certificate_required"));
	http_close(s, NULL, NULL, 2000);
}

static void with_a_good_one(void **state)
{
	(void)state;
	struct http_server *s = start("box.crt", "box.key", "ca.crt", true, 0);
	struct reply r;
	CURL *curl = curl_easy_init();
	for (int i = 0; i < 3; i++) { /* one connection: the certificate is read once and stays */
		get(curl, s, "/who", "good", &r);
		if (r.status != 200) fail_msg("%d: %s", (int)r.rc, r.text);
		assert_non_null(strstr(r.text, "\"cn\":\"good\",\"uri\":\"urn:xinke:station:042\",\"verified\":true"));
		assert_non_null(strstr(r.text, "\"later\":true"));
	}
	curl_easy_cleanup(curl);
	get_once(s, "/who", "plain", &r);
	assert_non_null(strstr(r.text, "\"cn\":\"plain\",\"uri\":\"\""));
	get_once(s, "/who", "longname", &r); /* a name that does not fit is no name */
	assert_int_equal(r.status, 403);
	http_close(s, NULL, NULL, 2000);
}

struct bad {
	const char *name, *alert;
};

static void with_bad_ones(void **state)
{
	(void)state;
	static const struct bad bads[] = {
	    {"foreign", "alert unknown ca"},
	    {"expired", "alert certificate expired"},
	    {"purpose", "alert unsupported certificate"},
	};
	struct http_server *s = start("box.crt", "box.key", "ca.crt", false, 0);
	struct reply r;
	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
		get_once(s, "/hello", bads[i].name, &r);
		if (r.rc == CURLE_OK || r.status) fail_msg("%s got in: %ld", bads[i].name, r.status);
		static const char *const versions[] = {"-tls1_2", "-tls1_3"};
		for (size_t v = 0; v < 2; v++) {
			const char *out = connect_as(s, versions[v], bads[i].name);
			if (!strstr(out, bads[i].alert))
				fail_msg("%s %s: no \"%s\" in\n%s", bads[i].name, versions[v], bads[i].alert, out);
		}
	}
	get_once(s, "/hello", "good", &r);
	assert_int_equal(r.status, 200);
	http_close(s, NULL, NULL, 2000);
}

/* Without a trust list no certificate is asked for, and one that the client has is not looked at. */
static void nobody_asked(void **state)
{
	(void)state;
	struct http_server *s = start("box.crt", "box.key", NULL, false, 0);
	struct reply r;
	get_once(s, "/maybe", "foreign", &r);
	assert_string_equal(r.text, "no");
	get_once(s, "/who", "good", &r);
	assert_int_equal(r.status, 403);
	http_close(s, NULL, NULL, 2000);
}

static void versions(void **state)
{
	(void)state;
	struct http_server *s = start("box.crt", "box.key", "ca.crt", false, 0);
	assert_non_null(strstr(connect_as(s, "-tls1_2", NULL), "CN = box"));
	const char *out = connect_as(s, "-tls1_3", NULL);
	assert_non_null(strstr(out, "CN = box"));
	assert_null(strstr(out, "New Session Ticket"));
	assert_null(strstr(connect_as(s, "-tls1_1", NULL), "CN = box"));
	http_close(s, NULL, NULL, 2000);
	s = start("box.crt", "box.key", "ca.crt", true, 0);
	assert_non_null(strstr(connect_as(s, "-tls1_3", NULL), "CN = box"));
	assert_null(strstr(connect_as(s, "-tls1_2", NULL), "CN = box"));
	http_close(s, NULL, NULL, 2000);
}

static void copy(const char *from, const char *to)
{
	static char pem[8192];
	read_file(from, pem, sizeof pem);
	write_file(to, pem);
}

static void reloading(void **state)
{
	(void)state;
	copy("box.crt", "live.crt");
	copy("box.key", "live.key");
	struct http_server *s = start("live.crt", "live.key", "ca.crt", false, 0);
	struct reply r;
	struct err e = {0};
	CURL *old = curl_easy_init();
	get(old, s, "/who", "good", &r);
	assert_int_equal(r.status, 200);

	copy("box2.crt", "live.crt"); /* not yet its key: refused, the old pair stays */
	assert_int_equal(http_reload_tls(s, &e), ERR_INVALID);
	assert_non_null(strstr(connect_as(s, "-tls1_3", NULL), "CN = box\n"));
	copy("box2.key", "live.key");
	assert_int_equal(http_reload_tls(s, NULL), ERR_OK);
	assert_non_null(strstr(connect_as(s, "-tls1_3", NULL), "CN = box2\n"));

	get(old, s, "/who", "good", &r); /* the old connection lives on */
	assert_int_equal(r.status, 200);
	long connects = -1;
	curl_easy_getinfo(old, CURLINFO_NUM_CONNECTS, &connects);
	assert_int_equal(connects, 0);
	curl_easy_cleanup(old);
	get_once(s, "/who", "good", &r);
	assert_int_equal(r.status, 200);
	http_close(s, NULL, NULL, 2000);
}

static void slow_handshakes_are_ended(void **state)
{
	(void)state;
	struct http_server *s = start("box.crt", "box.key", "ca.crt", false, 1000);
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons(http_port(s)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	static const unsigned char hello_start[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03};
	bool over = false;
	struct timeval t = {0, 200000};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	for (size_t i = 0; i < 75 && !over; i++) { /* 15 s at most */
		unsigned char c = i < sizeof hello_start ? hello_start[i] : 0x41;
		char in[64];
		over = send(fd, &c, 1, MSG_NOSIGNAL) < 0 || recv(fd, in, sizeof in, 0) == 0;
	}
	assert_true(over);
	close(fd);

	/* a finished handshake followed by silence is an idle connection, not a late one */
	struct reply r;
	CURL *curl = curl_easy_init();
	get(curl, s, "/hello", NULL, &r);
	struct timespec nap = {2, 500000000L};
	(void)nanosleep(&nap, NULL);
	get(curl, s, "/hello", NULL, &r);
	assert_int_equal(r.status, 200);
	long connects = -1;
	curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
	assert_int_equal(connects, 0);
	curl_easy_cleanup(curl);
	http_close(s, NULL, NULL, 2000);
}

static void refuses_bad_files(void **state)
{
	(void)state;
	struct http_config cfg = {
	    .cert_file = in_dir("box.crt"), .key_file = in_dir("good.key"), .routes = routes, .n_routes = 1};
	struct http_server *s = NULL;
	assert_int_equal(http_open(&cfg, &s, NULL), ERR_INVALID);
	cfg.key_file = in_dir("box.key");
	cfg.client_ca = in_dir("box.key"); /* not a certificate */
	assert_int_equal(http_open(&cfg, &s, NULL), ERR_INVALID);
	cfg.key_file = NULL;
	assert_int_equal(http_open(&cfg, &s, NULL), ERR_INVALID);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_certificate),
	    cmocka_unit_test(with_a_good_one),
	    cmocka_unit_test(with_bad_ones),
	    cmocka_unit_test(nobody_asked),
	    cmocka_unit_test(versions),
	    cmocka_unit_test(reloading),
	    cmocka_unit_test(slow_handshakes_are_ended),
	    cmocka_unit_test(refuses_bad_files),
	};
	curl_global_init(CURL_GLOBAL_DEFAULT);
	void *none = NULL;
	int made = make_all(&none);
	int rc = made == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : made < 0;
	(void)remove_all(&none);
	curl_global_cleanup();
	return rc;
}

/* Certificates: those that we show, and those that peers show us.
 *
 * libmicrohttpd neither reloads its certificate nor verifies that of a client (a trust list only makes it ask), so
 * every session gets our own credentials before its handshake, with a verify function. Credentials are shared and
 * reference-counted: http_reload_tls puts new ones in their place and the old live on until their last session ends.
 * No tickets and no session cache: a resumed session would skip verification. Callbacks run on library threads. */
#include "shared/http/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_FILE_MAX (256 * 1024)
#define PRIORITY_TAIL                                                                                                  \
	"-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-MAC-ALL:+AEAD:"     \
	"%SERVER_PRECEDENCE"

struct http_creds {
	gnutls_certificate_credentials_t cert;
	bool ask; /* clients are asked for a certificate */
	atomic_int refs;
};

const char *http_tls_priority(bool tls13_only)
{
	return tls13_only ? "NORMAL:-VERS-ALL:+VERS-TLS1.3:" PRIORITY_TAIL
	                  : "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:" PRIORITY_TAIL;
}

void http_tls_unref(struct http_creds *creds)
{
	if (atomic_fetch_sub(&creds->refs, 1) != 1) return;
	gnutls_certificate_free_credentials(creds->cert);
	free(creds);
}

void http_tls_wipe(char *pem)
{
	if (pem) explicit_bzero(pem, strlen(pem));
	free(pem);
}

/* The whole of a PEM file, NUL-terminated (new; http_tls_wipe). */
static int read_pem(const char *file, char **out, struct err *e)
{
	*out = NULL;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return err_sys(e, errno, "%s", file);
	char *text = NULL;
	struct stat st;
	int rc = ERR_OK;
	if (fstat(fd, &st) < 0)
		rc = err_sys(e, errno, "%s", file);
	else if (st.st_size <= 0 || st.st_size > PEM_FILE_MAX)
		rc = err_set(e, ERR_INVALID, "%s is empty or too large", file);
	else if (!(text = calloc(1, (size_t)st.st_size + 1)))
		rc = err_set(e, ERR_NOMEM, "%s", file);
	for (size_t got = 0; !rc && got < (size_t)st.st_size;) {
		ssize_t n = read(fd, text + got, (size_t)st.st_size - got);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) rc = err_sys(e, errno, "%s", file);
		if (n <= 0) break;
		got += (size_t)n;
	}
	(void)close(fd);
	if (rc)
		http_tls_wipe(text);
	else
		*out = text;
	return rc;
}

static int trust(struct http_creds *c, const char *file, struct err *e)
{
	char *pem;
	int rc = read_pem(file, &pem, e);
	if (rc) return rc;
	gnutls_datum_t d = {(unsigned char *)pem, (unsigned)strlen(pem)};
	int n = gnutls_certificate_set_x509_trust_mem(c->cert, &d, GNUTLS_X509_FMT_PEM);
	http_tls_wipe(pem);
	if (n <= 0) return err_set(e, ERR_INVALID, "%s holds no certificate", file);
	c->ask = true;
	return ERR_OK;
}

/* New credentials from the server's files. The PEM texts go to the caller when it wants them. */
static int load(const struct http_server *s, struct http_creds **out, char **cert_pem, char **key_pem, struct err *e)
{
	char *cert = NULL, *key = NULL;
	struct http_creds *c = calloc(1, sizeof *c);
	if (!c || gnutls_certificate_allocate_credentials(&c->cert) < 0) {
		free(c);
		return err_set(e, ERR_NOMEM, "certificates");
	}
	atomic_init(&c->refs, 1);
	int rc = read_pem(s->cert_file, &cert, e);
	if (!rc) rc = read_pem(s->key_file, &key, e);
	if (!rc) {
		gnutls_datum_t dc = {(unsigned char *)cert, (unsigned)strlen(cert)};
		gnutls_datum_t dk = {(unsigned char *)key, (unsigned)strlen(key)};
		int n = gnutls_certificate_set_x509_key_mem2(c->cert, &dc, &dk, GNUTLS_X509_FMT_PEM, NULL, 0);
		if (n < 0) rc = err_set(e, ERR_INVALID, "%s and its key: %s", s->cert_file, gnutls_strerror(n));
	}
	if (!rc && s->client_ca) rc = trust(c, s->client_ca, e);
	if (rc) {
		http_tls_unref(c);
	} else {
		*out = c;
		if (cert_pem) {
			*cert_pem = cert;
			*key_pem = key;
			return ERR_OK;
		}
	}
	http_tls_wipe(cert);
	http_tls_wipe(key);
	return rc;
}

int http_tls_init(struct http_server *s, char **cert_pem, char **key_pem, struct err *e)
{
	return load(s, &s->creds, cert_pem, key_pem, e);
}

int http_reload_tls(struct http_server *s, struct err *e)
{
	if (!s->cert_file) return err_set(e, ERR_INVALID, "this server has no certificate");
	struct http_creds *fresh = NULL;
	int rc = load(s, &fresh, NULL, NULL, e);
	if (rc) return rc;
	pthread_mutex_lock(&s->lock);
	struct http_creds *old = s->creds;
	s->creds = fresh;
	pthread_mutex_unlock(&s->lock);
	http_tls_unref(old);
	return ERR_OK;
}

static gnutls_alert_description_t alert_for(unsigned status)
{
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND) return GNUTLS_A_UNKNOWN_CA;
	if (status & GNUTLS_CERT_REVOKED) return GNUTLS_A_CERTIFICATE_REVOKED;
	if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) return GNUTLS_A_CERTIFICATE_EXPIRED;
	if (status & GNUTLS_CERT_PURPOSE_MISMATCH) return GNUTLS_A_UNSUPPORTED_CERTIFICATE;
	return GNUTLS_A_BAD_CERTIFICATE;
}

/* None at all passes (routes decide); a bad one ends the handshake with an alert, which the library would not send. */
static int verify(gnutls_session_t session)
{
	struct http_conn *c = http_conn_of(gnutls_session_get_ptr(session));
	gnutls_typed_vdata_st want = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
	                              .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned status = 0;
	int rc = gnutls_certificate_verify_peers(session, &want, 1, &status);
	if (rc == GNUTLS_E_NO_CERTIFICATE_FOUND) return 0;
	if (rc == GNUTLS_E_SUCCESS && status == 0 && c) {
		c->cert_ok = true;
		return 0;
	}
	const unsigned late = GNUTLS_CERT_INVALID | GNUTLS_CERT_EXPIRED;
	if (rc == GNUTLS_E_SUCCESS && c && c->server->cfg.client_expired && (status & GNUTLS_CERT_EXPIRED) &&
	    !(status & ~late)) {
		c->cert_ok = c->cert_expired = true;
		return 0;
	}
	if (c) c->linger = true; /* in TLS 1.3 the client may be sending already: a reset would destroy the alert */
	(void)gnutls_alert_send(session, GNUTLS_AL_FATAL, rc < 0 ? GNUTLS_A_BAD_CERTIFICATE : alert_for(status));
	return -1;
}

static int finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                    const gnutls_datum_t *msg)
{
	(void)type;
	(void)when;
	(void)msg;
	struct http_conn *c = incoming ? http_conn_of(gnutls_session_get_ptr(session)) : NULL;
	if (c) http_conn_handshaken(c);
	return 0;
}

void http_tls_session(struct http_conn *c, void *opaque)
{
	gnutls_session_t session = opaque;
	struct http_server *s = c->server;
	pthread_mutex_lock(&s->lock);
	c->creds = s->creds;
	atomic_fetch_add(&c->creds->refs, 1);
	pthread_mutex_unlock(&s->lock);
	if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->creds->cert) < 0) {
		/* the library's own pair would go unverified */
		(void)shutdown(c->fd, SHUT_RDWR);
		return;
	}
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, finished);
	gnutls_certificate_server_set_request(session, c->creds->ask ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
	if (c->creds->ask) gnutls_session_set_verify_function(session, verify);
}

/* The first URI among the names; false when there is one that does not fit or is not plain text. */
static bool read_uri(gnutls_x509_crt_t crt, struct http_peer_cert *out)
{
	for (unsigned i = 0;; i++) {
		char name[sizeof out->uri];
		size_t len = sizeof name;
		unsigned type = 0;
		int rc = gnutls_x509_crt_get_subject_alt_name2(crt, i, name, &len, &type, NULL);
		if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return true;
		if (rc < 0 && rc != GNUTLS_E_SHORT_MEMORY_BUFFER) return false;
		if (type != GNUTLS_SAN_URI) continue;
		if (rc < 0 || len >= sizeof name || memchr(name, '\0', len)) return false;
		memcpy(out->uri, name, len);
		out->uri[len] = '\0';
		return true;
	}
}

static bool read_cert(gnutls_x509_crt_t crt, struct http_peer_cert *out)
{
	size_t len = sizeof out->cn;
	int rc = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out->cn, &len);
	if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		out->cn[0] = '\0';
	else if (rc < 0 || strlen(out->cn) != len)
		return false;
	len = sizeof out->fingerprint;
	if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, out->fingerprint, &len) < 0) return false;
	time_t end = gnutls_x509_crt_get_expiration_time(crt);
	if (end == (time_t)-1 || !read_uri(crt, out)) return false;
	out->not_after = (int64_t)end * 1000;
	out->verified = true;
	return true;
}

/* What the session's peer showed and `verify` accepted (new; free with free()), NULL when it cannot be read. */
struct http_peer_cert *http_tls_peer_cert(void *session)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
	gnutls_x509_crt_t crt;
	if (!chain || n == 0 || gnutls_x509_crt_init(&crt) < 0) return NULL;
	struct http_peer_cert *out = calloc(1, sizeof *out);
	if (out && (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) < 0 || !read_cert(crt, out))) {
		free(out);
		out = NULL;
	}
	gnutls_x509_crt_deinit(crt);
	return out;
}

/* See transport.h. Called by the courier and by the enrolment. What always holds: HTTPS alone, TLS 1.3, no redirect, no
 * proxy, no public CA (Debian's libcurl-gnutls would load /etc/ssl/certs besides), answers bounded. */
#include "sync/agent/transport.h"

#include "shared/buf.h"
#include "shared/limits.h"
#include "shared/pack.h"
#include "sync/engine/wire.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define CONNECT_MS 10000L

struct transport {
	CURL *h;
	char *url;
	struct buf in;
	struct transport_answer said; /* what the headers of the answer under way say */
	bool forget;                  /* the next call is to open a connection */
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transport *t = arg;
	buf_add(&t->in, data, size * n);
	return t->in.bad ? 0 : size * n;
}

/* Where the value of header NAME begins in LINE of LEN bytes, its length to *N; NULL when it is another header. */
static const char *value_of(const char *line, size_t len, const char *name, size_t *n)
{
	size_t skip = strlen(name), end = len;
	if (len <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':') return NULL;
	skip++;
	while (skip < len && line[skip] == ' ')
		skip++;
	while (end > skip && (line[end - 1] == '\r' || line[end - 1] == '\n' || line[end - 1] == ' '))
		end--;
	*n = end - skip;
	return line + skip;
}

static void keep_text(const char *line, size_t len, const char *name, char *out, size_t cap)
{
	size_t n = 0;
	const char *v = value_of(line, len, name, &n);
	if (v && n < cap) (void)snprintf(out, cap, "%.*s", (int)n, v);
}

/* "17", up to 18 digits; anything else leaves *OUT. */
static bool read_number(const char *v, size_t n, int64_t *out)
{
	int64_t sum = 0;
	if (n < 1 || n > 18) return false;
	for (size_t i = 0; i < n; i++) {
		if (v[i] < '0' || v[i] > '9') return false;
		sum = sum * 10 + (v[i] - '0');
	}
	*out = sum;
	return true;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct transport *t = arg;
	size_t len = size * n, got = 0;
	keep_text(data, len, WIRE_SIGNATURE_HEADER, t->said.signature, sizeof t->said.signature);
	keep_text(data, len, "Location", t->said.location, sizeof t->said.location);
	const char *v = value_of(data, len, "Upload-Offset", &got);
	if (v) (void)read_number(v, got, &t->said.offset);
	v = value_of(data, len, "Content-Range", &got);
	if (v && got > 6 && strncasecmp(v, "bytes ", 6) == 0)
		(void)read_number(v + 6, strspn(v + 6, "0123456789"), &t->said.from);
	return len;
}

/* First option that libcurl would not take, or CURLE_OK. */
static CURLcode set_options(CURL *h, const struct transport_config *cfg)
{
	CURLcode c = curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
	if (!c) c = curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	if (!c) c = curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	if (!c) c = curl_easy_setopt(h, CURLOPT_PROXY, "");
	if (!c) c = curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	if (!c) c = curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	if (!c) c = curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	if (!c) c = curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
	if (!c) c = curl_easy_setopt(h, CURLOPT_CAINFO, cfg->ca_file);
	if (!c && !cfg->ca_file) c = curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
	if (!c && !cfg->ca_file) c = curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
	if (!c && cfg->cert_file) c = curl_easy_setopt(h, CURLOPT_SSLCERT, cfg->cert_file);
	if (!c && cfg->cert_file) c = curl_easy_setopt(h, CURLOPT_SSLKEY, cfg->key_file);
	return c;
}

int transport_open(const struct transport_config *cfg, struct transport **out, struct err *e)
{
	*out = NULL;
	if (strncmp(cfg->url, "https://", 8) != 0)
		return err_set(e, ERR_INVALID, "the county's address must begin with https://");
	struct transport *t = calloc(1, sizeof *t);
	if (!t) return err_set(e, ERR_NOMEM, "transport");
	buf_init(&t->in, LIMIT_EXCHANGE);
	t->url = strdup(cfg->url);
	t->h = t->url ? curl_easy_init() : NULL;
	CURLcode c = t->h ? set_options(t->h, cfg) : CURLE_OUT_OF_MEMORY;
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_WRITEFUNCTION, on_body);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_WRITEDATA, t);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_HEADERFUNCTION, on_header);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_HEADERDATA, t);
	if (c) {
		transport_close(t);
		return err_set(e, c == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_IO, "libcurl: %s", curl_easy_strerror(c));
	}
	*out = t;
	return ERR_OK;
}

int transport_pin(struct transport *t, const char *pins, struct err *e)
{
	CURLcode c = curl_easy_setopt(t->h, CURLOPT_PINNEDPUBLICKEY, pins);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_SSL_VERIFYPEER, pins ? 0L : 1L);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_SSL_VERIFYHOST, pins ? 0L : 2L);
	return c ? err_set(e, ERR_IO, "libcurl: %s", curl_easy_strerror(c)) : ERR_OK;
}

void transport_forget(struct transport *t)
{
	t->forget = true;
}

void transport_close(struct transport *t)
{
	if (!t) return;
	curl_easy_cleanup(t->h);
	buf_release(&t->in);
	free(t->url);
	free(t);
}

/* A TLS 1.3 client is connected before the server has judged its certificate: a refusal comes as any of these. */
static enum err_code code_of(CURLcode c)
{
	switch (c) {
	case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_ISSUER_ERROR: return ERR_DENIED;
	default: return ERR_IO;
	}
}

/* The connection that is kept, if there is one, holds no more than that for the line. */
static void limit_buffer(struct transport *t, int bytes)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	if (bytes && !curl_easy_getinfo(t->h, CURLINFO_ACTIVESOCKET, &fd) && fd != CURL_SOCKET_BAD)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); /* without it events wait longer */
}

static CURLcode set_ask(struct transport *t, const char *url, struct curl_slist *headers, const struct transport_ask *a)
{
	bool head = strcmp(a->method, "HEAD") == 0, get = strcmp(a->method, "GET") == 0;
	CURLcode c = curl_easy_setopt(t->h, CURLOPT_URL, url);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_HTTPHEADER, headers);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_TIMEOUT_MS, (long)a->timeout_ms);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_FRESH_CONNECT, t->forget ? 1L : 0L);
	t->forget = false;
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_HTTPGET, 1L); /* forgets the body and method of the call before */
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_NOBODY, head ? 1L : 0L);
	if (!c && !head && !get) c = curl_easy_setopt(t->h, CURLOPT_POST, 1L);
	if (!c && !head && !get) c = curl_easy_setopt(t->h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)a->len);
	if (!c && !head && !get) c = curl_easy_setopt(t->h, CURLOPT_POSTFIELDS, a->body ? a->body : "");
	bool other = !head && !get && strcmp(a->method, "POST") != 0;
	return c ? c : curl_easy_setopt(t->h, CURLOPT_CUSTOMREQUEST, other ? a->method : NULL);
}

/* The headers with which every call goes, and those of A. NULL without memory. */
static struct curl_slist *headers_of(const struct transport_ask *a)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* one round trip less on a slow line */
	struct curl_slist *bare = list ? curl_slist_append(list, "Accept:") : NULL; /* and 13 bytes a call */
	if (list && !bare) curl_slist_free_all(list);
	list = bare;
	for (size_t i = 0; list && a->headers && a->headers[i]; i++) {
		struct curl_slist *more = curl_slist_append(list, a->headers[i]);
		if (!more) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = more;
	}
	return list;
}

int transport_send(struct transport *t, const struct transport_ask *ask, struct transport_answer *out, struct err *e)
{
	char url[768];
	long status = 0;
	*out = (struct transport_answer){.offset = -1, .from = -1};
	int n = snprintf(url, sizeof url, "%s%s", t->url, ask->path);
	if (n < 0 || (size_t)n >= sizeof url) return err_set(e, ERR_INVALID, "the county's address is too long");
	struct curl_slist *headers = headers_of(ask);
	buf_reset(&t->in);
	t->said = *out;
	limit_buffer(t, ask->send_buffer);
	CURLcode c = headers ? set_ask(t, url, headers, ask) : CURLE_OUT_OF_MEMORY;
	if (!c) c = curl_easy_perform(t->h);
	if (!c) c = curl_easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (c) return err_set(e, code_of(c), "%s", curl_easy_strerror(c));
	*out = t->said;
	out->status = (int)status;
	out->body = buf_steal(&t->in, &out->len);
	return out->body ? ERR_OK : err_set(e, ERR_NOMEM, "the county's answer");
}

int transport_call(struct transport *t, const char *path, const char *body, size_t len, int timeout_ms,
                   struct transport_answer *out, struct err *e)
{
	const char *const headers[] = {
	    body && pack_is(body, len) ? "Content-Type: application/zstd" : "Content-Type: application/json", NULL};
	const struct transport_ask ask = {.method = body ? "POST" : "GET",
	                                  .path = path,
	                                  .headers = headers,
	                                  .body = body,
	                                  .len = len,
	                                  .timeout_ms = timeout_ms};
	return transport_send(t, &ask, out, e);
}

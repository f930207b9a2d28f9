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

#define CONNECT_MS 10000L

struct transport {
	CURL *h;
	char *url;
	struct buf in;
	char signature[256];
	bool forget; /* the next call is to open a connection */
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transport *t = arg;
	buf_add(&t->in, data, size * n);
	return t->in.bad ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = WIRE_SIGNATURE_HEADER ":";
	struct transport *t = arg;
	size_t len = size * n, skip = sizeof name - 1;
	if (len <= skip || strncasecmp(data, name, skip) != 0) return len;
	while (skip < len && data[skip] == ' ')
		skip++;
	size_t end = len;
	while (end > skip && (data[end - 1] == '\r' || data[end - 1] == '\n' || data[end - 1] == ' '))
		end--;
	if (end - skip < sizeof t->signature)
		(void)snprintf(t->signature, sizeof t->signature, "%.*s", (int)(end - skip), data + skip);
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

static CURLcode set_call(struct transport *t, const char *url, struct curl_slist *headers, const char *body, size_t len,
                         int timeout_ms)
{
	CURLcode c = curl_easy_setopt(t->h, CURLOPT_URL, url);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_HTTPHEADER, headers);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_FRESH_CONNECT, t->forget ? 1L : 0L);
	t->forget = false;
	if (!c && !body) return curl_easy_setopt(t->h, CURLOPT_HTTPGET, 1L);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_POST, 1L);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	if (!c) c = curl_easy_setopt(t->h, CURLOPT_POSTFIELDS, body);
	return c;
}

int transport_call(struct transport *t, const char *path, const char *body, size_t len, int timeout_ms,
                   struct transport_answer *out, struct err *e)
{
	char url[768];
	long status = 0;
	*out = (struct transport_answer){0};
	int n = snprintf(url, sizeof url, "%s%s", t->url, path);
	if (n < 0 || (size_t)n >= sizeof url) return err_set(e, ERR_INVALID, "the county's address is too long");
	/* no Expect: one round trip less on a slow line */
	struct curl_slist *headers = curl_slist_append(
	    NULL, body && pack_is(body, len) ? "Content-Type: application/zstd" : "Content-Type: application/json");
	struct curl_slist *more = headers ? curl_slist_append(headers, "Expect:") : NULL;
	buf_reset(&t->in);
	t->signature[0] = '\0';
	CURLcode c = more ? set_call(t, url, more, body, len, timeout_ms) : CURLE_OUT_OF_MEMORY;
	if (!c) c = curl_easy_perform(t->h);
	if (!c) c = curl_easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (c) return err_set(e, code_of(c), "%s", curl_easy_strerror(c));
	out->status = (int)status;
	memcpy(out->signature, t->signature, sizeof out->signature);
	out->body = buf_steal(&t->in, &out->len);
	return out->body ? ERR_OK : err_set(e, ERR_NOMEM, "the county's answer");
}

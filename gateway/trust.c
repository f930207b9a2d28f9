/* See trust.h. Called by the setup server's thread and by `xinke`; no state. */
#include "gateway/trust.h"

#include "shared/file.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define GROUP 4 /* digits */
#define LINE  4 /* groups */

static void write_fingerprint(const uint8_t digest[DIGEST_LEN], char out[TRUST_FINGERPRINT_MAX])
{
	size_t used = 0;
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		size_t digits = 2 * i;
		const char *gap = !i || digits % GROUP ? "" : digits % (GROUP * LINE) ? " " : "\n";
		used += (size_t)snprintf(out + used, TRUST_FINGERPRINT_MAX - used, "%s%02X", gap, digest[i]);
	}
}

int trust_root_load(const struct settings *cfg, struct trust_root *out, struct err *e)
{
	struct x509_info info;
	int rc = file_load(cfg->root_crt, false, out->pem, sizeof out->pem, NULL, e);
	if (!rc) rc = x509_read(out->pem, strlen(out->pem), &info, e);
	if (rc) return rc;
	memcpy(out->name, info.cn, sizeof out->name);
	write_fingerprint(info.fingerprint, out->fingerprint);
	return ERR_OK;
}

int trust_names(const struct settings *cfg, struct x509_san out[X509_SAN_MAX], size_t *n, struct err *e)
{
	const char *text = cfg->names;
	*n = 0;
	while (*text) {
		struct in6_addr a;
		text += strspn(text, " ,");
		size_t len = strcspn(text, " ,");
		if (!len) break;
		if (*n == X509_SAN_MAX || len >= X509_NAME_MAX)
			return err_set(e, ERR_INVALID, "http.names: too many or too long");
		struct x509_san *s = &out[(*n)++];
		memcpy(s->value, text, len);
		s->value[len] = '\0';
		bool address = inet_pton(AF_INET, s->value, &a) == 1 || inet_pton(AF_INET6, s->value, &a) == 1;
		s->kind = address ? X509_SAN_IP : X509_SAN_DNS;
		text += len;
	}
	return *n ? ERR_OK : err_set(e, ERR_INVALID, "http.names is empty");
}

static void write_url(const char *scheme, const struct x509_san *name, uint16_t port, uint16_t usual, const char *path,
                      char out[TRUST_URL_MAX])
{
	bool v6 = name->kind == X509_SAN_IP && strchr(name->value, ':');
	char tail[8] = "";
	if (port != usual) (void)snprintf(tail, sizeof tail, ":%u", (unsigned)port);
	(void)snprintf(out, TRUST_URL_MAX, "%s://%s%s%s%s%s", scheme, v6 ? "[" : "", name->value, v6 ? "]" : "", tail,
	               path);
}

void trust_url(const struct x509_san *name, uint16_t port, char out[TRUST_URL_MAX])
{
	write_url("https", name, port, 443, "", out);
}

static bool reaches(const struct x509_san *s)
{
	return s->kind == X509_SAN_IP && strncmp(s->value, "127.", 4) != 0 && strcmp(s->value, "::1") != 0;
}

int trust_setup_url(const struct settings *cfg, char out[TRUST_URL_MAX], struct err *e)
{
	struct x509_san names[X509_SAN_MAX];
	size_t n = 0;
	if (!cfg->setup_port) return err_set(e, ERR_NOTFOUND, "setup.port is 0: there is no setup page");
	int rc = trust_names(cfg, names, &n, e);
	for (size_t i = 0; i < n && !rc; i++) {
		if (!reaches(&names[i])) continue;
		write_url("http", &names[i], (uint16_t)cfg->setup_port, 80, "/setup", out);
		return ERR_OK;
	}
	return rc ? rc : err_set(e, ERR_NOTFOUND, "http.names has no address that phones reach");
}

/* See x509_der.h. Called by x509.c alone; no state. */
#include "shared/crypto/x509_der.h"

#include "shared/text.h"

#include <arpa/inet.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* GeneralName choices (RFC 5280 section 4.2.1.6) */
enum { NAME_DNS = 2, NAME_URI = 6, NAME_IP = 7, NAME_CHOICE = 0x1F };
enum { SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE };

#define OID(o) (o), sizeof(o) - 1 /* an OID of mbedtls/oid.h and its length */

/* One extended key usage and its OID as DER content. */
static const struct {
	enum x509_eku bit;
	const char *oid;
	size_t len;
} usages[] = {
    {X509_EKU_SERVER, MBEDTLS_OID_SERVER_AUTH, sizeof MBEDTLS_OID_SERVER_AUTH - 1},
    {X509_EKU_CLIENT, MBEDTLS_OID_CLIENT_AUTH, sizeof MBEDTLS_OID_CLIENT_AUTH - 1},
    /* X509_ANSWER_EKU_OID: 2*40+25, then the 128 bits of the UUID, seven a byte */
    {X509_EKU_ANSWER, "\x69\x81\x98\xAB\xA4\x86\xEF\xF8\x82\xB0\xEF\x9E\xCD\xE4\x91\xA6\xE9\xB3\xCB\x3F", 20},
};
enum { N_USAGES = sizeof usages / sizeof *usages };

void x509_der_start(struct x509_der *x)
{
	x->p = x->buf + sizeof x->buf;
	x->len = 0;
	x->bad = false;
}

/* Counts what an asn1write call answered; an error means "no room". */
static void count(struct x509_der *x, int ret)
{
	if (ret < 0)
		x->bad = true;
	else
		x->len += (size_t)ret;
}

void x509_der_raw(struct x509_der *x, const void *bytes, size_t len)
{
	if (!x->bad) count(x, mbedtls_asn1_write_raw_buffer(&x->p, x->buf, bytes, len));
}

void x509_der_wrap(struct x509_der *x, size_t mark, unsigned char tag)
{
	if (!x->bad) count(x, mbedtls_asn1_write_len(&x->p, x->buf, x->len - mark));
	if (!x->bad) count(x, mbedtls_asn1_write_tag(&x->p, x->buf, tag));
}

static void put(struct x509_der *x, const void *bytes, size_t len, unsigned char tag)
{
	size_t mark = x->len;
	x509_der_raw(x, bytes, len);
	x509_der_wrap(x, mark, tag);
}

/* --- names and times --- */

int x509_der_name(struct x509_der *x, const char *cn, struct err *e)
{
	size_t len = strlen(cn), mark = x->len;
	if (len == 0 || len >= X509_NAME_MAX || !text_utf8_valid(cn, len) || text_has_control(cn, len, false))
		return err_set(e, ERR_INVALID, "the common name is empty, too long, or not plain text");
	put(x, cn, len, MBEDTLS_ASN1_UTF8_STRING);
	put(x, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN), MBEDTLS_ASN1_OID);
	x509_der_wrap(x, mark, SEQUENCE);
	x509_der_wrap(x, mark, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET);
	x509_der_wrap(x, mark, SEQUENCE);
	return ERR_OK;
}

int x509_der_time(struct x509_der *x, int64_t ms, struct err *e)
{
	char text[sizeof "YYYYMMDDhhmmssZ"];
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	if (ms < 0 || !gmtime_r(&t, &tm) || strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm) != sizeof text - 1)
		return err_set(e, ERR_INVALID, "a date is outside what a certificate can say");
	if (tm.tm_year < 2050 - 1900)
		put(x, text + 2, sizeof text - 3, MBEDTLS_ASN1_UTC_TIME);
	else
		put(x, text, sizeof text - 1, MBEDTLS_ASN1_GENERALIZED_TIME);
	return ERR_OK;
}

/* --- extensions --- */

void x509_der_ext(struct x509_der *x, size_t mark, const char *oid, size_t oid_len, bool critical)
{
	x509_der_wrap(x, mark, MBEDTLS_ASN1_OCTET_STRING);
	if (critical) put(x, "\xFF", 1, MBEDTLS_ASN1_BOOLEAN);
	put(x, oid, oid_len, MBEDTLS_ASN1_OID);
	x509_der_wrap(x, mark, SEQUENCE);
}

/* Host name by RFC 1123: labels of letters, digits and inner hyphens. */
static bool dns_ok(const char *s)
{
	size_t label = 0;
	for (const char *p = s;; p++) {
		if (*p == '.' || *p == '\0') {
			if (label == 0 || label > 63 || p[-1] == '-') return false;
			if (*p == '\0') return true;
			label = 0;
			continue;
		}
		bool alnum = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
		if (!alnum && !(*p == '-' && label > 0)) return false;
		label++;
	}
}

static bool uri_ok(const char *s)
{
	const char *colon = strchr(s, ':');
	if (!colon || colon == s) return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~') return false;
	return true;
}

/* Bytes of the address in text form S into OUT: 4, 16, or 0 when it is none. */
static size_t ip_bytes(const char *s, uint8_t out[16])
{
	if (inet_pton(AF_INET, s, out) == 1) return 4;
	if (inet_pton(AF_INET6, s, out) == 1) return 16;
	return 0;
}

static int put_san(struct x509_der *x, const struct x509_san *san, struct err *e)
{
	uint8_t ip[16];
	const void *bytes = san->value;
	size_t n = 0;
	unsigned char choice = NAME_DNS;
	if (!memchr(san->value, '\0', sizeof san->value)) return err_set(e, ERR_INVALID, "a name is too long");
	switch (san->kind) {
	case X509_SAN_DNS: n = dns_ok(san->value) ? strlen(san->value) : 0; break;
	case X509_SAN_URI:
		n = uri_ok(san->value) ? strlen(san->value) : 0;
		choice = NAME_URI;
		break;
	case X509_SAN_IP:
		n = ip_bytes(san->value, ip);
		bytes = ip;
		choice = NAME_IP;
		break;
	}
	if (n == 0) return err_set(e, ERR_INVALID, "%.100s is no name that a certificate can carry", san->value);
	put(x, bytes, n, (unsigned char)(MBEDTLS_ASN1_CONTEXT_SPECIFIC | choice));
	return ERR_OK;
}

int x509_der_san(struct x509_der *x, const struct x509_san *sans, size_t n, struct err *e)
{
	size_t mark = x->len;
	if (n > X509_SAN_MAX) return err_set(e, ERR_INVALID, "more than %d names", X509_SAN_MAX);
	while (n) {
		int rc = put_san(x, &sans[--n], e);
		if (rc) return rc;
	}
	x509_der_wrap(x, mark, SEQUENCE);
	x509_der_ext(x, mark, OID(MBEDTLS_OID_SUBJECT_ALT_NAME), false);
	return ERR_OK;
}

void x509_der_eku(struct x509_der *x, unsigned eku)
{
	size_t mark = x->len;
	for (size_t i = N_USAGES; i--;)
		if (eku & usages[i].bit) put(x, usages[i].oid, usages[i].len, MBEDTLS_ASN1_OID);
	x509_der_wrap(x, mark, SEQUENCE);
	x509_der_ext(x, mark, OID(MBEDTLS_OID_EXTENDED_KEY_USAGE), false);
}

/* Address and mask of "10.0.0.0/8" into OUT (32 bytes); returns their length together, 0 when S is no network. */
static size_t network_bytes(const char *s, uint8_t out[32])
{
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	char *end = NULL;
	if (!slash || (size_t)(slash - s) >= sizeof addr || slash[1] < '0' || slash[1] > '9') return 0;
	memcpy(addr, s, (size_t)(slash - s));
	addr[slash - s] = '\0';
	size_t n = ip_bytes(addr, out);
	unsigned long bits = strtoul(slash + 1, &end, 10);
	if (n == 0 || *end || bits > 8 * n) return 0;
	for (size_t i = 0; i < n; i++) {
		unsigned long here = bits > 8 * i ? bits - 8 * i : 0;
		out[n + i] = (uint8_t)(here >= 8 ? 0xFF : 0xFF00u >> here);
		out[i] &= out[n + i]; /* host bits in a constraint make some verifiers refuse it */
	}
	return 2 * n;
}

static int put_permit(struct x509_der *x, const char *name, struct err *e)
{
	uint8_t net[32];
	const void *bytes = net;
	size_t mark = x->len, n = 0;
	unsigned char choice = NAME_IP;
	if (strncmp(name, "ip:", 3) == 0) {
		n = network_bytes(name + 3, net);
	} else if (strncmp(name, "dns:", 4) == 0 || strncmp(name, "uri:", 4) == 0) {
		bytes = name + 4;
		n = dns_ok(name + 4) ? strlen(name + 4) : 0;
		choice = name[0] == 'd' ? NAME_DNS : NAME_URI;
	}
	if (n == 0) return err_set(e, ERR_INVALID, "%.100s is no name constraint", name);
	put(x, bytes, n, (unsigned char)(MBEDTLS_ASN1_CONTEXT_SPECIFIC | choice));
	x509_der_wrap(x, mark, SEQUENCE);
	return ERR_OK;
}

int x509_der_permit(struct x509_der *x, const char *const *permit, struct err *e)
{
	enum { PERMITTED = 0 };
	size_t mark = x->len, n = 0;
	while (permit[n])
		n++;
	while (n) {
		int rc = put_permit(x, permit[--n], e);
		if (rc) return rc;
	}
	x509_der_wrap(x, mark, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | PERMITTED);
	x509_der_wrap(x, mark, SEQUENCE);
	x509_der_ext(x, mark, OID(MBEDTLS_OID_NAME_CONSTRAINTS), false);
	return ERR_OK;
}

/* --- reading --- */

/* One name into SAN. A NUL or control inside would make it read differently to C and to others. */
static bool read_name(struct x509_san *san, const unsigned char *p, size_t len)
{
	if (san->kind == X509_SAN_IP) {
		int family = len == 4 ? AF_INET : AF_INET6;
		return (len == 4 || len == 16) && inet_ntop(family, p, san->value, sizeof san->value);
	}
	if (len == 0 || len >= sizeof san->value) return false;
	for (size_t i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] > '~') return false;
	memcpy(san->value, p, len);
	san->value[len] = '\0';
	return true;
}

int x509_der_read_sans(const mbedtls_x509_crt *crt, struct x509_info *info, struct err *e)
{
	for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s && s->buf.p; s = s->next) {
		struct x509_san san = {.kind = X509_SAN_DNS};
		switch (s->buf.tag & NAME_CHOICE) {
		case NAME_DNS: break;
		case NAME_URI: san.kind = X509_SAN_URI; break;
		case NAME_IP: san.kind = X509_SAN_IP; break;
		default: continue; /* e-mail and the like: none of our matters */
		}
		if (info->n_sans == X509_SAN_MAX)
			return err_set(e, ERR_INVALID, "certificate: more than %d names", X509_SAN_MAX);
		if (!read_name(&san, s->buf.p, s->buf.len))
			return err_set(e, ERR_INVALID, "certificate: malformed name");
		info->sans[info->n_sans++] = san;
	}
	return ERR_OK;
}

unsigned x509_der_read_eku(const mbedtls_x509_crt *crt)
{
	unsigned eku = X509_EKU_NONE;
	for (const mbedtls_x509_sequence *s = &crt->ext_key_usage; s && s->buf.p; s = s->next)
		for (size_t i = 0; i < N_USAGES; i++)
			if (s->buf.len == usages[i].len && memcmp(s->buf.p, usages[i].oid, s->buf.len) == 0)
				eku |= usages[i].bit;
	return eku;
}

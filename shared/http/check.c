/* Strict checks on what the library has parsed, before anything of ours acts on it.
 *
 * libmicrohttpd 0.9.75 is lenient: it takes repeated and conflicting framing headers, line ends without CR, folded
 * lines, and NUL inside a value (of which it then shows the part before). It keeps a request's head in one stretch of
 * memory and hands out pointers into it, so each element must end where the next begins: a gap of any size but CR LF
 * betrays those. Called by request.c on the library's thread; texts returned are constants fit for a `detail`. */
#include "shared/http/internal.h"

#include "shared/text.h"

#include <string.h>
#include <strings.h>

#define CRLF 2

static bool is_token(const char *s, size_t len)
{
	if (len == 0) return false;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) return false;
	}
	return true;
}

const char *http_check_target(const char *raw)
{
	if (raw[0] != '/') return "the target must begin with '/'";
	for (const char *p = raw; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '#') return "the target holds a byte that must be escaped";
	return NULL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

static bool has_dot_segment(const char *path)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		size_t len = strcspn(p + 1, "/");
		if ((len == 1 || len == 2) && strncmp(p + 1, "..", len) == 0) return true;
	}
	return false;
}

/* Resolves the escapes of a path or of one query key or value, in place. NULL, or what is wrong. */
const char *http_check_decode(char *s, bool is_path)
{
	char *w = s;
	for (const char *r = s; *r; w++) {
		if (*r != '%') {
			*w = *r++;
			continue;
		}
		int hi = hex(r[1]);
		int lo = hi < 0 ? -1 : hex(r[2]);
		if (lo < 0) return "malformed escape in the target";
		int v = hi * 16 + lo;
		if (v < 0x20 || v == 0x7f) return "escaped control character in the target";
		if (is_path && v == '/') return "escaped slash in the path";
		*w = (char)v;
		r += 3;
	}
	*w = '\0';
	size_t len = (size_t)(w - s);
	if (!text_utf8_valid(s, len)) return "the target is not UTF-8";
	if (text_has_control(s, len, false)) return "escaped control character in the target";
	if (is_path && has_dot_segment(s)) return "dot segment in the path";
	return NULL;
}

/* Headers of which a second one is refused, even an equal one. */
enum single { HOST, LENGTH, CODING, TYPE, AUTHORIZATION, KEY, IF_MATCH, SINGLES };
static const char *const single_names[SINGLES] = {
    [HOST] = "Host",         [LENGTH] = "Content-Length",       [CODING] = "Transfer-Encoding",
    [TYPE] = "Content-Type", [AUTHORIZATION] = "Authorization", [KEY] = "Idempotency-Key",
    [IF_MATCH] = "If-Match",
};

struct head {
	const char *bad;
	uintptr_t next; /* where the next header's name must stand */
	const char *value[SINGLES];
};

static bool clean_value(const char *v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)v[i] < ' ' && v[i] != '\t') || v[i] == 0x7f) return false;
	return true;
}

static enum MHD_Result one_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                  const char *value, size_t len)
{
	(void)kind;
	struct head *h = cls;
	if ((uintptr_t)key != h->next)
		h->bad = "a header line does not end in CR LF, is folded or holds NUL";
	else if (!is_token(key, key_len))
		h->bad = "malformed header name";
	else if (!clean_value(value, len))
		h->bad = "control character in a header value";
	h->next = (uintptr_t)value + len + CRLF;
	for (size_t i = 0; i < SINGLES && !h->bad; i++) {
		if (strcasecmp(key, single_names[i]) != 0) continue;
		if (h->value[i]) h->bad = "a header that may stand once is repeated";
		h->value[i] = value;
	}
	return h->bad ? MHD_NO : MHD_YES;
}

static bool host_fits(const char *host)
{
	return host[0] &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]") == strlen(host);
}

static const char *check_framing(const struct head *h, bool http10)
{
	const char *te = h->value[CODING], *cl = h->value[LENGTH];
	if (te && cl) return "both Content-Length and Transfer-Encoding";
	if (te && (http10 || strcasecmp(te, "chunked") != 0)) return "a transfer coding other than chunked";
	if (cl && (!cl[0] || strspn(cl, "0123456789") != strlen(cl))) return "malformed Content-Length";
	if (!h->value[HOST]) return "the Host header is missing";
	if (!host_fits(h->value[HOST])) return "malformed Host header";
	return NULL;
}

/* Checks request line and headers; NULL, or what is wrong. Sets REQ->more in either case. */
const char *http_check_head(struct http_req *req, const char *version)
{
	const char *te = MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, "Transfer-Encoding");
	const char *cl = MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, "Content-Length");
	req->more = te || (cl && strspn(cl, "0") != strlen(cl));

	uintptr_t method = (uintptr_t)req->method, url = (uintptr_t)req->raw, ver = (uintptr_t)version;
	if (!is_token(req->method, strlen(req->method))) return "malformed method";
	if (url != method + strlen(req->method) + 1 || ver != url + req->raw_len + 1) return "malformed request line";
	if (req->bad) return req->bad;

	struct head h = {.next = ver + strlen(version) + CRLF};
	(void)MHD_get_connection_values_n(req->mhd, MHD_HEADER_KIND, one_header, &h);
	if (h.bad) return h.bad;
	const union MHD_ConnectionInfo *size =
	    MHD_get_connection_info(req->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (!size || h.next + CRLF != method + size->header_size)
		return "the last header line does not end in CR LF or holds NUL";
	return check_framing(&h, strcmp(version, "HTTP/1.1") != 0);
}

struct keys {
	const char *name[HTTP_QUERY_MAX];
	size_t n;
	const char *bad;
};

static enum MHD_Result one_key(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind;
	(void)value;
	struct keys *k = cls;
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->name[i], key) == 0) k->bad = "a query parameter is repeated";
	if (k->n == HTTP_QUERY_MAX)
		k->bad = "too many query parameters";
	else
		k->name[k->n++] = key;
	return k->bad ? MHD_NO : MHD_YES;
}

const char *http_check_query(struct http_req *req)
{
	struct keys k = {.n = 0};
	(void)MHD_get_connection_values(req->mhd, MHD_GET_ARGUMENT_KIND, one_key, &k);
	return k.bad;
}

/* "application/json", with charset=utf-8 at most. */
bool http_check_media_json(const char *type)
{
	static const char json[] = "application/json", utf8[] = "charset=";
	if (!type || strncasecmp(type, json, sizeof json - 1) != 0) return false;
	const char *p = type + sizeof json - 1;
	p += strspn(p, " \t");
	if (!*p) return true;
	if (*p != ';') return false;
	p += 1 + strspn(p + 1, " \t");
	if (strncasecmp(p, utf8, sizeof utf8 - 1) != 0) return false;
	p += sizeof utf8 - 1;
	return strcasecmp(p, "utf-8") == 0 || strcasecmp(p, "\"utf-8\"") == 0;
}

/* A UUID, quoted as the draft has it or bare. */
bool http_check_key(const char *text, uint8_t out[16])
{
	if (!text) return false;
	size_t len = strlen(text);
	if (len == 38 && text[0] == '"' && text[37] == '"')
		text++;
	else if (len != 36)
		return false;
	char digits[32 + 1] = "";
	for (size_t i = 0, n = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash != (text[i] == '-')) return false;
		if (!dash) digits[n++] = text[i];
	}
	return text_unhex(digits, out, 16);
}

/* See parse.h. Called by body.c on the server's thread, for headers of strangers. */
#include "shared/tus/parse.h"

#include "shared/text.h"
#include "shared/uuid.h"

#include <string.h>

#define NUMBER_MAX 9007199254740991LL
#define VALUE_MAX  UPLOAD_RAW_MAX

bool tus_parse_number(const char *text, int64_t *out)
{
	int64_t v = 0;
	if (!*text) return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9') return false;
		v = v * 10 + (*text - '0');
		if (v > NUMBER_MAX) return false;
	}
	*out = v;
	return true;
}

/* RFC 4648 section 4 with its padding: LEN characters into OUT of CAP bytes. The count, or -1. */
static long strict_b64(const char *s, size_t len, uint8_t *out, size_t cap)
{
	if (len % 4) return -1;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '-' || s[i] == '_') return -1; /* the other alphabet */
	return text_unb64(s, len, out, cap);
}

const char *tus_parse_checksum(const char *text, struct tus_checksum *out)
{
	static const struct {
		const char *name;
		enum digest_kind kind;
		size_t len;
	} known[] = {{"sha1 ", DIGEST_SHA1, DIGEST_SHA1_LEN}, {"sha256 ", DIGEST_SHA256, DIGEST_LEN}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t n = strlen(known[i].name);
		if (strncmp(text, known[i].name, n) != 0) continue;
		*out = (struct tus_checksum){.kind = known[i].kind, .len = known[i].len};
		long got = strict_b64(text + n, strlen(text + n), out->sum, sizeof out->sum);
		return got == (long)out->len ? NULL : "Upload-Checksum: not a sum of its algorithm in base64";
	}
	return "Upload-Checksum: sha1 or sha256 is wanted";
}

static const char *take_filename(const char *v, size_t len, struct upload_meta *m)
{
	for (size_t i = len; i > 0; i--) { /* a path of whichever system, of which the name is kept */
		if (v[i - 1] != '/' && v[i - 1] != '\\') continue;
		v += i;
		len -= i;
		break;
	}
	if (len >= sizeof m->filename) return "Upload-Metadata: filename is too long";
	if (strcmp(v, ".") == 0 || strcmp(v, "..") == 0) len = 0;
	memcpy(m->filename, v, len);
	m->filename[len] = '\0';
	return NULL;
}

static const char *take_word(const char *v, size_t len, char out[UPLOAD_WORD_MAX])
{
	if (len >= UPLOAD_WORD_MAX) return "Upload-Metadata: a value is too long";
	memcpy(out, v, len + 1);
	return NULL;
}

/* V is text of LEN bytes and a NUL. */
static const char *take(const char *key, size_t key_len, const char *v, size_t len, struct upload_meta *m)
{
	uint8_t id[UUID_LEN];
	if (key_len == 8 && memcmp(key, "filename", 8) == 0) return take_filename(v, len, m);
	if (key_len == 8 && memcmp(key, "filetype", 8) == 0) return take_word(v, len, m->filetype);
	if (key_len == 8 && memcmp(key, "material", 8) == 0) return take_word(v, len, m->material);
	if (key_len == 7 && memcmp(key, "case_id", 7) == 0)
		return uuid_parse(v, id) ? take_word(v, len, m->case_id) : "Upload-Metadata: case_id is not a UUID";
	if (key_len == 6 && memcmp(key, "sha256", 6) == 0) {
		m->declared = text_unhex(v, m->sha256, sizeof m->sha256);
		return m->declared ? NULL : "Upload-Metadata: sha256 is not 64 hex digits";
	}
	return NULL;
}

static const char *one_pair(const char *pair, size_t len, struct upload_meta *m)
{
	uint8_t value[VALUE_MAX + 1];
	const char *space = memchr(pair, ' ', len);
	size_t key_len = space ? (size_t)(space - pair) : len;
	for (size_t i = 0; i < key_len; i++)
		if (pair[i] <= ' ' || pair[i] > '~') return "Upload-Metadata: a key is not ASCII";
	if (!key_len) return "Upload-Metadata: a key is empty";
	long n = space ? strict_b64(space + 1, len - key_len - 1, value, VALUE_MAX) : 0;
	if (n < 0) return "Upload-Metadata: a value is not base64";
	value[n] = '\0';
	const char *text = (const char *)value;
	if (!text_utf8_valid(text, (size_t)n) || text_has_control(text, (size_t)n, false))
		return "Upload-Metadata: a value is not text";
	return take(pair, key_len, text, (size_t)n, m);
}

/* Has the key of the pair at AT stood before it, in TEXT? */
static bool repeated(const char *text, const char *at)
{
	size_t n = strcspn(at, " ,");
	for (const char *p = text; p < at; p += strcspn(p, ",") + 1)
		if (strcspn(p, " ,") == n && memcmp(p, at, n) == 0) return true;
	return false;
}

const char *tus_parse_metadata(const char *text, struct upload_meta *out)
{
	*out = (struct upload_meta){.declared = false};
	size_t len = strlen(text);
	if (len >= sizeof out->raw) return "Upload-Metadata: too long";
	const char *p = text;
	for (int n = 0;; n++) {
		size_t pair = strcspn(p, ",");
		if (n == TUS_PAIRS_MAX) return "Upload-Metadata: too many keys";
		if (repeated(text, p)) return "Upload-Metadata: a key is repeated";
		const char *why = one_pair(p, pair, out);
		if (why) return why;
		if (!p[pair]) break;
		p += pair + 1;
	}
	memcpy(out->raw, text, len + 1);
	return NULL;
}

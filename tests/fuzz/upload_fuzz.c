/* What strangers say of uploads and what they send: the headers of tus, and files whose kind is told by their structure. The
 * first byte chooses. What is taken of a header is within its bounds and says the same when it is read again. */
#include "shared/blob/sniff.h"
#include "shared/text.h"
#include "shared/tus/parse.h"
#include "tests/fuzz/fuzz.h"

static bool text_is(const char *s, size_t cap)
{
	size_t len = strnlen(s, cap);
	return len < cap && text_utf8_valid(s, len) && !text_has_control(s, len, false);
}

static void metadata(const char *s)
{
	static struct upload_meta a, b; /* filled in whole by the parser */
	if (tus_parse_metadata(s, &a)) return;
	MUST(strcmp(a.raw, s) == 0);
	MUST(text_is(a.filename, sizeof a.filename) && text_is(a.filetype, sizeof a.filetype));
	MUST(text_is(a.case_id, sizeof a.case_id) && text_is(a.material, sizeof a.material));
	MUST(!strpbrk(a.filename, "/\\") && strcmp(a.filename, "..") != 0 && strcmp(a.filename, ".") != 0);
	MUST(!*a.case_id || strlen(a.case_id) == 36);
	MUST(!tus_parse_metadata(a.raw, &b) && memcmp(&a, &b, sizeof a) == 0);
}

static void headers(const char *s)
{
	int64_t n = -1;
	struct tus_checksum sum;
	char text[24], b64[TEXT_B64_LEN(DIGEST_LEN)];
	if (tus_parse_number(s, &n)) {
		MUST(n >= 0 && n <= 9007199254740991LL);
		(void)snprintf(text, sizeof text, "%lld", (long long)n);
		MUST(strcmp(text, s + strspn(s, "0")) == 0 || n == 0);
	}
	if (!tus_parse_checksum(s, &sum)) {
		MUST(sum.len == (sum.kind == DIGEST_SHA1 ? DIGEST_SHA1_LEN : DIGEST_LEN));
		(void)text_b64(sum.sum, sum.len, b64);
		MUST(strcmp(b64, strchr(s, ' ') + 1) == 0);
	}
}

struct memory {
	const uint8_t *data;
	size_t len;
};

static int read_memory(void *arg, int64_t off, void *out, size_t len, struct err *e)
{
	const struct memory *m = arg;
	(void)e;
	MUST(off >= 0 && (uint64_t)off <= m->len && len <= m->len - (size_t)off);
	memcpy(out, m->data + off, len);
	return ERR_OK;
}

static void file(const uint8_t *data, size_t len)
{
	struct memory m = {data, len};
	const struct sniff_source src = {.size = (int64_t)len, .read = read_memory, .arg = &m};
	struct sniff s;
	struct err e = {0};
	MUST(sniff_look(&src, &s, &e) == ERR_OK);
	MUST((s.media == SNIFF_NONE) == (s.why != NULL) && s.media < SNIFF_MEDIA_COUNT);
	if (s.media != SNIFF_NONE) MUST(s.width >= 0 && s.height >= 0 && s.width * s.height <= SNIFF_PIXELS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len) return 0;
	if (*data != 'h') {
		file(data + 1, len - 1);
		return 0;
	}
	char *s = malloc(len);
	MUST(s);
	memcpy(s, data + 1, len - 1);
	s[len - 1] = '\0';
	metadata(s);
	headers(s);
	free(s);
	return 0;
}

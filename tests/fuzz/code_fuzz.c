/* What people type and scan: enrolment codes and URIs, receipt numbers, identity numbers, phones, names, ids, times, the text
 * forms of bytes, and any JSON. What is taken can be written again and is the same. */
#include "shared/canon.h"
#include "shared/clock.h"
#include "shared/crypto/ec.h"
#include "shared/enrolcode.h"
#include "shared/idnum.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/receipt.h"
#include "shared/text.h"
#include "shared/uuid.h"
#include "sync/engine/wire.h"
#include "tests/fuzz/fuzz.h"

#define TODAY 20781 /* days since 1970: 2026-11-24 */

static void codes(const char *s)
{
	uint8_t a[DIGEST_LEN], b[DIGEST_LEN];
	char value[64], small[4];
	if (enrolcode_hash(s, a)) {
		MUST(strlen(s) >= ENROLCODE_CHARS && enrolcode_hash(s, b));
		MUST(memcmp(a, b, DIGEST_LEN) == 0);
	}
	static const char *const names[] = {"url", "root", "code"};
	for (size_t i = 0; i < 3; i++) {
		if (enrolcode_value(s, names[i], value, sizeof value)) MUST(*value && strlen(value) < sizeof value);
		if (enrolcode_value(s, names[i], small, sizeof small)) MUST(strcmp(small, value) == 0);
	}
}

static void numbers(const char *s)
{
	struct receipt r;
	char text[RECEIPT_MAX];
	int64_t day;
	if (receipt_parse(s, &r)) MUST(receipt_format(&r, text) && strcmp(text, s) == 0);
	for (int t = 0; t < ID_TYPE_COUNT; t++) {
		const char *why = idnum_check((enum id_type)t, s, TODAY);
		if (!why && idnum_birth((enum id_type)t, s, &day)) MUST(day <= TODAY && idnum_age(day, TODAY) >= 0);
	}
	(void)idnum_phone(s);
	if (text_utf8_valid(s, strlen(s))) (void)idnum_name(s, strlen(s));
}

static void ids(const char *s)
{
	uint8_t id[UUID_LEN], again[UUID_LEN], bytes[DIGEST_LEN], sig[EC_SIG_MAX];
	char text[UUID_TEXT], b64[TEXT_B64_LEN(DIGEST_LEN)], key[WIRE_KEY_ID_MAX];
	size_t n = 0;
	if (uuid_parse(s, id)) {
		uuid_text(id, text);
		MUST(uuid_parse(text, again) && memcmp(id, again, UUID_LEN) == 0);
	}
	long len = text_unb64(s, strlen(s), bytes, sizeof bytes);
	MUST(len <= (long)sizeof bytes);
	if (len > 0) {
		uint8_t back[DIGEST_LEN];
		size_t m = text_b64(bytes, (size_t)len, b64);
		MUST(text_unb64(b64, m, back, sizeof back) == len && memcmp(back, bytes, (size_t)len) == 0);
	}
	(void)text_unhex(s, bytes, sizeof bytes);
	if (wire_signature_parse(s, key, sig, sizeof sig, &n)) MUST(n <= sizeof sig && strlen(key) < sizeof key);
}

static void times(const char *s)
{
	int64_t ms, again;
	char text[CLOCK_TEXT];
	if (!clock_parse(s, &ms)) return;
	clock_text(ms, text);
	(void)clock_day(ms);
	/* the text has four digits for a year, as what was read: at the ends China's day may have another year */
	if (clock_parse(text, &again)) MUST(again == ms);
}

static void json(const char *s, size_t len)
{
	json_t *v = NULL, *again = NULL;
	struct buf a, b;
	struct err e = {0};
	if (json_parse_strict(s, len, LIMIT_DEPTH, &v, &e)) return;
	buf_init(&a, LIMIT_EXCHANGE);
	buf_init(&b, LIMIT_EXCHANGE);
	if (canon_write(v, &a, &e) == ERR_OK) {
		MUST(json_parse_strict(a.data, a.len, LIMIT_DEPTH, &again, &e) == ERR_OK);
		MUST(canon_write(again, &b, &e) == ERR_OK && a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
		json_decref(again);
	}
	json_decref(v);
	buf_release(&a);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *s = malloc(len + 1);
	MUST(s);
	memcpy(s, data, len);
	s[len] = '\0';
	json(s, len);
	codes(s);
	numbers(s);
	ids(s);
	times(s);
	free(s);
	return 0;
}

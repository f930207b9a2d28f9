/* What a file is by its content: one of each kind, each of them spoilt in every way that matters, and other things. */
#include "shared/blob/sniff.h"
#include "tests/unit/blob_samples.h"
#include "tests/unit/support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct memory {
	const uint8_t *data;
	size_t len;
	bool broken;
};

static int read_memory(void *arg, int64_t off, void *out, size_t len, struct err *e)
{
	struct memory *m = arg;
	if (m->broken) return err_set(e, ERR_CORRUPT, "broken");
	assert_true(off >= 0 && (size_t)off + len <= m->len);
	memcpy(out, m->data + off, len);
	return ERR_OK;
}

static struct sniff look(const void *data, size_t len)
{
	struct memory m = {data, len, false};
	const struct sniff_source s = {.size = (int64_t)len, .read = read_memory, .arg = &m};
	struct sniff out;
	struct err e = {0};
	assert_int_equal(sniff_look(&s, &out, &e), ERR_OK);
	assert_true((out.media == SNIFF_NONE) == (out.why != NULL));
	return out;
}

static void kinds(void **state)
{
	(void)state;
	for (int i = 0; i < BLOB_SAMPLES; i++) {
		struct sniff s = look(blob_samples[i].data, blob_samples[i].len);
		if ((int)s.media != (int)SNIFF_JPEG + i)
			fail_msg("%s: %s", blob_samples[i].name, s.why ? s.why : "another");
		assert_int_equal(s.width, i == BLOB_SAMPLES - 1 ? 0 : 640);
		assert_int_equal(s.height, i == BLOB_SAMPLES - 1 ? 0 : 480);
	}
	assert_string_equal(sniff_media_type(SNIFF_HEIC), "image/heic");
	assert_string_equal(sniff_media_type(SNIFF_NONE), "application/octet-stream");
}

static void cut_or_longer(void **state)
{
	(void)state;
	for (int i = 0; i < BLOB_SAMPLES; i++) {
		const struct blob_sample *b = &blob_samples[i];
		size_t least = i == BLOB_SAMPLES - 1 ? 6 : 0; /* the line's end behind %%EOF may go */
		for (size_t len = 0; len + 1 + least < b->len; len++)
			assert_int_equal(look(b->data, len).media, SNIFF_NONE);
		uint8_t *more = malloc(b->len + 40);
		assert_non_null(more);
		memcpy(more, b->data, b->len);
		memcpy(more + b->len, "<script>alert(1)</script>PK\3\4 and so on!!", 40);
		if (look(more, b->len + 40).media != SNIFF_NONE) fail_msg("%s with a script behind it", b->name);
		free(more);
	}
}

static uint8_t *spoilt(const struct blob_sample *b, size_t at, const void *bytes, size_t n)
{
	static uint8_t copy[256];
	assert_true(b->len <= sizeof copy && at + n <= b->len);
	memcpy(copy, b->data, b->len);
	memcpy(copy + at, bytes, n);
	return copy;
}

static void bombs(void **state)
{
	static const struct {
		int sample;
		size_t at;
		uint8_t bytes[8];
		size_t n;
	} cases[] = {
	    {0, 30, {0xff, 0xff, 0xff, 0xff}, 4},                         /* JPEG, 65535 x 65535 */
	    {1, 16, {0, 0, 0x40, 0, 0, 0, 0x40, 0}, 8},                   /* PNG, 16384 x 16384 */
	    {1, 16, {0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}, 8}, /* PNG, as much as it can say */
	    {2, 21, {0xff, 0xff, 0xff, 0x0f}, 4},                         /* WebP, 16384 x 16384 */
	    {3, 48, {0, 1, 0, 0, 0, 1, 0, 0}, 8},                         /* HEIC, 65536 x 65536 */
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct blob_sample *b = &blob_samples[cases[i].sample];
		struct sniff s = look(spoilt(b, cases[i].at, cases[i].bytes, cases[i].n), b->len);
		assert_int_equal(s.media, SNIFF_NONE);
		if (s.width * s.height <= SNIFF_PIXELS_MAX) fail_msg("%s, case %zu: %s", b->name, i, s.why);
	}
}

static void nothing_of_ours(void **state)
{
	static const char *const texts[] = {
	    "",
	    "GIF89a and then some more bytes of it",
	    "<html><script>alert(1)</script></html>",
	    "#!/bin/sh\nrm -rf everything here\n",
	    "\xff\xd8\xff\xe0 this only begins as a JPEG <ScRiPt>",
	    "<svg xmlns='http://www.w3.org/2000/svg'/>",
	    "PK\3\4 an archive with more behind its head",
	    "%PDF-9.9 of no version that there is %%EOF",
	    "RIFF\x10\0\0\0WAVE and a tune, which is none",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(look(texts[i], strlen(texts[i])).media, SNIFF_NONE);
	/* a picture of no size, of an impossible depth, a JPEG with a page in its comment */
	const uint8_t zero[4] = {0}, depth[1] = {3};
	assert_int_equal(look(spoilt(&blob_samples[1], 16, zero, 4), blob_samples[1].len).media, SNIFF_NONE);
	assert_int_equal(look(spoilt(&blob_samples[1], 24, depth, 1), blob_samples[1].len).media, SNIFF_NONE);
	static const char page[] = "\xff\xd8\xff\xfe\0\x1c<!DOCTYPE html><script>//..";
	uint8_t both[128];
	memcpy(both, page, sizeof page - 1);
	memcpy(both + sizeof page - 1, blob_samples[0].data + 2, blob_samples[0].len - 2);
	assert_int_equal(look(both, sizeof page - 1 + blob_samples[0].len - 2).media, SNIFF_NONE);
}

static void a_read_that_fails(void **state)
{
	struct memory m = {blob_samples[0].data, blob_samples[0].len, true};
	const struct sniff_source s = {.size = (int64_t)m.len, .read = read_memory, .arg = &m};
	struct sniff out;
	struct err e = {0};
	(void)state;
	assert_int_equal(sniff_look(&s, &out, &e), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds),           cmocka_unit_test(cut_or_longer),     cmocka_unit_test(bombs),
	    cmocka_unit_test(nothing_of_ours), cmocka_unit_test(a_read_that_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

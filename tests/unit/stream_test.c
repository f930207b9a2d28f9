/* Sealed files against tests/vectors/stream.json, which node:crypto made, and against everything that may be done to them:
 * cut off, made longer, reordered, mixed, a bit turned. */
#include "shared/crypto/digest.h"
#include "shared/crypto/stream.h"
#include "shared/err.h"
#include "shared/fields.h"
#include "shared/text.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t master[SEAL_KEY_LEN] = "the master key of these tests 32";

static uint8_t *plain_of(size_t size)
{
	uint8_t *p = malloc(size + 1);
	assert_non_null(p);
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(31 * i + 7 + i / 256);
	return p;
}

static size_t segments_of(size_t size)
{
	return size ? (size - 1) / STREAM_SEGMENT + 1 : 1;
}

static size_t length_of(size_t size, size_t i)
{
	return i + 1 < segments_of(size) ? STREAM_SEGMENT : size - i * STREAM_SEGMENT;
}

/* A whole file (free). */
static uint8_t *seal_all(const uint8_t *key, const char *info, const uint8_t *header, size_t size, size_t *len)
{
	uint8_t *plain = plain_of(size), *out = malloc((size_t)stream_sealed_size((int64_t)size));
	struct stream *s = stream_new(key, info, header);
	assert_non_null(out);
	assert_non_null(s);
	memcpy(out, header, STREAM_HEADER);
	size_t n = segments_of(size);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
		    stream_seal(s, i, i + 1 == n, plain + i * STREAM_SEGMENT, length_of(size, i), out + stream_at(i)),
		    ERR_OK);
	*len = (size_t)stream_sealed_size((int64_t)size);
	stream_free(s);
	free(plain);
	return out;
}

static void assert_hex(const json_t *v, const char *name, const uint8_t *got, size_t n)
{
	char hex[2 * 80 + 1];
	text_hex(got, n, hex);
	assert_int_equal(strncmp(hex, fields_text(v, name), 2 * n), 0);
}

static void vectors(void **state)
{
	json_t *all = support_json_file("tests/vectors/stream.json"), *v;
	size_t k;
	(void)state;
	assert_true(json_array_size(all) >= 8);
	json_array_foreach(all, k, v) {
		uint8_t key[SEAL_KEY_LEN], header[STREAM_HEADER], sum[DIGEST_LEN];
		size_t len, size = (size_t)fields_int(v, "size", 0);
		stream_header(header);
		assert_true(stream_header_known(header));
		assert_true(text_unhex(fields_text(v, "master"), key, sizeof key));
		assert_true(text_unhex(fields_text(v, "salt"), header + 8, STREAM_HEADER - 8));
		uint8_t *sealed = seal_all(key, fields_text(v, "info"), header, size, &len);
		assert_int_equal(len, fields_int(v, "sealed_size", 0));
		assert_int_equal(stream_plain_size((int64_t)len), size);
		assert_hex(v, "first", sealed, len < 80 ? len : 80);
		assert_hex(v, "last", sealed + len - 32, 32);
		digest_sha256(sealed, len, sum);
		assert_hex(v, "sha256", sum, sizeof sum);
		free(sealed);
	}
	json_decref(all);
}

/* Opens all segments of a file as whoever believes its length would; ERR_OK only when all fit. */
static int open_all(const uint8_t *file, size_t len, const uint8_t *want)
{
	static uint8_t out[STREAM_SEGMENT];
	int64_t size = stream_plain_size((int64_t)len);
	if (size < 0) return ERR_CORRUPT;
	struct stream *s = stream_new(master, "xinke blob", file);
	assert_non_null(s);
	int rc = ERR_OK;
	size_t n = segments_of((size_t)size);
	for (size_t i = 0; i < n && !rc; i++) {
		size_t part = length_of((size_t)size, i);
		rc = stream_open(s, i, i + 1 == n, file + stream_at(i), part + STREAM_TAG, out);
		if (!rc && want && part) assert_memory_equal(out, want + i * STREAM_SEGMENT, part);
	}
	stream_free(s);
	return rc;
}

static void tampering(void **state)
{
	const size_t size = 3 * STREAM_SEGMENT + 777;
	uint8_t header[STREAM_HEADER], other[STREAM_HEADER], *plain = plain_of(size);
	size_t len, m;
	(void)state;
	stream_header(header);
	stream_header(other);
	assert_memory_not_equal(header, other, STREAM_HEADER);
	uint8_t *f = seal_all(master, "xinke blob", header, size, &len);
	uint8_t *g = seal_all(master, "xinke blob", other, size, &m);
	assert_int_equal(open_all(f, len, plain), ERR_OK);
	for (size_t cut = 1; cut < len; cut += 4099) /* truncation, at segments' ends too */
		assert_int_equal(open_all(f, len - cut, NULL), ERR_CORRUPT);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(open_all(f, (size_t)stream_at(i), NULL), ERR_CORRUPT);
	for (size_t at = 0; at < len; at += 1009) { /* one bit, anywhere */
		f[at] ^= 4;
		assert_int_equal(open_all(f, len, NULL), ERR_CORRUPT);
		f[at] ^= 4;
	}
	uint8_t *h = malloc(len + STREAM_SEALED); /* extension by a segment of its own, and of nothing */
	assert_non_null(h);
	memcpy(h, f, len);
	memcpy(h + len, f + stream_at(0), STREAM_SEALED);
	assert_int_equal(open_all(h, len + STREAM_SEALED, NULL), ERR_CORRUPT);
	assert_int_equal(open_all(h, len + 1, NULL), ERR_CORRUPT);
	memcpy(h + stream_at(1), f + stream_at(2), STREAM_SEALED); /* reordered */
	memcpy(h + stream_at(2), f + stream_at(1), STREAM_SEALED);
	assert_int_equal(open_all(h, len, NULL), ERR_CORRUPT);
	memcpy(h, f, len); /* mixed with another file's segment, or under its header */
	memcpy(h + stream_at(1), g + stream_at(1), STREAM_SEALED);
	assert_int_equal(open_all(h, len, NULL), ERR_CORRUPT);
	memcpy(h, f, len);
	memcpy(h, g, STREAM_HEADER);
	assert_int_equal(open_all(h, len, NULL), ERR_CORRUPT);
	assert_int_equal(open_all(f, len, plain), ERR_OK);
	free(f);
	free(g);
	free(h);
	free(plain);
}

static void sizes(void **state)
{
	(void)state;
	for (int64_t size = 0; size < 4LL * STREAM_SEGMENT; size += size < 20 ? 1 : 997)
		assert_int_equal(stream_plain_size(stream_sealed_size(size)), size);
	assert_int_equal(stream_sealed_size(-1), -1);
	const int64_t none[] = {
	    -5, 0, STREAM_HEADER, STREAM_HEADER + STREAM_TAG - 1, stream_at(1) + 1, stream_at(1) + STREAM_TAG};
	for (size_t i = 0; i < COUNT(none); i++)
		assert_int_equal(stream_plain_size(none[i]), -1);
	uint8_t header[STREAM_HEADER];
	stream_header(header);
	header[7] = 2; /* a later version */
	assert_false(stream_header_known(header));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors),
	    cmocka_unit_test(tampering),
	    cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

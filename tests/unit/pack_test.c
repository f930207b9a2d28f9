/* Frames closed and opened again at every level, with dictionaries old and new; frames that nobody honest makes, written
 * here block by block (RFC 8878 section 3.1.1). */
#include "shared/dict.h"
#include "shared/pack.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#define MAX     (1u << 20)
#define OTHER   40007 /* the id of another dictionary */
#define NOWHERE 40009 /* of one that no context has */

struct world {
	char *other; /* the exchange dictionary under OTHER */
	struct pack_dict dicts[2];
	struct pack *p;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct err e = {0};
	assert_non_null(w);
	w->dicts[0].data = dict_exchange(&w->dicts[0].len);
	w->other = malloc(w->dicts[0].len);
	assert_non_null(w->other);
	memcpy(w->other, w->dicts[0].data, w->dicts[0].len);
	w->other[4] = (char)(OTHER & 255);
	w->other[5] = (char)(OTHER >> 8);
	w->dicts[1] = (struct pack_dict){w->other, w->dicts[0].len};
	if (pack_new(w->dicts, 2, &w->p, &e)) fail_msg("%s", e.msg);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	pack_free(w->p);
	free(w->other);
	free(w);
	return 0;
}

/* LEN bytes like the wire's: text that repeats itself, and noise between. New (free). */
static char *content(size_t len)
{
	static const char text[] = "{\"seq\":17,\"type\":\"receive\",\"item\":\"652323-001\",\"note\":\"材料齐全\"}";
	uint32_t x = 7;
	char *s = malloc(len + 1);
	assert_non_null(s);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		s[i] = i / 40 % 3 ? text[i % (sizeof text - 1)] : (char)(x >> 24);
	}
	return s;
}

static void closed(struct pack *p, int level, unsigned id, const char *in, size_t len, struct buf *out)
{
	struct err e = {0};
	buf_init(out, 8 * MAX);
	if (pack_close(p, level, id, in, len, out, &e)) fail_msg("level %d: %s", level, e.msg);
	assert_int_equal(pack_dict_of(out->data, out->len), id);
}

static void opened(struct pack *p, const struct buf *frame, const char *want, size_t len)
{
	struct err e = {0};
	struct buf back;
	buf_init(&back, len); /* its ceiling is the content, not a byte more */
	if (pack_open(p, frame->data, frame->len, len, &back, &e)) fail_msg("%zu bytes: %s", len, e.msg);
	assert_int_equal(back.len, len);
	assert_memory_equal(back.data, want, len);
	assert_int_equal(back.data[len], 0);
	buf_release(&back);
}

static void round_trips(void **state)
{
	static const size_t sizes[] = {0, 1, 300, 32767, 32768, 32769, 131072, 131073, 700000};
	static const unsigned ids[] = {0, DICT_EXCHANGE, OTHER};
	const struct world *w = *state;
	char *in = content(sizes[COUNT(sizes) - 1]);
	for (int level = PACK_LEVEL_MIN; level <= PACK_LEVEL_MAX; level++) {
		for (size_t i = 0; i < COUNT(sizes); i++) {
			struct buf frame;
			unsigned id = ids[(i + (size_t)level) % COUNT(ids)];
			closed(w->p, level, id, in, sizes[i], &frame);
			opened(w->p, &frame, in, sizes[i]);
			buf_release(&frame);
		}
	}
	free(in);
}

/* What a frame of ours says of itself: single or windowed, no checksum, four bytes of id at most. */
static void says(const struct buf *frame, unsigned id)
{
	uint8_t descriptor = (uint8_t)frame->data[4];
	assert_int_equal(descriptor >> 2 & 1, 0);         /* no checksum */
	assert_int_equal((descriptor & 3) != 0, id != 0); /* a dictionary id */
	if (!(descriptor & 32)) assert_true((uint8_t)frame->data[5] <= 7 << 3);
}

static void headers(void **state)
{
	const struct world *w = *state;
	char *in = content(700000);
	for (size_t len = 0; len <= 700000; len += 140000) {
		struct buf frame;
		closed(w->p, 9, len % 280000 ? DICT_EXCHANGE : 0, in, len, &frame);
		says(&frame, len % 280000 ? DICT_EXCHANGE : 0);
		buf_release(&frame);
	}
	free(in);
}

/* OUT's content stays in front of what is added, and its ceiling holds. */
static void into_a_buffer(void **state)
{
	const struct world *w = *state;
	struct buf frame, b;
	char *in = content(5000);
	buf_init(&frame, 8000);
	buf_adds(&frame, "before");
	assert_int_equal(pack_close(w->p, 3, 0, in, 5000, &frame, NULL), ERR_OK);
	assert_memory_equal(frame.data, "before", 6);
	buf_init(&b, 5002);
	buf_adds(&b, "xy");
	assert_int_equal(pack_open(w->p, frame.data + 6, frame.len - 6, MAX, &b, NULL), ERR_OK);
	assert_int_equal(b.len, 5002);
	assert_memory_equal(b.data + 2, in, 5000);
	buf_release(&b);
	buf_init(&b, 4999);
	assert_int_equal(pack_open(w->p, frame.data + 6, frame.len - 6, MAX, &b, NULL), ERR_INVALID);
	assert_true(b.full);
	buf_release(&b);
	buf_init(&b, 100);
	assert_int_equal(pack_close(w->p, 3, 0, in, 5000, &b, NULL), ERR_INVALID);
	assert_true(b.full);
	buf_release(&b);
	buf_release(&frame);
	free(in);
}

/* --- dictionaries --- */

static void a_dictionary_helps(void **state)
{
	static const char event[] =
	    "{\"type\":\"forward\",\"derived\":1,\"ids\":\"v\",\"cased\":3,\"cases\":\"v\",\"at\":0,";
	const struct world *w = *state;
	struct buf with, without;
	closed(w->p, 9, DICT_EXCHANGE, event, sizeof event - 1, &with);
	closed(w->p, 9, 0, event, sizeof event - 1, &without);
	assert_true(with.len * 2 < without.len);
	buf_release(&with);
	buf_release(&without);
}

/* What a context did before does not show in its frames. */
static void levels_change(void **state)
{
	static const int levels[] = {3, 9, 3, 1, 15, 9};
	const struct world *w = *state;
	char *in = content(20000);
	for (size_t i = 0; i < COUNT(levels); i++) {
		struct pack *fresh = NULL;
		struct buf a, b;
		assert_int_equal(pack_new(w->dicts, 2, &fresh, NULL), ERR_OK);
		closed(w->p, levels[i], DICT_EXCHANGE, in, 20000, &a);
		closed(fresh, levels[i], DICT_EXCHANGE, in, 20000, &b);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.data, b.data, b.len);
		buf_release(&a);
		buf_release(&b);
		pack_free(fresh);
	}
	free(in);
}

/* A county with the next dictionary reads boxes that have the old one; the other way round is told apart. */
static void old_and_new(void **state)
{
	const struct world *w = *state;
	struct pack *only = NULL, *none = NULL;
	struct buf old, new, back;
	struct err e = {0};
	char *in = content(3000);
	assert_int_equal(pack_new(w->dicts, 1, &only, &e), ERR_OK);
	assert_int_equal(pack_new(NULL, 0, &none, &e), ERR_OK);
	closed(w->p, 9, DICT_EXCHANGE, in, 3000, &old);
	closed(w->p, 9, OTHER, in, 3000, &new);
	opened(w->p, &old, in, 3000);
	opened(w->p, &new, in, 3000);
	opened(only, &old, in, 3000);
	buf_init(&back, MAX);
	assert_int_equal(pack_open(only, new.data, new.len, MAX, &back, &e), ERR_NOTFOUND);
	assert_non_null(strstr(e.msg, "40007"));
	assert_int_equal(pack_open(none, old.data, old.len, MAX, &back, NULL), ERR_NOTFOUND);
	assert_int_equal(pack_close(only, 9, OTHER, in, 3000, &back, NULL), ERR_NOTFOUND);
	assert_int_equal(pack_close(w->p, 9, NOWHERE, in, 3000, &back, NULL), ERR_NOTFOUND);
	assert_int_equal(back.cap, 0);
	buf_release(&old);
	buf_release(&new);
	pack_free(only);
	pack_free(none);
	pack_free(NULL);
	free(in);
}

static void no_dictionaries(void **state)
{
	const struct world *w = *state;
	struct pack *p = NULL;
	size_t len = w->dicts[0].len;
	char *broken = malloc(len);
	assert_non_null(broken);
	memcpy(broken, w->dicts[0].data, len);
	memset(broken + 8, 0xff, 100); /* its tables */
	const struct pack_dict bad[] = {{"", 0}, {"0123456789", 10}, {broken, len}, {w->other, 60}};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(pack_new(&bad[i], 1, &p, NULL), ERR_INVALID);
		assert_null(p);
	}
	const struct pack_dict twice[] = {w->dicts[0], w->dicts[1], w->dicts[0]};
	assert_int_equal(pack_new(twice, 3, &p, NULL), ERR_INVALID);
	assert_null(p);
	free(broken);
}

static void the_builds_own(void **state)
{
	size_t n, len;
	struct pack *p = NULL;
	struct buf frame;
	(void)state;
	const struct pack_dict *all = dict_all(&n);
	assert_int_equal(pack_new(all, n, &p, NULL), ERR_OK);
	closed(p, 3, DICT_EXCHANGE, "x", 1, &frame);
	buf_release(&frame);
	pack_free(p);
	const uint8_t *d = dict_exchange(&len);
	assert_int_equal(d[4] | d[5] << 8 | d[6] << 16 | d[7] << 24, DICT_EXCHANGE);
	assert_true(len >= 16384 && len <= 32768);
}

/* --- memory --- */

static void little_is_kept(void **state)
{
	const struct world *w = *state;
	char *in = content(700000);
	struct buf frame;
	for (int level = 3; level <= 19; level += 8) {
		closed(w->p, level, DICT_EXCHANGE, in, 700000, &frame);
		assert_true(pack_size(w->p) < 2 * PACK_KEEP);
		opened(w->p, &frame, in, 700000);
		assert_true(pack_size(w->p) < 2 * PACK_KEEP);
		buf_release(&frame);
	}
	closed(w->p, 3, DICT_EXCHANGE, in, 1000, &frame);
	opened(w->p, &frame, in, 1000);
	assert_true(pack_size(w->p) > 0);
	pack_trim(w->p);
	assert_int_equal(pack_size(w->p), 0);
	pack_trim(w->p); /* twice is legal */
	opened(w->p, &frame, in, 1000);
	buf_release(&frame);
	free(in);
}

/* --- frames of others --- */

enum block { RAW, RLE };

/* A frame under construction. */
struct forged {
	uint8_t data[4096];
	size_t len;
};

static void put(struct forged *f, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		f->data[f->len++] = (uint8_t)(v >> (8 * i));
}

/* Magic, descriptor, then the window where DESCRIPTOR has one, a two-byte dictionary ID where it asks, the size. */
static void begin(struct forged *f, uint8_t descriptor, uint8_t window, unsigned id, uint64_t size, size_t size_bytes)
{
	f->len = 0;
	put(f, 0xfd2fb528, 4);
	put(f, descriptor, 1);
	if (!(descriptor & 32)) put(f, window, 1);
	if (descriptor & 3) put(f, id, 2);
	put(f, size, size_bytes);
}

static void add(struct forged *f, enum block type, size_t len, bool last)
{
	put(f, (uint64_t)last | (uint64_t)type << 1 | (uint64_t)len << 3, 3);
	for (size_t i = 0; i < (type == RLE ? 1 : len); i++)
		put(f, 'a', 1);
}

#define WINDOWED 0x80 /* a window, four bytes of size */
#define SINGLE   0xa0 /* no window, four bytes of size */
#define UNSIZED  0x00
#define NAMED    0x82 /* WINDOWED, and two bytes of dictionary id */
#define LOG_17   (7 << 3)
#define BLOCK    131072

static int try(struct pack *p, const struct forged *f, size_t len, struct buf *out)
{
	struct err e = {0};
	buf_init(out, 8 * MAX);
	int rc = pack_open(p, f->data, len, MAX, out, &e);
	assert_int_equal(rc, e.code);
	return rc;
}

static void refused(struct pack *p, const struct forged *f, const char *what)
{
	struct buf out;
	int rc = try(p, f, f->len, &out);
	if (rc != ERR_INVALID) fail_msg("%s: %s", what, err_name((enum err_code)rc));
	buf_release(&out);
}

/* The forger's own work is taken where it is honest. */
static void honest(void **state)
{
	const struct world *w = *state;
	struct forged f;
	struct buf out;
	begin(&f, WINDOWED, LOG_17, 0, MAX, 4);
	for (int i = 0; i < 8; i++)
		add(&f, RLE, BLOCK, i == 7);
	assert_int_equal(try(w->p, &f, f.len, &out), ERR_OK);
	assert_int_equal(out.len, MAX);
	buf_release(&out);
	begin(&f, SINGLE, 0, 0, 5, 4);
	add(&f, RAW, 5, false);
	add(&f, RAW, 0, true);
	assert_int_equal(try(w->p, &f, f.len, &out), ERR_OK);
	assert_string_equal(out.data, "aaaaa");
	buf_release(&out);
	begin(&f, NAMED, LOG_17, OTHER, 5, 4);
	add(&f, RAW, 5, true);
	assert_int_equal(try(w->p, &f, f.len, &out), ERR_OK);
	buf_release(&out);
	begin(&f, NAMED, LOG_17, NOWHERE, 5, 4);
	add(&f, RAW, 5, true);
	assert_int_equal(try(w->p, &f, f.len, &out), ERR_NOTFOUND);
	buf_release(&out);
}

static void bombs(void **state)
{
	const struct world *w = *state;
	struct forged f;
	begin(&f, WINDOWED, LOG_17, 0, MAX + 1, 4);
	for (int i = 0; i < 9; i++)
		add(&f, RLE, i == 8 ? 1 : BLOCK, i == 8);
	refused(w->p, &f, "above the maximum");
	begin(&f, WINDOWED, LOG_17, 0, 0xffffffff, 4);
	add(&f, RLE, BLOCK, true);
	refused(w->p, &f, "4 GiB");
	begin(&f, 0xc0, LOG_17, 0, UINT64_MAX - 5, 8);
	add(&f, RLE, BLOCK, true);
	refused(w->p, &f, "near 2^64");
	static const uint64_t says[] = {0, 1, 100, 32768, 32769, BLOCK, BLOCK * 2 - 1};
	for (size_t i = 0; i < COUNT(says); i++) {
		begin(&f, WINDOWED, LOG_17, 0, says[i], 4);
		for (int k = 0; k < 900; k++)
			add(&f, RLE, BLOCK, k == 899);
		refused(w->p, &f, "more than it says");
	}
}

/* A frame that says much and holds little costs no memory. */
static void promises(void **state)
{
	const struct world *w = *state;
	struct forged f;
	struct buf out;
	pack_trim(w->p);
	begin(&f, WINDOWED, LOG_17, 0, MAX, 4);
	add(&f, RAW, 5, true);
	assert_int_equal(try(w->p, &f, f.len, &out), ERR_INVALID);
	assert_true(out.cap <= 65536);
	assert_true(pack_size(w->p) < 2 * PACK_KEEP);
	buf_release(&out);
	begin(&f, WINDOWED, LOG_17, 0, MAX, 4);
	assert_int_equal(try(w->p, &f, f.len, &out), ERR_INVALID);
	assert_true(out.cap <= 65536);
	buf_release(&out);
}

static void windows(void **state)
{
	const struct world *w = *state;
	struct forged f;
	static const uint8_t large[] = {LOG_17 + 1, 8 << 3, 17 << 3, 21 << 3, 31 << 3, 255};
	for (size_t i = 0; i < COUNT(large); i++) {
		begin(&f, WINDOWED, large[i], 0, 5, 4);
		add(&f, RAW, 5, true);
		refused(w->p, &f, "a large window");
	}
	begin(&f, SINGLE, 0, 0, BLOCK + 1, 4);
	add(&f, RLE, BLOCK, false);
	add(&f, RLE, 1, true);
	refused(w->p, &f, "a large single segment");
}

static void no_frames(void **state)
{
	const struct world *w = *state;
	struct forged f;
	begin(&f, UNSIZED, LOG_17, 0, 0, 0);
	add(&f, RAW, 5, true);
	refused(w->p, &f, "no size");
	begin(&f, WINDOWED | 8, LOG_17, 0, 5, 4);
	add(&f, RAW, 5, true);
	refused(w->p, &f, "a reserved bit");
	begin(&f, WINDOWED, LOG_17, 0, 5, 4);
	put(&f, 7, 3); /* block type 3 */
	refused(w->p, &f, "a reserved block");
	begin(&f, WINDOWED, LOG_17, 0, 10, 4);
	add(&f, RAW, 5, true);
	refused(w->p, &f, "less than it says");
	begin(&f, WINDOWED, LOG_17, 0, 5, 4);
	add(&f, RAW, 5, true);
	add(&f, RAW, 5, true);
	refused(w->p, &f, "bytes behind");
	f.len = 0;
	put(&f, 0x184d2a50, 4); /* a skippable frame */
	put(&f, 4, 4);
	put(&f, 0, 4);
	refused(w->p, &f, "skippable");
	size_t skip = f.len;
	struct forged g;
	begin(&g, WINDOWED, LOG_17, 0, 5, 4);
	add(&g, RAW, 5, true);
	memcpy(f.data + skip, g.data, g.len);
	f.len += g.len;
	refused(w->p, &f, "skippable before");
	memcpy(g.data + g.len, g.data, g.len);
	g.len *= 2;
	refused(w->p, &g, "two frames");
	f.len = 0;
	put(&f, 0xfd2fb527, 4); /* of zstd 0.7 */
	put(&f, 0, 8);
	refused(w->p, &f, "an old format");
	f.len = 0;
	refused(w->p, &f, "nothing");
	put(&f, '{', 1);
	put(&f, '}', 1);
	refused(w->p, &f, "JSON");
}

static void cut_and_broken(void **state)
{
	static const unsigned ids[] = {0, DICT_EXCHANGE};
	const struct world *w = *state;
	char *in = content(40000);
	for (size_t i = 0; i < COUNT(ids); i++) {
		struct buf frame, out;
		closed(w->p, 9, ids[i], in, 40000, &frame);
		buf_init(&out, MAX);
		for (size_t n = 0; n < frame.len; n += n < 64 ? 1 : 61) {
			buf_reset(&out);
			int rc = pack_open(w->p, frame.data, n, MAX, &out, NULL);
			assert_int_equal(rc, ERR_INVALID);
		}
		for (size_t n = 0; n < frame.len; n += n < 64 ? 1 : 7) { /* anything but a crash */
			buf_reset(&out);
			frame.data[n] = (char)(frame.data[n] ^ 0x51);
			int rc = pack_open(w->p, frame.data, frame.len, MAX, &out, NULL);
			assert_true(rc == ERR_OK || rc == ERR_INVALID || rc == ERR_NOTFOUND);
			assert_true(out.len <= MAX);
			frame.data[n] = (char)(frame.data[n] ^ 0x51);
		}
		opened(w->p, &frame, in, 40000); /* and the context is as good as before */
		buf_release(&out);
		buf_release(&frame);
	}
	free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(round_trips, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(headers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(into_a_buffer, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_dictionary_helps, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(levels_change, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(old_and_new, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_dictionaries, set_up, tear_down),
	    cmocka_unit_test(the_builds_own),
	    cmocka_unit_test_setup_teardown(little_is_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(honest, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bombs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(promises, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(windows, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_frames, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(cut_and_broken, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

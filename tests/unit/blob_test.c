/* The blob store on a real folder: uploads in pieces of every kind, resumed, taken over, refused, expired; blobs read in
 * ranges; a child that is killed at any moment; a disk that is full. */
#include "shared/blob/upload.h"
#include "shared/crypto/stream.h"
#include "shared/text.h"
#include "tests/unit/blob_samples.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWNER "staff:1"
#define OK(call)                                                                                                       \
	do {                                                                                                           \
		struct err e_ = {0};                                                                                   \
		struct err *e = &e_;                                                                                   \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, e_.msg);                                           \
	} while (0)
#define FAILS(code, call)                                                                                              \
	do {                                                                                                           \
		struct err e_ = {0};                                                                                   \
		struct err *e = &e_;                                                                                   \
		int rc_ = (call);                                                                                      \
		if (rc_ != (int)(code))                                                                                \
			fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, err_name((enum err_code)rc_), e_.msg);           \
	} while (0)

static const uint8_t master[SEAL_KEY_LEN] = "a key for the blobs of this test";
static const struct upload_meta nothing;

struct world {
	struct support_folder folder;
	char dir[SUPPORT_PATH_MAX];
	int64_t now;
	struct blob_store *s;
};

static int64_t now_of(void *arg)
{
	return ((struct world *)arg)->now;
}

static struct blob_config config_of(struct world *w)
{
	return (struct blob_config){.dir = w->dir,
	                            .master = master,
	                            .max_bytes = 4 << 20,
	                            .reserve_bytes = 0,
	                            .upload_ms = 7 * SUPPORT_DAY_MS,
	                            .now = now_of,
	                            .arg = w};
}

static void open_store(struct world *w)
{
	struct blob_config c = config_of(w);
	OK(blob_store_open(&c, &w->s, e));
}

static int make(void **state)
{
	static struct world w;
	w = (struct world){.now = SUPPORT_NOW};
	support_folder_make(&w.folder);
	support_path(&w.folder, "blobs", w.dir);
	open_store(&w);
	*state = &w;
	return 0;
}

static int release(void **state)
{
	struct world *w = *state;
	blob_store_close(w->s);
	(void)umount2(w->dir, MNT_DETACH); /* of a full_disk that failed */
	support_folder_remove(&w->folder);
	return 0;
}

static void reopen(struct world *w)
{
	struct blob_stats before, after;
	OK(blob_store_stats(w->s, &before, e));
	blob_store_close(w->s);
	open_store(w);
	OK(blob_store_stats(w->s, &after, e));
	assert_int_equal(before.blobs, after.blobs);
	assert_int_equal(before.bytes, after.bytes);
	assert_int_equal(before.uploads, after.uploads);
}

static void assert_blob(struct world *w, const uint8_t *sha, const uint8_t *want, size_t len)
{
	struct blob *b;
	OK(blob_open(w->s, sha, &b, e));
	assert_int_equal(blob_size(b), len);
	uint8_t *got = malloc(len + 1);
	assert_non_null(got);
	OK(blob_read(b, 0, got, len, e));
	assert_memory_equal(got, want, len);
	for (size_t at = 0; at + 100 < len; at += len / 7 + 1) { /* ranges, backwards */
		OK(blob_read(b, (int64_t)(len - at - 100), got, 100, e));
		assert_memory_equal(got, want + len - at - 100, 100);
	}
	FAILS(ERR_INVALID, blob_read(b, (int64_t)len, got, 1, e));
	free(got);
	blob_close(b);
}

/* Writes all of DATA in pieces of STEP, with a commit after each EVERY pieces, closing in between where AGAIN says. */
static void feed(struct world *w, const char *id, const uint8_t *data, size_t len, size_t step, int every, bool again)
{
	struct upload *u;
	OK(upload_open(w->s, id, OWNER, &u, e));
	int n = 0;
	for (size_t at = (size_t)upload_info(u)->offset; at < len; n++) {
		size_t part = len - at < step ? len - at : step;
		OK(upload_write(u, data + at, part, e));
		at += part;
		if (n % every) continue;
		OK(upload_commit(u, e));
		assert_int_equal(upload_info(u)->offset, at);
		if (!again) continue;
		upload_close(u);
		OK(upload_open(w->s, id, OWNER, &u, e));
		assert_int_equal(upload_info(u)->offset, at);
	}
	OK(upload_commit(u, e));
	upload_close(u);
}

static struct upload_end finish(struct world *w, const char *id)
{
	struct upload_end end;
	struct upload *u;
	OK(upload_open(w->s, id, OWNER, &u, e));
	OK(upload_finish(u, &end, e));
	if (end.verdict == UPLOAD_FINE) OK(upload_done(u, e));
	upload_close(u);
	return end;
}

static void whole(void **state)
{
	static const size_t sizes[] = {
	    40, 1000, STREAM_SEGMENT - 1, STREAM_SEGMENT, STREAM_SEGMENT + 1, 2 * STREAM_SEGMENT, 300000};
	struct world *w = *state;
	struct upload_info i;
	for (size_t k = 0; k < COUNT(sizes); k++) {
		uint8_t sha[DIGEST_LEN], *data = blob_sample_pdf(sizes[k], (unsigned)k);
		digest_sha256(data, sizes[k], sha);
		for (int how = 0; how < 3; how++) {
			OK(upload_create(w->s, OWNER, how == 2 ? -1 : (int64_t)sizes[k], &nothing, &i, e));
			size_t step = how == 0 ? 65536 : how == 1 ? 4097 : 70001;
			feed(w, i.id, data, sizes[k], step, how + 1, how == 1);
			if (how == 2) {
				struct upload *u;
				OK(upload_open(w->s, i.id, OWNER, &u, e));
				FAILS(ERR_CONFLICT, upload_set_length(u, (int64_t)sizes[k] - 1, e));
				OK(upload_set_length(u, (int64_t)sizes[k], e));
				FAILS(ERR_CONFLICT, upload_set_length(u, (int64_t)sizes[k] + 1, e));
				FAILS(ERR_INVALID, upload_write(u, "x", 1, e));
				upload_close(u);
			}
			if (how == 1) reopen(w);
			struct upload_end end = finish(w, i.id);
			assert_int_equal(end.verdict, UPLOAD_FINE);
			assert_int_equal(end.media, SNIFF_PDF);
			assert_int_equal(end.known, how > 0);
			assert_memory_equal(end.sha256, sha, DIGEST_LEN);
			OK(upload_stat(w->s, i.id, OWNER, &i, e));
			assert_true(i.complete && i.offset == i.length);
			assert_blob(w, sha, data, sizes[k]);
		}
		free(data);
	}
	reopen(w);
	struct blob_stats st;
	OK(blob_store_stats(w->s, &st, e));
	assert_int_equal(st.blobs, COUNT(sizes));
	assert_int_equal(st.uploads, 0); /* the complete ones are told, and count no more */
}

static void removal(void **state)
{
	struct world *w = *state;
	struct upload_info i;
	struct blob *b;
	struct blob_stats st;
	const struct blob_sample *s = &blob_samples[0];
	uint8_t byte;
	OK(upload_create(w->s, OWNER, (int64_t)s->len, &nothing, &i, e));
	feed(w, i.id, s->data, s->len, 7, 1, false);
	struct upload_end end = finish(w, i.id);
	assert_true(blob_exists(w->s, end.sha256));
	OK(upload_remove(w->s, i.id, OWNER, e)); /* the upload goes, the blob stays */
	FAILS(ERR_NOTFOUND, upload_stat(w->s, i.id, OWNER, &i, e));
	OK(blob_open(w->s, end.sha256, &b, e));
	OK(blob_remove(w->s, end.sha256, e));
	FAILS(ERR_NOTFOUND, blob_remove(w->s, end.sha256, e));
	OK(blob_read(b, 0, &byte, 1, e)); /* whoever has it open reads on */
	blob_close(b);
	assert_false(blob_exists(w->s, end.sha256));
	OK(blob_store_stats(w->s, &st, e));
	assert_int_equal(st.blobs + st.bytes + st.uploads, 0);
}

static void owners_and_expiry(void **state)
{
	struct world *w = *state;
	struct upload_info i, j;
	struct upload *u;
	struct upload_meta meta = {.filename = "身份证.jpg", .case_id = "c", .material = "m", .declared = true};
	int64_t removed;
	memset(meta.sha256, 7, sizeof meta.sha256);
	OK(upload_create(w->s, OWNER, 1000, &meta, &i, e));
	OK(upload_stat(w->s, i.id, OWNER, &j, e));
	assert_string_equal(j.meta.filename, meta.filename);
	assert_memory_equal(j.meta.sha256, meta.sha256, sizeof meta.sha256);
	assert_true(j.meta.declared && j.expires == w->now + 7 * SUPPORT_DAY_MS && j.length == 1000 && j.offset == 0);
	FAILS(ERR_NOTFOUND, upload_stat(w->s, i.id, "staff:2", &j, e));
	FAILS(ERR_NOTFOUND, upload_open(w->s, i.id, "staff:2", &u, e));
	FAILS(ERR_NOTFOUND, upload_remove(w->s, i.id, "staff:2", e));
	FAILS(ERR_NOTFOUND, upload_stat(w->s, "../../../etc/passwd", OWNER, &j, e));
	FAILS(ERR_NOTFOUND, upload_stat(w->s, "00000000000000000000000000000000", OWNER, &j, e));
	FAILS(ERR_INVALID, upload_create(w->s, OWNER, (4 << 20) + 1, &nothing, &j, e));
	OK(upload_sweep(w->s, &removed, e));
	assert_int_equal(removed, 0);
	w->now += 7 * SUPPORT_DAY_MS;
	FAILS(ERR_NOTFOUND, upload_stat(w->s, i.id, OWNER, &j, e));
	OK(upload_sweep(w->s, &removed, e));
	assert_int_equal(removed, 1);
	struct blob_stats st;
	OK(blob_store_stats(w->s, &st, e));
	assert_int_equal(st.uploads, 0);
	char path[SUPPORT_PATH_MAX + 16];
	(void)snprintf(path, sizeof path, "%s/uploads", w->dir);
	assert_int_equal(rmdir(path), 0); /* nothing is left behind */
	assert_int_equal(mkdir(path, 0770), 0);
}

/* What a kill left half made goes once it is old, and nothing else does. */
static void leftovers(void **state)
{
	static const struct {
		const char *name;
		bool old, stays;
	} files[] = {
	    {"0123456789abcdef0123456789abcdef.data", true, false},
	    {"0123456789abcdef0123456789abcdef.tail", true, false},
	    {"0123456789abcdef0123456789abcdef.info.Ab1234", true, false},
	    {"ffffffffffffffffffffffffffffffff.data", false, true}, /* its upload may be in the making */
	    {"somebody else's", true, true},
	};
	struct world *w = *state;
	struct upload_info i;
	char path[SUPPORT_PATH_MAX + 64];
	const struct timespec past[2] = {{.tv_sec = time(NULL) - 7200}, {.tv_sec = time(NULL) - 7200}};
	int64_t removed;
	OK(upload_create(w->s, OWNER, 1000, &nothing, &i, e));
	for (size_t k = 0; k < COUNT(files); k++) {
		(void)snprintf(path, sizeof path, "%s/uploads/%s", w->dir, files[k].name);
		support_put(path, "");
		if (files[k].old) assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	}
	for (const char *const *what = (const char *const[]){"info", "data", "tail", NULL}; *what; what++) {
		(void)snprintf(path, sizeof path, "%s/uploads/%s.%s", w->dir, i.id, *what);
		assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	}
	OK(upload_sweep(w->s, &removed, e));
	assert_int_equal(removed, 0);
	for (size_t k = 0; k < COUNT(files); k++) {
		(void)snprintf(path, sizeof path, "%s/uploads/%s", w->dir, files[k].name);
		if ((access(path, F_OK) == 0) != files[k].stays) fail_msg("%s", files[k].name);
	}
	OK(upload_stat(w->s, i.id, OWNER, &i, e));
}

static void two_writers(void **state)
{
	struct world *w = *state;
	struct upload_info i;
	struct upload *one, *two;
	OK(upload_create(w->s, OWNER, 1000, &nothing, &i, e));
	OK(upload_open(w->s, i.id, OWNER, &one, e));
	OK(upload_write(one, "12345", 5, e));
	FAILS(ERR_BUSY, upload_open(w->s, i.id, OWNER, &two, e));
	FAILS(ERR_BUSY, upload_remove(w->s, i.id, OWNER, e));
	struct blob_store *other; /* as another process has it */
	struct blob_config c = config_of(w);
	OK(blob_store_open(&c, &other, e));
	FAILS(ERR_BUSY, upload_open(other, i.id, OWNER, &two, e));
	blob_store_close(other);
	struct timespec t = {UPLOAD_SILENT_MS / 1000, 100000000};
	(void)nanosleep(&t, NULL); /* the first brings nothing any more */
	OK(upload_open(w->s, i.id, OWNER, &two, e));
	assert_int_equal(upload_info(two)->offset, 5); /* what it had brought is kept */
	FAILS(ERR_CONFLICT, upload_write(one, "67", 2, e));
	FAILS(ERR_CONFLICT, upload_commit(one, e));
	OK(upload_write(two, "678", 3, e));
	OK(upload_commit(two, e));
	upload_close(one);
	upload_close(two);
	OK(upload_stat(w->s, i.id, OWNER, &i, e));
	assert_int_equal(i.offset, 8);
}

static void refusals(void **state)
{
	static const struct {
		const char *text;
		enum upload_verdict verdict;
	} cases[] = {
	    {"<html><script>alert(1)</script></html>", UPLOAD_WRONG_TYPE},
	    {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0....\0\0\0\0IEND\xae\x42\x60\x82", UPLOAD_BOMB},
	};
	static const size_t lengths[] = {38, 45};
	struct world *w = *state;
	struct upload_info i;
	struct blob_stats st;
	for (size_t k = 0; k < COUNT(cases); k++) {
		OK(upload_create(w->s, OWNER, (int64_t)lengths[k], &nothing, &i, e));
		feed(w, i.id, (const uint8_t *)cases[k].text, lengths[k], 10, 1, false);
		struct upload_end end = finish(w, i.id);
		assert_int_equal(end.verdict, cases[k].verdict);
		assert_non_null(end.why);
		FAILS(ERR_NOTFOUND, upload_stat(w->s, i.id, OWNER, &i, e));
	}
	struct upload_meta meta = {.declared = true};
	OK(upload_create(w->s, OWNER, (int64_t)blob_samples[4].len, &meta, &i, e));
	feed(w, i.id, blob_samples[4].data, blob_samples[4].len, 1000, 1, false);
	assert_int_equal(finish(w, i.id).verdict, UPLOAD_WRONG_HASH);
	OK(upload_create(w->s, OWNER, 0, &nothing, &i, e)); /* of no bytes */
	assert_int_equal(finish(w, i.id).verdict, UPLOAD_WRONG_TYPE);
	OK(blob_store_stats(w->s, &st, e));
	assert_int_equal(st.blobs + st.bytes + st.uploads, 0);
}

/* What is given up may come again with other bytes; the segments under it are then sealed under another key. */
static void given_up(void **state)
{
	struct world *w = *state;
	const size_t len = 5 * STREAM_SEGMENT + 99, kept = 2 * STREAM_SEGMENT + 10;
	uint8_t *right = blob_sample_pdf(len, 1), *wrong = blob_sample_pdf(len, 2), before[STREAM_HEADER],
	        after[STREAM_HEADER];
	struct upload_info i;
	struct upload *u;
	char path[SUPPORT_PATH_MAX + 64];
	OK(upload_create(w->s, OWNER, (int64_t)len, &nothing, &i, e));
	(void)snprintf(path, sizeof path, "%s/uploads/%s.data", w->dir, i.id);
	OK(upload_open(w->s, i.id, OWNER, &u, e));
	OK(upload_write(u, right, kept, e));
	OK(upload_commit(u, e));
	upload_hold(u);
	OK(upload_write(u, wrong + kept, 2 * STREAM_SEGMENT, e));
	upload_close(u); /* a checksum that did not fit */
	int fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, before, sizeof before), STREAM_HEADER);
	close(fd);
	OK(upload_stat(w->s, i.id, OWNER, &i, e));
	assert_int_equal(i.offset, kept);
	feed(w, i.id, right, len, 30000, 3, false);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, after, sizeof after), STREAM_HEADER);
	close(fd);
	assert_memory_not_equal(before, after, STREAM_HEADER);
	struct upload_end end = finish(w, i.id);
	assert_int_equal(end.verdict, UPLOAD_FINE);
	assert_blob(w, end.sha256, right, len);
	free(right);
	free(wrong);
}

/* A slot that was torn leaves what the other acknowledged; both torn is told. */
static void torn_slots(void **state)
{
	struct world *w = *state;
	struct upload_info i;
	struct upload *u;
	char path[SUPPORT_PATH_MAX + 64];
	OK(upload_create(w->s, OWNER, 1000, &nothing, &i, e));
	(void)snprintf(path, sizeof path, "%s/uploads/%s.tail", w->dir, i.id);
	OK(upload_open(w->s, i.id, OWNER, &u, e));
	for (int n = 0; n < 5; n++) {
		OK(upload_write(u, "0123456789", 10, e));
		OK(upload_commit(u, e));
	}
	upload_close(u);
	OK(upload_stat(w->s, i.id, OWNER, &i, e));
	assert_int_equal(i.offset, 50);
	const off_t slot = 4 + 16 + STREAM_SEGMENT + SEAL_OVERHEAD;
	int fd = open(path, O_RDWR);
	for (int k = 0; k < 2; k++) { /* seq 6 stands in slot 0, seq 5 in slot 1 */
		assert_int_equal(pwrite(fd, "torn", 4, k * slot + 40), 4);
		if (k) break;
		OK(upload_stat(w->s, i.id, OWNER, &i, e));
		assert_int_equal(i.offset, 40);
	}
	FAILS(ERR_CORRUPT, upload_stat(w->s, i.id, OWNER, &i, e));
	close(fd);
}

static void wrong_key(void **state)
{
	struct world *w = *state;
	static const uint8_t other[SEAL_KEY_LEN] = "another key, of another box here";
	struct blob_config c = config_of(w);
	struct blob_store *s = NULL;
	c.master = other;
	FAILS(ERR_DENIED, blob_store_open(&c, &s, e));
	assert_null(s);
}

static void damaged(void **state)
{
	struct world *w = *state;
	uint8_t *data = blob_sample_pdf(200000, 3);
	struct upload_info i;
	struct blob *b;
	char path[SUPPORT_PATH_MAX + 96], hex[TEXT_HEX_LEN(DIGEST_LEN)];
	OK(upload_create(w->s, OWNER, 200000, &nothing, &i, e));
	feed(w, i.id, data, 200000, 65536, 1, false);
	struct upload_end end = finish(w, i.id);
	text_hex(end.sha256, DIGEST_LEN, hex);
	(void)snprintf(path, sizeof path, "%s/%.2s/%s", w->dir, hex, hex);
	int fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "!", 1, stream_at(1) + 5), 1);
	OK(blob_open(w->s, end.sha256, &b, e));
	OK(blob_read(b, 0, data, 1000, e));
	FAILS(ERR_CORRUPT, blob_read(b, STREAM_SEGMENT, data, 1000, e));
	OK(blob_read(b, 2 * STREAM_SEGMENT, data, 1000, e));
	blob_close(b);
	assert_int_equal(ftruncate(fd, stream_at(2)), 0); /* cut at a segment's end */
	OK(blob_open(w->s, end.sha256, &b, e));
	FAILS(ERR_CORRUPT, blob_read(b, STREAM_SEGMENT, data, 1000, e));
	blob_close(b);
	assert_int_equal(ftruncate(fd, stream_at(2) + 3), 0);
	FAILS(ERR_CORRUPT, blob_open(w->s, end.sha256, &b, e));
	close(fd);
	free(data);
}

/* --- a child that is killed --- */

static void child(struct world *w, const char *id, const uint8_t *data, size_t len, int report, unsigned seed)
{
	struct blob_config c = config_of(w);
	struct upload *u;
	struct upload_end end;
	if (blob_store_open(&c, &w->s, NULL) || upload_open(w->s, id, OWNER, &u, NULL)) _exit(3);
	while (upload_written(u) < (int64_t)len) {
		seed = seed * 1103515245 + 12345;
		size_t at = (size_t)upload_written(u), n = 1 + (seed >> 8) % 150000;
		if (n > len - at) n = len - at;
		if (upload_write(u, data + at, n, NULL)) _exit(4);
		if ((seed >> 4) % 3 && at + n < len) continue;
		if (upload_commit(u, NULL)) _exit(5);
		int64_t offset = upload_info(u)->offset;
		if (write(report, &offset, sizeof offset) != sizeof offset) _exit(6);
	}
	if (upload_finish(u, &end, NULL) || end.verdict != UPLOAD_FINE) _exit(7);
	if (upload_done(u, NULL)) _exit(8);
	_exit(0);
}

static void killed(void **state)
{
	struct world *w = *state;
	const size_t len = 3 << 20;
	uint8_t *data = blob_sample_pdf(len, 9), sha[DIGEST_LEN];
	struct upload_info i;
	int64_t told = 0;
	int kills = 0, status = -1;
	digest_sha256(data, len, sha);
	OK(upload_create(w->s, OWNER, (int64_t)len, &nothing, &i, e));
	for (unsigned run = 1; run < 400 && !i.complete; run++) {
		int fds[2];
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0) child(w, i.id, data, len, fds[1], run);
		close(fds[1]);
		/* early runs die young, so that many die; later ones get on */
		struct timespec t = {0, (long)(1000000 + (run * 7919 % 97) * 60000 * (1 + run / 20))};
		(void)nanosleep(&t, NULL);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status))
			fail_msg("run %u: the child says %d", run, WEXITSTATUS(status));
		kills += WIFSIGNALED(status);
		for (int64_t offset; read(fds[0], &offset, sizeof offset) == sizeof offset;) {
			assert_true(offset > told); /* it never goes down, from one life to the next */
			told = offset;
		}
		close(fds[0]);
		OK(upload_stat(w->s, i.id, OWNER, &i, e));
		assert_true(i.offset >= told); /* nothing that was told is lost */
		told = i.offset;
	}
	print_message("killed %d times\n", kills);
	assert_true(kills > 5);
	if (!i.complete) {
		feed(w, i.id, data, len, 65536, 4, false);
		assert_int_equal(finish(w, i.id).verdict, UPLOAD_FINE);
	}
	assert_blob(w, sha, data, len);
	free(data);
}

/* --- a disk that is full --- */

static void full_disk(void **state)
{
	struct world *w = *state;
	const size_t len = 3 << 20;
	uint8_t *data = blob_sample_pdf(len, 5);
	struct upload_info i, j;
	struct upload *u;
	char filler[SUPPORT_PATH_MAX + 16];
	blob_store_close(w->s);
	w->s = NULL;
	assert_int_equal(mkdir(w->dir, 0770) == 0 || errno == EEXIST, 1);
	if (mount("tmpfs", w->dir, "tmpfs", 0, "size=2m")) {
		open_store(w);
		free(data);
		skip();
	}
	open_store(w);
	OK(upload_create(w->s, OWNER, 1 << 20, &nothing, &i, e));
	FAILS(ERR_NOSPACE, upload_create(w->s, OWNER, (int64_t)len, &nothing, &j, e));
	OK(upload_open(w->s, i.id, OWNER, &u, e));
	OK(upload_write(u, data, 500000, e));
	OK(upload_commit(u, e));
	(void)snprintf(filler, sizeof filler, "%s/filler", w->dir); /* others fill the disk in the middle */
	int fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, data, 4096) > 0)
		;
	close(fd);
	FAILS(ERR_NOSPACE, upload_write(u, data + 500000, 400000, e));
	upload_close(u);
	OK(upload_stat(w->s, i.id, OWNER, &i, e));
	assert_int_equal(i.offset, 500000);
	assert_int_equal(unlink(filler), 0);
	memcpy(data + (1 << 20) - 6, "%%EOF\n", 6);
	feed(w, i.id, data, 1 << 20, 65536, 2, false);
	struct upload_end end = finish(w, i.id);
	assert_int_equal(end.verdict, UPLOAD_FINE);
	assert_blob(w, end.sha256, data, 1 << 20);
	blob_store_close(w->s);
	struct blob_config c = config_of(w); /* the reserve is refused before the disk is full */
	c.reserve_bytes = 1 << 20;
	OK(blob_store_open(&c, &w->s, e));
	FAILS(ERR_NOSPACE, upload_create(w->s, OWNER, 1000, &nothing, &j, e));
	blob_store_close(w->s);
	assert_int_equal(umount(w->dir), 0);
	open_store(w);
	free(data);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(whole),    T(removal),    T(owners_and_expiry), T(leftovers), T(two_writers), T(refusals),
	    T(given_up), T(torn_slots), T(wrong_key),         T(damaged),   T(killed),      T(full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

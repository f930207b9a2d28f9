/* The .tail of an upload: what is acknowledged and fills no segment, in two slots that take turns.
 *
 * A slot is its length in four bytes and a sealed record: sequence number, offset, bytes. It is written at one go and
 * synced; a write that a power cut tore leaves the other slot, and with it everything that was acknowledged before. */
#include "shared/blob/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEN = 4, HEAD = 16, RECORD = HEAD + STREAM_SEGMENT, SLOT = LEN + RECORD + SEAL_OVERHEAD, AAD_MAX = 64 };

static void put(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static size_t aad_of(const char *id, char out[AAD_MAX])
{
	int n = snprintf(out, AAD_MAX, "tail|%.32s", id);
	return n < 0 ? 0 : (size_t)n;
}

/* Room for a slot and its plain record. */
struct room {
	struct seal *seal;
	uint8_t slot[SLOT], plain[RECORD];
};

static struct room *room_new(struct blob_store *s)
{
	struct room *r = malloc(sizeof *r);
	if (!r) return NULL;
	r->seal = seal_new(s->record_key);
	if (r->seal) return r;
	free(r);
	return NULL;
}

static void room_free(struct room *r)
{
	seal_free(r->seal);
	free(r);
}

/* Takes slot K into OUT when it is whole and later than what OUT holds. */
static int read_slot(struct room *r, int fd, const char *id, int k, struct blob_tail *out, struct err *e)
{
	char aad[AAD_MAX];
	size_t n = aad_of(id, aad);
	ssize_t got = pread(fd, r->slot, SLOT, (off_t)k * SLOT);
	if (got < 0) return err_sys(e, errno, "reading an upload");
	size_t len = got < LEN ? 0 : (size_t)number(r->slot, LEN);
	if (len < SEAL_OVERHEAD + HEAD || len > SLOT - LEN || (size_t)got < LEN + len) return ERR_OK;
	if (seal_open(r->seal, aad, n, r->slot + LEN, len, r->plain)) return ERR_OK; /* torn */
	uint64_t seq = number(r->plain, 8);
	if (seq <= out->seq) return ERR_OK;
	out->seq = seq;
	out->offset = number(r->plain + 8, 8);
	out->len = len - SEAL_OVERHEAD - HEAD;
	memcpy(out->bytes, r->plain + HEAD, out->len);
	return ERR_OK;
}

int blob_tail_read(struct blob_store *s, int fd, const char *id, struct blob_tail *out, struct err *e)
{
	struct room *r = room_new(s);
	if (!r) return err_set(e, ERR_NOMEM, "an upload");
	out->seq = 0;
	int rc = read_slot(r, fd, id, 0, out, e);
	if (!rc) rc = read_slot(r, fd, id, 1, out, e);
	room_free(r);
	if (!rc && out->seq == 0) rc = err_set(e, ERR_CORRUPT, "an upload's end cannot be read");
	/* the tail is what the whole segments leave over, of which the last stays in it while it is full */
	if (!rc && (out->offset < out->len || (out->offset - out->len) % STREAM_SEGMENT))
		rc = err_set(e, ERR_CORRUPT, "an upload's end does not fit");
	return rc;
}

int blob_tail_write(struct blob_store *s, int fd, const char *id, struct blob_tail *t, struct err *e)
{
	char aad[AAD_MAX];
	size_t n = aad_of(id, aad), len = HEAD + t->len;
	struct room *r = room_new(s);
	if (!r) return err_set(e, ERR_NOMEM, "an upload");
	put(r->plain, t->seq + 1, 8);
	put(r->plain + 8, t->offset, 8);
	memcpy(r->plain + HEAD, t->bytes, t->len);
	put(r->slot, len + SEAL_OVERHEAD, LEN);
	int rc = seal_close(r->seal, aad, n, r->plain, len, r->slot + LEN);
	if (rc) rc = err_set(e, ERR_IO, "AES-GCM failed");
	if (!rc) rc = blob_pwrite(fd, r->slot, LEN + len + SEAL_OVERHEAD, (int64_t)((t->seq + 1) % 2) * SLOT, e);
	if (!rc) rc = blob_sync(fd, e);
	if (!rc) t->seq++;
	room_free(r);
	return rc;
}

int blob_tail_make(struct blob_store *s, const char *id, struct err *e)
{
	char path[FILE_PATH_MAX];
	struct blob_tail *t = calloc(1, sizeof *t);
	if (!t) return err_set(e, ERR_NOMEM, "an upload");
	blob_upload_path(s, id, "tail", path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, BLOB_FILE_MODE);
	int rc = fd < 0 ? err_sys(e, errno, "an upload") : blob_tail_write(s, fd, id, t, e);
	if (fd >= 0) (void)close(fd);
	if (!rc)
		s->uploads++;
	else if (fd >= 0)
		(void)unlink(path);
	free(t);
	return rc;
}

void blob_upload_drop(struct blob_store *s, const char *id)
{
	static const char *const parts[] = {"data", "data.new"};
	char path[FILE_PATH_MAX];
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		blob_upload_path(s, id, parts[i], path);
		(void)unlink(path);
	}
	blob_upload_path(s, id, "tail", path);
	if (unlink(path) == 0) s->uploads--;
}

/* Locks and the wal-index of the VFS: between the connections of this process, as POSIX locks and shared memory would do
 * between processes. See vfs.h. */
#include "tests/sim/vfs_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_WRITE 0 /* WAL_WRITE_LOCK: whoever holds it may have written to the wal-index */

/* --- the file's five levels --- */

int vfs_lock(sqlite3_file *f, int level)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	struct vfs_node *n = h->node;
	if (h->proc->dead) return SQLITE_IOERR_LOCK;
	if (level <= h->level) return SQLITE_OK;
	if (h->level == SQLITE_LOCK_NONE) {
		if (n->pending || n->exclusive) return SQLITE_BUSY;
		n->shared++;
		h->level = SQLITE_LOCK_SHARED;
	}
	if (level >= SQLITE_LOCK_RESERVED && h->level < SQLITE_LOCK_RESERVED) {
		if ((n->reserved && n->reserved != h) || (n->pending && n->pending != h)) return SQLITE_BUSY;
		n->reserved = h;
		h->level = SQLITE_LOCK_RESERVED;
	}
	if (level == SQLITE_LOCK_EXCLUSIVE) {
		if (n->pending && n->pending != h) return SQLITE_BUSY;
		n->pending = h;
		h->level = SQLITE_LOCK_PENDING;
		if (n->shared > 1) return SQLITE_BUSY;
		n->exclusive = h;
		h->level = SQLITE_LOCK_EXCLUSIVE;
	}
	return SQLITE_OK;
}

static void lower(struct vfs_handle *h, int level)
{
	struct vfs_node *n = h->node;
	if (level >= h->level) return;
	if (n->exclusive == h) n->exclusive = NULL;
	if (n->pending == h) n->pending = NULL;
	if (n->reserved == h) n->reserved = NULL;
	if (level == SQLITE_LOCK_NONE) n->shared--;
	h->level = level;
}

int vfs_unlock(sqlite3_file *f, int level)
{
	lower((struct vfs_handle *)f, level);
	return SQLITE_OK;
}

int vfs_check_reserved(sqlite3_file *f, int *out)
{
	const struct vfs_handle *h = (struct vfs_handle *)f;
	*out = h->node->reserved != NULL;
	return SQLITE_OK;
}

/* --- the wal-index --- */

int vfs_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	struct vfs_node *n = h->node;
	*out = NULL;
	if (h->proc->dead) return SQLITE_IOERR_SHMMAP;
	if (!n->shm) {
		n->shm = vfs_new(sizeof *n->shm);
		n->shm->size = size;
	}
	if (!h->mapped) {
		h->mapped = true;
		n->shm->mapped++;
	}
	if (page >= n->shm->n && !extend) return SQLITE_OK;
	while (page >= n->shm->n) {
		uint8_t **more = vfs_longer(n->shm->region, (size_t)(n->shm->n + 1) * sizeof *more);
		n->shm->region = more;
		more[n->shm->n] = vfs_new((size_t)size);
		n->shm->n++;
	}
	*out = n->shm->region[page];
	return SQLITE_OK;
}

static void let_go(struct vfs_handle *h, unsigned bits)
{
	struct vfs_shm *s = h->node->shm;
	for (int i = 0; s && i < VFS_SLOTS; i++) {
		unsigned bit = 1u << i;
		if (!(bits & bit)) continue;
		if (h->shm_exclusive & bit) s->exclusive[i] = NULL;
		if (h->shm_shared & bit) s->shared[i]--;
	}
	h->shm_exclusive &= ~bits;
	h->shm_shared &= ~bits;
}

int vfs_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	struct vfs_shm *s = h->node->shm;
	unsigned bits = ((1u << n) - 1) << offset;
	if (h->proc->dead || !s) return flags & SQLITE_SHM_UNLOCK ? SQLITE_OK : SQLITE_IOERR_SHMLOCK;
	if (flags & SQLITE_SHM_UNLOCK) {
		let_go(h, bits);
		return SQLITE_OK;
	}
	for (int i = offset; i < offset + n; i++) {
		bool mine = h->shm_shared >> i & 1;
		if (s->exclusive[i] && s->exclusive[i] != h) return SQLITE_BUSY;
		if (flags & SQLITE_SHM_EXCLUSIVE && s->shared[i] > (mine ? 1 : 0)) return SQLITE_BUSY;
	}
	for (int i = offset; i < offset + n; i++) {
		if (flags & SQLITE_SHM_EXCLUSIVE) {
			s->exclusive[i] = h;
			h->shm_exclusive |= 1u << i;
		} else if (!(h->shm_shared >> i & 1)) {
			s->shared[i]++;
			h->shm_shared |= 1u << i;
		}
	}
	return SQLITE_OK;
}

void vfs_shm_barrier(sqlite3_file *f)
{
	(void)f;
}

void vfs_free_shm(struct vfs_node *n)
{
	for (int i = 0; n->shm && i < n->shm->n; i++)
		free(n->shm->region[i]);
	if (n->shm) free(n->shm->region);
	free(n->shm);
	n->shm = NULL;
}

int vfs_shm_unmap(sqlite3_file *f, int delete_it)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	struct vfs_node *n = h->node;
	(void)delete_it; /* the next that opens it finds it new anyway: nobody else has it */
	if (!h->mapped) return SQLITE_OK;
	let_go(h, (1u << VFS_SLOTS) - 1);
	h->mapped = false;
	if (h->proc->dead && h->proc->frozen == n) vfs_thaw_shm(h->proc);
	if (--n->shm->mapped == 0) vfs_free_shm(n);
	return SQLITE_OK;
}

/* --- dying --- */

void vfs_drop_locks(struct vfs_handle *h)
{
	let_go(h, (1u << VFS_SLOTS) - 1);
	lower(h, SQLITE_LOCK_NONE);
}

void vfs_freeze_shm(struct vfs_proc *p)
{
	for (struct vfs_handle *h = p->handles; h && !p->frozen; h = h->next) {
		struct vfs_shm *s = h->node->shm;
		if (!h->mapped || !(h->shm_exclusive & 1u << SLOT_WRITE)) continue;
		p->frozen = h->node;
		p->n_copy = s->n;
		p->copy = vfs_new((size_t)s->n * sizeof *p->copy);
		for (int i = 0; i < s->n; i++) {
			p->copy[i] = vfs_new((size_t)s->size);
			memcpy(p->copy[i], s->region[i], (size_t)s->size);
		}
	}
}

void vfs_thaw_shm(struct vfs_proc *p)
{
	struct vfs_shm *s = p->frozen->shm;
	for (int i = 0; i < p->n_copy; i++) {
		if (s && i < s->n) memcpy(s->region[i], p->copy[i], (size_t)s->size);
		free(p->copy[i]);
	}
	free(p->copy);
	p->copy = NULL;
	p->frozen = NULL;
}

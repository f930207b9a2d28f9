/* See vfs.h: the processes and SQLite's methods. Files and power cuts are in vfs_disk.c, locks in vfs_lock.c. */
#include "tests/sim/alloc.h"
#include "tests/sim/vfs_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct vfs_proc *current;
static int64_t now_ms;
static struct sim_rng salts; /* what SQLite asks for: WAL salts */
static unsigned temporary;

void *vfs_longer(void *p, size_t n)
{
	alloc_hold(1);
	void *q = realloc(p, n);
	alloc_hold(-1);
	assert(q);
	return q;
}

void *vfs_new(size_t n)
{
	void *p = vfs_longer(NULL, n ? n : 1);
	memset(p, 0, n);
	return p;
}

/* --- processes --- */

struct vfs_proc *vfs_proc_new(int machine)
{
	struct vfs_proc *p = vfs_new(sizeof *p);
	p->machine = machine;
	return p;
}

void vfs_proc_free(struct vfs_proc *p)
{
	if (!p) return;
	assert(!p->handles);
	if (current == p) current = NULL;
	free(p);
}

void vfs_as(struct vfs_proc *p)
{
	current = p;
}

void vfs_proc_die(struct vfs_proc *p)
{
	if (p->dead) return;
	vfs_freeze_shm(p);
	p->dead = true;
	for (struct vfs_handle *h = p->handles; h; h = h->next)
		vfs_drop_locks(h);
}

bool vfs_proc_dead(const struct vfs_proc *p)
{
	return p->dead;
}

void vfs_proc_die_at(struct vfs_proc *p, int n)
{
	p->die_at = n;
}

void vfs_proc_fail_at(struct vfs_proc *p, int n, int for_how_many)
{
	p->fail_at = n;
	p->fail_n = for_how_many;
}

/* Before every operation that changes something: may it? */
static bool may_change(struct vfs_proc *p)
{
	if (p->dead) return false;
	if (p->die_at && --p->die_at == 0) {
		vfs_proc_die(p);
		return false;
	}
	if (!p->fail_at) return true;
	if (p->fail_at > 1) {
		p->fail_at--;
		return true;
	}
	if (--p->fail_n <= 0) p->fail_at = 0;
	return false;
}

/* --- a file's methods --- */

static int x_close(sqlite3_file *f)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	struct vfs_handle **at = &h->proc->handles;
	(void)vfs_shm_unmap(f, 0);
	vfs_drop_locks(h);
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	h->node->refs--;
	if (h->delete_on_close) h->node->linked = h->node->linked_durable = false;
	vfs_sweep();
	return SQLITE_OK;
}

static int x_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at)
{
	const struct vfs_handle *h = (struct vfs_handle *)f;
	const struct vfs_bytes *b = &h->node->now;
	if (h->proc->dead) return SQLITE_IOERR_READ;
	int64_t have = b->len - at;
	if (have > n) have = n;
	if (have > 0) memcpy(out, b->p + at, (size_t)have);
	if (have >= n) return SQLITE_OK;
	if (have < 0) have = 0;
	memset((char *)out + have, 0, (size_t)(n - have));
	return SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	if (!may_change(h->proc)) return SQLITE_IOERR_WRITE;
	return vfs_disk_write(h->node, at, data, n) ? SQLITE_OK : SQLITE_FULL;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	if (!may_change(h->proc)) return SQLITE_IOERR_TRUNCATE;
	vfs_disk_truncate(h->node, size);
	return SQLITE_OK;
}

static int x_sync(sqlite3_file *f, int flags)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	struct vfs_node *n = h->node;
	(void)flags;
	if (!may_change(h->proc)) return SQLITE_IOERR_FSYNC;
	vfs_disk_sync(n);
	if (h->sync_folder) vfs_sync_folder(n->machine);
	h->sync_folder = false;
	return SQLITE_OK;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *out)
{
	const struct vfs_handle *h = (struct vfs_handle *)f;
	if (h->proc->dead) return SQLITE_IOERR_FSTAT;
	*out = h->node->now.len;
	return SQLITE_OK;
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *f)
{
	(void)f;
	return 4096; /* what the unix VFS says of every disk */
}

/* As the unix VFS: a write does not harm the bytes beside it in its sector. */
static int x_character(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_character,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

/* --- the VFS's methods --- */

static int v_open(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out_flags)
{
	struct vfs_handle *h = (struct vfs_handle *)f;
	char name[64];
	int machine = current ? current->machine : -1;
	(void)v;
	*h = (struct vfs_handle){0};
	if (!current || current->dead) return SQLITE_CANTOPEN;
	if (!path) {
		(void)snprintf(name, sizeof name, "m%d/temporary-%u", machine, temporary++);
		path = name;
		h->delete_on_close = true;
	}
	if (!vfs_machine_of(path, &machine) || machine != current->machine) return SQLITE_CANTOPEN;
	struct vfs_node *n = vfs_find(machine, path);
	if (!n && !(flags & SQLITE_OPEN_CREATE)) return SQLITE_CANTOPEN;
	if (!n) n = vfs_make(machine, path);
	/* as the unix VFS: whoever may have made a journal syncs the folder with its first sync */
	h->sync_folder = (flags & SQLITE_OPEN_CREATE) &&
	                 (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL));
	n->refs++;
	h->base.pMethods = &methods;
	h->node = n;
	h->proc = current;
	h->next = current->handles;
	current->handles = h;
	if (out_flags) *out_flags = flags;
	return SQLITE_OK;
}

static int v_delete(sqlite3_vfs *v, const char *path, int sync)
{
	int machine;
	(void)v;
	if (!vfs_machine_of(path, &machine) || !current || !may_change(current)) return SQLITE_IOERR_DELETE;
	struct vfs_node *n = vfs_find(machine, path);
	if (!n) return SQLITE_IOERR_DELETE_NOENT;
	n->linked = false;
	if (sync) vfs_sync_folder(machine);
	vfs_sweep();
	return SQLITE_OK;
}

static int v_access(sqlite3_vfs *v, const char *path, int flags, int *out)
{
	int machine;
	(void)v;
	(void)flags;
	*out = vfs_machine_of(path, &machine) && vfs_find(machine, path) != NULL;
	return SQLITE_OK;
}

static int v_full(sqlite3_vfs *v, const char *path, int n, char *out)
{
	(void)v;
	return snprintf(out, (size_t)n, "%s", path) < n ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int v_random(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	for (int i = 0; i < n; i++)
		out[i] = (char)sim_u64(&salts);
	return n;
}

static int v_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us; /* one thread: whoever holds the lock cannot let go of it meanwhile */
}

static int v_time(sqlite3_vfs *v, double *out)
{
	(void)v;
	*out = 2440587.5 + (double)now_ms / 86400000.0;
	return SQLITE_OK;
}

static int v_error(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	if (n > 0) *out = '\0';
	return 0;
}

static sqlite3_vfs vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct vfs_handle),
    .mxPathname = 63,
    .zName = "sim",
    .xOpen = v_open,
    .xDelete = v_delete,
    .xAccess = v_access,
    .xFullPathname = v_full,
    .xRandomness = v_random,
    .xSleep = v_sleep,
    .xCurrentTime = v_time,
    .xGetLastError = v_error,
};

void vfs_register(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	int rc = sqlite3_vfs_register(&vfs, 1);
	assert(rc == SQLITE_OK);
	(void)rc;
}

void vfs_time(int64_t ms)
{
	now_ms = ms;
}

void vfs_reset(void)
{
	vfs_disk_reset();
	current = NULL;
	temporary = 0;
	sim_rng_init(&salts, 1, 2);
	sqlite3_randomness(0, NULL); /* seeds its generator anew */
}

/* What the two files of the VFS share. */
#ifndef XINKE_SIM_VFS_PRIVATE_H
#define XINKE_SIM_VFS_PRIVATE_H

#include "tests/sim/vfs.h"

#include <sqlite3.h>

#define VFS_SECTOR 512
#define VFS_SLOTS  8 /* SQLITE_SHM_NLOCK */

/* Bytes that grow. */
struct vfs_bytes {
	uint8_t *p;
	int64_t len, cap;
};

/* A write, or (data NULL) a truncation to AT, since the last sync. */
struct vfs_op {
	int64_t at, len;
	uint8_t *data;
};

struct vfs_shm {
	uint8_t **region;
	int n, size; /* regions, bytes of each */
	int mapped;  /* handles */
	int shared[VFS_SLOTS];
	struct vfs_handle *exclusive[VFS_SLOTS];
};

/* A file. It stays in the list while a folder that was not synced may still lead to it. */
struct vfs_node {
	struct vfs_node *next;
	int machine;
	char name[64];
	struct vfs_bytes now, durable;
	struct vfs_op *ops;
	int n_ops, cap_ops;
	bool linked, linked_durable;
	int refs; /* handles */
	int shared;
	struct vfs_handle *reserved, *pending, *exclusive;
	struct vfs_shm *shm;
};

struct vfs_proc {
	int machine;
	bool dead;
	int die_at, fail_at, fail_n; /* operations from now; 0 = never */
	struct vfs_handle *handles;
	/* What of a wal-index its transaction had written when it died; given back when the handle closes. */
	struct vfs_node *frozen;
	uint8_t **copy;
	int n_copy;
};

struct vfs_handle {
	sqlite3_file base; /* first */
	struct vfs_node *node;
	struct vfs_proc *proc;
	struct vfs_handle *next; /* of the process */
	int level;
	bool sync_folder; /* a new journal: its first sync makes its name durable */
	bool mapped;
	unsigned shm_shared, shm_exclusive; /* bits of slots */
	bool delete_on_close;
};

/* New zeroed bytes, or P made longer (not zeroed); never NULL, and never a part of a run's want of memory. */
void *vfs_new(size_t n);
void *vfs_longer(void *p, size_t n);

/* --- vfs_disk.c --- */

/* The file of that name, or NULL. */
struct vfs_node *vfs_find(int machine, const char *name);
struct vfs_node *vfs_make(int machine, const char *name);
/* Frees what no name leads to any more, on disk or off. */
void vfs_sweep(void);
/* All names of a machine's folder as they are now are durable. */
void vfs_sync_folder(int machine);
/* The machine of a path "m<number>/..."; false when it is no such path. */
bool vfs_machine_of(const char *path, int *machine);
/* False when the disk is full. */
bool vfs_disk_write(struct vfs_node *n, int64_t at, const void *data, int64_t len);
void vfs_disk_truncate(struct vfs_node *n, int64_t len);
void vfs_disk_sync(struct vfs_node *n);
void vfs_disk_reset(void);

/* --- vfs_lock.c --- */

int vfs_lock(sqlite3_file *f, int level);
int vfs_unlock(sqlite3_file *f, int level);
int vfs_check_reserved(sqlite3_file *f, int *out);
int vfs_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out);
int vfs_shm_lock(sqlite3_file *f, int offset, int n, int flags);
void vfs_shm_barrier(sqlite3_file *f);
int vfs_shm_unmap(sqlite3_file *f, int delete_it);
/* Lets go of every lock of H. */
void vfs_drop_locks(struct vfs_handle *h);
/* Keeps the wal-index as the dying process left it, for its own clean-up must not be seen. */
void vfs_freeze_shm(struct vfs_proc *p);
void vfs_thaw_shm(struct vfs_proc *p);
void vfs_free_shm(struct vfs_node *n);

#endif

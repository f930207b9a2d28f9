/* A disk in memory for SQLite, which loses at a power cut what a disk may lose.
 *
 * Several machines, told apart by the first part of a file's name ("m3/ledger.db"), each with its processes. What was
 * written since a file's last sync waits in a list; at vfs_crash each 512-byte sector of it is kept, dropped or torn.
 * A file that was made or deleted since its folder was last synced may be there or not. A process that died gets no
 * I/O any more, so that its connections can be closed without writing. All storage is the process's own; one thread. */
#ifndef XINKE_SIM_VFS_H
#define XINKE_SIM_VFS_H

#include "tests/sim/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFS_MACHINES 16

struct vfs_proc;  /* opaque: one process on a machine */
struct vfs_image; /* opaque: the files of a machine */

/* Makes this the default VFS of SQLite. Call once, before anything else. */
void vfs_register(void);
/* Forgets all files. Nothing may be open. */
void vfs_reset(void);

/* --- processes --- */

/* New (free with vfs_proc_free). */
struct vfs_proc *vfs_proc_new(int machine);
/* Its connections must be closed. NULL is legal. */
void vfs_proc_free(struct vfs_proc *p);
/* What is opened from now on belongs to P. NULL = to nobody (and opening fails). */
void vfs_as(struct vfs_proc *p);
/* Dies: no I/O from now on, its locks are gone. Its connections must be closed before another process writes. */
void vfs_proc_die(struct vfs_proc *p);
bool vfs_proc_dead(const struct vfs_proc *p);
/* Dies before its N-th write, sync, truncation or deletion from now on; 0 = never mind. */
void vfs_proc_die_at(struct vfs_proc *p, int n);
/* The N-th such operation from now on fails with an I/O error, and as many as FOR_HOW_MANY in a row. */
void vfs_proc_fail_at(struct vfs_proc *p, int n, int for_how_many);

/* --- machines --- */

/* The power goes: what was not synced is kept, dropped or torn by R. Its processes must have died and be closed. */
void vfs_crash(int machine, struct sim_rng *r);
/* The disk takes no more than BYTES in all files; 0 = no limit. */
void vfs_limit(int machine, int64_t bytes);
/* Bytes of all files. */
int64_t vfs_used(int machine);
/* The files as they are now, running or not: what its processes have written, whether synced or not. New. */
struct vfs_image *vfs_save(int machine);
/* Replaces the machine's files, all of them durable. Nothing of it may be open. */
void vfs_load(int machine, const struct vfs_image *image);
void vfs_image_free(struct vfs_image *image);

struct vfs_counts {
	int64_t writes, syncs, crashes, kept, dropped, torn;
};
/* Since vfs_reset. */
struct vfs_counts vfs_counted(void);

/* The time that SQLite sees, Unix ms. */
void vfs_time(int64_t ms);

#endif

/* The disks of the VFS: bytes, files, names, and what a power cut does to them. See vfs.h. */
#include "tests/sim/vfs_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct vfs_node *nodes;
static int64_t limits[VFS_MACHINES];
static struct vfs_counts counts;

/* --- bytes --- */

static void resize(struct vfs_bytes *b, int64_t len)
{
	if (len > b->cap) {
		int64_t cap = b->cap ? b->cap : 4096;
		while (cap < len)
			cap *= 2;
		b->p = vfs_longer(b->p, (size_t)cap);
		b->cap = cap;
	}
	if (len > b->len) memset(b->p + b->len, 0, (size_t)(len - b->len));
	b->len = len;
}

static void put(struct vfs_bytes *b, int64_t at, const uint8_t *data, int64_t len)
{
	if (at + len > b->len) resize(b, at + len);
	memcpy(b->p + at, data, (size_t)len);
}

static void copy_bytes(struct vfs_bytes *to, const struct vfs_bytes *from)
{
	if (from->len > to->cap) {
		free(to->p);
		to->p = vfs_longer(NULL, (size_t)from->len);
		to->cap = from->len;
	}
	to->len = from->len;
	if (from->len) memcpy(to->p, from->p, (size_t)from->len);
}

/* --- nodes --- */

struct vfs_node *vfs_find(int machine, const char *name)
{
	for (struct vfs_node *n = nodes; n; n = n->next)
		if (n->linked && n->machine == machine && strcmp(n->name, name) == 0) return n;
	return NULL;
}

struct vfs_node *vfs_make(int machine, const char *name)
{
	struct vfs_node *n = vfs_new(sizeof *n);
	n->machine = machine;
	(void)snprintf(n->name, sizeof n->name, "%s", name);
	n->linked = true;
	n->next = nodes;
	nodes = n;
	return n;
}

static void forget_ops(struct vfs_node *n)
{
	for (int i = 0; i < n->n_ops; i++)
		free(n->ops[i].data);
	n->n_ops = 0;
}

static void free_node(struct vfs_node *n)
{
	assert(n->refs == 0);
	forget_ops(n);
	vfs_free_shm(n);
	free(n->ops);
	free(n->now.p);
	free(n->durable.p);
	free(n);
}

void vfs_sweep(void)
{
	for (struct vfs_node **at = &nodes; *at;) {
		struct vfs_node *n = *at;
		if (n->linked || n->linked_durable || n->refs) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free_node(n);
	}
}

void vfs_sync_folder(int machine)
{
	for (struct vfs_node *n = nodes; n; n = n->next)
		if (n->machine == machine) n->linked_durable = n->linked;
	vfs_sweep();
}

static void remember(struct vfs_node *n, int64_t at, const void *data, int64_t len)
{
	if (n->n_ops == n->cap_ops) {
		n->cap_ops = n->cap_ops ? n->cap_ops * 2 : 16;
		n->ops = vfs_longer(n->ops, (size_t)n->cap_ops * sizeof *n->ops);
	}
	struct vfs_op *op = &n->ops[n->n_ops++];
	*op = (struct vfs_op){.at = at, .len = len};
	if (!data) return;
	op->data = vfs_new((size_t)len);
	memcpy(op->data, data, (size_t)len);
}

bool vfs_disk_write(struct vfs_node *n, int64_t at, const void *data, int64_t len)
{
	int64_t limit = limits[n->machine], grow = at + len - n->now.len;
	if (limit && grow > 0 && vfs_used(n->machine) + grow > limit) return false;
	put(&n->now, at, data, len);
	remember(n, at, data, len);
	counts.writes++;
	return true;
}

void vfs_disk_truncate(struct vfs_node *n, int64_t len)
{
	resize(&n->now, len);
	remember(n, len, NULL, 0);
}

static void do_op(struct vfs_bytes *b, const struct vfs_op *op)
{
	if (op->data)
		put(b, op->at, op->data, op->len);
	else
		resize(b, op->at);
}

void vfs_disk_sync(struct vfs_node *n)
{
	for (int i = 0; i < n->n_ops; i++)
		do_op(&n->durable, &n->ops[i]);
	forget_ops(n);
	counts.syncs++;
}

bool vfs_machine_of(const char *path, int *machine)
{
	return sscanf(path, "m%d/", machine) == 1 && *machine >= 0 && *machine < VFS_MACHINES;
}

int64_t vfs_used(int machine)
{
	int64_t sum = 0;
	for (struct vfs_node *n = nodes; n; n = n->next)
		if (n->linked && n->machine == machine) sum += n->now.len;
	return sum;
}

/* --- machines --- */

/* What becomes of one sector's part of a write. */
static void sector(struct vfs_bytes *b, int64_t at, const uint8_t *data, int64_t len, int keep, struct sim_rng *r)
{
	if (sim_chance(r, keep)) {
		put(b, at, data, len);
		counts.kept++;
	} else if (len > 1 && sim_chance(r, 250)) {
		int64_t cut = sim_range(r, 1, len - 1);
		if (sim_chance(r, 500))
			put(b, at, data, cut);
		else
			put(b, at + cut, data + cut, len - cut);
		counts.torn++;
	} else {
		counts.dropped++;
	}
}

static void crash_node(struct vfs_node *n, int keep, struct sim_rng *r)
{
	for (int i = 0; i < n->n_ops; i++) {
		const struct vfs_op *op = &n->ops[i];
		if (!op->data) {
			if (sim_chance(r, keep)) resize(&n->durable, op->at);
			continue;
		}
		for (int64_t at = op->at, len; at < op->at + op->len; at += len) {
			len = VFS_SECTOR - at % VFS_SECTOR;
			if (len > op->at + op->len - at) len = op->at + op->len - at;
			sector(&n->durable, at, op->data + (at - op->at), len, keep, r);
		}
	}
	forget_ops(n);
	copy_bytes(&n->now, &n->durable);
}

/* Of a name that was made or deleted and not synced, the disk has the old or the new. */
static void crash_name(struct vfs_node *n, struct sim_rng *r)
{
	if (n->linked != n->linked_durable) n->linked = sim_chance(r, 500);
	for (struct vfs_node *o = nodes; o && n->linked; o = o->next)
		if (o != n && o->linked && o->machine == n->machine && strcmp(o->name, n->name) == 0) o->linked = false;
}

void vfs_crash(int machine, struct sim_rng *r)
{
	static const int keeps[] = {0, 100, 500, 900, 1000};
	int keep = keeps[sim_draw(r, 5)];
	counts.crashes++;
	for (struct vfs_node *n = nodes; n; n = n->next) {
		if (n->machine != machine) continue;
		assert(n->refs == 0);
		crash_node(n, keep, r);
	}
	for (struct vfs_node *n = nodes; n; n = n->next)
		if (n->machine == machine) crash_name(n, r);
	vfs_sync_folder(machine);
}

struct vfs_image {
	struct vfs_image *next;
	char name[64]; /* without the machine */
	struct vfs_bytes data;
};

struct vfs_image *vfs_save(int machine)
{
	struct vfs_image *all = NULL;
	for (struct vfs_node *n = nodes; n; n = n->next) {
		if (!n->linked || n->machine != machine) continue;
		struct vfs_image *one = vfs_new(sizeof *one);
		(void)snprintf(one->name, sizeof one->name, "%s", strchr(n->name, '/'));
		copy_bytes(&one->data, &n->now);
		one->next = all;
		all = one;
	}
	return all;
}

void vfs_load(int machine, const struct vfs_image *image)
{
	for (struct vfs_node *n = nodes; n; n = n->next)
		if (n->machine == machine) n->linked = false;
	vfs_sync_folder(machine);
	for (; image; image = image->next) {
		char name[64];
		(void)snprintf(name, sizeof name, "m%d%.50s", machine, image->name);
		struct vfs_node *n = vfs_make(machine, name);
		copy_bytes(&n->now, &image->data);
		copy_bytes(&n->durable, &image->data);
		n->linked_durable = true;
	}
}

void vfs_image_free(struct vfs_image *image)
{
	while (image) {
		struct vfs_image *next = image->next;
		free(image->data.p);
		free(image);
		image = next;
	}
}

/* --- what is told --- */

struct vfs_counts vfs_counted(void)
{
	return counts;
}

void vfs_limit(int machine, int64_t bytes)
{
	limits[machine] = bytes;
}

void vfs_disk_reset(void)
{
	for (struct vfs_node *n = nodes; n; n = n->next)
		n->linked = n->linked_durable = false;
	vfs_sweep();
	assert(!nodes);
	memset(limits, 0, sizeof limits);
	counts = (struct vfs_counts){0};
}

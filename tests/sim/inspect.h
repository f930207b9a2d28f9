/* Looking at a machine's database beside its processes, by SQL of our own: what the product says of itself is not taken
 * for granted. */
#ifndef XINKE_SIM_INSPECT_H
#define XINKE_SIM_INSPECT_H

#include "shared/uuid.h"
#include "tests/sim/vfs.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct world;
struct box;

struct inspect {
	struct vfs_proc *p;
	sqlite3 *h;
};

/* Opens the database of MACHINE (0 = the county's). Exits where it cannot. */
void inspect_open(struct inspect *x, int machine);
void inspect_close(struct inspect *x);
/* A statement with up to two parameters: text or NULL, 16 bytes or NULL. Finalise it. */
sqlite3_stmt *inspect_query(struct inspect *x, const char *sql, const char *text, const uint8_t *id);
int64_t inspect_number(struct inspect *x, const char *sql);
/* A disk was lost: what nobody has any more, though it was acknowledged, is not asked for again. */
void inspect_excuse(struct world *w);

/* The disk of B spoils the last event that was not sent: its body (BODY), or a column that its hash covers. */
void inspect_rot(struct world *w, struct box *b, bool body);

#endif

/* The box's time, kept beside its events: the floor, the county's time of this boot, and the event that says by how much
 * the clock was off. Called by the courier when the county has signed a time, and by every opening. See courier.h. */
#include "shared/ledger/courier.h"
#include "shared/ledger/internal.h"
#include "shared/ledger/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOOR_STEP_MS (10 * 60000LL) /* the floor is written when it rose by this much: not at every answer */
#define SHOWN_MS      1000           /* a smaller difference is none */
#define BASE_STEP_MS  30000          /* likewise the county's time of this boot */

/* The county's time at boot, as it is stored: of this boot, or 0. */
static int stored_base(struct ledger *l, int64_t *base, struct err *e)
{
	char text[96], boot[UUID_TEXT];
	*base = 0;
	int rc = ledger_meta_text(l, "clock_base", text, sizeof text, e);
	if (!rc && (sscanf(text, "%36s %" SCNd64, boot, base) != 2 || strcmp(boot, l->clock->boot) != 0)) *base = 0;
	return rc;
}

int ledger_clock_load(struct ledger *l, struct err *e)
{
	int64_t floor = 0, base = 0;
	int rc = ledger_meta_int(l, "floor", 0, &floor, e);
	if (!rc) rc = stored_base(l, &base, e);
	if (rc) return rc;
	int64_t mono = clock_read(l->clock).mono;
	if (base) clock_told(l->clock, base + mono, mono);
	clock_raise_floor(l->clock, floor);
	return ERR_OK;
}

int ledger_clock_corrected(struct ledger *l, const struct event *ev, int64_t *out, struct err *e)
{
	*out = 0;
	if (ev->quality == CLOCK_SYNCED || !*ev->boot) return ERR_OK;
	struct db_stmt *q = db_query(l->db, Q_clock_fixed, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "boot", ev->boot);
	int r = db_step(q, e);
	if (r > 0) *out = db_int(q, 0) - (db_int(q, 1) - ev->mono);
	db_reset(q);
	if (llabs(*out - ev->at) < SHOWN_MS) *out = 0;
	return r < 0 ? -r : ERR_OK;
}

static int keep_base(struct ledger *l, struct err *e)
{
	char text[96];
	(void)snprintf(text, sizeof text, "%s %" PRId64, l->clock->boot, (int64_t)l->clock->base);
	return ledger_meta_set_text(l, "clock_base", text, e);
}

static int append_fixed(struct ledger *l, int64_t offset, int64_t error, struct err *e)
{
	struct ledger_call call = {.actor = "system", .device = "", .now = ledger_now(l)};
	json_t *body = json_pack("{s:s,s:I,s:I}", "boot", l->clock->boot, "offset", (json_int_t)offset, "error",
	                         (json_int_t)error);
	uuid_random(call.key);
	int rc =
	    body ? ledger_append(l, &call, NULL, EVENT_CLOCK_FIXED, body, e) : err_set(e, ERR_NOMEM, "clock_fixed");
	json_decref(body);
	return rc;
}

int ledger_clock_told(struct ledger *l, int64_t now, int64_t error, bool *fixed, struct err *e)
{
	int64_t floor = 0, base = 0;
	struct clock_now was = clock_read(l->clock);
	int64_t offset = now - was.wall;
	*fixed = was.quality == CLOCK_FLOOR || llabs(offset) > CLOCK_OFF_MS;
	clock_told(l->clock, now, was.mono);
	clock_raise_floor(l->clock, now);
	int rc = ledger_meta_int(l, "floor", 0, &floor, e);
	if (!rc) rc = stored_base(l, &base, e);
	bool raise = now >= floor + FLOOR_STEP_MS || now < floor;
	bool move = llabs(base - l->clock->base) > BASE_STEP_MS;
	if (rc || (!raise && !move && !*fixed)) return rc;
	rc = ledger_begin(l, e);
	if (!rc && raise) rc = ledger_meta_set_int(l, "floor", now, e);
	if (!rc && move) rc = keep_base(l, e);
	if (!rc && *fixed && ledger_identity(l)->enrolled) rc = append_fixed(l, offset, error, e);
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}

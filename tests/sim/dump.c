/* Canonical dumps of a station's events, case by case, as the box has them and as the county has them. See
 * invariants.h. What was refused is listed apart, for it has no place in the county's order of a case. */
#include "shared/buf.h"
#include "shared/canon.h"
#include "shared/event.h"
#include "shared/json_parse.h"
#include "shared/ledger/read.h"
#include "shared/text.h"
#include "sync/county/casefile.h"
#include "tests/sim/inspect.h"
#include "tests/sim/invariants.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_MAX (4 << 20)

struct dump {
	struct buf settled, refused;
	const char *station;
	bool open; /* an own event has no verdict yet: the county holds it, the box counts it on top */
};

static void init(struct dump *d, const char *station)
{
	d->open = false;
	buf_init(&d->settled, DUMP_MAX);
	buf_init(&d->refused, DUMP_MAX);
	d->station = station;
}

static void release(struct dump *d)
{
	buf_release(&d->settled);
	buf_release(&d->refused);
}

/* SHA-256 of the canonical body, "-" where it was erased. */
static void body_line(struct buf *out, const char *body)
{
	json_t *j = NULL;
	struct buf b;
	uint8_t sum[DIGEST_LEN];
	char hex[TEXT_HEX_LEN(DIGEST_LEN)] = "-";
	buf_init(&b, DUMP_MAX);
	if (body && !json_parse_strict(body, strlen(body), 64, &j, NULL) && !canon_write(j, &b, NULL)) {
		digest_sha256(b.data, b.len, sum);
		text_hex(sum, 8, hex);
	}
	json_decref(j);
	buf_release(&b);
	buf_addf(out, " %s\n", hex);
}

static void line(struct dump *d, const char *origin, const uint8_t *id, const char *type, const char *code,
                 const char *body)
{
	char text[UUID_TEXT];
	uuid_text(id, text);
	if (!code) {
		buf_addf(&d->settled, "%s %s %s", origin, text, type);
		body_line(&d->settled, body);
	} else if (strcmp(origin, d->station) == 0 && strcmp(code, "held") != 0 && strcmp(code, "id_reused") != 0 &&
	           strcmp(code, "unreadable") != 0) { /* the last two have no row of their own at the county */
		buf_addf(&d->refused, "%s %s %s\n", text, type, code);
	}
}

static bool box_row(const struct ledger_history *h, void *arg)
{
	struct dump *d = arg;
	if (h->own && h->sync != SYNC_SETTLED && h->sync != SYNC_REFUSED) {
		d->open = true;
		return true;
	}
	line(d, h->ev.origin, h->ev.id, h->ev.type, h->own && h->sync == SYNC_REFUSED ? h->code : NULL, h->ev.body);
	return true;
}

static void county_rows(struct inspect *county, const uint8_t *id, struct dump *d)
{
	sqlite3_stmt *s = inspect_query(
	    county, "SELECT station, id, type, code, body FROM events WHERE case_id = ?1 ORDER BY place", NULL, id);
	while (sqlite3_step(s) == SQLITE_ROW)
		line(d, (const char *)sqlite3_column_text(s, 0), sqlite3_column_blob(s, 1),
		     (const char *)sqlite3_column_text(s, 2), (const char *)sqlite3_column_text(s, 3),
		     (const char *)sqlite3_column_text(s, 4));
	(void)sqlite3_finalize(s);
}

/* The first line in which A and B differ. */
static void differ(struct world *w, const struct box *b, const char *what, const char *x, const char *y)
{
	while (*x && *y) {
		size_t n = strcspn(x, "\n"), m = strcspn(y, "\n");
		if (n != m || strncmp(x, y, n) != 0) break;
		x += n + 1;
		y += m + 1;
	}
	world_fail(w, "both dumps are equal", "box %d, %s: here \"%.*s\", at the county \"%.*s\"", b->i, what,
	           (int)strcspn(x, "\n"), x, (int)strcspn(y, "\n"), y);
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Refusals in the order of their ids: they have no other on both sides. */
static char *sorted(const struct buf *b)
{
	char *copy = strdup(b->len ? b->data : ""), *lines[256];
	char *out = calloc(1, b->len + 1);
	size_t n = 0, at = 0;
	for (char *p = copy; *p && n < 256; p += strlen(p) + 1) {
		p[strcspn(p, "\n")] = '\0';
		lines[n++] = p;
	}
	qsort(lines, n, sizeof *lines, by_line);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, b->len + 1 - at, "%s\n", lines[i]);
	free(copy);
	return out;
}

/* False where the county holds an event of the case: then the two views differ rightly. */
static bool compare_events(struct world *w, struct box *b, struct inspect *county, const uint8_t *id)
{
	struct dump here, there;
	struct err e = {0};
	init(&here, b->station);
	init(&there, b->station);
	vfs_as(b->gp);
	int rc = ledger_case_history(b->gw, id, box_row, &here, &e);
	if (rc && rc != (int)ERR_NOTFOUND) world_fail(w, "both dumps are equal", "box %d: %s", b->i, e.msg);
	county_rows(county, id, &there);
	const char *x = here.settled.len ? here.settled.data : "", *y = there.settled.len ? there.settled.data : "";
	if (strcmp(x, y) != 0) differ(w, b, "settled", x, y);
	char *rx = sorted(&here.refused), *ry = sorted(&there.refused);
	if (strcmp(rx, ry) != 0) differ(w, b, "refused", rx, ry);
	free(rx);
	free(ry);
	bool open = here.open;
	release(&here);
	release(&there);
	return !open;
}

static void compare_views(struct world *w, struct box *b, const uint8_t *id)
{
	struct ledger_case k = {0};
	struct caseview v = {0};
	struct err e = {0}, e2 = {0};
	struct buf x, y;
	struct office *o = office_any(w);
	buf_init(&x, DUMP_MAX);
	buf_init(&y, DUMP_MAX);
	int there = o ? casefile_get(o->s, id, &v, &e) : (int)ERR_IO;
	vfs_as(b->gp);
	int here = ledger_case_get(b->gw, id, &k, &e2);
	size_t same = 0;
	if (!there && here) {
		world_fail(w, "both dumps are equal", "box %d lacks a case that it follows: %s", b->i, e2.msg);
	} else if (!there) {
		(void)caseview_doc(&k.view, &x, &e);
		(void)caseview_doc(&v, &y, &e);
		if (k.view.state != v.state || strcmp(k.view.holder, v.holder) != 0 ||
		    strcmp(k.view.receipt, v.receipt) != 0 || strcmp(x.data, y.data) != 0)
			world_fail(w, "both dumps are equal",
			           "box %d: case %s stands at %s with %s, at the county %s with %s", b->i,
			           k.view.receipt, state_name(k.view.state), k.view.holder, state_name(v.state),
			           v.holder);
		while (*w->failed && x.data[same] && x.data[same] == y.data[same])
			same++;
		if (*w->failed) /* from a little before the first difference on */
			world_trace(w, "here %.200s, at the county %.200s", x.data + (same > 40 ? same - 40 : 0),
			            y.data + (same > 40 ? same - 40 : 0));
	} else if (!here && k.sync == SYNC_SETTLED) {
		world_fail(w, "both dumps are equal", "box %d has case %s, the county does not", b->i, k.view.receipt);
	}
	buf_release(&x);
	buf_release(&y);
	ledger_case_release(&k);
	caseview_release(&v);
}

void invariants_dumps(struct world *w, struct box *b)
{
	struct inspect county, box;
	inspect_open(&county, 0);
	sqlite3_stmt *s = inspect_query(&county, "SELECT case_id FROM followers WHERE station = ?1", b->station, NULL);
	while (!*w->failed && sqlite3_step(s) == SQLITE_ROW) {
		uint8_t id[UUID_LEN];
		memcpy(id, sqlite3_column_blob(s, 0), UUID_LEN);
		if (compare_events(w, b, &county, id)) compare_views(w, b, id);
	}
	(void)sqlite3_finalize(s);
	inspect_open(&box, b->machine);
	s = inspect_query(&box, "SELECT id FROM cases", NULL, NULL);
	while (!*w->failed && sqlite3_step(s) == SQLITE_ROW) {
		uint8_t id[UUID_LEN];
		memcpy(id, sqlite3_column_blob(s, 0), UUID_LEN);
		if (compare_events(w, b, &county, id)) compare_views(w, b, id);
	}
	(void)sqlite3_finalize(s);
	inspect_close(&box);
	inspect_close(&county);
}

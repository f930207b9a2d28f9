/* The columns and tables that lists are made from, against what the events and the calendar give; see verify.h. */
#include "sync/county/verify_internal.h"

#include "shared/files.h"
#include "sync/county/casefile.h"
#include "sync/county/dues.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int verify_holder(struct verify *x, const struct caseview *v, struct err *e)
{
	for (size_t i = 0; i < x->n_holders; i++)
		if (strcmp(x->holders[i], v->holder) == 0) return ERR_OK;
	char(*more)[CASEVIEW_OFFICE_MAX] = realloc(x->holders, (x->n_holders + 1) * sizeof *more);
	if (!more) return err_set(e, ERR_NOMEM, "verify");
	x->holders = more;
	memcpy(more[x->n_holders++], v->holder, sizeof *more);
	return ERR_OK;
}

static int check_held(struct verify *x, const struct caseview *v, const char *department, const char *id, struct err *e)
{
	for (size_t i = 0; i < x->n_holders; i++) {
		const char *office = x->holders[i];
		if (!casefile_held_notes(office, department)) continue;
		struct db_stmt *q = db_query(x->s->db, Q_held_has, e);
		if (!q) return ERR_IO;
		db_bind_text(q, "office", office);
		db_bind_int(q, "received_at", v->received_at);
		db_bind_blob(q, "case_id", v->id, UUID_LEN);
		int r = db_step(q, e);
		db_reset(q);
		if (r < 0) return -r;
		if (!r) verify_fault(x, "case %s: an office that held it does not see it any more", id);
		x->held += r > 0;
	}
	return ERR_OK;
}

struct links {
	struct verify *x;
	const uint8_t *case_id;
	int64_t named, missing;
	struct err *e;
};

static int look_for(const struct file_ref *file, void *arg)
{
	struct links *l = arg;
	struct db_stmt *q = db_query(l->x->s->db, Q_case_file_has, l->e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", l->case_id, UUID_LEN);
	db_bind_blob(q, "sha256", file->sha256, DIGEST_LEN);
	int r = db_step(q, l->e);
	db_reset(q);
	l->named++;
	l->missing += r == 0;
	return r < 0 ? -r : ERR_OK;
}

/* Photos and papers: those that the case names are noted, and no others. */
int verify_files(struct verify *x, const struct caseview *v, const char *id, struct err *e)
{
	struct links l = {.x = x, .case_id = v->id, .e = e};
	int rc = files_each(json_object_get(v->doc, "materials"), look_for, &l);
	struct db_stmt *q = rc ? NULL : db_query(x->s->db, Q_case_file_count, e);
	if (!q) return rc ? rc : (int)ERR_IO;
	db_bind_blob(q, "case_id", v->id, UUID_LEN);
	int r = db_step(q, e);
	int64_t noted = r > 0 ? db_int(q, 0) : 0;
	db_reset(q);
	/* one that two materials name is noted once */
	if (r >= 0 && (l.missing || noted > l.named || (!noted && l.named)))
		verify_fault(x, "case %s: its files are not what its events name", id);
	return r < 0 ? -r : ERR_OK;
}

int verify_kept(struct verify *x, const struct caseview *v, const char *id, struct err *e)
{
	char department[sizeof((struct casefile *)NULL)->department];
	struct due kept, due = {0};
	struct db_stmt *q = db_query(x->s->db, Q_case_kept, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "id", v->id, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : ERR_OK;
	db_copy_text(q, 0, department, sizeof department);
	kept = (struct due){.day = db_int(q, 1), .warn = db_int(q, 2), .paused = db_int(q, 3) != 0};
	db_reset(q);
	int rc = x->dues ? dues_of(x->s, v, &due, e) : ERR_OK;
	if (!rc && x->dues && !dues_same(&due, &kept))
		verify_fault(x, "case %s: its due day is not what the calendar gives", id);
	return rc ? rc : check_held(x, v, department, id, e);
}

/* What is noted and follows from no event lets an office see what is not for it. */
int verify_held(struct verify *x, struct err *e)
{
	struct db_stmt *q = db_query(x->s->db, Q_held_all, e);
	if (!q) return ERR_IO;
	int r = db_step(q, e);
	int64_t n = r > 0 ? db_int(q, 0) : 0;
	db_reset(q);
	if (r < 0) return -r;
	if (n > x->held) verify_fault(x, "%" PRId64 " cases are noted for offices that never held them", n - x->held);
	return ERR_OK;
}

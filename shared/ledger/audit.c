/* See audit.h. Written by the gateway's worker and writer, by the courier for the county's orders, and by `xinke staff`. */
#include "shared/ledger/audit.h"
#include "shared/ledger/internal.h"

#include "shared/text.h"

#include <string.h>

#define TEXT_MAX   200  /* characters of subject and reason */
#define PURGE_ROWS 5000 /* removed at once: a transaction must be short */
#define DAY_MS     86400000LL

static const char *const names[AUDIT_COUNT] = {
#define AUDIT(id, name) [AUDIT_##id] = (name),
#include "shared/ledger/audit.def"
#undef AUDIT
};

const char *audit_action_name(enum audit_action a)
{
	return names[a];
}

bool audit_action_parse(const char *name, enum audit_action *out)
{
	for (int i = 0; i < AUDIT_COUNT; i++) {
		if (strcmp(names[i], name) != 0) continue;
		*out = (enum audit_action)i;
		return true;
	}
	return false;
}

int ledger_audit(struct ledger *l, const struct audit_actor *by, const struct audit_entry *what, struct err *e)
{
	const char *subject = what->subject ? what->subject : "", *reason = what->reason ? what->reason : "";
	struct clock_now now = ledger_now(l);
	if (text_utf8_count(subject, strlen(subject)) > TEXT_MAX || text_utf8_count(reason, strlen(reason)) > TEXT_MAX)
		return err_set(e, ERR_INVALID, "audit: subject or reason is too long");
	struct db_stmt *s = db_query(l->db, Q_audit_insert, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "at", now.wall);
	db_bind_int(s, "clock", now.quality);
	if (by->staff)
		db_bind_int(s, "staff", by->staff);
	else
		db_bind_null(s, "staff");
	db_bind_text(s, "name", by->name ? by->name : "");
	db_bind_text(s, "device", by->device ? by->device : "");
	db_bind_text(s, "peer", by->peer ? by->peer : "");
	db_bind_text(s, "action", names[what->action]);
	db_bind_text(s, "subject", subject);
	db_bind_text(s, "reason", reason);
	db_bind_text(s, "outcome", what->refused ? "refused" : "done");
	return db_run(s, e);
}

static struct db_stmt *list_query(struct ledger *l, const struct audit_page *p, struct err *e)
{
	size_t q = p->staff ? (p->action ? Q_audit_list_both : Q_audit_list_staff)
	                    : (p->action ? Q_audit_list_action : Q_audit_list);
	struct db_stmt *s = db_query(l->db, q, e);
	if (!s) return NULL;
	if (p->staff) db_bind_int(s, "staff", p->staff);
	if (p->action) db_bind_text(s, "action", p->action);
	db_bind_int(s, "before", p->before);
	db_bind_int(s, "limit", p->limit + 1);
	return s;
}

int ledger_audit_list(struct ledger *l, const struct audit_page *page, void (*fn)(const struct audit_row *, void *),
                      void *arg, bool *more, struct err *e)
{
	int r = 0, n = 0;
	*more = false;
	struct db_stmt *s = list_query(l, page, e);
	if (!s) return ERR_IO;
	while (n <= page->limit && (r = db_step(s, e)) > 0) {
		*more = n++ == page->limit;
		if (*more) break;
		struct audit_row row = {.n = db_int(s, 0),
		                        .at = db_int(s, 1),
		                        .quality = (enum clock_quality)db_int(s, 2),
		                        .staff = db_int(s, 3),
		                        .name = db_text(s, 4),
		                        .device = db_text(s, 5),
		                        .peer = db_text(s, 6),
		                        .action = db_text(s, 7),
		                        .subject = db_text(s, 8),
		                        .reason = db_text(s, 9),
		                        .outcome = db_text(s, 10)};
		fn(&row, arg);
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_audit_purge(struct ledger *l, int64_t days, int64_t *removed, struct err *e)
{
	int64_t now = 0;
	*removed = 0;
	if (days < LEDGER_AUDIT_DAYS_MIN)
		return err_set(e, ERR_INVALID, "the audit is kept %d days or more", LEDGER_AUDIT_DAYS_MIN);
	int rc = ledger_meta_int(l, "floor", 0, &now, e);
	if (rc || now <= days * DAY_MS) return rc;
	struct db_stmt *s = db_query(l->db, Q_audit_purge, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "before", now - days * DAY_MS);
	db_bind_int(s, "limit", PURGE_ROWS);
	rc = db_run(s, e);
	if (!rc) *removed = db_changes(l->db);
	return rc;
}

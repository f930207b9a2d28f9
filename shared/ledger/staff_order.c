/* The county's orders on a station's accounts, as the feed brings them. See staff.h and sync/PROTOCOL.md, section 5.
 *
 * Accounts are no projection: they are changed here too. So each entry is applied once, and the number of the last one is
 * kept (meta "staff_feed"): a rebuild passes all of them over and brings no old password back. */
#include "shared/ledger/internal.h"
#include "shared/ledger/staff.h"

#include "shared/fields.h"

#include <string.h>

#define MARK_KEY "staff_feed"

static const struct field shape[] = {
    {.name = "name", .kind = FIELD_NAME, .flags = FIELD_REQUIRED},
    {.name = "display", .kind = FIELD_NAME},
    {.name = "role", .kind = FIELD_ENUM, .words = "clerk|lead|technician"},
    {.name = "password", .kind = FIELD_LINE, .min = 1, .max = PASSWORD_HASH_MAX - 1},
    {.name = "disabled", .kind = FIELD_BOOL},
    {.name = "reset", .kind = FIELD_BOOL},
    {.name = "by", .kind = FIELD_LINE, .min = 1, .max = 64},
    {.name = NULL},
};

static const char *text_or_null(const json_t *body, const char *name)
{
	return json_string_value(fields_get(body, name));
}

static int apply(struct ledger *l, const struct staff_actor *by, const json_t *body, struct problem *p, struct err *e)
{
	struct staff s;
	int64_t id = 0;
	struct err none = {0};
	const char *name = fields_text(body, "name");
	const json_t *disabled = fields_get(body, "disabled");
	struct staff_change c = {.display = text_or_null(body, "display"),
	                         .role = text_or_null(body, "role"),
	                         .password = text_or_null(body, "password"),
	                         .once = json_is_true(fields_get(body, "reset")),
	                         .disabled = disabled ? json_is_true(disabled) : -1};
	int rc = ledger_staff_named(l, name, &s, &none);
	if (!rc) return ledger_staff_change(l, by, s.id, &c, p, e);
	if (rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	if (!c.display) c.display = name;
	if (c.role && c.password) return ledger_staff_add(l, by, name, &c, &id, p, e);
	problem_set(p, PROBLEM_NOT_FOUND, NULL); /* nothing to disable or to reset here */
	return ERR_OK;
}

static int order(struct ledger *l, const json_t *body, struct err *e)
{
	struct problem p = {0};
	const char *by = text_or_null(body, "by");
	const struct staff_actor county = {.rank = STAFF_ABOVE, .who = {.name = STAFF_COUNTY}};
	int rc = ERR_OK;
	if (fields_check(body, shape, "", &p)) rc = apply(l, &county, body, &p, e);
	if (!rc) {
		const struct audit_entry what = {.action = AUDIT_COUNTY_ORDER,
		                                 .subject =
		                                     problem_any(&p) && p.errors ? "" : fields_text(body, "name"),
		                                 .reason = problem_any(&p) ? problem_row(p.code)->name : by,
		                                 .refused = problem_any(&p)};
		rc = ledger_audit(l, &county.who, &what, e);
	}
	problem_release(&p);
	return rc;
}

int ledger_staff_order(struct ledger *l, int64_t n, const json_t *body, struct err *e)
{
	int64_t mark = 0;
	int rc = ledger_meta_int(l, MARK_KEY, 0, &mark, e);
	if (rc || n <= mark) return rc;
	rc = order(l, body, e);
	return rc ? rc : ledger_meta_set_int(l, MARK_KEY, n, e);
}

int ledger_staff_orders_cut(struct ledger *l, int64_t n, struct err *e)
{
	int64_t mark = 0;
	int rc = ledger_meta_int(l, MARK_KEY, 0, &mark, e);
	return rc || mark <= n ? rc : ledger_meta_set_int(l, MARK_KEY, n, e);
}

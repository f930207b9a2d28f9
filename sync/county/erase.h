/* Erasing (保存期满删除): the county appends `erase` to a case whose term has passed, or that a person asked to have
 * erased, and the bodies of its events go: here, in every feed that has them, and through those feeds on every box. What
 * stays, and when it may be, stands in shared/retention.h. */
#ifndef XINKE_COUNTY_ERASE_H
#define XINKE_COUNTY_ERASE_H

#include "sync/county/casefile.h"

/* Why a case is erased before its term, and who decided it; both borrowed. */
struct erase_request {
	const char *basis, *approver;
};

/* Erases the present case of F, which came to its end, in the caller's transaction; flush it afterwards. Because its term
 * of YEARS has passed, or where ASKED is not NULL because of that. ACTOR is an account or "system", ID the event's. */
int erase_case(struct casefile *f, int64_t years, const struct erase_request *asked, const char *actor,
               const uint8_t id[UUID_LEN], int64_t now, struct err *e);
/* The years for which a case like V is kept, 0 = no term is set: by the catalog in force, by that of the case where the
 * item is no longer in it; REGISTER_YEARS for an entry of a register. */
int erase_years(struct store *s, const struct caseview *v, int64_t register_years, int64_t *years, struct err *e);
/* Erases every case and entry whose term has passed at NOW, each in its own transaction; *N = how many. */
int erase_round(struct store *s, int64_t register_years, int64_t now, int *n, struct err *e);
#endif

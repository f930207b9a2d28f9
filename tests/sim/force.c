/* See force.h. A file of its own, because the ledger's queries and the county's have the same names. */
#include "tests/sim/force.h"

#include "shared/ledger/internal.h"

int force_append(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], const char *type,
                 const json_t *body, struct err *e)
{
	int rc = ledger_append(l, call, case_id, type, body, e);
	return rc ? rc : ledger_project_seen(l, case_id, call->seen, e);
}

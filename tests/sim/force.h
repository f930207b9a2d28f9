/* An event that no gateway of ours writes, in a ledger: a body that is none, an act that does not fit, a later type. */
#ifndef XINKE_SIM_FORCE_H
#define XINKE_SIM_FORCE_H

#include "shared/ledger/write.h"

/* As ledger_act, without its questions. */
int force_append(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], const char *type,
                 const json_t *body, struct err *e);

#endif

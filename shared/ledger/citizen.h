/* Finding a case for a citizen, who has a token or types a number (citizen.c). Any connection, no transaction needed. */
#ifndef XINKE_LEDGER_CITIZEN_H
#define XINKE_LEDGER_CITIZEN_H

#include "shared/ledger/read.h"

/* The case whose receipt holds TOKEN, by a keyed hash of it; ERR_NOTFOUND. Release it. */
int ledger_case_by_token(struct ledger *l, const char *token, struct ledger_case *out, struct err *e);

#define LEDGER_NEAR 2
/* The case with number RECEIPT or, where there is none, one beside it; and the same of numbers that cases had before: what
 * nobody has costs what somebody has. *N of them into OUT, 0 only where there is no case. Release each. */
int ledger_cases_near(struct ledger *l, const char *receipt, struct caseview out[LEDGER_NEAR], int *n, struct err *e);

#endif

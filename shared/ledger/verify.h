/* Checking a ledger and making its projections anew (verify.c). */
#ifndef XINKE_LEDGER_VERIFY_H
#define XINKE_LEDGER_VERIFY_H

#include "shared/ledger/ledger.h"

struct ledger_report {
	int64_t logs, events, feed, cases; /* looked at */
	int64_t erased;                    /* cases among them of which only the erase tells */
	int64_t faults;                    /* wrong; each told through FN */
};
/* Walks every chain, mac and projection. Returns 0 when it could look, faults are in OUT. */
int ledger_verify(struct ledger *l, struct ledger_report *out, void (*fn)(const char *fault, void *), void *arg,
                  struct err *e);
/* Makes every projection anew from events and feed, in one transaction. */
int ledger_rebuild(struct ledger *l, struct err *e);
/* The same where an older release has stored feed entries of a kind that it did not know; *REBUILT says so. For the start
 * of the daemon that owns the ledger. */
int ledger_catch_up(struct ledger *l, bool *rebuilt, struct err *e);

#endif

/* The row form of an event in a request: one JSON object each. sync/PROTOCOL.md section 4. Called by wire.c. */
#ifndef XINKE_ROWS_H
#define XINKE_ROWS_H

#include "sync/engine/wire.h"

/* Appends EV as an object; with its hash and mac where DETAIL. */
void rows_put(struct buf *b, const struct event *ev, bool detail);
/* Reads J, the event at place SEQ of R, into EV. What is wrong with it goes to SAID; ERR_NOMEM for want of memory,
 * ERR_INVALID where R is detailed and J has no hash or no mac. EV is to be released after a failure too. */
int rows_get(const json_t *j, const struct wire_request *r, int64_t seq, struct event *ev, struct wire_said *said,
             struct err *e);
/* The string member NAME of O into OUT; ERR_INVALID where it is no string, too long, or missing and REQUIRED. */
int rows_text(const json_t *o, const char *name, char *out, size_t cap, bool required, struct err *e);

#endif

/* 归档 by the box's own program: a case that has come to its end here, whose events the county has all settled and that
 * nothing has touched for a while, goes to the archive. One with a document that nobody has fetched does not. */
#ifndef XINKE_GATEWAY_ARCHIVE_H
#define XINKE_GATEWAY_ARCHIVE_H

#include "gateway/gateway.h"

/* Looks once an hour, by L, and hands what it finds to the writer; never on a clock of quality floor. The waker's. */
void archive_round(struct gateway *gw, struct ledger *l);

#endif

/* 归档 by the county's own program, of what departments and stations without a box hold. */
#ifndef XINKE_COUNTY_ARCHIVE_H
#define XINKE_COUNTY_ARCHIVE_H

#include "sync/county/store.h"

/* Appends archive to every case that came to its end before BEFORE (Unix ms), in which nothing has moved since and no
 * document waits to be fetched; *N of them. A box says it for its own. Each case has a transaction of its own and gets the
 * event once, however many processes look. */
int archive_round(struct store *s, int64_t before, int64_t now, int *n, struct err *e);

#endif

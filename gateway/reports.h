/* Reports for putting right (shared/reports.h) over this box's cases.
 *
 * One is made at a time, by a worker with a connection of its own that is open only meanwhile; it reads page by page, so
 * that no read transaction lasts and the writer never waits for it. */
#ifndef XINKE_GATEWAY_REPORTS_H
#define XINKE_GATEWAY_REPORTS_H

#include "gateway/gateway.h"

struct reporter; /* opaque */

/* Starts the worker. New (reports_worker_stop, then reports_worker_free). */
int reports_worker_new(struct gateway *gw, struct reporter **out, struct err *e);
/* Ends what is being made with BUSY; later calls are refused. NULL is legal. */
void reports_worker_stop(struct reporter *r);
void reports_worker_free(struct reporter *r);

http_handler reports_get;

#endif

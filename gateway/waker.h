/* The thread for what follows a commit: it wakes waiting phones, keeps the search list and the catalog current, and takes
 * a new server certificate and a new phone app into use. The courier wakes it by a datagram, the writer directly. */
#ifndef XINKE_GATEWAY_WAKER_H
#define XINKE_GATEWAY_WAKER_H

#include "gateway/gateway.h"

struct waker; /* opaque */

/* Binds the socket. New (waker_start, then waker_close). */
int waker_new(struct gateway *gw, struct waker **out, struct err *e);
int waker_start(struct waker *w, struct err *e);
/* Stops the thread. NULL is legal. */
void waker_close(struct waker *w);
/* Tells the thread and the courier that events were committed. Any thread. */
void waker_nudge(struct waker *w);
/* Asks the courier for a run. Any thread. */
void waker_call_courier(struct waker *w);

#endif

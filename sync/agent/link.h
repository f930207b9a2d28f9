/* When a link comes up (rtnetlink): the courier need not wait for its back-off to end. */
#ifndef XINKE_AGENT_LINK_H
#define XINKE_AGENT_LINK_H

#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>

#define LINK_SEEN 16 /* interfaces that are remembered; of further ones each message counts */

struct link {
	int fd; /* -1 = none */
	struct {
		int index;
		bool running;
	} seen[LINK_SEEN];
	int n;
};

/* Opens the socket; an error leaves L without one: then the back-off alone decides. */
int link_open(struct link *l, struct err *e);
void link_close(struct link *l);
/* Reads what has come, without waiting. True when a way out may have come: an interface that runs now and did not, an
 * address, a default route. */
bool link_came(struct link *l);
/* The same of LEN bytes of netlink messages. */
bool link_says(struct link *l, const void *data, size_t len);

#endif

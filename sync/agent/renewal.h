/* New certificates in time: the courier's own, by which the county knows the box, and the gateway's, which it carries for
 * it. Both keep their keys, so that a certificate is one file that is renamed into place. */
#ifndef XINKE_AGENT_RENEWAL_H
#define XINKE_AGENT_RENEWAL_H

#include "sync/agent/hands.h"

#include "shared/file.h"

struct renewal {
	char client_crt[FILE_PATH_MAX], client_key[FILE_PATH_MAX];
	char server_crt[FILE_PATH_MAX], server_csr[FILE_PATH_MAX];
	int64_t next; /* monotonic ms before which nothing is looked at */
};

/* At two thirds of a certificate's life, or when the county says that ours has expired, asks the county for another
 * (POST /sync/v1/renew) and puts it in its place; looks once an hour, once a minute where it has expired. What comes must
 * have our root, our key and the right use. *CLIENT when the connection is to be opened anew, *SERVER when the gateway
 * has a new certificate. Errors change nothing and come again at the next look. */
int renewal_look(struct renewal *r, struct hands *h, bool *client, bool *server, struct err *e);

#endif

/* HTTPS to the county by libcurl, and the one file (transport.c) that includes it. One kept-alive connection, one call
 * in flight, nothing trusted but the given root. One thread. */
#ifndef XINKE_TRANSPORT_H
#define XINKE_TRANSPORT_H

#include "shared/err.h"
#include "sync/agent/answer.h"

#include <stddef.h>

struct transport; /* opaque */

struct transport_config {
	const char *url; /* "https://host:port", no trailing slash */
	const char
	    *ca_file; /* PEM root; NULL = the peer is not verified (only to fetch a root that is checked by its hash) */
	const char *cert_file, *key_file; /* PEM; NULL = no client certificate */
};

/* New (close with transport_close). Strings are copied. */
int transport_open(const struct transport_config *cfg, struct transport **out, struct err *e);
/* Holds the peer to these keys ("sha256//...;...", libcurl's pins) instead of its certificate's chain and dates, for a
 * machine whose own clock is wrong: libcurl and GnuTLS judge dates by nothing else. NULL = by the certificate again. */
int transport_pin(struct transport *t, const char *pins, struct err *e);
/* Closes the kept connection: the next call reads the certificate's file again. */
void transport_forget(struct transport *t);
void transport_close(struct transport *t);
/* A request with everything said; all borrowed. */
struct transport_ask {
	const char *method, *path;
	const char *const *headers; /* "Name: value", NULL-ended */
	const void *body;           /* NULL = none */
	size_t len;
	int timeout_ms;
	int send_buffer; /* bytes that the system may hold for the line, 0 = as it likes: what it holds an event waits behind */
};
/* Sends it. As transport_call. */
int transport_send(struct transport *t, const struct transport_ask *ask, struct transport_answer *out, struct err *e);
/* POSTs BODY, JSON or a zstd frame (NULL = GET), to PATH within TIMEOUT_MS. An HTTP error is an answer; ERR_IO means that none came
 * (and whether the county acted is not known), ERR_DENIED that TLS refused. */
int transport_call(struct transport *t, const char *path, const char *body, size_t len, int timeout_ms,
                   struct transport_answer *out, struct err *e);

#endif

/* What the county answered, whoever carried it: libcurl, or a simulated network. */
#ifndef XINKE_AGENT_ANSWER_H
#define XINKE_AGENT_ANSWER_H

#include <stddef.h>

struct transport_answer {
	int status; /* HTTP status */
	char *body; /* NUL-terminated, owned */
	size_t len;
	char signature[256]; /* header Xinke-Signature, "" = none */
};
void transport_answer_release(struct transport_answer *a);

#endif

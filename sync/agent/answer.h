/* What the county answered, whoever carried it: libcurl, or a simulated network. */
#ifndef XINKE_AGENT_ANSWER_H
#define XINKE_AGENT_ANSWER_H

#include <stddef.h>
#include <stdint.h>

struct transport_answer {
	int status; /* HTTP status */
	char *body; /* NUL-terminated, owned */
	size_t len;
	char signature[256]; /* header Xinke-Signature, "" = none */
	/* where they were asked for: */
	char location[192];   /* "" = none */
	int64_t offset, from; /* Upload-Offset; first byte of Content-Range; -1 = none */
};
void transport_answer_release(struct transport_answer *a);

#endif

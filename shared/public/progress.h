/* The progress of a case as a citizen sees it: how far it is, and no person in it.
 *
 * The timeline holds what moved the case and neither names nor texts: a notice's list is on the citizen's own paper. The
 * same page is reached by the token of the receipt's QR code (80 random bits) and by what is typed (typed.h). Pure. */
#ifndef XINKE_PUBLIC_PROGRESS_H
#define XINKE_PUBLIC_PROGRESS_H

#include "shared/caseview.h"
#include "shared/public/ask.h"

struct progress {
	struct caseview view; /* owned */
	char title[128];      /* the registering station's */
	char item[256];       /* its name */
	bool rates;           /* here one may rate it now, or once more */
	json_t *timeline;     /* {at, type, state} and, for the page, ms and zh; owned */
	struct caseview fold; /* the state after each event; owned */
};

/* P is zero but for its view, which stays owned by it. ERR_NOMEM. */
int progress_begin(struct progress *p, struct err *e);
/* Takes the next settled event of the case. */
int progress_add(struct progress *p, const struct caseview_event *ev, struct err *e);
void progress_release(struct progress *p);

/* Answers with the page or JSON. SELF is the page's path where it can be asked for again, else NULL. */
void progress_reply(struct http_req *req, const struct ask *a, struct progress *p, const char *self);
/* 404, the same words for every token that leads nowhere. */
void progress_missing(struct http_req *req, const struct ask *a);

#endif

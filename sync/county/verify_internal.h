/* What the files of `xinke-county verify` share. */
#ifndef XINKE_COUNTY_VERIFY_INTERNAL_H
#define XINKE_COUNTY_VERIFY_INTERNAL_H

#include "shared/caseview.h"
#include "sync/county/verify.h"

struct verify {
	struct store *s;
	struct verify_report *out;
	void (*fn)(const char *fault, void *arg);
	void *arg;
	bool dues; /* due days were counted by the calendar in force */
	/* the offices that the case at hand was passed to, each once; owned */
	char (*holders)[CASEVIEW_OFFICE_MAX];
	size_t n_holders;
	int64_t held; /* notes of offices that follow from events */
};

/* Counts and tells a fault, printf-style. */
void verify_fault(struct verify *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* V has just been passed to its holder. */
int verify_holder(struct verify *x, const struct caseview *v, struct err *e);
/* What is kept beside case V for its lists: who held it, and the days of its next term. */
int verify_kept(struct verify *x, const struct caseview *v, const char *id, struct err *e);
/* The photos and papers that V names. */
int verify_files(struct verify *x, const struct caseview *v, const char *id, struct err *e);
/* After all cases: notes that follow from no event. */
int verify_held(struct verify *x, struct err *e);

#endif

/* What the two files of papers share: writing texts, dates and lists into a paper's document. */
#ifndef XINKE_PAPERS_INTERNAL_H
#define XINKE_PAPERS_INTERNAL_H

#include "shared/papers.h"

/* A paper being made. */
struct paper {
	const struct papers_case *c;
	enum papers_kind kind;
	json_t *o;     /* the document */
	json_t *words; /* its member "words" */
	int rc;        /* ERR_NOMEM once something could not be made */
};

#define PAPER_DATE 64 /* bytes of a date in Chinese, NUL included */

/* "2026年11月24日", with MINUTES "2026年11月24日 08时05分"; "" for 0. */
void paper_date(int64_t ms, bool minutes, char out[PAPER_DATE]);
/* Sets a text of O, a date of it, the member NAME of FROM (absent: ""). */
void paper_set(struct paper *p, json_t *o, const char *name, const char *text);
void paper_set_date(struct paper *p, json_t *o, const char *name, int64_t ms, bool minutes);
void paper_set_from(struct paper *p, json_t *o, const char *name, const json_t *from);
/* Sets the time of FROM's member NAME (RFC 3339) as a date. */
void paper_set_time(struct paper *p, json_t *o, const char *name, const json_t *from, bool minutes);
/* Adds a legal sentence, printf-style; what goes in is short. */
void paper_word(struct paper *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A new list under NAME, and a new object in it. Borrowed. */
json_t *paper_list(struct paper *p, const char *name);
json_t *paper_row(struct paper *p, json_t *list);
/* The term of KIND that the case has; false where it has none or no calendar has come. */
bool paper_term(const struct paper *p, enum term_kind kind, struct term *out);
/* Sets NAME to the last day of the term of KIND, with the mark of a day that may still move; "" without one. */
void paper_set_due(struct paper *p, json_t *o, const char *name, enum term_kind kind);
/* The fact NAME of the case ("decision", ...): its body, and when it was in *AT (may be NULL). NULL where there is none. */
const json_t *paper_fact(const struct paper *p, const char *name, int64_t *at);
/* Did the office that prints do what the paper says, and has it a seal? */
bool paper_sealed(const struct paper *p);

/* 原件, 复印件, ... of a material's form. */
const char *paper_form_zh(const char *form);
/* Fills in what one kind has besides what all have (papers_fill.c). */
typedef void paper_fill(struct paper *p);
paper_fill paper_receipt, paper_supplement, paper_acceptance, paper_refusal, paper_extension, paper_completion,
    paper_delivery, paper_mandate, paper_handover;

#endif

/* The papers of a case (文书) as data: which ones its state allows, and what each says.
 *
 * Pure: from the folded case, the item, a calendar and who prints, to a JSON document that a template lays out. What a
 * paper may legally claim is decided here and not in a template: its title, the draft mark (草稿), the legal words. Box
 * and county make the same paper. Sources: 行政许可法 articles 32, 38, 42, 44, 45; PIPL; domain rules, "Papers". */
#ifndef XINKE_PAPERS_H
#define XINKE_PAPERS_H

#include "shared/caseview.h"
#include "shared/terms.h"
#include "shared/workdays.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum papers_kind {
	PAPERS_RECEIPT,           /* 收件凭证 */
	PAPERS_SUPPLEMENT_NOTICE, /* 补正材料一次性告知书 */
	PAPERS_ACCEPTANCE,        /* 受理通知书 */
	PAPERS_REFUSAL,           /* 不予受理通知书; 不受理告知书 where nothing needs to be applied for */
	PAPERS_EXTENSION,         /* 延期、特别程序告知书 */
	PAPERS_COMPLETION,        /* 办结通知 */
	PAPERS_DELIVERY,          /* 送达回证; with blanks before the delivery, to be signed at it */
	PAPERS_MANDATE,           /* 代办委托书 */
	PAPERS_HANDOVER,          /* 移交清单 */
	PAPERS_KINDS
};

/* What a paper is made from; all borrowed, texts never NULL, "" = not known. */
struct papers_case {
	const struct caseview *view;
	const char *item_name;       /* by the catalog that the case was opened under */
	const char *department;      /* the item's county department */
	bool permit;                 /* the item is 行政许可 */
	bool deems;                  /* silence counts as acceptance (视为受理) */
	bool settled;                /* the county has judged every event of it */
	struct term_days days;       /* the item's */
	const struct workdays *work; /* NULL before a calendar has come */
	int64_t now;                 /* Unix ms */
	const char *office;          /* who prints: a station's title or a department */
	const char *office_code;     /* its station code, "" = none */
	bool seal;                   /* it has a seal of its own: a township, a county organ */
	const char *phone, *address; /* of the office */
	const char *officer;         /* who prints, by name */
	const char *public_url;      /* the county's address for citizens, without a slash at its end */
};

/* "receipt", ...; its Chinese and its English name. */
const char *papers_kind_name(enum papers_kind k);
const char *papers_kind_zh(enum papers_kind k);
const char *papers_kind_title(enum papers_kind k);
bool papers_kind_parse(const char *name, enum papers_kind *out);
/* May a paper of kind K be made of the case as it stands? Records without an applicant have none. */
bool papers_allowed(const struct caseview *v, enum papers_kind k);
/* The paper as a document for the templates of schema/papers, its members strings, lists and objects of strings; what is not
 * known is "". New; NULL without memory. Ask papers_allowed first. */
json_t *papers_data(const struct papers_case *c, enum papers_kind k);

#define PAPERS_HANDOVERS "handovers" /* the template of the paper below */
/* 移交清单 of many cases that OFFICE (its members of the office, of time and officer; no case) passes on to TO: a code or a
 * department. ROWS are hand-overs as GET /api/v1/handovers shows them; MORE: there are others that this list does not
 * hold, and it says so. New; NULL without memory. */
json_t *papers_handovers(const struct papers_case *office, const char *to, const json_t *rows, bool more);

#endif

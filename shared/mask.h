/* What of personal numbers is shown to everybody: the ends of a document number and of a telephone (domain rules, "Rules the
 * product must respect": 652323********1237). Names and addresses stay: a window calls people by them. The whole stands in
 * the ledger, and a reveal shows it. Pure; any thread. */
#ifndef XINKE_MASK_H
#define XINKE_MASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define MASK_MAX 80 /* bytes of a masked text, NUL included; what is longer is cut */

/* NUMBER of a document of TYPE (idnum.h): six and four characters of one with 18, else the last four at most; a unified
 * social credit code is public and stays. */
void mask_number(const char *type, const char *number, char out[MASK_MAX]);
/* A telephone: three and four digits of it. */
void mask_phone(const char *phone, char out[MASK_MAX]);

/* A block of a case (applicant, agent, service, mediation) or of an entry (inquiry, agency, stuck, ...) with its numbers
 * masked, the guardian's too. New reference, NULL without memory; null stays null. */
json_t *mask_block(const json_t *block);
/* The block of the document DOC that a reveal of WHAT (schema/events/reveal.json) shows whole: new reference, json_null
 * where there is none. */
json_t *mask_revealed(const json_t *doc, const char *what);
/* The block of a correction (差评整改) without grade and words: who handled the case does not see them. */
json_t *mask_rating(const json_t *correction);
/* The body of an event of TYPE as it is shown in a history. New reference, NULL without memory. */
json_t *mask_body(const char *type, const json_t *body);
/* Is the member that an amend's FIELD ("/applicant/phone") names shown masked? Then GIVEN may be the mask of what stands
 * in the applicant APPLICANT. */
bool mask_is_of(const json_t *applicant, const char *field, const char *given);

#endif

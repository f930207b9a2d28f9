/* What the files of event bodies share: body_tables.c holds the tables, body.c the rules beside them. */
#ifndef XINKE_BODY_INTERNAL_H
#define XINKE_BODY_INTERNAL_H

#include "shared/fields.h"
#include "shared/states.h"

/* The table of a type's body; NULL where this release does not write it. */
const struct field *body_table(enum case_event type);
/* The applicant's block, POST /cases, and what the window changes of an application in advance. */
extern const struct field body_applicant[], body_registration[], body_taking_in[];

#endif

/* An entry of a register as box and county show it (schema/openapi: Entry, EntrySummary). Pure. */
#ifndef XINKE_ENTRYJSON_H
#define XINKE_ENTRYJSON_H

#include "shared/casejson.h"
#include "shared/registers.h"

/* A row of a list: without what only the whole entry shows. New, or *RC. W NULL: no days are known. */
json_t *entryjson_summary(const struct caseview *v, const struct register_days *d, const struct workdays *w,
                          int64_t now, int *rc);
/* Adds what the whole entry shows beyond it; RATING: the grade and the words of a correction, too. */
void entryjson_details(json_t *o, const struct caseview *v, bool rating, int *rc);
/* What may be asked of the entry by ORIGIN now, as an array. New, or *RC. */
json_t *entryjson_actions(const struct caseview *v, const char *origin, int *rc);

#endif

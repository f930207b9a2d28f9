/* What changes between two versions of a catalog or a calendar. */
#ifndef XINKE_COUNTY_CATALOG_DIFF_H
#define XINKE_COUNTY_CATALOG_DIFF_H

#include "shared/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* {added: [{code, name}], removed: [{code, name}], changed: [{code, name, pointer, old, new}]}: items by their code, the
 * rest (a calendar's days too) by pointer with code and name null; lists of texts say what came and went instead of the
 * whole (old and new hold it). Versions are not compared. New, NULL without memory. */
json_t *catalog_diff(const json_t *from, const json_t *to);
bool catalog_diff_empty(const json_t *diff);
void catalog_diff_print(const json_t *diff, FILE *out);

#endif

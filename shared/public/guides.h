/* Guides of items (办事指南) for citizens: the list by category, and one item with its eight disclosures (八公开), as a page or
 * as JSON. From the catalog in force and nothing else: what it does not say is shown as 待县级发布, never made up. Pure. */
#ifndef XINKE_PUBLIC_GUIDES_H
#define XINKE_PUBLIC_GUIDES_H

#include "shared/catalog.h"
#include "shared/public/ask.h"

/* The place that shows them; NULL in its stead at the county. */
struct guides_station {
	const char *title;
	const char *phone; /* "" where nobody has entered it */
	enum tier tier;
};

/* Answers with the items of CAT (NULL: none has come yet) that A searches for. ST may be NULL. */
void guides_list(struct http_req *req, const struct ask *a, const struct catalog *cat, const struct guides_station *st);
/* Answers with the item that A names; 404 where there is none. */
void guides_one(struct http_req *req, const struct ask *a, const struct catalog *cat, const struct guides_station *st);

#endif

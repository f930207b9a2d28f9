/* Acts on cases by the county's accounts. */
#ifndef XINKE_COUNTY_ACTS_H
#define XINKE_COUNTY_ACTS_H

#include "sync/county/call.h"

/* New array of what the caller may do with the case now; NULL with the error in E. */
json_t *acts_list(struct call *c, struct worker *w, const struct caseview *v, struct err *e);

http_handler acts_post, acts_entry_post, acts_reveal_post, acts_entry_reveal_post;

#endif

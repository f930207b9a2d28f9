/* Catalogs and calendars in force: into the store and into the feeds of the stations. */
#ifndef XINKE_COUNTY_THING_H
#define XINKE_COUNTY_THING_H

#include "sync/county/store.h"

/* Puts DOC (canonical JSON) in force as VERSION of KIND, and into the feed of every station that was enrolled. What waited
 * for a new catalog is judged. In the caller's transaction. */
int thing_in_force(struct store *s, const char *kind, int64_t version, const char *doc, int64_t now, struct err *e);
/* The catalog of VERSION into STATION's feed, before the history of a case that was opened under it: nothing where it is
 * the one in force, which every station has, or went there before, or is not here. */
int thing_for_case(struct store *s, const char *station, int64_t version, struct err *e);
/* The text of a version (new, free) into *DOC; NULL where it is not here. */
int thing_text(struct store *s, const char *kind, int64_t version, char **doc, struct err *e);

#endif

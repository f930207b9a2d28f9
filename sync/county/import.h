/* Bringing stations, catalog and calendar into the county's store, from the files of the schema folder. */
#ifndef XINKE_COUNTY_IMPORT_H
#define XINKE_COUNTY_IMPORT_H

#include "sync/county/county.h"

struct import_files {
	const char *stations, *catalog, *calendar; /* paths; NULL = leave it as it is */
	bool first; /* a catalog or calendar only where none is in force: later ones go signed (catalog_edition.h) */
};
/* The files of this county below a schema folder; the paths are kept in OUT. */
struct import_paths {
	char stations[FILE_PATH_MAX], catalog[FILE_PATH_MAX], calendar[FILE_PATH_MAX];
};
int import_schema(const char *folder, struct import_paths *out, struct err *e);

/* What an import changed. */
struct import_report {
	int stations, catalogs, calendars; /* stations read; documents that were new */
};
/* Takes the files in one transaction. A document of a version that is there already must be the same (ERR_CONFLICT
 * otherwise: raise its version); a new one goes into the feed of every station that was enrolled. */
int import_run(struct store *s, const struct import_files *files, int64_t now, struct import_report *out,
               struct err *e);
/* The county's name as the stations' file has it. */
int import_county_name(const char *stations, char *out, size_t cap, struct err *e);

#endif

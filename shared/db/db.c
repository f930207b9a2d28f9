/* What every back end of db.h shares: columns copied into the caller's storage. */
#include "shared/db/db.h"

#include <stdio.h>
#include <string.h>

bool db_copy_blob(struct db_stmt *s, int col, uint8_t *out, size_t want)
{
	size_t n;
	const void *p = db_blob(s, col, &n);
	if (!p || n != want) return false;
	memcpy(out, p, want);
	return true;
}

void db_copy_text(struct db_stmt *s, int col, char *out, size_t cap)
{
	const char *t = db_text(s, col);
	(void)snprintf(out, cap, "%s", t ? t : "");
}

/* Versions of a catalog or calendar on their way into force: draft, signed, published. Who did what, and why, is kept.
 *
 * A version's content never changes once it is stored. Only a signed one goes into force, and only forwards: boxes take
 * the highest version, so going back is a new version with the old content. */
#ifndef XINKE_COUNTY_CATALOG_EDITION_H
#define XINKE_COUNTY_CATALOG_EDITION_H

#include "sync/county/county.h"

/* What is worked on, and who does it. */
struct catalog_work {
	struct county *c;
	struct store *s;
	const char *kind; /* "catalog" or "calendar" */
	const char *who, *reason;
	int64_t now;
};

struct catalog_edition {
	int64_t version;
	json_t *doc;            /* owned */
	char *text;             /* the canonical bytes that are signed; owned */
	char *signature, *cert; /* base64 of DER; PEM; NULL = unsigned; owned */
	int64_t signed_at, published_at;
};
void catalog_edition_release(struct catalog_edition *ed);

/* The version in force, 0 = none; its document (new, NULL where there is none). */
int catalog_edition_in_force(const struct catalog_work *w, int64_t *version, json_t **doc, struct err *e);
/* VERSION, a draft or one that is or was in force; 0 = the newest draft above the one in force. ERR_NOTFOUND. */
int catalog_edition_get(const struct catalog_work *w, int64_t version, struct catalog_edition *out, struct err *e);
/* Stores DOC as a draft with the next version, which is put into DOC. ERR_CONFLICT where it is the one in force. */
int catalog_edition_draft(const struct catalog_work *w, json_t *doc, int64_t *version, struct err *e);
/* Signs a draft with the county's answer key. ERR_CONFLICT where it is signed. */
int catalog_edition_sign(const struct catalog_work *w, int64_t version, struct err *e);
/* Is the signature a county's answer key's, under the root, over this very document? ERR_DENIED says why not. */
int catalog_edition_verify(const struct catalog_work *w, const struct catalog_edition *ed, struct err *e);
/* Puts a signed version into force: ERR_CONFLICT where it is not signed, or not above the one in force. */
int catalog_edition_publish(const struct catalog_work *w, int64_t version, struct err *e);
/* Publishes the content of version OLD (0 = the one before the one in force) as a new one, signed; *VERSION. */
int catalog_edition_rollback(const struct catalog_work *w, int64_t old, int64_t *version, struct err *e);
/* [{at, version, act, by, reason}], oldest first. New. */
int catalog_edition_acts(const struct catalog_work *w, json_t **out, struct err *e);

#endif

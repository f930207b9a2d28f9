/* Photos and papers at the county: which case names which, what has come, and who is told so by the feed. The bytes are in
 * shared/blob; how they come in is in blob_face.h. Runs in the caller's transaction unless it says otherwise. */
#ifndef XINKE_COUNTY_BLOBS_H
#define XINKE_COUNTY_BLOBS_H

#include "shared/blob/blob.h"
#include "shared/caseview.h"
#include "sync/county/store.h"

/* The files of V as they are now, in place of what they were; whoever follows the case is told of what is here. */
int blobs_of_case(struct store *s, const struct caseview *v, struct err *e);
/* One has come from STATION and is on the disk: notes it, and tells whoever follows a case that names it. In a transaction of
 * its own. */
int blobs_stored(struct store *s, const char *station, const uint8_t sha256[DIGEST_LEN], int64_t size,
                 const char *media, int64_t now, struct err *e);
/* May STATION ask for it, and is it here? Its size. ERR_NOTFOUND where either is not so. */
int blobs_for_station(struct store *s, const char *station, const uint8_t sha256[DIGEST_LEN], int64_t *size,
                      struct err *e);
/* Does the case name it, and has it come? */
int blobs_here(struct store *s, const uint8_t case_id[UUID_LEN], const uint8_t sha256[DIGEST_LEN], bool *yes,
               struct err *e);
/* As blobs_here of any case: calls FN with each case that names it until it returns true, which is answered. */
int blobs_each_case(struct store *s, const uint8_t sha256[DIGEST_LEN],
                    int (*fn)(const uint8_t case_id[UUID_LEN], void *arg, bool *enough, struct err *e), void *arg,
                    struct err *e);
/* Removes from table and folder what came before BEFORE (ms) and no case names; *N = how many. Its own transactions. */
int blobs_sweep(struct store *s, struct blob_store *folder, int64_t before, int *n, struct err *e);
/* New JSON: of each file that V names, whether it is here. NULL without memory. */
json_t *blobs_json(struct store *s, const struct caseview *v, struct err *e);

#endif

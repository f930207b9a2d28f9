/* Progress by what is typed: receipt number and the last four characters of the applicant's document number.
 *
 * No oracle: a number that nobody has, one whose last four do not fit, and one of a case without a document number (id_type
 * none, or a record that is no application: such are seen by token alone) get the same words after the same work. The
 * caller looks up as many cases for an unknown number as for a known one (typed_find); the comparison takes a time that
 * depends on nothing.
 *
 * Five wrong tries, then a delay that doubles up to an hour (lockout.h), kept in the database; a quiet day forgives one. What is counted is no number but one of
 * TYPED_BUCKETS buckets, into which a secret hash sorts known and unknown numbers alike: so the table has that many rows at
 * most, whatever is tried, a locked bucket tells nothing of whether its numbers exist, and nobody can choose whose bucket to
 * lock or to clear but by that very number. A number can get fewer tries than five when another of its bucket was tried,
 * never more. Source: design, section 4. */
#ifndef XINKE_PUBLIC_TYPED_H
#define XINKE_PUBLIC_TYPED_H

#include "shared/caseview.h"
#include "shared/lockout.h"
#include "shared/public/ask.h"

#define TYPED_BUCKETS     16384
#define TYPED_SUBJECT_MAX 24
#define TYPED_CASES       2 /* looked up for every number */
#define TYPED_KEY_LEN     32

struct typed {
	char receipt[RECEIPT_MAX]; /* "" where what was typed is no receipt number */
	char last4[5];             /* upper case; "" likewise */
	char
	    shown[RECEIPT_MAX]; /* what was typed as the number, for the form to hold again; "" where it does not fit */
};

/* Reads what was typed, of a form or of JSON {receipt_number, id_last4}, into OUT; spaces at the ends, the case of a letter
 * and, all together, the hyphens do not count. False, and P says what is wrong, where it cannot be right whatever there is. A.form is set. */
bool typed_read(struct http_req *req, struct ask *a, struct typed *out, struct problem *p);

/* Reads what a scanner typed from a receipt's QR code, of a form or of JSON {code}, into A.token: the code holds the address
 * of the progress page, or the token alone. False, and P says so, where it is neither. A.form is set. */
bool typed_scanned(struct http_req *req, struct ask *a, struct problem *p);

/* The key of the buckets, from a secret of the program (LEN bytes). */
void typed_key(const void *secret, size_t len, uint8_t out[TYPED_KEY_LEN]);
/* The lock-out subject of RECEIPT: "receipt:" and its bucket. */
void typed_subject(const uint8_t key[TYPED_KEY_LEN], const char *receipt, char out[TYPED_SUBJECT_MAX]);
/* Is V the case that T names, by its number or one that it had before, and do the last four fit? */
bool typed_matches(const struct caseview *v, const struct typed *t);

/* The store of either end. */
struct typed_store {
	struct db *db;
	const struct lockout_queries *lockout;
	uint8_t key[TYPED_KEY_LEN];
	/* Fills OUT with the TYPED_CASES cases that lie at RECEIPT by number and by former number; where there is none, with
	 * others in their stead. *N is 0 only where the store holds no case at all. */
	int (*find)(void *arg, const char *receipt, struct caseview out[TYPED_CASES], int *n, struct err *e);
	void *arg;
};

/* In the caller's write transaction, to be committed whatever comes out: takes a try at NOW. The case that fits goes to *OUT
 * (release it) and *FOUND; else *WAIT is how long (ms) the number is locked, 0 for a wrong try. */
int typed_try(const struct typed_store *s, const struct typed *t, int64_t now, struct caseview *out, bool *found,
              int64_t *wait, struct err *e);

/* --- answers --- */

/* The empty form. */
void typed_form(struct http_req *req, const struct ask *a);
/* What was typed does not fit: 404. */
void typed_wrong(struct http_req *req, const struct ask *a, const struct typed *t);
/* What was typed (T) or scanned (T NULL) cannot be right: 422; P is released. */
void typed_invalid(struct http_req *req, const struct ask *a, const struct typed *t, struct problem *p);

#endif

/* Photos in the simulator: none of their bytes, but all of their way. The box's side is the product's (ledger, engine, carrying.c); the
 * county's folder and its tus are played here, and outlive its processes as files do; what it notes goes into its real store. */
#ifndef XINKE_SIM_PHOTOS_H
#define XINKE_SIM_PHOTOS_H

#include "shared/ledger/ledger.h"
#include "sync/agent/hands.h"

#include <jansson.h>

#define PHOTOS_MAX     64
#define UPLOADS_OF_RUN 1024

struct world;
struct box;

struct photo {
	uint8_t sha256[DIGEST_LEN];
	int64_t size;
};
/* One at the county: each box that sends a photo has its own, a copy of a box too. */
struct photo_upload {
	int photo;    /* in `photo`, -1 = it is gone */
	int64_t here; /* bytes of it in the county's folder */
	bool spoilt;  /* something in them is not what was sent: found at the end */
};
struct photos {
	struct photo photo[PHOTOS_MAX];
	struct photo_upload upload[UPLOADS_OF_RUN];
	int n, uploads;
};

/* Gives some registrations a photo, which is then one of W's. */
void photos_name(struct world *w, json_t *registration);
/* The photos that BODY names lie on the box; in the transaction that takes it in. */
int photos_store(struct ledger *l, const json_t *body, struct err *e);
/* The hands' carry. */
void photos_carry(struct hands *h, const struct carry_step *s);
/* What the county says to a GET of such a path; false where it is another. */
bool photos_path(const char *path);
int photos_answer(struct world *w, struct box *b, const char *path, struct transport_answer *out);
/* Every photo that a box knows to be at the county is there. */
void photos_hold(struct world *w, struct box *b);

#endif

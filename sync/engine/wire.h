/* How an exchange is written down: request and answer as JSON, the signature's digest. sync/PROTOCOL.md is the text.
 *
 * One encode and one decode function each; the forms of the events stand behind them (rows.h, columns.h). Unknown members
 * are ignored. */
#ifndef XINKE_WIRE_H
#define XINKE_WIRE_H

#include "shared/buf.h"
#include "shared/err.h"
#include "shared/event.h"
#include "shared/limits.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define WIRE_PROTOCOL 1
#define WIRE_TIME_MAX                                                                                                  \
	253402271999999LL /* ms; the last moment that RFC 3339 can tell in China's time: answers show it */
#define WIRE_SOFTWARE_MAX     64
#define WIRE_SIGNATURE_HEADER "Xinke-Signature"
#define WIRE_KEY_ID_MAX       65 /* bytes of an answer key's id (hex), NUL included */

/* A place in a log: the last event and the chain's hash after it. */
struct wire_mark {
	int64_t seq;
	uint8_t hash[DIGEST_LEN];
};

/* What is said of an event beside the event itself. */
struct wire_said {
	char why[80];             /* why it cannot be read; "" = it can */
	char *raw;                /* then its JSON, owned; NULL where it stood in columns */
	uint8_t hash[DIGEST_LEN]; /* in the detailed form */
	uint8_t mac[DIGEST_LEN];
};

/* How events are written. Both are read, whichever comes. */
enum wire_form {
	WIRE_COLUMNS, /* PROTOCOL.md section 9; a detailed request goes in rows all the same */
	WIRE_ROWS,
};

struct wire_request {
	char station[13];
	uint8_t log[UUID_LEN];
	char software[WIRE_SOFTWARE_MAX];
	int64_t now; /* the box's wall clock, ms */
	enum clock_quality quality;
	struct wire_mark have; /* the last event that the box believes received */
	struct wire_mark head; /* the chain after EVENTS */
	struct wire_mark feed; /* the feed's head at the box */
	bool detail;           /* each event carries its hash and mac */
	enum wire_form form;
	struct event *events; /* owned; NULL when there are none */
	struct wire_said
	    *said; /* one an event, decoded: in the detailed form, or where one cannot be read; else NULL; owned */
	int n_events;
	json_t *health; /* object or NULL; owned */
};

struct wire_answer {
	struct wire_mark received;  /* the county's head of this log */
	bool detail;                /* send these events again with hash and mac */
	int box;                    /* a granted box number, 0 = none */
	json_t *feed;               /* array of entries; owned */
	struct wire_mark feed_head; /* the feed's head at the county after these entries */
	bool more;                  /* feed entries are left */
	int64_t now;                /* the county's clock, ms */
	int retry_after_s;          /* 0 = as the box likes */
};

int wire_request_encode(const struct wire_request *r, struct buf *out, struct err *e);
/* ERR_INVALID says what is wrong with the request as a whole. An event that cannot be read is no such fault, nor are columns
 * that cannot, which are a fault of each event: it is told in `said`, its place is the one that it stands at. Release with wire_request_release. The events' station, origin and log
 * are filled, their macs computed under no key: the county does that. */
int wire_request_decode(const char *text, size_t len, struct wire_request *r, struct err *e);
void wire_request_release(struct wire_request *r);

int wire_answer_encode(const struct wire_answer *a, struct buf *out, struct err *e);
int wire_answer_decode(const char *text, size_t len, struct wire_answer *a, struct err *e);
void wire_answer_release(struct wire_answer *a);

/* What an answer key signs: SHA-256("xinke-answer-1", SHA-256(request), answer). */
void wire_digest(const void *request, size_t request_len, const void *answer, size_t answer_len,
                 uint8_t out[DIGEST_LEN]);
/* "keyid,base64" into its parts. False when it is no such thing. */
bool wire_signature_parse(const char *header, char key_id[WIRE_KEY_ID_MAX], uint8_t *sig, size_t cap, size_t *sig_len);

#endif

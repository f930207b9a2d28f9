/* A registration. Its draft is made on the thread of the caller: the bodies of its events, its case, the case's sealed
 * document and look-up keys. Only what depends on its place in the log is left for the writer's transaction: serial and
 * receipt number, the mac of the body that holds the number, and the chain. See write.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/write.h"

#include "shared/body.h"
#include "shared/canon.h"
#include "shared/crypto/rng.h"
#include "shared/fields.h"
#include "shared/mutant.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_OTHER 6 /* 办结(其他), of schema/states/result-codes.csv */

/* Stands for the receipt number in a draft's body. */
#define SLOT        "?"
#define SLOT_MEMBER "\"receipt_number\":\"" SLOT "\""
#define SLOT_AT     (sizeof "\"receipt_number\":\"" - 1)

struct ledger_draft {
	struct buf body;      /* of receive, canonical */
	size_t slot;          /* where SLOT stands in it */
	const char *then;     /* what follows it: forward, or complete for what has nothing to decide; NULL = nothing */
	struct event second;  /* of that: its body and mac alone */
	struct caseview view; /* the case, but for its receipt number */
	struct ledger_row row;
};

void ledger_draft_free(struct ledger_draft *d)
{
	if (!d) return;
	buf_release(&d->body);
	event_release(&d->second);
	caseview_release(&d->view);
	ledger_row_release(&d->row);
	free(d);
}

/* The serials of a day, read once a transaction. */
static int load_serial(struct ledger *l, int64_t log, int day, struct err *e)
{
	int rc = ledger_serial_keep(l, e); /* midnight in the middle of a group */
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_serial_last, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "day", day);
	int r = db_step(s, e);
	if (r < 0) return -r;
	l->serial = (struct ledger_serial){.log = log, .day = day, .last = r > 0 ? db_int(s, 0) : 0};
	db_reset(s);
	return ERR_OK;
}

int ledger_next_receipt(struct ledger *l, int64_t at, char out[RECEIPT_MAX], struct err *e)
{
	struct ledger_head *h = NULL;
	int rc = ledger_tx_head(l, &h, e);
	if (rc) return rc;
	struct receipt r = {.day = clock_day(at), .box = MUTANT(receipt_old_box, h->box, 1)};
	memcpy(r.station, l->id.station, sizeof r.station);
	if (l->serial.log != h->n || l->serial.day != r.day) rc = load_serial(l, h->n, r.day, e);
	if (rc) return rc;
	r.serial = ++l->serial.last;
	l->serial.dirty = true;
	return receipt_format(&r, out) ? ERR_OK : err_set(e, ERR_INVALID, "no receipt number can be made");
}

void ledger_random_token(char out[17])
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t raw[16];
	rng_bytes(raw, sizeof raw);
	for (size_t i = 0; i < 16; i++)
		out[i] = alphabet[raw[i] & 31];
	out[16] = '\0';
}

/* The true time of receipt: what the clerk says (back-entry), or captured on a home visit: now less the phone's own
 * measure of the time since. */
static int64_t received_at(const json_t *request, int64_t now)
{
	int64_t at, then, seen;
	const json_t *cap = fields_get(request, "captured");
	if (clock_parse(fields_text(request, "received_at"), &at)) return at;
	if (cap && clock_parse(fields_text(cap, "at"), &then) && clock_parse(fields_text(cap, "now"), &seen) &&
	    then <= seen)
		return now - (seen - then);
	return now;
}

static json_t *receive_body(const json_t *request, const struct catalog *cat, const struct catalog_item *item,
                            int64_t at)
{
	char token[17];
	int rc = ERR_OK;
	json_t *b = fields_copy(request);
	if (!b) return NULL;
	(void)json_object_del(b, "on_the_spot"); /* events of its own */
	(void)json_object_del(b, "in_advance");
	ledger_random_token(token);
	caseview_set(b, "catalog", json_string(catalog_name(cat)), &rc);
	caseview_set(b, "catalog_version", json_integer(catalog_version(cat)), &rc);
	caseview_set(b, "receipt_number", json_string(SLOT), &rc);
	caseview_set(b, "received_at", json_integer(at), &rc);
	caseview_set(b, "record", json_string(record_name(item->record)), &rc);
	caseview_set(b, "token", json_string(token), &rc);
	if (rc) {
		json_decref(b);
		return NULL;
	}
	return b;
}

static int write_body(struct ledger_draft *d, const json_t *receive, struct err *e)
{
	buf_init(&d->body, EVENT_BODY_MAX);
	(void)buf_reserve(&d->body, 2000);
	int rc = canon_write(receive, &d->body, e);
	if (rc) return rc;
	const char *at = strstr(d->body.data, SLOT_MEMBER);
	/* quotes inside of strings are escaped, so only a member's name can look like this */
	if (!at || strstr(at + 1, SLOT_MEMBER))
		return err_set(e, ERR_INVALID, "a registration has no receipt number of its own");
	d->slot = (size_t)(at - d->body.data) + SLOT_AT;
	return ERR_OK;
}

/* The case is folded from what will be written, not read back: the same events give the same case, and `xinke verify`
 * holds every row to that. */
static int fold(struct ledger *l, struct ledger_draft *d, const struct ledger_call *call, const json_t *receive,
                const json_t *second, struct err *e)
{
	struct caseview_event ev = {
	    .type = "receive", .body = receive, .origin = l->id.station, .actor = call->actor, .at = call->now.wall};
	int rc = ERR_OK;
	caseview_init(&d->view, call->key);
	enum caseview_fit fit = caseview_apply(&d->view, &ev, &rc);
	if (!rc && second) {
		ev.type = d->then;
		ev.body = second;
		if (fit == FIT_OK) fit = caseview_apply(&d->view, &ev, &rc);
	}
	d->view.revision = second ? 2 : 1;
	if (rc) return err_set(e, (enum err_code)rc, "case view");
	return fit == FIT_OK ? ERR_OK : err_set(e, ERR_INVALID, "the registration makes no case");
}

static int fill(struct ledger *l, struct ledger_draft *d, const struct ledger_call *call, const json_t *receive,
                const json_t *second, struct err *e)
{
	int rc = write_body(d, receive, e);
	if (!rc && second) rc = event_set_body(&d->second, second, l->id.station_key, e);
	if (!rc) rc = fold(l, d, call, receive, second, e);
	return rc ? rc : ledger_row_make(l, &d->view, &d->row, e);
}

/* An item that this tier only takes in (受理) goes up in the same call; a service, an activity or a mediation that it
 * handles (办理) is over when it is written down. With a material missing neither is so. */
const char *ledger_what_follows(const struct ledger_identity *id, const json_t *materials,
                                const struct catalog_item *item)
{
	if (body_lacks_material(materials, item)) return NULL;
	if (item->offers[id->tier] == OFFER_ACCEPT) return "forward";
	return item->record == RECORD_APPLICATION ? NULL : "complete";
}

json_t *ledger_body_of_second(const struct ledger_identity *id, const char *type, const struct catalog_item *item)
{
	if (strcmp(type, "complete") == 0) return json_pack("{s:i}", "result_code", RESULT_OTHER);
	return json_pack("{s:s}", "to", id->tier == TIER_TOWNSHIP ? item->department : id->township);
}

int ledger_draft_new(struct ledger *l, const struct ledger_call *call, const json_t *request, const struct catalog *cat,
                     const struct catalog_item *item, struct ledger_draft **out, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(l);
	json_t *second = NULL;
	*out = NULL;
	if (!id->enrolled) return err_set(e, ERR_NOTFOUND, "this box is not enrolled");
	struct ledger_draft *d = calloc(1, sizeof *d);
	json_t *receive = receive_body(request, cat, item, received_at(request, call->now.wall));
	int rc = d && receive ? ERR_OK : err_set(e, ERR_NOMEM, "registration");
	if (!rc) d->then = ledger_what_follows(id, json_object_get(request, "materials"), item);
	if (!rc && d->then && !(second = ledger_body_of_second(id, d->then, item)))
		rc = err_set(e, ERR_NOMEM, "registration");
	if (!rc) rc = fill(l, d, call, receive, second, e);
	json_decref(second);
	json_decref(receive);
	if (rc)
		ledger_draft_free(d);
	else
		*out = d;
	return rc;
}

static int append_receive(struct ledger *l, struct ledger_call *call, const struct ledger_draft *d, const char *receipt,
                          struct err *e)
{
	struct event ev;
	struct buf body;
	int rc = ledger_event_begin(l, call, call->key, "receive", &ev, e);
	if (rc) return rc;
	buf_init(&body, EVENT_BODY_MAX);
	(void)buf_reserve(&body, d->body.len + RECEIPT_MAX);
	buf_add(&body, d->body.data, d->slot);
	buf_adds(&body, receipt);
	buf_adds(&body, d->body.data + d->slot + sizeof SLOT - 1);
	if (body.bad)
		rc = body.full ? err_set(e, ERR_INVALID, "canonical JSON is too large")
		               : err_set(e, ERR_NOMEM, "registration");
	if (!rc) {
		ev.body = body.data; /* borrowed */
		ev.body_len = body.len;
		event_mac(l->id.station_key, ev.body, ev.body_len, ev.mac);
		rc = ledger_event_end(l, call, &ev, e);
	}
	buf_reset(&body); /* wipes it */
	buf_release(&body);
	return rc;
}

static int append_second(struct ledger *l, struct ledger_call *call, const struct ledger_draft *d, struct err *e)
{
	struct event ev;
	int rc = ledger_event_begin(l, call, call->key, d->then, &ev, e);
	if (rc) return rc;
	ev.body = d->second.body; /* borrowed */
	ev.body_len = d->second.body_len;
	memcpy(ev.mac, d->second.mac, DIGEST_LEN);
	return ledger_event_end(l, call, &ev, e);
}

const struct caseview *ledger_draft_view(const struct ledger_draft *d)
{
	return &d->view;
}

/* The bodies of acceptance and decision, in *ACCEPT and *DECISION (new). */
static int spot_bodies(const json_t *spot, json_t **accept, json_t **decision, struct err *e)
{
	json_t *reason = fields_get(fields_get(spot, "decision"), "overtime_reason");
	*accept = json_object();
	*decision = fields_copy(fields_get(spot, "decision"));
	bool ok = *accept && *decision;
	if (ok && reason)
		ok = json_object_set(*accept, "overtime_reason", reason) == 0 &&
		     json_object_del(*decision, "overtime_reason") == 0;
	return ok ? ERR_OK : err_set(e, ERR_NOMEM, "acceptance");
}

/* 即办件: accepted, decided, completed and, where it is, delivered, behind the registration in its transaction. */
int ledger_register_end(struct ledger *l, struct ledger_call *call, const json_t *spot, struct err *e)
{
	json_t *accept = NULL, *decision = NULL;
	const json_t *delivery = fields_get(spot, "delivery");
	int rc = spot_bodies(spot, &accept, &decision, e);
	if (!rc) rc = ledger_append(l, call, call->key, "accept", accept, e);
	if (!rc) rc = ledger_append(l, call, call->key, "decide_now", decision, e);
	json_decref(accept);
	json_decref(decision);
	if (!rc) rc = ledger_append(l, call, call->key, "complete", fields_get(spot, "completion"), e);
	if (!rc && delivery) rc = ledger_append(l, call, call->key, "deliver", delivery, e);
	return rc ? rc : ledger_project_seen(l, call->key, call->seen, e);
}

/* --- an entry of a register --- */

int ledger_entry(struct ledger *l, struct ledger_call *call, const json_t *opening, const json_t *answer,
                 const json_t *closing, struct err *e)
{
	int rc = ledger_append(l, call, call->key, "entry_open", opening, e);
	if (!rc && answer) rc = ledger_append(l, call, call->key, "entry_answer", answer, e);
	if (!rc && closing) rc = ledger_append(l, call, call->key, "entry_close", closing, e);
	return rc ? rc : ledger_project_seen(l, call->key, call->seen, e);
}

int ledger_register_draft(struct ledger *l, struct ledger_call *call, const struct ledger_draft *d, struct err *e)
{
	struct ledger_fold f = {.view = d->view};
	if (!ledger_identity(l)->enrolled) return err_set(e, ERR_NOTFOUND, "this box is not enrolled");
	/* The number carries the day it was given, not the day of a back-entry: serials stay in the order of writing. */
	int rc = ledger_next_receipt(l, call->now.wall, f.view.receipt, e);
	if (!rc) rc = append_receive(l, call, d, f.view.receipt, e);
	if (!rc && d->then) rc = append_second(l, call, d, e);
	if (rc) return rc;
	f.own = call->appended;
	f.last_seq = l->head.seq;
	(void)json_incref(f.view.doc);
	return ledger_put_new(l, &f, &d->row, call->seen, e);
}

int ledger_register(struct ledger *l, struct ledger_call *call, const json_t *request, const struct catalog *cat,
                    const struct catalog_item *item, struct err *e)
{
	struct ledger_draft *d = NULL;
	int rc = ledger_draft_new(l, call, request, cat, item, &d, e);
	if (!rc) rc = ledger_register_draft(l, call, d, e);
	ledger_draft_free(d);
	return rc;
}

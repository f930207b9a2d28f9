/* See box.h: starting, stopping, dying. The courier's steps are in courier.c. */
#include "tests/sim/box.h"

#include "shared/catalog.h"
#include "shared/crypto/rng.h"
#include "shared/fields.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"
#include "shared/text.h"
#include "tests/sim/courier.h"
#include "tests/sim/net.h"
#include "tests/sim/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void read_clock(struct clock *c, int64_t *wall, int64_t *mono, bool *synced)
{
	const struct box_clock *h = c->arg;
	int64_t up = h->w->now - h->boot_at;
	*wall = world_wall(h->w) + h->offset + up / 1000 * h->drift / 1000;
	*mono = up + 1;
	*synced = h->synced;
}

static void init_clock(struct box *b, struct clock *c)
{
	uint8_t boot[UUID_LEN];
	clock_init(c);
	c->read = read_clock;
	c->arg = &b->hw;
	uuid_derive(b->hw.w->box[b->i].peer.fingerprint, (unsigned)b->hw.boot_at, boot);
	uuid_text(boot, c->boot);
}

struct box *box_make(struct world *w, int i, const char *station, int key)
{
	struct box *b = &w->box[i];
	*b = (struct box){.w = w, .i = i, .machine = i + 1, .key = key, .csr = i % KIT_CSRS};
	(void)snprintf(b->station, sizeof b->station, "%s", station);
	b->hw = (struct box_clock){.w = w, .synced = true};
	vfs_load(b->machine, w->kit->box_disk[key]);
	return b;
}

static int open_ledger(struct box *b, struct vfs_proc *p, struct clock *c, struct ledger **out, struct err *e)
{
	char path[32];
	(void)snprintf(path, sizeof path, "m%d/ledger.db", b->machine);
	struct ledger_config cfg = {.path = path,
	                            .field_key = b->w->kit->field_key[b->key],
	                            .mode = LEDGER_WRITE,
	                            .clock = c,
	                            .cache_kib = 256};
	vfs_as(p);
	return ledger_open(&cfg, out, e);
}

/* Is an error of this kind one that the run's own faults explain? */
static bool explained(const struct world *w, int rc)
{
	return !w->quiet && (rc == (int)ERR_NOSPACE || rc == (int)ERR_IO || rc == (int)ERR_NOMEM);
}

static bool open_failed(struct world *w, struct box *b, const char *what, int rc, const struct err *e)
{
	world_trace(w, "box %d: %s: %s", b->i, what, e->msg);
	if (!explained(w, rc) && !(b->cp && vfs_proc_dead(b->cp)) && !(b->gp && vfs_proc_dead(b->gp)))
		world_fail(w, "opens", "box %d: %s: %s", b->i, what, e->msg);
	return false;
}

static bool start_gateway(struct world *w, struct box *b)
{
	struct err e = {0};
	init_clock(b, &b->gclock);
	b->gp = vfs_proc_new(b->machine);
	int rc = open_ledger(b, b->gp, &b->gclock, &b->gw, &e);
	if (!rc) rc = ledger_check_heads(b->gw, &e);
	if (!rc) return true;
	(void)open_failed(w, b, "gateway", rc, &e);
	box_kill_gateway(w, b);
	return false;
}

static void start_again(struct world *w, int64_t i, void *p)
{
	(void)p;
	w->box[i].starting = false;
	box_start(w, &w->box[i]);
}

static void start_later(struct world *w, struct box *b, int64_t ms)
{
	if (b->starting || b->gone) return;
	b->starting = true;
	struct world_event ev = {.at = w->now + ms, .run = start_again, .a = b->i};
	world_put(w, &ev);
}

void box_start(struct world *w, struct box *b)
{
	if (b->gone || !b->machine || b->in_step) return;
	if (!b->on) {
		b->hw.boot_at = w->now;
		b->last_boot = w->now;
		b->on = true;
	}
	if (!b->gw && !start_gateway(w, b)) start_later(w, b, 20000);
	if (!b->enrolled || b->cl) return;
	init_clock(b, &b->cclock);
	b->cp = vfs_proc_new(b->machine);
	struct err e = {0};
	int rc = open_ledger(b, b->cp, &b->cclock, &b->cl, &e);
	if (!rc) rc = courier_open(w, b, &e);
	if (!rc) return;
	(void)open_failed(w, b, "courier", rc, &e);
	box_kill_courier(w, b);
	start_later(w, b, 20000);
}

static void close_gateway(struct box *b)
{
	if (!b->gp) return;
	vfs_as(b->gp);
	ledger_close(b->gw);
	b->gw = NULL;
	vfs_proc_free(b->gp);
	b->gp = NULL;
}

static void close_courier(struct box *b)
{
	assert(!b->in_step);
	if (!b->cp) return;
	vfs_as(b->cp);
	courier_close(b);
	ledger_close(b->cl);
	b->cl = NULL;
	vfs_proc_free(b->cp);
	b->cp = NULL;
}

void box_kill_gateway(struct world *w, struct box *b)
{
	if (!b->gp) return;
	world_trace(w, "box %d: gateway dies", b->i);
	vfs_proc_die(b->gp);
	close_gateway(b);
	start_later(w, b, sim_range(&w->plan, 200, 20000));
}

void box_kill_courier(struct world *w, struct box *b)
{
	if (!b->cp) return;
	world_trace(w, "box %d: courier dies", b->i);
	vfs_proc_die(b->cp);
	if (b->in_step) return; /* taken away when the step comes back */
	close_courier(b);
	start_later(w, b, sim_range(&w->plan, 200, 20000));
}

void box_cut(struct world *w, struct box *b)
{
	if (!b->on) return;
	world_trace(w, "box %d: power cut", b->i);
	if (b->gp) vfs_proc_die(b->gp);
	if (b->cp) vfs_proc_die(b->cp);
	close_gateway(b);
	if (b->in_step) {
		b->want_cut = true;
		return;
	}
	close_courier(b);
	vfs_crash(b->machine, &w->disk);
	b->on = b->want_cut = false;
	start_later(w, b, sim_range(&w->plan, 1000, 600000));
}

void box_reap(struct world *w, struct box *b)
{
	if (b->want_cut && !b->in_step) {
		box_cut(w, b);
		return;
	}
	if (b->gp && vfs_proc_dead(b->gp)) {
		if (world_may(w, FAULT_POWER) && sim_chance(&w->plan, 500))
			box_cut(w, b);
		else
			box_kill_gateway(w, b);
	}
	if (b->cp && vfs_proc_dead(b->cp) && !b->in_step) {
		if (world_may(w, FAULT_POWER) && sim_chance(&w->plan, 500))
			box_cut(w, b);
		else
			box_kill_courier(w, b);
	}
}

void box_stop(struct world *w, struct box *b)
{
	(void)w;
	close_courier(b);
	close_gateway(b);
	b->on = false;
}

void box_release(struct world *w, struct box *b)
{
	box_stop(w, b);
	catalog_free(b->catalog);
	free(b->old_answer);
	b->catalog = NULL;
	b->old_answer = NULL;
}

struct catalog *box_catalog(struct world *w, struct box *b)
{
	struct err e = {0};
	int64_t n = 0, version;
	uint8_t hash[DIGEST_LEN];
	json_t *doc = NULL;
	struct catalog *fresh = NULL;
	(void)w;
	vfs_as(b->gp);
	if (ledger_feed_head(b->gw, &n, hash, &e)) return NULL;
	if (b->catalog && n == b->catalog_feed) return b->catalog;
	if (ledger_thing(b->gw, "catalog", &doc, &version, &e)) return NULL;
	if (!catalog_new(doc, &fresh, &e)) {
		catalog_free(b->catalog);
		b->catalog = fresh;
		b->catalog_feed = n;
	}
	json_decref(doc);
	return b->catalog;
}

/* --- enrolment: as `xinke-sync enroll` does it, a process of its own --- */

static json_t *request(struct box *b, struct ledger *l, const uint8_t log[UUID_LEN], bool restore)
{
	char text[UUID_TEXT], key[TEXT_B64_LEN(SEAL_KEY_LEN)];
	uuid_text(log, text);
	(void)text_b64(ledger_field_key(l), SEAL_KEY_LEN, key);
	json_t *j = json_pack("{s:s,s:s,s:s,s:s}", "log", text, "csr", b->w->kit->csr[b->csr], "field_key", key,
	                      "software", "sim/1");
	if (restore) json_object_set_new(j, "restore", json_true());
	return j;
}

static void check_field_key(struct box *b, const json_t *answer)
{
	uint8_t key[SEAL_KEY_LEN];
	const char *text = fields_text(answer, "field_key");
	if (text_unb64(text, strlen(text), key, sizeof key) != SEAL_KEY_LEN ||
	    memcmp(key, b->w->kit->raw_key[b->key], SEAL_KEY_LEN) != 0)
		world_fail(b->w, "field key", "box %d: the county hands back another field key", b->i);
}

static int take(struct box *b, struct ledger *l, const uint8_t log[UUID_LEN], const json_t *a, struct err *e)
{
	struct x509_info info;
	const char *cert = fields_text(a, "certificate"), *key = fields_text(a, "station_key");
	struct ledger_enrolment en = {.station = fields_text(a, "station"),
	                              .name = fields_text(a, "station_name"),
	                              .township = fields_text(a, "township"),
	                              .box = (int)fields_int(a, "box", 0)};
	memcpy(en.log, log, UUID_LEN);
	if (!tier_parse(fields_text(a, "tier"), &en.tier) ||
	    text_unb64(key, strlen(key), en.station_key, EVENT_KEY_LEN) != EVENT_KEY_LEN)
		return err_set(e, ERR_INVALID, "the enrolment's answer");
	int rc = x509_read(cert, strlen(cert), &info, e);
	if (rc) return rc;
	memcpy(b->peer.fingerprint, info.fingerprint, DIGEST_LEN);
	unsigned number = 0;
	if (!ca_station_of(&info, b->peer.station, &number)) return err_set(e, ERR_INVALID, "the certificate");
	b->peer.box = (int)number;
	b->peer.not_after = info.not_after;
	return ledger_enrol(l, &en, e);
}

bool box_enrol(struct world *w, struct box *b, bool restore)
{
	uint8_t log[UUID_LEN];
	struct err e = {0};
	struct ledger *l = NULL;
	struct clock c;
	box_stop(w, b);
	b->on = true;
	init_clock(b, &c);
	uuid_random(log);
	struct vfs_proc *p = vfs_proc_new(b->machine);
	int rc = open_ledger(b, p, &c, &l, &e);
	json_t *req = rc ? NULL : request(b, l, log, restore);
	json_t *answer = rc ? NULL : office_enrol(w, b->station, req);
	vfs_as(p);
	if (!rc && !answer) rc = err_set(&e, ERR_IO, "no answer");
	if (!rc && restore) check_field_key(b, answer);
	if (!rc) rc = take(b, l, log, answer, &e);
	ledger_close(l);
	vfs_proc_free(p);
	b->half = rc && answer;
	json_decref(req);
	json_decref(answer);
	if (!rc) b->enrolled = true;
	world_trace(w, "box %d: enrolled at %s%s: %s", b->i, b->station, restore ? " (restore)" : "",
	            rc ? e.msg : "ok");
	box_start(w, b);
	return rc == ERR_OK;
}

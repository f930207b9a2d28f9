/* `xinke status`, `log`, `verify`, `rebuild`, `sync`: the ledger as a technician asks about it. */
#include "gateway/cli/cli.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"

#include "shared/fields.h"
#include "shared/ledger/courier.h"
#include "shared/text.h"
#include "shared/wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
	struct ledger_identity id;
	struct ledger_head head;
	struct ledger_counts counts;
	json_t *sync; /* as the courier wrote it; owned */
	int64_t free_bytes, total_bytes;
};

static int look(struct cli *c, struct ledger *l, struct state *s)
{
	struct err none = {0};
	int rc = ledger_check(l, &c->err);
	s->id = *ledger_identity(l);
	if (!rc && ledger_head(l, &s->head, &none) && none.code != ERR_NOTFOUND)
		rc = err_set(&c->err, none.code, "%s", none.msg);
	if (!rc) rc = ledger_counts(l, &s->counts, &c->err);
	if (!rc) rc = ledger_sync_status(l, &s->sync, &c->err);
	if (!rc) rc = file_space(c->settings->data, &s->free_bytes, &s->total_bytes, &c->err);
	return rc;
}

static void print_time(const char *label, const json_t *sync, const char *name)
{
	char text[CLOCK_TEXT] = "never";
	int64_t ms = fields_int(sync, name, 0);
	if (ms) clock_text(ms, text);
	(void)printf("%-10s %s\n", label, text);
}

static void print_text(const struct state *s)
{
	const json_t *sync = s->sync;
	int64_t backlog = s->head.seq - s->head.received_seq;
	(void)printf("%-10s %s %s (%s)\n", "station", s->id.station, s->id.name, tier_name(s->id.tier));
	(void)printf("%-10s %02d\n", "box", s->head.box);
	(void)printf("%-10s %lld, %lld events waiting, %lld refused\n", "cases", (long long)s->counts.cases,
	             (long long)backlog, (long long)s->counts.refused);
	(void)printf("%-10s %s\n", "link", *fields_text(sync, "link") ? fields_text(sync, "link") : "unknown");
	print_time("success", sync, "last_success_at");
	if (*fields_text(sync, "last_error")) (void)printf("%-10s %s\n", "error", fields_text(sync, "last_error"));
	(void)printf("%-10s %lld calls, %lld failed; %lld bytes out, %lld in\n", "traffic",
	             (long long)fields_int(sync, "calls", 0), (long long)fields_int(sync, "failures", 0),
	             (long long)fields_int(sync, "bytes_sent", 0), (long long)fields_int(sync, "bytes_received", 0));
	(void)printf("%-10s %lld MiB free of %lld\n", "disk", (long long)(s->free_bytes >> 20),
	             (long long)(s->total_bytes >> 20));
}

static void print_json(const struct state *s, bool behind)
{
	json_t *j =
	    json_pack("{s:s,s:b,s:s,s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:O?}", "status", behind ? "behind" : "well",
	              "enrolled", (int)s->id.enrolled, "station", s->id.station, "station_name", s->id.name, "box",
	              s->head.box, "head", (json_int_t)s->head.seq, "received", (json_int_t)s->head.received_seq,
	              "backlog", (json_int_t)(s->head.seq - s->head.received_seq), "cases", (json_int_t)s->counts.cases,
	              "refused", (json_int_t)s->counts.refused, "feed", (json_int_t)s->counts.feed, "free_bytes",
	              (json_int_t)s->free_bytes, "sync", s->sync);
	char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	if (text) (void)puts(text);
	free(text);
	json_decref(j);
}

static int broken(struct cli *c)
{
	if (c->json) (void)printf("{\"status\":\"broken\"}\n");
	return 2;
}

int cli_status(struct cli *c)
{
	struct ledger *l = NULL;
	struct state s = {0};
	int rc = cli_ledger(c, LEDGER_READ, &l);
	if (!rc) rc = look(c, l, &s);
	ledger_close(l);
	if (rc || !s.id.enrolled) json_decref(s.sync);
	if (rc) return broken(c);
	if (!s.id.enrolled) {
		(void)err_set(&c->err, ERR_NOTFOUND, "this box is not enrolled");
		return broken(c);
	}
	bool behind =
	    s.head.seq > s.head.received_seq || s.counts.refused > 0 || strcmp(fields_text(s.sync, "link"), "up") != 0;
	if (c->json)
		print_json(&s, behind);
	else
		print_text(&s);
	json_decref(s.sync);
	explicit_bzero(&s.id, sizeof s.id);
	return behind ? 1 : 0;
}

struct logs {
	json_t *rows;
	bool bad; /* memory is out */
};

static void add_log(const struct ledger_log *g, void *arg)
{
	struct logs *x = arg;
	char log[UUID_TEXT], hash[TEXT_HEX_LEN(DIGEST_LEN)], at[CLOCK_TEXT];
	const json_t *before = json_array_get(x->rows, json_array_size(x->rows) - 1);
	uuid_text(g->log, log);
	text_hex(g->hash, DIGEST_LEN, hash);
	clock_text(g->opened_at, at);
	json_t *row = json_pack("{s:s,s:i,s:s,s:s,s:O?,s:O?,s:I,s:s,s:I,s:o}", "log", log, "box", g->box, "state",
	                        g->kept < 0 ? "open" : "left", "opened_at", at, "parent",
	                        json_object_get(before, "log"), "parent_seq", json_object_get(before, "kept"), "head",
	                        (json_int_t)g->head_seq, "hash", hash, "received", (json_int_t)g->received_seq, "kept",
	                        g->kept < 0 ? json_null() : json_integer(g->kept));
	if (!row || json_array_append_new(x->rows, row)) x->bad = true;
}

static void print_log(const json_t *row)
{
	const char *parent = fields_text(row, "parent");
	(void)printf("%s  box %02lld  %s  head %lld %.16s  received %lld", fields_text(row, "log"),
	             (long long)fields_int(row, "box", 0), fields_text(row, "state"),
	             (long long)fields_int(row, "head", 0), fields_text(row, "hash"),
	             (long long)fields_int(row, "received", 0));
	if (json_is_integer(json_object_get(row, "kept")))
		(void)printf("  kept to %lld", (long long)fields_int(row, "kept", 0));
	if (*parent) (void)printf("  from %.8s at %lld", parent, (long long)fields_int(row, "parent_seq", 0));
	(void)printf("\n");
}

int cli_log(struct cli *c)
{
	struct ledger *l = NULL;
	struct logs x = {.rows = json_array()};
	int64_t feed = 0;
	uint8_t hash[DIGEST_LEN];
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	size_t i;
	json_t *row;
	int rc = cli_ledger(c, LEDGER_READ, &l);
	if (!rc) rc = ledger_logs(l, add_log, &x, &c->err);
	if (!rc) rc = ledger_feed_head(l, &feed, hash, &c->err);
	ledger_close(l);
	if (!rc && (x.bad || !x.rows)) rc = err_set(&c->err, ERR_NOMEM, "logs");
	if (!rc) text_hex(hash, DIGEST_LEN, hex);
	if (!rc && c->json) {
		json_t *all =
		    json_pack("{s:O,s:{s:I,s:s}}", "logs", x.rows, "feed", "seq", (json_int_t)feed, "hash", hex);
		char *text = json_dumps(all, JSON_INDENT(1));
		(void)puts(text ? text : "");
		free(text);
		json_decref(all);
	} else if (!rc) {
		json_array_foreach(x.rows, i, row)
			print_log(row);
		(void)printf("feed  %lld %.16s\n", (long long)feed, hex);
	}
	json_decref(x.rows);
	return rc ? broken(c) : 0;
}

static void tell(const char *fault, void *arg)
{
	(void)arg;
	(void)fprintf(stderr, "%s\n", fault);
}

int cli_verify(struct cli *c)
{
	struct ledger *l = NULL;
	struct ledger_report r = {0};
	int rc = cli_ledger(c, LEDGER_READ, &l);
	if (!rc) rc = ledger_check(l, &c->err);
	if (!rc) rc = ledger_verify(l, &r, tell, NULL, &c->err);
	ledger_close(l);
	if (rc) return broken(c);
	(void)printf(
	    c->json ? "{\"logs\":%lld,\"events\":%lld,\"feed\":%lld,\"cases\":%lld,\"erased\":%lld,\"faults\":%lld}\n"
	            : "%lld logs, %lld events, %lld feed entries, %lld cases (%lld erased): %lld faults\n",
	    (long long)r.logs, (long long)r.events, (long long)r.feed, (long long)r.cases, (long long)r.erased,
	    (long long)r.faults);
	return r.faults ? 2 : 0;
}

int cli_rebuild(struct cli *c)
{
	struct ledger *l = NULL;
	int rc = cli_ledger(c, LEDGER_WRITE, &l);
	if (!rc) rc = ledger_rebuild(l, &c->err);
	ledger_close(l);
	if (!rc) (void)puts("rebuilt");
	return rc ? 2 : 0;
}

int cli_sync(struct cli *c)
{
	if (c->argc != 1 || strcmp(c->argv[0], "now") != 0) {
		(void)err_set(&c->err, ERR_INVALID, "usage: xinke sync now");
		return 2;
	}
	wake_send(c->settings->courier, WAKE_RUN);
	return 0;
}

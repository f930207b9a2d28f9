/* See orders.h. They are written by staff.c, beside the feed entry that carries them; a box notes in its audit what became of
 * them. */
#include "sync/county/orders.h"

#include "shared/casejson.h"
#include "sync/county/call.h"

#include <string.h>

static json_t *order_json(struct db_stmt *q)
{
	static const char *const texts[] = {"station", "name", "act"};
	int rc = ERR_OK;
	json_t *o = json_object();
	const char *role = db_text(q, 5), *by = db_text(q, 6);
	if (!o) rc = ERR_NOMEM;
	casejson_time(o, "at", db_int(q, 1), &rc);
	for (int i = 0; i < 3; i++) {
		const char *t = db_text(q, 2 + i);
		casejson_text(o, texts[i], t ? t : "", &rc);
	}
	caseview_set(o, "role", role ? json_string(role) : json_null(), &rc);
	casejson_text(o, "by", by ? by : "", &rc);
	return casejson_finish(o, rc);
}

int orders_read(struct store *s, const char *station, int64_t before, int limit, json_t **out, int64_t *next,
                struct err *e)
{
	int r = 0, rc = ERR_OK;
	int64_t last = 0;
	*next = 0;
	*out = json_array();
	if (!*out) return err_set(e, ERR_NOMEM, "orders");
	struct db_stmt *q = db_query(s->db, *station ? Q_staff_orders_of_station : Q_staff_orders, e);
	if (!q) return ERR_IO;
	if (*station) db_bind_text(q, "station", station);
	db_bind_int(q, "before", before);
	db_bind_int(q, "limit", (int64_t)limit + 1);
	while (!rc && (r = db_step(q, e)) > 0) {
		if ((int)json_array_size(*out) == limit) {
			*next = last;
			break;
		}
		last = db_int(q, 0);
		if (json_array_append_new(*out, order_json(q))) rc = err_set(e, ERR_NOMEM, "orders");
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static void run(struct call *c, struct worker *w)
{
	char cursor[CALL_CURSOR_MAX];
	struct err e = {0};
	json_t *rows = NULL;
	int64_t next;
	int rc = orders_read(w->store, c->station, c->before, c->limit, &rows, &next, &e);
	if (rc) {
		call_error(c, rc, &e);
	} else {
		call_cursor(next, NULL, 0, cursor);
		http_reply_json(c->req, 200, json_pack("{s:O, s:s?}", "items", rows, "next", next ? cursor : NULL));
	}
	json_decref(rows);
}

void orders_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"station", "cursor", "limit", NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, known)) return;
	struct call *c = call_new(ctx, req, run);
	if (!c) return;
	const char *cursor = http_req_query(req, "cursor");
	call_read_limit(c, &p);
	call_read_station(c, &p);
	if (cursor && !call_cursor_read(cursor, &c->before, NULL, 0))
		problem_field(&p, "/?cursor", "format", "not a cursor of this list");
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}

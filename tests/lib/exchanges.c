/* See exchanges.h. */
#include "tests/lib/exchanges.h"

#include "shared/fields.h"
#include "shared/text.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t key[EVENT_KEY_LEN] = {1}; /* macs do not travel */

void exchanges_die(const char *what, const char *message)
{
	(void)fprintf(stderr, "%s: %s\n", what, message);
	exit(1);
}

static void must(int rc, const struct err *e, const char *what)
{
	if (rc) exchanges_die(what, e->msg);
}

static struct wire_mark mark(const json_t *o, const char *name)
{
	const json_t *j = json_object_get(o, name);
	struct wire_mark m = {.seq = fields_int(j, "seq", -1)};
	if (m.seq < 0 || !text_unhex(fields_text(j, "hash"), m.hash, DIGEST_LEN)) exchanges_die(name, "no mark");
	return m;
}

static void event(const json_t *j, const struct wire_request *r, struct event *ev)
{
	struct err e = {0};
	*ev = (struct event){
	    .seq = fields_int(j, "seq", 0), .at = fields_int(j, "at", 0), .mono = fields_int(j, "mono", 0)};
	memcpy(ev->log, r->log, UUID_LEN);
	memcpy(ev->station, r->station, sizeof ev->station);
	memcpy(ev->origin, r->station, sizeof r->station);
	ev->has_case = fields_get(j, "case_id") != NULL;
	if (!uuid_parse(fields_text(j, "id"), ev->id) ||
	    (ev->has_case && !uuid_parse(fields_text(j, "case_id"), ev->case_id)) ||
	    !clock_quality_parse(fields_text(j, "clock"), &ev->quality))
		exchanges_die("event", "id, case_id or clock");
	must(event_set(ev->type, sizeof ev->type, fields_text(j, "type"), "type", &e), &e, "event");
	must(event_set(ev->boot, sizeof ev->boot, fields_text(j, "boot"), "boot", &e), &e, "event");
	must(event_set(ev->actor, sizeof ev->actor, fields_text(j, "actor"), "actor", &e), &e, "event");
	must(event_set(ev->device, sizeof ev->device, fields_text(j, "device"), "device", &e), &e, "event");
	must(event_set_body(ev, json_object_get(j, "body"), key, &e), &e, "event");
}

static void request(const json_t *j, struct wire_request *r)
{
	struct err e = {0};
	const json_t *events = json_object_get(j, "events");
	r->now = fields_int(j, "now", 0);
	r->have = mark(j, "have");
	r->head = mark(j, "head");
	r->feed = mark(j, "feed");
	r->health = json_incref(json_object_get(j, "health"));
	must(event_set(r->station, sizeof r->station, fields_text(j, "station"), "station", &e), &e, "request");
	must(event_set(r->software, sizeof r->software, fields_text(j, "software"), "software", &e), &e, "request");
	if (!uuid_parse(fields_text(j, "log"), r->log) || !clock_quality_parse(fields_text(j, "quality"), &r->quality))
		exchanges_die("request", "log or quality");
	r->events = calloc(json_array_size(events) + 1, sizeof *r->events);
	if (!r->events) exchanges_die("request", "out of memory");
	for (size_t i = 0; i < json_array_size(events); i++)
		event(json_array_get(events, i), r, &r->events[r->n_events++]);
}

static void answer(const json_t *j, struct wire_answer *a)
{
	a->received = mark(j, "received");
	a->feed_head = mark(j, "feed_head");
	a->feed = json_incref(json_object_get(j, "feed"));
	a->now = fields_int(j, "now", 0);
	a->more = json_is_true(json_object_get(j, "more"));
	a->retry_after_s = (int)fields_int(j, "retry_after", 0);
}

bool exchanges_next(FILE *f, struct exchanges_line *out)
{
	json_error_t je;
	char *line = NULL;
	size_t cap = 0;
	*out = (struct exchanges_line){0};
	ssize_t n = getline(&line, &cap, f);
	if (n > 0) {
		json_t *j = json_loadb(line, (size_t)n, 0, &je);
		if (!j) exchanges_die("line", je.text);
		out->is_answer = json_object_get(j, "answer") != NULL;
		if (out->is_answer)
			answer(json_object_get(j, "answer"), &out->answer);
		else
			request(json_object_get(j, "request"), &out->request);
		json_decref(j);
	}
	free(line);
	return n > 0;
}

void exchanges_release(struct exchanges_line *l)
{
	wire_request_release(&l->request);
	wire_answer_release(&l->answer);
}

char *exchanges_text(const struct exchanges_line *l, size_t *len)
{
	struct err e = {0};
	struct buf b;
	buf_init(&b, LIMIT_EXCHANGE);
	must(l->is_answer ? wire_answer_encode(&l->answer, &b, &e) : wire_request_encode(&l->request, &b, &e), &e,
	     "encode");
	char *text = buf_steal(&b, len);
	if (!text) exchanges_die("encode", "out of memory");
	return text;
}

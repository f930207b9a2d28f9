/* See call.h. What a worker reads of a request must stay true when the server takes the request back at its end, so
 * everything but body, key and session is copied before it is parked. */
#include "sync/county/call.h"

#include "shared/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_RETRY_S 1
#define FULL_RETRY_S 2

void call_later(struct http_req *req, enum problem_code code, int seconds)
{
	struct problem p = {0};
	problem_set(&p, code, NULL);
	problem_member(&p, "retry_after_s", json_integer(seconds));
	http_problem(req, &p);
}

void call_error(struct call *c, int rc, const struct err *e)
{
	enum problem_code code = problem_from_err((enum err_code)rc);
	if (rc == (int)ERR_NOMEM) code = PROBLEM_BUSY; /* nothing was changed; it may pass */
	log_line(c->county->log, code == PROBLEM_BUSY ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "request_failed",
	         "request=%s error=%s text=\"%s\"", http_req_id(c->req), err_name((enum err_code)rc), e->msg);
	if (code == PROBLEM_BUSY)
		call_later(c->req, code, BUSY_RETRY_S);
	else
		http_problem_code(c->req, code, NULL);
}

struct call *call_new(struct serve *sv, struct http_req *req, call_fn *fn)
{
	struct call *c = calloc(1, sizeof *c);
	if (!c) {
		call_later(req, PROBLEM_BUSY, BUSY_RETRY_S);
		return NULL;
	}
	*c = (struct call){
	    .serve = sv, .county = sv->county, .req = req, .fn = fn, .limit = LIMIT_PAGE_DEFAULT, .before = INT64_MAX};
	(void)snprintf(c->peer, sizeof c->peer, "%s", http_req_peer(req));
	const struct session *who = session_caller(req);
	if (who) c->who = *who;
	return c;
}

static void run(struct work_job *job, void *state)
{
	struct call *c = (struct call *)job;
	c->fn(c, state);
	http_resume(c->req);
	explicit_bzero(&c->who, sizeof c->who);
	free(c);
}

void call_submit(struct call *c)
{
	call_submit_to(c, c->serve->pool);
}

void call_submit_to(struct call *c, struct work *pool)
{
	struct http_req *req = c->req;
	struct serve *sv = c->serve;
	c->job.run = run;
	http_suspend(req);
	if (work_submit(pool, &c->job)) return;
	metrics_add(&sv->metrics, METRIC_BUSY, 1);
	free(c);
	call_later(req, PROBLEM_BUSY, FULL_RETRY_S);
	http_resume(req);
}

void call_refuse(struct call *c, struct problem *p)
{
	http_problem(c->req, p);
	free(c);
}

void call_plain(struct serve *sv, struct http_req *req, call_fn *fn)
{
	static const char *const none[] = {NULL};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(sv, req, fn);
	if (c) call_submit(c);
}

bool call_path_id(struct call *c, const char *name)
{
	if (uuid_parse(http_req_param(c->req, name), c->id)) return true;
	http_problem_code(c->req, PROBLEM_NOT_FOUND, NULL);
	free(c);
	return false;
}

void call_read_station(struct call *c, struct problem *p)
{
	const char *station = http_req_query(c->req, "station");
	if (station && (strlen(station) != 12 || strspn(station, "0123456789") != 12))
		problem_field(p, "/?station", "format", "12 digits are wanted");
	else if (station)
		memcpy(c->station, station, sizeof c->station);
}

bool call_read_format(const struct call *c, struct problem *p)
{
	const char *format = http_req_query(c->req, "format");
	bool csv = format && strcmp(format, "csv") == 0;
	if (format && !csv && strcmp(format, "json") != 0)
		problem_field(p, "/?format", "value", "json or csv is wanted");
	return csv;
}

void call_read_limit(struct call *c, struct problem *p)
{
	const char *text = http_req_query(c->req, "limit");
	char *end = NULL;
	if (!text) return;
	errno = 0;
	long long v = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
	if (!end || *end || errno)
		problem_field(p, "/?limit", "type", "a whole number is wanted");
	else if (v < 1 || v > LIMIT_PAGE)
		problem_field(p, "/?limit", "range", "1 to %d", LIMIT_PAGE);
	else
		c->limit = (int)v;
}

/* --- cursors: a number in big-endian order, then an id --- */

void call_cursor(int64_t at, const uint8_t *id, size_t id_len, char out[CALL_CURSOR_MAX])
{
	uint8_t raw[8 + UUID_LEN];
	for (size_t i = 0; i < 8; i++)
		raw[i] = (uint8_t)((uint64_t)at >> (56 - 8 * i));
	if (id_len) memcpy(raw + 8, id, id_len);
	(void)text_b64url(raw, 8 + id_len, out);
}

bool call_cursor_read(const char *text, int64_t *at, uint8_t *id, size_t id_len)
{
	uint8_t raw[8 + UUID_LEN];
	if (text_unb64(text, strlen(text), raw, sizeof raw) != (long)(8 + id_len)) return false;
	uint64_t v = 0;
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | raw[i];
	if (v > INT64_MAX) return false;
	*at = (int64_t)v;
	if (id_len) memcpy(id, raw + 8, id_len);
	return true;
}

/* See answer.h. Called by handlers and by whoever answers a parked request. */
#include "gateway/answer.h"

#include "shared/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_RETRY_S 1

void answer_later(struct http_req *req, enum problem_code code, int seconds)
{
	struct problem p = {0};
	problem_set(&p, code, NULL);
	problem_member(&p, "retry_after_s", json_integer(seconds));
	http_problem(req, &p);
}

void answer_error(struct gateway *gw, struct http_req *req, int rc, const struct err *e)
{
	enum problem_code code = problem_from_err((enum err_code)rc);
	bool disk = rc == (int)ERR_IO;
	if (disk || rc == (int)ERR_NOMEM) code = PROBLEM_BUSY; /* nothing was changed; it may pass */
	log_line(&gw->log, code == PROBLEM_BUSY && !disk ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "request_failed",
	         "request=%s error=%s text=\"%s\"", http_req_id(req), err_name((enum err_code)rc), e->msg);
	if (code == PROBLEM_BUSY)
		answer_later(req, code, BUSY_RETRY_S);
	else
		http_problem_code(req, code, NULL);
}

bool answer_no_query(struct http_req *req)
{
	static const char *const none[] = {NULL};
	return http_req_query_only(req, none);
}

static void wrong(struct problem *p, const char *name, const char *code, const char *text)
{
	char pointer[40];
	(void)snprintf(pointer, sizeof pointer, "/?%s", name);
	problem_field(p, pointer, code, "%s", text);
}

int64_t answer_query_int(const struct http_req *req, const char *name, int64_t min, int64_t max, int64_t def,
                         struct problem *p)
{
	const char *text = http_req_query(req, name);
	if (!text) return def;
	char *end = NULL;
	errno = 0;
	long long v = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
	if (!end || *end || errno) {
		wrong(p, name, "type", "a whole number is wanted");
		return def;
	}
	if (v < min || v > max) {
		wrong(p, name, "range", "out of range");
		return def;
	}
	return v;
}

const char *answer_query_text(const struct http_req *req, const char *name, size_t max, bool empty_ok,
                              struct problem *p)
{
	const char *text = http_req_query(req, name);
	if (!text) return NULL;
	size_t len = strlen(text), count = text_utf8_count(text, len);
	if ((count || empty_ok) && count <= max && !text_has_control(text, len, false)) return text;
	wrong(p, name, "length", "too long, empty, or holds control characters");
	return NULL;
}

/* The time in big-endian order, then the id: opaque to callers. */
#define CURSOR_BYTES (8 + UUID_LEN)

void answer_cursor_write(int64_t at, const uint8_t id[UUID_LEN], char out[ANSWER_CURSOR_MAX])
{
	uint8_t raw[CURSOR_BYTES];
	for (size_t i = 0; i < 8; i++)
		raw[i] = (uint8_t)((uint64_t)at >> (56 - 8 * i));
	memcpy(raw + 8, id, UUID_LEN);
	(void)text_b64url(raw, sizeof raw, out);
}

bool answer_cursor_read(const char *text, int64_t *at, uint8_t id[UUID_LEN])
{
	uint8_t raw[CURSOR_BYTES];
	if (text_unb64(text, strlen(text), raw, sizeof raw) != CURSOR_BYTES) return false;
	uint64_t v = 0;
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | raw[i];
	*at = (int64_t)v;
	memcpy(id, raw + 8, UUID_LEN);
	return true;
}

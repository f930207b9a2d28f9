/* What handlers have in common: refusals for errors of ours, and query parameters. */
#ifndef XINKE_GATEWAY_ANSWER_H
#define XINKE_GATEWAY_ANSWER_H

#include "gateway/gateway.h"
#include "shared/limits.h"
#include "shared/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/* Answers for error RC; its message goes to the log under the request's id, never to the caller. */
void answer_error(struct gateway *gw, struct http_req *req, int rc, const struct err *e);
/* Answers with a problem that says when to come again. */
void answer_later(struct http_req *req, enum problem_code code, int seconds);

/* Answers and returns false when the query holds anything at all. */
bool answer_no_query(struct http_req *req);
/* Query parameters; what is wrong goes to P under "/?name", DEF stands for an absent one. */
int64_t answer_query_int(const struct http_req *req, const char *name, int64_t min, int64_t max, int64_t def,
                         struct problem *p);
/* Text of 1 (0 where EMPTY_OK) to MAX characters, without controls; NULL when absent or wrong. Borrowed. */
const char *answer_query_text(const struct http_req *req, const char *name, size_t max, bool empty_ok,
                              struct problem *p);

/* Cursor of a list that runs from the newest receipt down: starts below (AT, ID). */
#define ANSWER_CURSOR_MAX 40
void answer_cursor_write(int64_t at, const uint8_t id[UUID_LEN], char out[ANSWER_CURSOR_MAX]);
bool answer_cursor_read(const char *text, int64_t *at, uint8_t id[UUID_LEN]);

#endif

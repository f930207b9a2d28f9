/* Strict JSON: what RFC 8259 leaves open is closed here, the same for REST bodies, the ledger and the courier.
 *
 * Refused beyond plain syntax errors: invalid UTF-8, a byte order mark, duplicate keys, \u0000, nesting past a limit,
 * integers outside +-(2^53-1) (RFC 8785 and JavaScript cannot hold them), anything after the value. */
#ifndef XINKE_JSON_PARSE_H
#define XINKE_JSON_PARSE_H

#include "shared/err.h"

#include <jansson.h>
#include <stddef.h>

#define JSON_PARSE_INT_MAX 9007199254740991LL /* 2^53 - 1 */

/* Parses LEN bytes as one JSON value of any type into OUT (new; json_decref), arrays and objects nested at most
 * DEPTH_MAX deep. ERR_INVALID says what is wrong and at which byte (from 0; of syntax errors, how far the reader had
 * come) and never quotes the input. ERR_NOMEM where memory ran out, and nothing else then. */
int json_parse_strict(const char *text, size_t len, unsigned depth_max, json_t **out, struct err *e);

#endif

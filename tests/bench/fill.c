/* Puts registrations into a box's ledger, by the ledger's own code and in large groups: a backlog is made in seconds. The
 * lines of `tests/lib/records.mjs --asked` on the input; the box's daemons are stopped. For `make bench-link`.
 *
 *   fill DATA CATALOG.json
 */
#include "shared/catalog.h"
#include "shared/fields.h"
#include "shared/file.h"
#include "shared/json_parse.h"
#include "shared/ledger/write.h"
#include "shared/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOC_MAX (8 * 1024 * 1024)
#define GROUP   200

static void must(int rc, const struct err *e, const char *what)
{
	if (!rc) return;
	(void)fprintf(stderr, "fill: %s: %s\n", what, e->msg);
	exit(1);
}

static struct catalog *read_catalog(const char *path, json_t **doc)
{
	struct catalog *cat = NULL;
	struct err e = {0};
	char *text = NULL;
	size_t len = 0;
	must(file_read(path, DOC_MAX, &text, &len, &e), &e, path);
	must(json_parse_strict(text, len, LIMIT_DEPTH, doc, &e), &e, path);
	must(catalog_new(*doc, &cat, &e), &e, path);
	free(text);
	return cat;
}

/* The clock is the line's; the boot is this machine's. */
static void put(struct ledger *l, const struct catalog *cat, const json_t *line)
{
	struct ledger_call call = {.actor = fields_text(line, "actor"), .device = "", .now = ledger_now(l)};
	const json_t *request = json_object_get(line, "request");
	struct err e = {0};
	const struct catalog_item *item = catalog_find(cat, fields_text(request, "item"));
	if (!item) must(ERR_INVALID, &e, "no such item");
	uuid_random(call.key);
	call.now.wall = fields_int(line, "at", 0);
	call.now.mono = fields_int(line, "mono", 0);
	(void)clock_quality_parse(fields_text(line, "clock"), &call.now.quality);
	must(ledger_request_mac(l, "bench", "bench", request, call.request, &e), &e, "mac");
	must(ledger_register(l, &call, request, cat, item, &e), &e, "register");
}

int main(int argc, char **argv)
{
	char db[FILE_PATH_MAX], key[FILE_PATH_MAX], *text = NULL;
	struct clock clock;
	struct ledger *l = NULL;
	struct err e = {0};
	json_t *doc = NULL;
	size_t room = 0;
	ssize_t n;
	long lines = 0;
	if (argc != 3) {
		(void)fprintf(stderr, "usage: fill DATA CATALOG.json\n");
		return 2;
	}
	clock_init(&clock);
	(void)snprintf(db, sizeof db, "%s/xinke.db", argv[1]);
	(void)snprintf(key, sizeof key, "%s/field.key", argv[1]);
	struct ledger_config lc = {
	    .path = db, .field_key = key, .mode = LEDGER_WRITE, .clock = &clock, .cache_kib = 16384};
	must(ledger_open(&lc, &l, &e), &e, db);
	struct catalog *cat = read_catalog(argv[2], &doc);
	for (; (n = getline(&text, &room, stdin)) > 0; lines++) {
		json_t *line = NULL;
		must(json_parse_strict(text, (size_t)n, LIMIT_DEPTH, &line, &e), &e, "line");
		if (lines % GROUP == 0) must(ledger_begin(l, &e), &e, "begin");
		put(l, cat, line);
		if (lines % GROUP == GROUP - 1) must(ledger_commit(l, &e), &e, "commit");
		json_decref(line);
	}
	if (lines % GROUP) must(ledger_commit(l, &e), &e, "commit");
	free(text);
	catalog_free(cat);
	json_decref(doc);
	ledger_close(l);
	return 0;
}

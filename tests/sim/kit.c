/* See kit.h. The stations and catalogs are cut down from the county's, so that a disk is small and a feed is short. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/sim/kit.h"

#include "shared/crypto/rng.h"
#include "shared/dict.h"
#include "shared/json_parse.h"
#include "shared/ledger/ledger.h"
#include "sync/county/import.h"
#include "tests/sim/link.h"
#include "tests/sim/rng.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 24

static void must(int rc, const struct err *e)
{
	if (rc == ERR_OK) return;
	(void)fprintf(stderr, "sim: %s\n", e->msg);
	exit(2);
}

static json_t *read_json(const char *root, const char *name)
{
	char path[FILE_PATH_MAX], *text = NULL;
	struct err e = {0};
	json_t *doc = NULL;
	size_t n = 0;
	(void)snprintf(path, sizeof path, "%s/%s", root, name);
	must(file_read(path, 8u << 20, &text, &n, &e), &e);
	must(json_parse_strict(text, n, DEPTH, &doc, &e), &e);
	free(text);
	return doc;
}

static void write_json(const struct kit *k, const char *name, const json_t *doc, char out[FILE_PATH_MAX])
{
	struct err e = {0};
	char *text = json_dumps(doc, JSON_COMPACT);
	(void)snprintf(out, FILE_PATH_MAX, "%s/%s", k->folder, name);
	must(file_write(out, text, strlen(text), 0600, true, &e), &e);
	free(text);
}

static bool is_one_of(const char *code, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(code, list[i]) == 0) return true;
	return false;
}

/* The members of ARRAY whose code is in LIST. */
static json_t *chosen(const json_t *array, const char *const *list, size_t n)
{
	json_t *out = json_array(), *one;
	size_t i;
	json_array_foreach(array, i, one) {
		if (is_one_of(json_string_value(json_object_get(one, "code")), list, n)) json_array_append(out, one);
	}
	return out;
}

static void make_catalogs(struct kit *k, const char *root)
{
	/* taken in, handled, a record of service, one more with each version */
	static const char *const items[] = {"652323-001", "652323-019", "652323-029", "652323-018",
	                                    "652323-023", "652323-040", "652323-028"};
	json_t *doc = read_json(root, "schema/catalog/hutubi-2022.json"), *all = json_object_get(doc, "items"), *one;
	size_t j;
	json_incref(all);
	json_array_foreach(all, j, one) {
		json_object_del(one, "guide");
	}
	for (int i = 0; i < KIT_CATALOGS; i++) {
		char name[32];
		json_object_set_new(doc, "version", json_integer(i + 1));
		json_object_set_new(doc, "items", chosen(all, items, 4 + (size_t)i));
		(void)snprintf(name, sizeof name, "catalog-%d.json", i + 1);
		write_json(k, name, doc, k->catalog[i]);
	}
	json_decref(all);
	json_decref(doc);
}

static void make_county(struct kit *k, const char *root)
{
	static const char *const towns[] = {KIT_TOWNSHIP}, *const villages[] = {"652323101200", "652323101201"};
	char stations[FILE_PATH_MAX], calendar[FILE_PATH_MAX];
	struct err e = {0};
	struct import_report r;
	struct store *s = NULL;
	json_t *doc = read_json(root, "schema/stations/hutubi.json");
	json_t *days = json_pack("{s:i,s:[]}", "version", 1, "days");
	json_object_set_new(doc, "townships", chosen(json_object_get(doc, "townships"), towns, 1));
	json_object_set_new(doc, "stations", chosen(json_object_get(doc, "stations"), villages, 2));
	write_json(k, "stations.json", doc, stations);
	write_json(k, "calendar.json", days, calendar);
	json_decref(doc);
	json_decref(days);
	struct import_files f = {stations, k->catalog[0], calendar, false};
	struct vfs_proc *p = vfs_proc_new(0);
	vfs_as(p);
	must(store_open("m0/county.db", k->county[0].recovery, STORE_MIGRATE, &s, &e), &e);
	must(import_run(s, &f, KIT_EPOCH, &r, &e), &e);
	store_close(s);
	vfs_proc_free(p);
	k->county_disk = vfs_save(0);
}

static void make_boxes(struct kit *k)
{
	struct err e = {0};
	struct clock clock;
	clock_init(&clock);
	for (int i = 0; i < KIT_KEYS; i++) {
		struct ledger *l = NULL;
		(void)snprintf(k->field_key[i], FILE_PATH_MAX, "%s/field-%d.key", k->folder, i);
		must(ledger_key_make(k->field_key[i], &e), &e);
		struct ledger_config cfg = {
		    .path = "m1/ledger.db", .field_key = k->field_key[i], .mode = LEDGER_MIGRATE, .clock = &clock};
		struct vfs_proc *p = vfs_proc_new(1);
		vfs_as(p);
		must(ledger_open(&cfg, &l, &e), &e);
		memcpy(k->raw_key[i], ledger_field_key(l), SEAL_KEY_LEN);
		ledger_close(l);
		vfs_proc_free(p);
		k->box_disk[i] = vfs_save(1);
		vfs_load(1, NULL);
	}
}

static void make_requests(struct kit *k)
{
	struct err e = {0};
	for (int i = 0; i < KIT_CSRS; i++) {
		struct ec_key *key = ec_key_generate();
		must(x509_csr_make(key, "xinke box", NULL, 0, k->csr[i], &e), &e);
		ec_key_free(key);
	}
}

void kit_make(struct kit *k, const char *root)
{
	struct err e = {0};
	const char *tmp = getenv("TMPDIR");
	memset(k, 0, sizeof *k);
	k->log = (struct log){.program = "sim", .level = LOG_LEVEL_ERROR};
	(void)snprintf(k->folder, sizeof k->folder, "%s/xinke-sim-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(k->folder)) must(err_set(&e, ERR_IO, "%s cannot be made", k->folder), &e);
	k->cfg = (struct county_config){.code_hours = 72, .workers = 1, .sync_port = 8441};
	(void)snprintf(k->cfg.data, sizeof k->cfg.data, "%s/county", k->folder);
	(void)snprintf(k->cfg.names, sizeof k->cfg.names, "localhost,127.0.0.1");
	(void)snprintf(k->cfg.sync_url, sizeof k->cfg.sync_url, "https://localhost:8441");
	sim_product_seed(1);
	(void)sim_real_crypto(true);
	sim_system_time(KIT_EPOCH);
	vfs_reset();
	must(county_keys_make(&k->cfg, "呼图壁县", &e), &e);
	for (int i = 0; i < KIT_OFFICES; i++) {
		must(county_init(&k->county[i], &k->cfg, NULL, &e), &e);
		k->county[i].metrics = &k->metrics;
	}
	size_t n;
	const struct pack_dict *dicts = dict_all(&n);
	must(pack_new(dicts, n, &k->pack, &e), &e);
	make_catalogs(k, root);
	make_county(k, root);
	make_boxes(k);
	make_requests(k);
	vfs_reset();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void kit_release(struct kit *k)
{
	for (int i = 0; i < KIT_OFFICES; i++)
		county_release(&k->county[i]);
	pack_free(k->pack);
	vfs_image_free(k->county_disk);
	for (int i = 0; i < KIT_KEYS; i++)
		vfs_image_free(k->box_disk[i]);
	(void)nftw(k->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

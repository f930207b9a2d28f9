/* Writes the first inputs of the fuzz targets: small ones of every kind, by the project's own code, so that a fuzzer begins
 * where the forms are and not at the empty text. Use: fuzz_seeds FOLDER; files are fuzz_seeds' own from seed-01 on. */
#include "shared/crypto/x509.h"
#include "shared/dict.h"
#include "shared/enrolcode.h"
#include "shared/pack.h"
#include "shared/receipt.h"
#include "shared/text.h"
#include "sync/engine/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/blob_samples.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <sys/stat.h>

static const char *folder;
static struct pack *pack;

static void put(const char *target, const void *data, size_t len)
{
	static const char *last = "";
	static int n;
	char path[512];
	n = strcmp(last, target) == 0 ? n + 1 : 1;
	last = target;
	(void)snprintf(path, sizeof path, "%s/%s", folder, target);
	MUST(mkdir(path, 0755) == 0 || errno == EEXIST);
	(void)snprintf(path, sizeof path, "%s/%s/seed-%02d", folder, target, n);
	FILE *f = fopen(path, "we");
	MUST(f && fwrite(data, 1, len, f) == len);
	MUST(fclose(f) == 0);
}

static void put_text(const char *target, const char *text)
{
	put(target, text, strlen(text));
}

static void put_packed(const char *target, const char *before, const struct buf *text, unsigned dict)
{
	struct buf b;
	struct err e = {0};
	buf_init(&b, LIMIT_EXCHANGE);
	buf_add(&b, before, strlen(before));
	MUST(pack_close(pack, PACK_LEVEL_MIN, dict, text->data, text->len, &b, &e) == ERR_OK);
	put(target, b.data, b.len);
	buf_release(&b);
}

static void requests(int n, bool detail)
{
	struct support_ledger t;
	struct wire_request r = {.now = SUPPORT_NOW, .quality = CLOCK_RTC, .detail = detail};
	struct err e = {0};
	struct buf b;
	support_ledger_make(&t);
	for (unsigned i = 1; i <= (unsigned)n; i++)
		support_register(&t, i, i % 2 ? SUPPORT_HANDLE_ITEM : SUPPORT_ACCEPT_ITEM);
	r.events = calloc(LIMIT_BATCH_EVENTS, sizeof *r.events);
	MUST(r.events);
	MUST(ledger_unsent(t.l, 0, LIMIT_BATCH_EVENTS, LIMIT_BATCH_BYTES, r.events, &r.n_events, &e) == ERR_OK);
	memcpy(r.station, SUPPORT_STATION, sizeof SUPPORT_STATION);
	memcpy(r.log, t.log, UUID_LEN);
	(void)snprintf(r.software, sizeof r.software, "xinke/seed");
	r.head.seq = r.events[r.n_events - 1].seq;
	memcpy(r.head.hash, r.events[r.n_events - 1].hash, DIGEST_LEN);
	r.health = support_json("{'head':3,'cases':1,'refused':0,'free_bytes':1000,'total_bytes':2000}");
	buf_init(&b, LIMIT_EXCHANGE);
	MUST(wire_request_encode(&r, &b, &e) == ERR_OK);
	put("request", b.data, b.len);
	put_packed("request", "", &b, DICT_EXCHANGE);
	put_packed("request", "", &b, 0);
	buf_release(&b);
	wire_request_release(&r);
	support_ledger_release(&t);
}

/* A feed with an entry of each kind. */
static json_t *entries(void)
{
	static const uint8_t key[EVENT_KEY_LEN] = {0x5a};
	struct support_feed f;
	uint8_t log[UUID_LEN];
	support_id(900001, log);
	support_feed_init(&f, key);
	support_feed_settled(&f, log, 3, 4);
	support_feed_refused(&f, log, 4, "transition");
	support_feed_event(&f, 600, 1, "accept", "county", "{'note':'予以受理'}");
	support_feed_event(&f, 601, 2, "supplement_notice", "county",
	                   "{'basis':'法','materials':[{'name':'户口簿','standard':'原件'}]}");
	support_feed_event(&f, 602, 9, "receive", "652323101201", "{'item':'652323-001'}");
	support_feed_add(&f, support_json("{'kind':'calendar','body':{'version':3,'days':[]}}"));
	support_feed_add(&f, support_json("{'kind':'order','what':'later'}"));
	support_feed_add(&f,
	                 support_json("{'kind':'settled','log':'00000000-0000-4000-8000-0000000000ff','from':1,'to':1,"
	                              "'events':[{'seq':1,'id':'00000000-0000-4000-8000-0000000000fe','type':'note',"
	                              "'at':5,'clock':'rtc','boot':'','mono':1,'actor':'a','body':{'text':'x'}}]}"));
	json_t *out = json_incref(f.entries);
	support_feed_release(&f);
	return out;
}

static void feeds(void)
{
	size_t i;
	json_t *entry, *all = entries();
	json_array_foreach(all, i, entry) {
		json_t *one = json_pack("[O]", entry);
		char *text = json_dumps(one, JSON_COMPACT);
		put_text("entry", text);
		free(text);
		json_decref(one);
	}
	char *text = json_dumps(all, JSON_COMPACT);
	put_text("entry", text);
	free(text);
	/* a feed that begins anew, hashes as they came */
	put_text("entry", " [{\"n\":1,\"kind\":\"order\",\"hash\":\"00\"}]");
	json_decref(all);
}

static void answers(void)
{
	struct wire_answer a = {.feed = entries(), .now = SUPPORT_NOW, .received = {.seq = 1}, .more = true};
	struct err e = {0};
	struct buf b;
	uint8_t sig[70] = {0x30};
	char b64[TEXT_B64_LEN(sizeof sig)], head[256];
	(void)text_b64(sig, sizeof sig, b64);
	a.feed_head.seq = (int64_t)json_array_size(a.feed);
	buf_init(&b, LIMIT_EXCHANGE);
	MUST(wire_answer_encode(&a, &b, &e) == ERR_OK);
	static const char *const switches[] = {"1110", "1210", "1000", "0100", "0201", "1203"};
	for (size_t i = 0; i < COUNT(switches); i++) {
		(void)snprintf(head, sizeof head, "%s\nabababababababababababababababab,%s\n", switches[i], b64);
		put_packed("answer", head, &b, i % 2 ? DICT_EXCHANGE : 0);
	}
	buf_reset(&b);
	a.box = 7;
	a.received.seq = 9; /* in no chain */
	a.detail = true;
	json_array_clear(a.feed);
	MUST(wire_answer_encode(&a, &b, &e) == ERR_OK);
	(void)snprintf(head, sizeof head, "1200\nabababababababababababababababab,%s\n%.*s", b64, (int)b.len, b.data);
	put("answer", head, strlen(head));
	buf_reset(&b);
	a.detail = false;
	MUST(wire_answer_encode(&a, &b, &e) == ERR_OK);
	char *text = malloc(b.len + 256);
	MUST(text);
	(void)snprintf(text, b.len + 256, "1200\nabababababababababababababababab,%s\n%.*s", b64, (int)b.len, b.data);
	put_text("answer", text);
	free(text);
	put_text("answer", "0000\n\n<!doctype html><title>login</title>");
	put_text("answer", "0001\n\n{\"code\":\"certificate_expired\"}");
	buf_release(&b);
	wire_answer_release(&a);
}

/* What a PEM holds. */
static void put_der(const char *pem)
{
	char flat[X509_PEM_MAX];
	uint8_t der[2048];
	size_t n = 0;
	for (const char *p = strchr(pem, '\n'); *p && *p != '-'; p++)
		if (*p != '\n') flat[n++] = *p;
	long len = text_unb64(flat, n, der, sizeof der);
	MUST(len > 0);
	put("cert", der, (size_t)len);
}

static void certificates(void)
{
	static const char *const permit[] = {"dns:county.test", "ip:10.0.0.0/8", "uri:station", NULL};
	static const struct x509_san sans[] = {{X509_SAN_DNS, "xinke.internal"},
	                                       {X509_SAN_IP, "10.1.2.3"},
	                                       {X509_SAN_URI, "xinke:station:652323101200:box:01"}};
	struct ec_key *ca = ec_key_generate(), *own = ec_key_generate();
	char root[X509_PEM_MAX], csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	struct err e = {0};
	struct x509_spec spec = {.cn = "呼图壁县",
	                         .ca = true,
	                         .permit = permit,
	                         .not_before = SUPPORT_NOW,
	                         .not_after = SUPPORT_NOW + SUPPORT_DAY_MS};
	MUST(x509_root_make(ca, &spec, root, &e) == ERR_OK);
	put_text("cert", root);
	MUST(x509_csr_make(own, "box", sans, COUNT(sans), csr, &e) == ERR_OK);
	put_text("cert", csr);
	for (unsigned eku = X509_EKU_SERVER; eku <= X509_EKU_ANSWER; eku *= 2) {
		struct x509_spec leaf = {.cn = "652323101200",
		                         .sans = sans,
		                         .n_sans = eku == X509_EKU_ANSWER ? 0 : COUNT(sans),
		                         .eku = eku,
		                         .not_before = SUPPORT_NOW,
		                         .not_after = SUPPORT_NOW + SUPPORT_DAY_MS};
		MUST(x509_issue(ca, root, csr, &leaf, cert, &e) == ERR_OK);
		put_text("cert", cert);
		put_der(cert);
	}
	put_der(root);
	put_der(csr);
	put_text("cert", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA==\n-----END EC PRIVATE KEY-----\n");
	ec_key_free(ca);
	ec_key_free(own);
}

static void codes(void)
{
	static const char *const texts[] = {
	    "0123-4567-89AB-CDEF",
	    "xinke-enrol:?url=https%3A%2F%2F10.0.0.1%3A8440&root=00ff&code=0123-4567-89AB-CDEF",
	    "url=https://c&code=x%4",
	    "652323101200-20261124-010001-5",
	    SUPPORT_PERSON,
	    SUPPORT_PHONE,
	    "0994-4501234",
	    "91652323MA00000000",
	    "E12345678",
	    "阿依古丽·买买提",
	    "6d1f0b52-3b0c-4a86-9d10-0f6a1e7c2d3e",
	    "2026-11-24T11:23:05.123+08:00",
	    "1970-01-01T00:00:00Z",
	    "abababababababababababababababab,MAA=",
	    "{\"a\":[1,-9007199254740991,\"\\u00b7\\ud83d\\ude00\",null,true,{}]}",
	    "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
	};
	struct receipt r = {.station = SUPPORT_STATION, .day = 20261124, .box = 1, .serial = 42};
	char number[RECEIPT_MAX];
	for (size_t i = 0; i < COUNT(texts); i++)
		put_text("code", texts[i]);
	MUST(receipt_format(&r, number));
	put_text("code", number);
}

/* Headers behind an 'h', files behind anything else. */
static void uploads(void)
{
	static const char *const headers[] = {
	    "h52428800",
	    "hsha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
	    "hsha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
	    "hfilename cGhvdG8uanBn,filetype aW1hZ2UvanBlZw==,flag",
	    "hfilename Li4vLi4vYS5wZGY=,case_id NmQxZjBiNTItM2IwYy00YTg2LTlkMTAtMGY2YTFlN2MyZDNl,material aWQ=",
	    "hsha256 ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ==",
	};
	for (size_t i = 0; i < COUNT(headers); i++)
		put_text("upload", headers[i]);
	for (size_t i = 0; i < BLOB_SAMPLES; i++) {
		uint8_t file[256] = "f";
		MUST(blob_samples[i].len < sizeof file);
		memcpy(file + 1, blob_samples[i].data, blob_samples[i].len);
		put("upload", file, blob_samples[i].len + 1);
	}
}

int main(int argc, char **argv)
{
	size_t n;
	const struct pack_dict *dicts = dict_all(&n);
	if (argc != 2) return 2;
	folder = argv[1];
	MUST(mkdir(folder, 0755) == 0 || errno == EEXIST);
	MUST(pack_new(dicts, n, &pack, NULL) == ERR_OK);
	requests(1, false);
	requests(4, false);
	requests(2, true);
	answers();
	feeds();
	certificates();
	codes();
	uploads();
	pack_free(pack);
	return 0;
}

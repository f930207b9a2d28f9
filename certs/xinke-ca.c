/* xinke-ca: the county's CA by hand. A technician runs it on the county's machine; the daemons link ca.c instead.
 *
 * Commands and options are tables: the dispatcher, the check of options and the usage text all read them. Exit status:
 * 0 done, 1 failed (the reason on standard error), 2 not understood. */
#include "certs/ca.h"
#include "shared/file.h"
#include "shared/text.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { EXIT_USAGE = 2, FILE_MAX = 16384, LIST_MAX = 24 };

enum option_id { O_DIR, O_NAME, O_HOST, O_NET, O_YEARS, O_OUT, O_DNS, O_IP, O_CSR, O_STATION, O_BOX, N_OPTIONS };

static const struct {
	const char *name, *arg, *help;
} options[N_OPTIONS] = {
    [O_DIR] = {"dir", "DIR", "folder of " CA_ROOT_CERT " and " CA_ROOT_KEY},
    [O_NAME] = {"county-name", "NAME", "the county's name, subject of the root"},
    [O_HOST] = {"host", "H[,H...]", "DNS names or addresses of county servers that the root may vouch for"},
    [O_NET] = {"net", "A/N[,A/N...]", "further networks that the root may vouch for"},
    [O_YEARS] = {"years", "N", "life of the root (10)"},
    [O_OUT] = {"out", "PATH", "file to write; for a key and its certificate the part before .key and .crt"},
    [O_DNS] = {"dns", "D[,D...]", "DNS names of the server"},
    [O_IP] = {"ip", "A[,A...]", "addresses of the server"},
    [O_CSR] = {"csr", "FILE", "certificate request of the box"},
    [O_STATION] = {"station", "CODE", "12 digits of the station"},
    [O_BOX] = {"box", "NN", "number of the box at its station, 0 to 99"},
};

/* What the command line said. */
struct args {
	const char *value[N_OPTIONS]; /* NULL = not given */
	const char *operand;          /* FILE, where the command takes one */
	int64_t now;                  /* ms */
};

#define BIT(o) (1u << (o))

/* A comma-separated list, cut up in a copy. */
struct list {
	char *copy;
	const char *item[LIST_MAX];
	size_t n;
};

static int list_cut(struct list *l, const char *text, struct err *e)
{
	*l = (struct list){0};
	if (!text) return ERR_OK;
	l->copy = strdup(text);
	if (!l->copy) return err_set(e, ERR_NOMEM, "out of memory");
	for (char *p = l->copy; p;) {
		if (l->n == LIST_MAX) return err_set(e, ERR_INVALID, "more than %d in a list", LIST_MAX);
		l->item[l->n++] = p;
		p = strchr(p, ',');
		if (p) *p++ = '\0';
	}
	return ERR_OK;
}

/* A whole number of decimal digits, at most MAX. */
static int number(const char *s, unsigned max, unsigned *out, struct err *e)
{
	char *end = NULL;
	unsigned long v = *s >= '0' && *s <= '9' ? strtoul(s, &end, 10) : 0;
	if (!end || *end || v > max) return err_set(e, ERR_INVALID, "%.40s is no number up to %u", s, max);
	*out = (unsigned)v;
	return ERR_OK;
}

static void print_fingerprint(const struct x509_info *info)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(info->fingerprint, DIGEST_LEN, hex);
	(void)printf("%s\n", hex);
}

/* --- commands --- */

static int cmd_init(const struct args *a, struct err *e)
{
	struct list hosts = {0}, nets = {0};
	struct ca *ca = NULL;
	struct ca_root root = {.name = a->value[O_NAME]};
	int rc = list_cut(&hosts, a->value[O_HOST], e);
	if (rc == ERR_OK) rc = list_cut(&nets, a->value[O_NET], e);
	if (rc == ERR_OK && a->value[O_YEARS]) rc = number(a->value[O_YEARS], CA_YEARS_MAX, &root.years, e);
	root.hosts = hosts.item;
	root.n_hosts = hosts.n;
	root.nets = nets.item;
	root.n_nets = nets.n;
	if (rc == ERR_OK) rc = ca_init(a->value[O_DIR], &root, a->now, e);
	if (rc == ERR_OK) rc = ca_open(a->value[O_DIR], &ca, e); /* reads back what was written */
	if (rc == ERR_OK) print_fingerprint(ca_root_info(ca));
	ca_free(ca);
	free(hosts.copy);
	free(nets.copy);
	return rc;
}

static int out_path(const char *prefix, const char *tail, char out[FILE_PATH_MAX], struct err *e)
{
	int n = snprintf(out, FILE_PATH_MAX, "%s%s", prefix, tail);
	return n > 0 && n < FILE_PATH_MAX ? ERR_OK : err_set(e, ERR_INVALID, "the path is too long");
}

/* A key pair of our own making with its certificate. The names of a server, or none for the answer key. */
static int make_pair(const struct args *a, const struct x509_san *sans, size_t n, struct err *e)
{
	char path[FILE_PATH_MAX], key_pem[EC_PEM_MAX] = "", csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	struct ca *ca = NULL;
	struct ec_key *k = NULL;
	int rc = ca_open(a->value[O_DIR], &ca, e);
	if (rc != ERR_OK) goto out;
	k = ec_key_generate();
	if (!k) {
		rc = err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	rc = x509_csr_make(k, "xinke-ca", NULL, 0, csr, e);
	if (rc == ERR_OK && n) rc = ca_issue_server(ca, csr, sans, n, a->now, cert, e);
	if (rc == ERR_OK && !n) rc = ca_issue_answer(ca, csr, a->now, cert, e);
	if (rc == ERR_OK) rc = ec_key_to_pem(k, key_pem, e);
	/* never over a key that is there: it may be in use, and nobody else has it */
	if (rc == ERR_OK) rc = out_path(a->value[O_OUT], ".key", path, e);
	if (rc == ERR_OK) rc = file_write(path, key_pem, strlen(key_pem), 0600, false, e);
	if (rc == ERR_OK) rc = out_path(a->value[O_OUT], ".crt", path, e);
	if (rc == ERR_OK) rc = file_write(path, cert, strlen(cert), 0644, true, e);
out:
	explicit_bzero(key_pem, sizeof key_pem);
	ec_key_free(k);
	ca_free(ca);
	return rc;
}

static int add_names(struct x509_san *sans, size_t *n, enum x509_san_kind kind, const char *text, struct err *e)
{
	struct list l;
	int rc = list_cut(&l, text, e);
	for (size_t i = 0; i < l.n && rc == ERR_OK; i++) {
		if (*n == X509_SAN_MAX) {
			rc = err_set(e, ERR_INVALID, "more than %d names", X509_SAN_MAX);
		} else if (strlen(l.item[i]) >= X509_NAME_MAX) {
			rc = err_set(e, ERR_INVALID, "a name is too long");
		} else {
			sans[*n].kind = kind;
			(void)snprintf(sans[*n].value, X509_NAME_MAX, "%s", l.item[i]);
			++*n;
		}
	}
	free(l.copy);
	return rc;
}

static int cmd_server(const struct args *a, struct err *e)
{
	struct x509_san sans[X509_SAN_MAX];
	size_t n = 0;
	int rc = add_names(sans, &n, X509_SAN_DNS, a->value[O_DNS], e);
	if (rc == ERR_OK) rc = add_names(sans, &n, X509_SAN_IP, a->value[O_IP], e);
	if (rc == ERR_OK && n == 0) rc = err_set(e, ERR_INVALID, "a server needs --dns or --ip");
	return rc == ERR_OK ? make_pair(a, sans, n, e) : rc;
}

static int cmd_answer(const struct args *a, struct err *e)
{
	return make_pair(a, NULL, 0, e);
}

static int cmd_station(const struct args *a, struct err *e)
{
	char csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	struct ca *ca = NULL;
	unsigned box = 0;
	int rc = number(a->value[O_BOX], CA_BOX_MAX, &box, e);
	if (rc == ERR_OK) rc = ca_open(a->value[O_DIR], &ca, e);
	if (rc == ERR_OK) rc = file_load(a->value[O_CSR], false, csr, sizeof csr, NULL, e);
	if (rc == ERR_OK) rc = ca_issue_station(ca, csr, a->value[O_STATION], box, a->now, cert, e);
	if (rc == ERR_OK) rc = file_write(a->value[O_OUT], cert, strlen(cert), 0644, true, e);
	ca_free(ca);
	return rc;
}

static int read_cert(const char *path, struct x509_info *info, struct err *e)
{
	char *bytes = malloc(FILE_MAX);
	size_t len = 0;
	if (!bytes) return err_set(e, ERR_NOMEM, "out of memory");
	int rc = file_load(path, false, bytes, FILE_MAX, &len, e);
	if (rc == ERR_OK) rc = x509_read(bytes, len, info, e);
	free(bytes);
	return rc;
}

static void print_time(const char *label, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char text[32] = "?";
	if (gmtime_r(&t, &tm)) (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)printf("%-12s %s\n", label, text);
}

static int cmd_show(const struct args *a, struct err *e)
{
	static const char *const kinds[] = {[X509_SAN_DNS] = "dns", [X509_SAN_IP] = "ip", [X509_SAN_URI] = "uri"};
	struct x509_info info;
	int rc = read_cert(a->operand, &info, e);
	if (rc != ERR_OK) return rc;
	(void)printf("%-12s %s\n", "subject", info.cn);
	for (size_t i = 0; i < info.n_sans; i++)
		(void)printf("%-12s %s\n", kinds[info.sans[i].kind], info.sans[i].value);
	(void)printf("%-12s%s%s%s%s\n", "use", info.ca ? " ca" : "", info.eku & X509_EKU_SERVER ? " server" : "",
	             info.eku & X509_EKU_CLIENT ? " client" : "", info.eku & X509_EKU_ANSWER ? " answer" : "");
	print_time("from", info.not_before);
	print_time("to", info.not_after);
	(void)printf("%-12s %s\n%-12s ", "serial", info.serial, "sha256");
	print_fingerprint(&info);
	return ERR_OK;
}

static int cmd_fingerprint(const struct args *a, struct err *e)
{
	struct x509_info info;
	int rc = read_cert(a->operand, &info, e);
	if (rc == ERR_OK) print_fingerprint(&info);
	return rc;
}

/* --- the command line --- */

static const struct command {
	const char *name;
	int (*run)(const struct args *, struct err *);
	unsigned must, may; /* bits of options */
	bool operand;       /* takes FILE */
	const char *summary;
} commands[] = {
    {"init", cmd_init, BIT(O_DIR) | BIT(O_NAME) | BIT(O_HOST), BIT(O_NET) | BIT(O_YEARS), false,
     "make the root; the names it may vouch for are fixed from then on"},
    {"server", cmd_server, BIT(O_DIR) | BIT(O_OUT), BIT(O_DNS) | BIT(O_IP), false,
     "make a server's key and certificate"},
    {"answer", cmd_answer, BIT(O_DIR) | BIT(O_OUT), 0, false, "make the key and certificate that sign answers"},
    {"station", cmd_station, BIT(O_DIR) | BIT(O_CSR) | BIT(O_STATION) | BIT(O_BOX) | BIT(O_OUT), 0, false,
     "sign a box's request"},
    {"show", cmd_show, 0, 0, true, "say what a certificate says"},
    {"fingerprint", cmd_fingerprint, 0, 0, true, "print the SHA-256 of a certificate"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *f)
{
	(void)fputs("usage: xinke-ca COMMAND [--OPTION VALUE ...] [FILE]\n\n", f);
	for (size_t c = 0; c < N_COMMANDS; c++) {
		(void)fprintf(f, "%s", commands[c].name);
		for (size_t o = 0; o < N_OPTIONS; o++) {
			if (commands[c].must & BIT(o)) (void)fprintf(f, " --%s %s", options[o].name, options[o].arg);
			if (commands[c].may & BIT(o)) (void)fprintf(f, " [--%s %s]", options[o].name, options[o].arg);
		}
		(void)fprintf(f, "%s\n\t%s\n", commands[c].operand ? " FILE" : "", commands[c].summary);
	}
	(void)fputc('\n', f);
	for (size_t o = 0; o < N_OPTIONS; o++)
		(void)fprintf(f, "--%-12s %s\n", options[o].name, options[o].help);
}

static const struct command *find(const char *name)
{
	for (size_t c = 0; c < N_COMMANDS; c++)
		if (strcmp(commands[c].name, name) == 0) return &commands[c];
	return NULL;
}

/* Fills A from the words behind the command's name. */
static int parse(const struct command *c, int argc, char **argv, struct args *a, struct err *e)
{
	struct option longs[N_OPTIONS + 1] = {0};
	for (int o = 0; o < N_OPTIONS; o++)
		longs[o] = (struct option){options[o].name, required_argument, NULL, o};
	for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (o < 0 || o >= N_OPTIONS) return err_set(e, ERR_INVALID, "not understood"); /* getopt said what */
		if (!((c->must | c->may) & BIT(o))) return err_set(e, ERR_INVALID, "takes no --%s", options[o].name);
		if (a->value[o]) return err_set(e, ERR_INVALID, "--%s stands twice", options[o].name);
		a->value[o] = optarg;
	}
	for (int o = 0; o < N_OPTIONS; o++)
		if (c->must & BIT(o) && !a->value[o])
			return err_set(e, ERR_INVALID, "--%s is missing", options[o].name);
	if (argc - optind != (c->operand ? 1 : 0))
		return err_set(e, ERR_INVALID, c->operand ? "takes one FILE" : "takes options alone");
	a->operand = argv[optind];
	return ERR_OK;
}

int main(int argc, char **argv)
{
	struct args a = {0};
	struct err e = {0};
	struct timespec ts;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	const struct command *c = argc > 1 ? find(argv[1]) : NULL;
	if (!c) {
		usage(stderr);
		return EXIT_USAGE;
	}
	(void)umask(077);
	if (parse(c, argc - 1, argv + 1, &a, &e) != ERR_OK) {
		(void)fprintf(stderr, "xinke-ca %s: %s\n", c->name, e.msg);
		return EXIT_USAGE;
	}
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	a.now = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	int rc = c->run(&a, &e);
	if (fflush(stdout) != 0) rc = err_set(&e, ERR_IO, "standard output failed");
	if (rc != ERR_OK) (void)fprintf(stderr, "xinke-ca %s: %s\n", c->name, e.msg);
	return rc == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The configuration of xinke-county: the table of keys and what follows from it. Called once by main() before anything
 * is open. */
#include "sync/county/county.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#define KEY(member) offsetof(struct county_config, member)

static const struct config_key keys[] = {
    {"paths.data", CONFIG_PATH, KEY(data), NULL, 0, 0, "Folder of database, keys and CA."},
    {"http.bind", CONFIG_TEXT, KEY(bind), "0.0.0.0", 0, 0, "Numeric address of all three servers."},
    {"http.sync_port", CONFIG_INT, KEY(sync_port), "8441", 0, 65535, "Port for boxes; 0 takes any free one."},
    {"http.api_port", CONFIG_INT, KEY(api_port), "8442", 0, 65535, "Port of the API; 0 takes any free one."},
    {"http.public_port", CONFIG_INT, KEY(public_port), "8443", 0, 65535,
     "Port of the citizens' pages; 0 takes any free one."},
    {"http.names", CONFIG_TEXT, KEY(names), "localhost,127.0.0.1", 0, 0,
     "DNS names and addresses of this server, comma separated; `init` writes them into root and server certificate."},
    {"sync.url", CONFIG_TEXT, KEY(sync_url), "", 0, 0, "Where boxes call; empty = https, the first name, sync_port."},
    {"public.url", CONFIG_TEXT, KEY(public_url), "", 0, 0,
     "Where citizens look; empty = https, the first name, public_port."},
    {"work.threads", CONFIG_INT, KEY(workers), "4", 1, 16,
     "Threads that work on requests, each with a connection to the database."},
    {"enrolment.code_hours", CONFIG_INT, KEY(code_hours), "72", 1, 720, "How long an enrolment code lives."},
    {"cases.archive_days", CONFIG_INT, KEY(archive_days), "30", 1, 3650,
     "Days after its last event that a case which came to its end goes to the archive."},
    {"cases.register_years", CONFIG_INT, KEY(register_years), "0", 0, 100,
     "Years for which a closed entry of a register is kept before it is erased; 0 = no term is set. Of a case the "
     "catalog "
     "says it (retention_years)."},
    {"blobs.max_bytes", CONFIG_INT, KEY(blob_max_bytes), "52428800", 1, 1073741824, "Bytes of one photo or paper."},
    {"blobs.reserve_bytes", CONFIG_INT, KEY(blob_reserve_bytes), "1073741824", 0, INT64_MAX,
     "Bytes of the disk that photos leave free for cases."},
    {"blobs.upload_days", CONFIG_INT, KEY(upload_days), "30", 1, 365,
     "Days after which an unfinished upload is given up."},
    {"registers.pass_up_days", CONFIG_INT, KEY(registers.pass_up), "3", 1, REGISTERS_DAYS_MAX,
     "Working days in which an agency service (代办) is passed up."},
    {"registers.call_back_days", CONFIG_INT, KEY(registers.call_back), "1", 1, REGISTERS_DAYS_MAX,
     "Working days in which whoever rated badly is called back."},
    {"registers.put_right_days", CONFIG_INT, KEY(registers.put_right), "15", 1, REGISTERS_DAYS_MAX,
     "Working days in which it is put right."},
    {"log.level", CONFIG_TEXT, KEY(log_level), "info", 0, 0, "error, warn, info or debug; lines go to standard error."},
};
#define N_KEYS (sizeof keys / sizeof *keys)

static int parse_level(struct county_config *c, struct err *e)
{
	if (log_level_parse(c->log_level, &c->level)) return ERR_OK;
	return err_set(e, ERR_INVALID, "log.level = %s: error, warn, info or debug is wanted", c->log_level);
}

static int fill_url(char url[CONFIG_TEXT_MAX], const char *key, const struct x509_san *host, int64_t port,
                    struct err *e)
{
	bool v6 = host->kind == X509_SAN_IP && strchr(host->value, ':');
	if (!*url)
		(void)snprintf(url, CONFIG_TEXT_MAX, "https://%s%s%s:%lld", v6 ? "[" : "", host->value, v6 ? "]" : "",
		               (long long)port);
	if (strncmp(url, "https://", 8) != 0) return err_set(e, ERR_INVALID, "%s does not begin with https://", key);
	size_t n = strlen(url);
	if (url[n - 1] == '/') url[n - 1] = '\0';
	return ERR_OK;
}

int county_config_load(const char *path, struct county_config *out, struct err *e)
{
	struct x509_san names[X509_SAN_MAX];
	size_t n;
	*out = (struct county_config){0};
	int rc = config_load(path, keys, N_KEYS, out, e);
	if (!rc) rc = parse_level(out, e);
	if (!rc) rc = registers_days_check(&out->registers, e);
	if (!rc) rc = county_names(out, names, &n, e);
	if (!rc) rc = fill_url(out->sync_url, "sync.url", &names[0], out->sync_port, e);
	if (!rc) rc = fill_url(out->public_url, "public.url", &names[0], out->public_port, e);
	return rc;
}

void county_config_sample(FILE *f)
{
	config_sample(f, keys, N_KEYS);
}

int county_path(const struct county_config *cfg, const char *name, char out[FILE_PATH_MAX], struct err *e)
{
	int n = snprintf(out, FILE_PATH_MAX, "%s/%s", cfg->data, name);
	return n > 0 && n < FILE_PATH_MAX ? ERR_OK : err_set(e, ERR_INVALID, "paths.data is too long");
}

int county_names(const struct county_config *cfg, struct x509_san out[X509_SAN_MAX], size_t *n, struct err *e)
{
	unsigned char addr[16];
	*n = 0;
	for (const char *p = cfg->names; *p; p += strspn(p, ", ")) {
		size_t len = strcspn(p, ", ");
		if (*n == X509_SAN_MAX) return err_set(e, ERR_INVALID, "http.names: more than %d", X509_SAN_MAX);
		struct x509_san *s = &out[*n];
		if (len == 0 || len >= sizeof s->value)
			return err_set(e, ERR_INVALID, "http.names: an empty name, or one too long");
		memcpy(s->value, p, len);
		s->value[len] = '\0';
		bool ip = inet_pton(AF_INET, s->value, addr) == 1 || inet_pton(AF_INET6, s->value, addr) == 1;
		s->kind = ip ? X509_SAN_IP : X509_SAN_DNS;
		(*n)++;
		p += len;
	}
	return *n ? ERR_OK : err_set(e, ERR_INVALID, "http.names is empty");
}

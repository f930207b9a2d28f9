/* See settings.h. Called once by main() before anything is open. */
#include "gateway/settings.h"

#include "shared/ledger/audit.h"

#include <stddef.h>
#include <string.h>

#define KEY(member) offsetof(struct settings, member)

static const struct config_key keys[] = {
    {"paths.data", CONFIG_PATH, KEY(data), NULL, 0, 0, "Folder of database, keys and sockets."},
    {"paths.web", CONFIG_PATH, KEY(web), "/usr/share/xinke/web", 0, 0,
     "Folder of the phone app, as `make web` builds it; where it is missing there is the API alone."},
    {"http.bind", CONFIG_TEXT, KEY(bind), "0.0.0.0", 0, 0, "Numeric address that phones reach."},
    {"http.port", CONFIG_INT, KEY(port), "8443", 0, 65535, "Port; 0 takes any free one."},
    {"http.threads", CONFIG_INT, KEY(threads), "1", 1, 8, "Threads that serve connections."},
    {"http.names", CONFIG_TEXT, KEY(names), "xinke.internal,127.0.0.1", 0, 0,
     "DNS names and addresses that the server certificate is asked for."},
    {"http.max_connections", CONFIG_INT, KEY(max_connections), "256", 8, 4096, "Connections open at once."},
    {"http.max_per_ip", CONFIG_INT, KEY(max_per_ip), "0", 0, 4096, "Of them from one address; 0 = no limit."},
    {"http.tls", CONFIG_BOOL, KEY(tls), "yes", 0, 0, "no: plain HTTP, on loopback alone, for measuring."},
    {"setup.bind", CONFIG_TEXT, KEY(setup_bind), "0.0.0.0", 0, 0, "Address of the plain page that hands out the root."},
    {"setup.port", CONFIG_INT, KEY(setup_port), "0", 0, 65535, "Its port; 0 = no such page."},
    {"public.url", CONFIG_TEXT, KEY(public_url), "", 0, 0,
     "The county's address for citizens, which the QR of a paper holds; empty = as the enrolment brought it."},
    {"station.phone", CONFIG_TEXT, KEY(station_phone), "", 0, 0, "Telephone of the station, for papers."},
    {"station.address", CONFIG_TEXT, KEY(station_address), "", 0, 0, "Where the station is, for papers."},
    {"log.level", CONFIG_TEXT, KEY(log_level), "info", 0, 0, "error, warn, info or debug; lines go to standard error."},
    {"limits.polls", CONFIG_INT, KEY(polls), "128", 1, 4096, "Calls of /changes that may wait at once."},
    {"limits.sign_ins", CONFIG_INT, KEY(sign_ins), "8", 1, 256,
     "Sign-ins that may wait; each takes 19 MiB in its turn."},
    {"limits.audit_days", CONFIG_INT, KEY(audit_days), "400", LEDGER_AUDIT_DAYS_MIN, 36500,
     "Days that the audit of users is kept; six months at least."},
    {"limits.archive_days", CONFIG_INT, KEY(archive_days), "30", 1, 3650,
     "Days after its last event that a case which came to its end goes to the archive."},
    {"limits.upload_max_bytes", CONFIG_INT, KEY(upload_max_bytes), "52428800", 1048576, 1073741824,
     "Bytes of one photo or paper."},
    {"limits.blob_keep_days", CONFIG_INT, KEY(blob_keep_days), "30", 1, 3650,
     "Days for which a photo that the county has stays on this box; then it is fetched when somebody looks."},
    {"limits.upload_days", CONFIG_INT, KEY(upload_days), "7", 1, 365,
     "Days after which an unfinished upload is given up."},
    {"limits.space_reserve_bytes", CONFIG_INT, KEY(space_reserve_bytes), "268435456", 0, 1099511627776,
     "Bytes of the disk that photos leave free for cases."},
    {"registers.pass_up_days", CONFIG_INT, KEY(registers.pass_up), "3", 1, REGISTERS_DAYS_MAX,
     "Working days in which an agency service (代办) is passed up."},
    {"registers.call_back_days", CONFIG_INT, KEY(registers.call_back), "1", 1, REGISTERS_DAYS_MAX,
     "Working days in which whoever rated badly is called back."},
    {"registers.put_right_days", CONFIG_INT, KEY(registers.put_right), "15", 1, REGISTERS_DAYS_MAX,
     "Working days in which it is put right."},
};
#define N_KEYS (sizeof keys / sizeof *keys)

static int join(char out[FILE_PATH_MAX], const char *folder, const char *name, struct err *e)
{
	int n = snprintf(out, FILE_PATH_MAX, "%s/%s", folder, name);
	return n > 0 && n < FILE_PATH_MAX ? ERR_OK : err_set(e, ERR_INVALID, "paths.data is too long");
}

static int make_paths(struct settings *s, struct err *e)
{
	const struct {
		char *out;
		const char *name;
	} files[] = {
	    {s->db, "xinke.db"},           {s->field_key, "field.key"},   {s->wake, "gateway.sock"},
	    {s->gate, "writer.lock"},      {s->courier, "sync.sock"},     {s->server_key, "server.key"},
	    {s->server_crt, "server.crt"}, {s->server_csr, "server.csr"}, {s->root_crt, "root.crt"},
	    {s->print, "print.sock"},      {s->blobs, "blobs"},
	};
	int rc = ERR_OK;
	for (size_t i = 0; i < sizeof files / sizeof *files && !rc; i++)
		rc = join(files[i].out, s->data, files[i].name, e);
	return rc;
}

static int parse_level(struct settings *s, struct err *e)
{
	if (log_level_parse(s->log_level, &s->level)) return ERR_OK;
	return err_set(e, ERR_INVALID, "log.level = %s: error, warn, info or debug is wanted", s->log_level);
}

int settings_load(const char *path, struct settings *out, struct err *e)
{
	*out = (struct settings){0};
	int rc = config_load(path, keys, N_KEYS, out, e);
	if (!rc) rc = parse_level(out, e);
	if (!rc) rc = registers_days_check(&out->registers, e);
	if (!rc) rc = make_paths(out, e);
	if (rc || out->tls) return rc;
	/* cases must not cross the air in plain */
	bool local = strncmp(out->bind, "127.", 4) == 0 || strcmp(out->bind, "::1") == 0;
	return local ? ERR_OK : err_set(e, ERR_INVALID, "http.tls = no wants http.bind on loopback");
}

void settings_sample(FILE *f)
{
	config_sample(f, keys, N_KEYS);
}

/* `xinke poster`: an A4 page for the station's wall, to be printed by a browser: Wi-Fi, setup page, fingerprint, address, each with
 * a QR symbol. The fingerprint and the addresses are made where the setup page's are (trust.h). The page goes to standard
 * output; the Wi-Fi's password comes from standard input, so that it stands in no list of processes. */
#include "gateway/cli/cli.h"
#include "gateway/fill.h"
#include "gateway/print/qr.h"
#include "gateway/trust.h"
#include "shared/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX     (256 * 1024)
#define SSID_MAX     32 /* bytes, IEEE 802.11 section 9.4.2.2 */
#define PASSWORD_MIN 8  /* characters of a WPA passphrase; 64 are the key itself in hex */
#define PASSWORD_MAX 64

static const char page[] =
#include "poster_html.inc"
    ;

/* A QR symbol as the page wants it. */
struct symbol {
	struct buf path;
	char size[12];
};

struct poster {
	const char *ssid, *url, *setup_url; /* as given, or NULL */
	bool open, password_stdin;
	char password[PASSWORD_MAX + 2];
	char title[sizeof((struct ledger_identity *)0)->name];
	char own_url[TRUST_URL_MAX], own_setup[TRUST_URL_MAX];
	struct trust_root root;
	struct symbol wifi, setup, address;
};

/* --- what is asked for --- */

static int read_options(struct cli *c, struct poster *p)
{
	const struct {
		const char *name, **value;
		bool *flag;
	} options[] = {{"--ssid", &p->ssid, NULL},
	               {"--url", &p->url, NULL},
	               {"--setup-url", &p->setup_url, NULL},
	               {"--open", NULL, &p->open},
	               {"--password-stdin", NULL, &p->password_stdin}};
	const size_t n = sizeof options / sizeof *options;
	for (int i = 0; i < c->argc; i++) {
		size_t k = 0;
		while (k < n && strcmp(options[k].name, c->argv[i]) != 0)
			k++;
		if (k == n) return err_set(&c->err, ERR_INVALID, "%.40s: no such option", c->argv[i]);
		if (options[k].flag)
			*options[k].flag = true;
		else if (++i < c->argc)
			*options[k].value = c->argv[i];
		else
			return err_set(&c->err, ERR_INVALID, "%s wants a value", options[k].name);
	}
	return ERR_OK;
}

static bool passphrase_good(const char *s)
{
	size_t n = strlen(s), printable = 0, hex = 0;
	for (size_t i = 0; i < n; i++) {
		printable += s[i] >= ' ' && s[i] <= '~';
		hex += isxdigit((unsigned char)s[i]) != 0;
	}
	return n >= PASSWORD_MIN && printable == n && (n < PASSWORD_MAX || (n == PASSWORD_MAX && hex == n));
}

static int check_wifi(struct cli *c, struct poster *p)
{
	size_t n = p->ssid ? strlen(p->ssid) : 0;
	if (!p->ssid)
		return p->open || p->password_stdin ? err_set(&c->err, ERR_INVALID, "a Wi-Fi wants its --ssid")
		                                    : ERR_OK;
	if (!n || n > SSID_MAX || !text_utf8_valid(p->ssid, n) || text_has_control(p->ssid, n, false))
		return err_set(&c->err, ERR_INVALID, "--ssid: 1 to %d bytes of UTF-8", SSID_MAX);
	if (p->open == p->password_stdin)
		return err_set(&c->err, ERR_INVALID, "--ssid wants either --password-stdin or --open");
	if (p->open) return ERR_OK;
	if (!fgets(p->password, sizeof p->password, stdin)) p->password[0] = '\0';
	p->password[strcspn(p->password, "\r\n")] = '\0';
	if (passphrase_good(p->password)) return ERR_OK;
	return err_set(&c->err, ERR_INVALID,
	               "the password on standard input: %d to %d printable ASCII characters, or 64 hex digits",
	               PASSWORD_MIN, PASSWORD_MAX - 1);
}

static bool url_good(const char *url, const char *scheme)
{
	size_t n = strlen(scheme), len = strlen(url);
	if (strncmp(url, scheme, n) != 0 || len <= n || len >= TRUST_URL_MAX) return false;
	while (*url > ' ' && *url < 0x7f)
		url++;
	return !*url;
}

/* --- what the box says of itself --- */

static int read_addresses(struct cli *c, struct poster *p)
{
	struct x509_san names[X509_SAN_MAX];
	size_t n = 0;
	if (p->url && !url_good(p->url, "https://")) return err_set(&c->err, ERR_INVALID, "--url: https://...");
	if (p->setup_url && !url_good(p->setup_url, "http://"))
		return err_set(&c->err, ERR_INVALID, "--setup-url: http://...");
	int rc = trust_names(c->settings, names, &n, &c->err);
	if (!rc && !p->url && !c->settings->port)
		rc = err_set(&c->err, ERR_INVALID, "http.port is 0, any free one: say which by --url");
	if (rc) return rc;
	trust_url(&names[0], (uint16_t)c->settings->port, p->own_url);
	if (!p->url) p->url = p->own_url;
	if (p->setup_url || !c->settings->setup_port) return ERR_OK; /* a public certificate needs no setup page */
	rc = trust_setup_url(c->settings, p->own_setup, &c->err);
	p->setup_url = rc ? NULL : p->own_setup;
	return rc;
}

static int read_station(struct cli *c, struct poster *p)
{
	struct ledger *l = NULL;
	int rc = trust_root_load(c->settings, &p->root, &c->err);
	if (!rc) rc = cli_ledger(c, LEDGER_READ, &l);
	if (!rc) (void)snprintf(p->title, sizeof p->title, "%s", ledger_identity(l)->name);
	ledger_close(l);
	return rc;
}

/* --- the page --- */

static int draw(const char *text, struct symbol *out, struct err *e)
{
	struct qr *q = NULL;
	int rc = qr_new(text, &q, e);
	if (rc) return rc;
	qr_path(q, &out->path);
	(void)snprintf(out->size, sizeof out->size, "%d", qr_size(q) + 2 * QR_QUIET);
	qr_free(q);
	return out->path.bad ? err_set(e, ERR_NOMEM, "a QR symbol") : ERR_OK;
}

/* "WIFI:T:WPA;S:...;P:...;;" as phones' cameras read it, with a backslash before its own signs. */
static void add_field(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s:", key);
	for (; *value; value++) {
		if (strchr("\\;,:\"", *value)) buf_addc(b, '\\');
		buf_addc(b, *value);
	}
	buf_addc(b, ';');
}

static int draw_wifi(struct poster *p, struct err *e)
{
	struct buf b;
	if (!p->ssid) return ERR_OK;
	buf_init(&b, QR_TEXT_MAX);
	buf_adds(&b, "WIFI:");
	add_field(&b, "T", p->open ? "nopass" : "WPA");
	add_field(&b, "S", p->ssid);
	if (!p->open) add_field(&b, "P", p->password);
	buf_addc(&b, ';');
	int rc = b.bad ? err_set(e, ERR_NOMEM, "a QR symbol") : draw(b.data, &p->wifi, e);
	buf_reset(&b);
	buf_release(&b);
	return rc;
}

static int write_page(const struct poster *p, struct err *e)
{
	struct buf out;
	const struct fill_value values[] = {
	    {"title", *p->title ? p->title : "便民服务站"},
	    {"ssid", p->ssid},
	    {"password", p->open ? NULL : p->password},
	    {"wifi", p->ssid ? p->wifi.path.data : NULL},
	    {"wifi_size", p->wifi.size},
	    {"setup", p->setup_url ? p->setup.path.data : NULL},
	    {"setup_size", p->setup.size},
	    {"setup_url", p->setup_url},
	    {"fingerprint", p->root.fingerprint},
	    {"name", p->root.name},
	    {"url", p->url},
	    {"address", p->address.path.data},
	    {"address_size", p->address.size},
	    {NULL, NULL},
	};
	buf_init(&out, PAGE_MAX);
	int rc = fill(page, values, &out, e);
	if (!rc && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout)))
		rc = err_set(e, ERR_IO, "standard output does not take the page");
	buf_reset(&out); /* the password stands in it */
	buf_release(&out);
	return rc;
}

static int run(struct cli *c, struct poster *p)
{
	int rc = read_options(c, p);
	if (!rc) rc = check_wifi(c, p);
	if (!rc) rc = read_addresses(c, p);
	if (!rc) rc = read_station(c, p);
	if (!rc) rc = draw_wifi(p, &c->err);
	if (!rc && p->setup_url) rc = draw(p->setup_url, &p->setup, &c->err);
	if (!rc) rc = draw(p->url, &p->address, &c->err);
	return rc ? rc : write_page(p, &c->err);
}

int cli_poster(struct cli *c)
{
	struct poster p = {0};
	struct symbol *const symbols[] = {&p.wifi, &p.setup, &p.address};
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
		buf_init(&symbols[i]->path, PAGE_MAX / 4);
	int rc = run(c, &p);
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		buf_reset(&symbols[i]->path);
		buf_release(&symbols[i]->path);
	}
	explicit_bzero(p.password, sizeof p.password);
	return rc ? 2 : 0;
}

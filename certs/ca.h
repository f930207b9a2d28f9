/* The county's CA: making its root, issuing by profile (profiles.def). For the command xinke-ca and the county daemon.
 *
 * A folder holds root.crt and root.key. NOW is the caller's clock in Unix milliseconds. All certificates and requests
 * are PEM. Requests give a key and its proof of possession; every name comes from the caller, none from the request. */
#ifndef XINKE_CERTS_CA_H
#define XINKE_CERTS_CA_H

#include "shared/crypto/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CA_ROOT_CERT      "root.crt"
#define CA_ROOT_KEY       "root.key"
#define CA_STATION_LEN    12 /* digits of a station's code */
#define CA_BOX_MAX        99 /* highest box number at a station */
#define CA_CONSTRAINT_MAX 24 /* hosts and networks that the county adds to the constraints */
#define CA_YEARS_MAX      30

struct ca; /* opaque: root certificate and key */

/* What a new root says. */
struct ca_root {
	const char *name;         /* the county's, subject of the root: UTF-8, at most 64 characters */
	const char *const *hosts; /* DNS names (each with what is under it) or addresses of county servers; borrowed */
	size_t n_hosts;           /* at least 1 */
	const char *const *nets;  /* further networks, "a.b.c.d/n"; borrowed */
	size_t n_nets;
	unsigned years; /* 0 = the profile's days */
};

/* Makes DIR (0700) where it is missing, a root key and a root certificate that permits the given names, xinke.internal,
 * private, link-local and loopback addresses, and nothing else. ERR_CONFLICT when either file exists. */
int ca_init(const char *dir, const struct ca_root *root, int64_t now, struct err *e);
/* New CA from DIR (free with ca_free). ERR_DENIED when group or others can touch the key, ERR_CORRUPT when key and
 * certificate do not belong together. */
int ca_open(const char *dir, struct ca **out, struct err *e);
void ca_free(struct ca *ca);
/* Root certificate as PEM, and what it says; borrowed until ca_free. */
const char *ca_root_pem(const struct ca *ca);
const struct x509_info *ca_root_info(const struct ca *ca);

/* Client certificate of box BOX at STATION: CN = code, URI SAN xinke:station:<12 digits>:box:<2 digits>. */
int ca_issue_station(struct ca *ca, const char *csr_pem, const char *station, unsigned box, int64_t now,
                     char out[X509_PEM_MAX], struct err *e);
/* Server certificate for N names (1 to X509_SAN_MAX, DNS and IP only). Names outside the root's constraints are issued
 * too, and refused by every client that knows constraints. */
int ca_issue_server(struct ca *ca, const char *csr_pem, const struct x509_san *sans, size_t n, int64_t now,
                    char out[X509_PEM_MAX], struct err *e);
/* Answer-signing certificate. */
int ca_issue_answer(struct ca *ca, const char *csr_pem, int64_t now, char out[X509_PEM_MAX], struct err *e);

/* Reads station and box out of a station certificate's URI SAN; false when it has none or more than one. Says nothing
 * about who signed it: x509_verify first. */
bool ca_station_of(const struct x509_info *info, char station[CA_STATION_LEN + 1], unsigned *box);
/* The same of the URI alone. */
bool ca_station_uri(const char *uri, char station[CA_STATION_LEN + 1], unsigned *box);

#endif

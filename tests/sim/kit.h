/* What is made once per process and is the same for every seed: the county's keys, field keys, requests for
 * certificates, catalogs, and the disks of a new county and of new boxes. Read-only after kit_make. */
#ifndef XINKE_SIM_KIT_H
#define XINKE_SIM_KIT_H

#include "shared/crypto/x509.h"
#include "shared/pack.h"
#include "sync/county/county.h"
#include "sync/county/metrics.h"
#include "tests/sim/vfs.h"

#define KIT_CATALOGS 4
#define KIT_KEYS     4
#define KIT_CSRS     8
#define KIT_OFFICES  2 /* processes of the county */

#define KIT_EPOCH    1795478400000LL /* ms: the world's time when a run begins, 2026-11-24T00:00:00Z */
#define KIT_TOWNSHIP "652323101000"

struct kit {
	char folder[96];
	struct county_config cfg;
	struct county county[KIT_OFFICES];
	struct metrics metrics;
	struct pack *pack; /* of the boxes: frames with the exchange dictionary */
	struct log log;
	char catalog[KIT_CATALOGS][FILE_PATH_MAX]; /* files, version 1 to 4 */
	char field_key[KIT_KEYS][FILE_PATH_MAX];
	uint8_t raw_key[KIT_KEYS][SEAL_KEY_LEN];
	char csr[KIT_CSRS][X509_PEM_MAX];
	struct vfs_image *county_disk, *box_disk[KIT_KEYS];
};

/* ROOT is the folder of the sources. Exits with a message where something cannot be made. */
void kit_make(struct kit *k, const char *root);
void kit_release(struct kit *k);

#endif

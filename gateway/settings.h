/* Settings of xinke-gateway: the table of configuration keys and the paths that follow from the data folder. */
#ifndef XINKE_GATEWAY_SETTINGS_H
#define XINKE_GATEWAY_SETTINGS_H

#include "shared/config.h"
#include "shared/err.h"
#include "shared/file.h"
#include "shared/log.h"
#include "shared/registers.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct settings {
	char data[CONFIG_TEXT_MAX];
	char web[CONFIG_TEXT_MAX]; /* folder of the phone app */
	char bind[CONFIG_TEXT_MAX];
	char names[CONFIG_TEXT_MAX]; /* comma list of DNS names and addresses */
	char setup_bind[CONFIG_TEXT_MAX];
	char log_level[CONFIG_TEXT_MAX];
	char public_url[CONFIG_TEXT_MAX];    /* "" = as the enrolment brought it */
	char station_phone[CONFIG_TEXT_MAX]; /* for papers; "" = not known */
	char station_address[CONFIG_TEXT_MAX];
	int64_t port, threads, max_connections, max_per_ip;
	int64_t setup_port;                            /* 0 = off */
	int64_t polls, sign_ins;                       /* most parked calls of /changes; most waiting sign-ins */
	int64_t audit_days;                            /* so long a row of the audit is kept */
	int64_t archive_days;                          /* after which an ended case is archived */
	int64_t upload_max_bytes, space_reserve_bytes; /* of one photo; of the disk, kept for cases */
	int64_t blob_keep_days;                        /* that a photo stays here once the county has it */
	int64_t upload_days;                           /* after which an unfinished upload expires */
	struct register_days registers;
	bool tls;
	/* made from the above */
	enum log_level level;
	char db[FILE_PATH_MAX], field_key[FILE_PATH_MAX], blobs[FILE_PATH_MAX];
	char gate[FILE_PATH_MAX];                         /* by which gateway and courier take turns at writing */
	char wake[FILE_PATH_MAX], courier[FILE_PATH_MAX]; /* sockets: ours, the courier's */
	char print[FILE_PATH_MAX];                        /* xinke-print's socket */
	char server_key[FILE_PATH_MAX], server_crt[FILE_PATH_MAX], server_csr[FILE_PATH_MAX], root_crt[FILE_PATH_MAX];
};

/* Reads the file and works out the rest. ERR_INVALID says what is wrong and where. */
int settings_load(const char *path, struct settings *out, struct err *e);
/* A commented sample file. */
void settings_sample(FILE *f);

#endif

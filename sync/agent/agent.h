/* What the parts of xinke-sync share: configuration, paths, clock, log. Made by main. */
#ifndef XINKE_AGENT_H
#define XINKE_AGENT_H

#include "shared/clock.h"
#include "shared/config.h"
#include "shared/ledger/ledger.h"
#include "shared/log.h"

#define AGENT_PATH_MAX 640

struct agent_config {
	char data[CONFIG_TEXT_MAX]; /* the box's folder, shared with the gateway */
	char keys[CONFIG_TEXT_MAX]; /* the courier's own: client key and certificate */
	int64_t poll_s, backoff_max_s, timeout_s, batch_max;
	int64_t blob_rate, blob_reserve;
	char blob_window[CONFIG_TEXT_MAX];
	char log_level[CONFIG_TEXT_MAX];
};

struct agent {
	const struct agent_config *cfg;
	const struct log *log;
	struct clock clock;
};

/* FOLDER/NAME into OUT (AGENT_PATH_MAX). */
void agent_path(char *out, const char *folder, const char *name);
/* Opens the box's ledger for writing. */
int agent_ledger(struct agent *a, struct ledger **out, struct err *e);

/* Runs the courier until *STOP is set (by a signal). 0, or an error that no waiting helps. */
int courier_run(struct agent *a, const volatile int *stop, struct err *e);

struct enroll_options {
	const char *url, *code, *root; /* county's address, one-time code, SHA-256 of the root in hex */
	const char *names; /* of the gateway's server certificate, comma separated; NULL = none is asked for */
};
/* Enrols this box: key, request, certificate, station key, log. */
int enroll_run(struct agent *a, const struct enroll_options *o, struct err *e);

#endif

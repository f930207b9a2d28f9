/* The parts of a running gateway, made by main() and handed to everything that serves.
 *
 * Threads: one or more that serve HTTP (handlers), the writer (group commit), a worker (sign-ins), the waker (what
 * follows a commit). Each part's header says who may call it. */
#ifndef XINKE_GATEWAY_H
#define XINKE_GATEWAY_H

#include "gateway/settings.h"
#include "shared/clock.h"
#include "shared/http/http.h"
#include "shared/ledger/ledger.h"
#include "shared/log.h"

#include <stdatomic.h>
#include <stdint.h>

/* Named queries of schema/sql/box, for those that are not the ledger's own. */
enum gateway_query {
#define QUERY(name, sql) QUERY_##name,
#include "box_queries.inc"
#undef QUERY
};

enum gateway_role { ROLE_CLERK = 1, ROLE_LEAD = 2, ROLE_TECHNICIAN = 4 };
#define ROLE_WINDOW (ROLE_CLERK | ROLE_LEAD) /* who may take cases in and act on them */

struct gateway {
	struct settings cfg;
	struct log log;
	struct clock clock;      /* read by all; the waker moves it */
	int64_t started;         /* monotonic ms */
	struct readers *readers; /* ledger connections for reading */
	struct ledger *ledger;   /* the writer's connection */
	struct writer *writer;
	struct sessions *sessions;
	struct items *items;   /* the catalog in force */
	struct days *days;     /* the calendar in force */
	struct venue *venue;   /* the venue standard */
	struct follow *follow; /* keeps the search list current */
	struct search *search;
	struct changes *changes;      /* parked calls */
	struct documents *documents;  /* the papers of a case */
	struct reporter *reporter;    /* makes reports */
	struct uploads *uploads;      /* photos and papers */
	struct public_limits *limits; /* of the citizens' pages */
	struct web *web;              /* the phone app */
	struct metrics *metrics;
	struct waker *waker;
	struct http_server *_Atomic http; /* set while handlers may be running already: ask for NULL */
	struct http_server *setup;
	int64_t deem_next;    /* monotonic ms of deem_round's next look */
	int64_t archive_next; /* likewise of archive_round's */
	int64_t audit_next;   /* and of audit_round's */
	int64_t tidy_next;    /* and of tidy_round's */
	atomic_bool damaged;  /* the database failed its check: the end is near */
};

#endif

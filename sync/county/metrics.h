/* Counters of the running county, for /metrics. Any thread; NULL counts nothing. */
#ifndef XINKE_COUNTY_METRICS_H
#define XINKE_COUNTY_METRICS_H

#include "shared/buf.h"

#include <stdatomic.h>
#include <stdint.h>

enum metric {
#define METRIC(id, name, kind, help) METRIC_##id,
#include "sync/county/metrics.def"
#undef METRIC
	METRIC_COUNT
};

enum metrics_face { FACE_SYNC, FACE_API, FACE_PUBLIC, FACE_SERVICE, FACE_COUNT };

struct metrics {
	atomic_llong v[METRIC_COUNT];
	atomic_llong requests[FACE_COUNT]
	                     [6]; /* by first digit of the status; 0 = the connection ended without an answer */
};

void metrics_add(struct metrics *m, enum metric id, int64_t n);
/* One finished request; ROUTE is the pattern of its path or NULL. */
void metrics_request(struct metrics *m, const char *route, int status);
/* Appends all as Prometheus text. */
void metrics_write(struct metrics *m, struct buf *out);

#endif

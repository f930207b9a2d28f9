/* What every address of the county says of itself: health, metrics, the routes. */
#ifndef XINKE_COUNTY_HEALTH_H
#define XINKE_COUNTY_HEALTH_H

#include "sync/county/serve.h"

http_handler health_get, health_metrics;

/* Answers "/" for a face: TITLE and a sentence in Chinese, one in English, the routes of its table. */
struct health_face {
	const char *title, *zh, *en;
	const char *home; /* a page for people, or NULL */
	const struct http_route *routes;
	size_t n;
};
void health_describe(struct http_req *req, const struct health_face *face);

#endif

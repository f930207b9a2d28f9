/* The phone app, served from the folder `paths.web` by its list files.json (web_list.h): no other file of it is reached.
 *
 * Hashed names are cached for a year, the rest is asked for anew each time and answered 304 where it is the same. A path that is
 * nobody's and is asked for as a page gets /index.html, where the app's own paths are resolved. Without the folder there is
 * the API alone. A new list counts within a second, without a restart; a faulty one leaves the last in use. */
#ifndef XINKE_GATEWAY_WEB_H
#define XINKE_GATEWAY_WEB_H

#include "gateway/gateway.h"

struct web; /* opaque */

/* New (web_free); holds nothing before web_refresh. */
int web_new(struct gateway *gw, struct web **out, struct err *e);
void web_free(struct web *w);
/* Reads the list again when it has changed. The waker's thread, and the main one before it. */
void web_refresh(struct web *w);
/* Answers with /index.html where there is an app and REQ asks for a page; false when it did not. */
bool web_index(struct gateway *gw, struct http_req *req);

/* GET and HEAD of every path that no route has. */
extern const struct http_route web_fallback;

#endif

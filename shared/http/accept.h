/* What a client accepts, between a page and JSON (RFC 9110 section 12.5.1). */
#ifndef XINKE_HTTP_ACCEPT_H
#define XINKE_HTTP_ACCEPT_H

enum accept_form { ACCEPT_NONE, ACCEPT_HTML, ACCEPT_JSON };

/* By the value of Accept; without one, or where both weigh the same, the page. */
enum accept_form accept_form(const char *header);

#endif

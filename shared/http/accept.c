/* See accept.h. Called by handlers that have a page and JSON of the same. */
#include "shared/http/accept.h"

#include <string.h>

/* The weight of one range in thousandths. */
static int weight(const char *range, size_t len)
{
	const char *end = range + len;
	for (const char *p = memchr(range, ';', len); p; p = memchr(p, ';', (size_t)(end - p))) {
		p += 1 + strspn(p + 1, " \t");
		if (end - p < 3 || (p[0] != 'q' && p[0] != 'Q') || p[1] != '=') continue;
		if (p[2] == '1') return 1000;
		int v = 0, digits = 0;
		for (const char *d = p + 3; d < end && *d == '.'; d++)
			for (d++; d < end && *d >= '0' && *d <= '9' && digits < 3; d++, digits++)
				v = v * 10 + (*d - '0');
		for (; digits < 3; digits++)
			v *= 10;
		return v;
	}
	return 1000;
}

static int weight_of(const char *header, const char *media, const char *group)
{
	int best = 0, rank = 0;
	for (const char *p = header; *p; p += strcspn(p, ","), p += strspn(p, ", \t")) {
		size_t len = strcspn(p, ","), name = strcspn(p, ";, \t");
		int fits = strlen(media) == name && strncmp(p, media, name) == 0   ? 3
		           : strlen(group) == name && strncmp(p, group, name) == 0 ? 2
		           : name == 3 && strncmp(p, "*/*", 3) == 0                ? 1
		                                                                   : 0;
		if (fits > rank) {
			rank = fits;
			best = weight(p, len);
		}
	}
	return best;
}

enum accept_form accept_form(const char *header)
{
	if (!header || !*header) return ACCEPT_HTML;
	int html = weight_of(header, "text/html", "text/*"),
	    json = weight_of(header, "application/json", "application/*");
	if (html == 0 && json == 0) return ACCEPT_NONE;
	return json > html ? ACCEPT_JSON : ACCEPT_HTML;
}

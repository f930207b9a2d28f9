/* See enrolcode.h. Read by the county from whoever asks to be enrolled, and on the box from what a technician scanned. */
#include "shared/enrolcode.h"

#include <string.h>

void enrolcode_text(const uint8_t raw[ENROLCODE_CHARS], char out[ENROLCODE_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < ENROLCODE_CHARS; i++) {
		if (i && i % 4 == 0) out[n++] = '-';
		out[n++] = ENROLCODE_ALPHABET[raw[i] & 31];
	}
	out[n] = '\0';
}

bool enrolcode_hash(const char *code, uint8_t out[DIGEST_LEN])
{
	char plain[ENROLCODE_CHARS];
	size_t n = 0;
	for (; *code; code++) {
		char c = (char)(*code >= 'a' && *code <= 'z' ? *code - 32 : *code);
		if (c == '-') continue;
		if (n == sizeof plain || !strchr(ENROLCODE_ALPHABET, c)) return false;
		plain[n++] = c;
	}
	if (n != sizeof plain) return false;
	digest_sha256(plain, n, out);
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

bool enrolcode_value(const char *query, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name), k = 0;
	while (query && !(strncmp(query, name, n) == 0 && query[n] == '=')) {
		query = strchr(query, '&');
		if (query) query++;
	}
	if (!query) return false;
	for (query += n + 1; *query && *query != '&'; query++) {
		bool escaped = *query == '%' && hex(query[1]) >= 0 && hex(query[2]) >= 0;
		char c = (char)(escaped ? hex(query[1]) * 16 + hex(query[2]) : *query);
		if (!c || k + 1 >= cap) return false;
		out[k++] = c;
		query += escaped ? 2 : 0;
	}
	out[k] = '\0';
	return k > 0;
}

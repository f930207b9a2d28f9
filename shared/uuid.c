/* See uuid.h. No state. */
#include "shared/uuid.h"

#include "shared/crypto/digest.h"
#include "shared/crypto/rng.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

static void stamp(uint8_t id[UUID_LEN], unsigned version)
{
	id[6] = (uint8_t)((id[6] & 0x0f) | version << 4);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

void uuid_random(uint8_t out[UUID_LEN])
{
	rng_bytes(out, UUID_LEN);
	stamp(out, 4);
}

void uuid_derive(const uint8_t ns[UUID_LEN], unsigned n, uint8_t out[UUID_LEN])
{
	char name[16];
	int len = snprintf(name, sizeof name, "%u", n);
	uint8_t sum[DIGEST_SHA1_LEN];
	struct digest_part parts[] = {{ns, UUID_LEN}, {name, (size_t)len}};
	digest_sha1_parts(parts, 2, sum);
	memcpy(out, sum, UUID_LEN);
	stamp(out, 5);
}

bool uuid_parse(const char *s, uint8_t out[UUID_LEN])
{
	if (!s || strlen(s) != UUID_TEXT - 1) return false;
	if (s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-') return false;
	char hex[33];
	size_t n = 0;
	for (size_t i = 0; i < UUID_TEXT - 1; i++)
		if (i != 8 && i != 13 && i != 18 && i != 23) hex[n++] = s[i];
	hex[n] = '\0';
	return text_unhex(hex, out, UUID_LEN);
}

void uuid_text(const uint8_t id[UUID_LEN], char out[UUID_TEXT])
{
	char hex[TEXT_HEX_LEN(UUID_LEN)];
	const char *from = hex;
	text_hex(id, UUID_LEN, hex);
	for (size_t i = 0; i < UUID_TEXT - 1; i++)
		out[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : *from++;
	out[UUID_TEXT - 1] = '\0';
}

/* Text forms of bytes: hex, base64, base64url, and checks on UTF-8. No allocation. */
#ifndef XINKE_TEXT_H
#define XINKE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_HEX_LEN(n) (2 * (n) + 1)           /* room for the hex of N bytes, NUL included */
#define TEXT_B64_LEN(n) (((n) + 2) / 3 * 4 + 1) /* room for the base64 of N bytes, NUL included */

/* Lower-case hex of N bytes into OUT (TEXT_HEX_LEN(n)). */
void text_hex(const void *bytes, size_t n, char *out);
/* S, which is exactly 2*N hex digits (either case) and a NUL, into OUT. False, and OUT undefined, on anything else. */
bool text_unhex(const char *s, uint8_t *out, size_t n);
/* Base64 with padding (RFC 4648 section 4) into OUT (TEXT_B64_LEN(n)); returns its length. */
size_t text_b64(const void *bytes, size_t n, char *out);
/* Base64url without padding (section 5) into OUT (TEXT_B64_LEN(n)); returns its length. */
size_t text_b64url(const void *bytes, size_t n, char *out);
/* Decodes either alphabet, padding optional, at most CAP bytes; returns the count or -1 (so too for spare bits set). */
long text_unb64(const char *s, size_t len, uint8_t *out, size_t cap);
/* Well-formed UTF-8 (RFC 3629: no overlong form, no surrogate)? */
bool text_utf8_valid(const char *s, size_t len);
/* Code points in valid UTF-8. */
size_t text_utf8_count(const char *s, size_t len);
/* Holds a C0 or C1 control, DEL, or a noncharacter? NEWLINES_OK lets \n and \t pass. S is valid UTF-8. */
bool text_has_control(const char *s, size_t len, bool newlines_ok);
/* Equal, in time that depends on N alone. */
bool text_equal_const(const void *a, const void *b, size_t n);

#endif

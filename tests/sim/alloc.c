/* See alloc.h. This program's own malloc stands before every library's, as in tests/unit/alloc_test.c. */
#include "tests/sim/alloc.h"

#include <stdlib.h>

/* Volatile: the compiler believes that malloc changes nothing of ours. */
static volatile long left;
static volatile bool for_ever;
static volatile int held;

/* Runs before the sanitizer has started, too. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

EARLY static bool refuse(void)
{
	if (left == 0 || held) return false;
	if (left > 1) {
		left--;
		return false;
	}
	if (!for_ever) left = 0;
	return true;
}

void alloc_fail_at(long n, bool for_good)
{
	left = n;
	for_ever = for_good;
}

void alloc_hold(int by)
{
	held += by;
}

/* What is not refused goes to the sanitizer's allocator, or without sanitizers to the C library's. */
void *__interceptor_malloc(size_t n) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *p, size_t n) __attribute__((weak));
void *__libc_malloc(size_t n) __attribute__((weak));
void *__libc_calloc(size_t n, size_t size) __attribute__((weak));
void *__libc_realloc(void *p, size_t n) __attribute__((weak));

EARLY void *malloc(size_t n)
{
	if (refuse()) return NULL;
	return __interceptor_malloc ? __interceptor_malloc(n) : __libc_malloc(n);
}

EARLY void *calloc(size_t n, size_t size)
{
	if (refuse()) return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

EARLY void *realloc(void *p, size_t n)
{
	if (refuse()) return NULL;
	return __interceptor_realloc ? __interceptor_realloc(p, n) : __libc_realloc(p, n);
}

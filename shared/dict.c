/* See dict.h. The bytes are schema/dict's files, turned into lists by the Makefile. */
#include "shared/dict.h"

#include <stdint.h>

static const uint8_t exchange_1[] = {
#include "exchange-1.inc"
};

static const struct pack_dict all[] = {{exchange_1, sizeof exchange_1}};

const void *dict_exchange(size_t *len)
{
	*len = sizeof exchange_1;
	return exchange_1;
}

const struct pack_dict *dict_all(size_t *n)
{
	*n = sizeof all / sizeof *all;
	return all;
}

/* Memory that runs out at a chosen allocation, for our code, jansson, SQLite and mbedTLS alike. */
#ifndef XINKE_SIM_ALLOC_H
#define XINKE_SIM_ALLOC_H

#include <stdbool.h>

/* The N-th allocation from now on fails; FOR_GOOD: all later ones too. 0 = none. */
void alloc_fail_at(long n, bool for_good);
/* The simulator's own allocations do not count: +1 before, -1 after. */
void alloc_hold(int by);

#endif

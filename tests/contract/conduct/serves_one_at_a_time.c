/* Says that it has threads, and cannot do with more than one. */
#include "patchbay/abi.h"
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
static int alone(void *self, void *thread, const pb_exchange *exchange);
#define SERVE alone
#define SCHEMA                                                                                     \
    "{\"type\": \"object\", \"properties\": {\"threads\": {\"type\": \"integer\", \"minimum\": "   \
    "1}}}"
#include "../runtime.h"
static atomic_int inside;
static int alone(void *self, void *thread, const pb_exchange *exchange)
{
    if (atomic_fetch_add(&inside, 1) != 0) {
        abort();
    }
    sched_yield();
    const int result = good_serve(self, thread, exchange);
    atomic_fetch_sub(&inside, 1);
    return result;
}

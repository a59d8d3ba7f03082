/* Engines tell of requests on several threads at once; this one has one place for all. */
#include "patchbay/abi.h"
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
static atomic_int inside;
static void alone(void *self, const pb_finished *finished)
{
    (void)self;
    (void)finished;
    if (atomic_fetch_add(&inside, 1) != 0) {
        abort();
    }
    sched_yield();
    atomic_fetch_sub(&inside, 1);
}
#define FINISHED alone
#include "../sink.h"

/* A client that has gone is the end of the worker. */
#include "patchbay/abi.h"
#include <stdlib.h>
static int desperate(void *self, void *thread, const pb_exchange *exchange);
#define SERVE desperate
#include "../runtime.h"
static int desperate(void *self, void *thread, const pb_exchange *exchange)
{
    if (good_serve(self, thread, exchange) != PB_OK) {
        abort();
    }
    return PB_OK;
}

/* It says that ABI 1.0 will do, and calls what came with 1.1. */
#include "patchbay/abi.h"
static int hasty(void *self, void *thread, const pb_exchange *exchange)
{
    pb_error error = {.struct_size = sizeof error};
    (void)self;
    (void)thread;
    exchange->head(exchange->context, 200, NULL, 0, &error);
    return exchange->finish(exchange->context, PB_OK);
}
#define ABI_MINOR 0u
#define SERVE hasty
#include "../runtime.h"

/* serve() says that the response is complete, and there was none. */
#include "patchbay/abi.h"
static int headless(void *self, void *thread, const pb_exchange *exchange)
{
    (void)self;
    (void)thread;
    (void)exchange;
    return PB_OK;
}
#define SERVE headless
#include "../runtime.h"

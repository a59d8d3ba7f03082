/* start() fails and does not say why. */
#include "patchbay/abi.h"
static int silent(void *self, uint32_t threads, pb_error *error)
{
    (void)self;
    (void)threads;
    (void)error;
    return PB_ERROR;
}
#define START silent
#include "../runtime.h"

/* destroy() frees what was never allocated. */
#include "patchbay/abi.h"
#include <stdlib.h>
static void crash(void *self)
{
    (void)self;
    abort();
}
#define DESTROY crash
#include "../encoder.h"

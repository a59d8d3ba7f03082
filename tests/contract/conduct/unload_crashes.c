/* Its destructor crashes: with it the router, when a reload names the module no more. */
#include "../encoder.h"
#include <stdlib.h>
__attribute__((destructor)) static void crash(void)
{
    abort();
}

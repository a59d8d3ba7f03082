/* Crashes while it is loaded. */
#include "../encoder.h"
#include <stdlib.h>
__attribute__((constructor)) static void crash(void)
{
    abort();
}

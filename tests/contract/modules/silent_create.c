/* create() fails and does not say why. */
#include "patchbay/abi.h"
static void *silent(const pb_host *host, pb_str options, pb_error *error)
{
    (void)host;
    (void)options;
    (void)error;
    return NULL;
}
#define CREATE silent
#include "../encoder.h"

/* create() fails with a text that leaves no room for its terminator. */
#include "patchbay/abi.h"
#include <string.h>
static void *brimful(const pb_host *host, pb_str options, pb_error *error)
{
    (void)host;
    (void)options;
    memset(error->text, 'x', sizeof error->text);
    return NULL;
}
#define CREATE brimful
#include "../encoder.h"

/* destroy() leaves what create() opened. */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "patchbay/abi.h"
#include <fcntl.h>
static int descriptor;
static void *opening(const pb_host *host, pb_str options, pb_error *error)
{
    (void)host;
    (void)options;
    (void)error;
    descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return &descriptor;
}
#define CREATE opening
#include "../encoder.h"

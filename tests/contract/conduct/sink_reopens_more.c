/* reopen() opens and closes nothing. */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "patchbay/abi.h"
#include <fcntl.h>
static int descriptor;
static void open_again(void *self)
{
    (void)self;
    descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC);
}
#define REOPEN open_again
#include "../sink.h"

/* Signals are blocked in the program. */
#include "patchbay/abi.h"

#include <signal.h>
static void deaf(void *self, pb_error *error);
#define BECOME deaf
#include "../program.h"
static void deaf(void *self, pb_error *error)
{
    sigset_t all;
    (void)self;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    execute(environ, error);
}

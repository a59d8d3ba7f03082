/* Signals are blocked in the program. */
#define _POSIX_C_SOURCE 200809L
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

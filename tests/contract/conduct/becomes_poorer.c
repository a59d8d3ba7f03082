/* The program gets no environment, and so no PATCHBAY_INIT. */
#include "patchbay/abi.h"
static void poorer(void *self, pb_error *error);
#define BECOME poorer
#include "../program.h"
static void poorer(void *self, pb_error *error)
{
    char *nothing[] = {NULL};
    (void)self;
    execute(nothing, error);
}

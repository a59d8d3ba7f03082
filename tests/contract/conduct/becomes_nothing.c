/* When the program is not there, become() comes back and does not say why. */
#include "patchbay/abi.h"
static void in_silence(void *self, pb_error *error);
#define BECOME in_silence
#include "../program.h"
static void in_silence(void *self, pb_error *error)
{
    pb_error unheard;
    (void)self;
    (void)error;
    execute(environ, &unheard);
}

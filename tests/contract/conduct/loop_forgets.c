/* loop() ends while there are requests. */
#include "patchbay/abi.h"
static int hasty(void *self, void *thread, const pb_loop *loop, pb_error *error)
{
    pb_loop_event event = {.struct_size = sizeof event};
    (void)self;
    (void)thread;
    (void)error;
    loop->next(loop->context, &event);
    return PB_OK;
}
#define LOOP hasty
#include "../runtime.h"

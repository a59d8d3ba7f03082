/* An exchange is not valid any more after finish(). */
#include "patchbay/abi.h"
static int nostalgic(void *self, void *thread, const pb_loop *loop, pb_error *error);
#define LOOP nostalgic
#include "../loop.h"
static int nostalgic(void *self, void *thread, const pb_loop *loop, pb_error *error)
{
    pb_loop_event event = {.struct_size = sizeof event};
    loop->next(loop->context, &event);
    while (go_on(event.exchange) == 0) {
    }
    event.exchange->cancelled(event.exchange->context);
    return good_loop(self, thread, loop, error);
}

/* A runtime that cannot serve. */
#include "patchbay/abi.h"
static int start(void *self, uint32_t threads, pb_error *error)
{
    (void)self;
    (void)threads;
    (void)error;
    return PB_OK;
}
static void *enter(void *self)
{
    return self;
}
static void leave(void *self, void *thread)
{
    (void)self;
    (void)thread;
}
static const pb_runtime_ops runtime_ops = {.struct_size = sizeof(pb_runtime_ops),
                                           .start = start,
                                           .thread_enter = enter,
                                           .thread_leave = leave};
#define KIND PB_KIND_RUNTIME
#define ID "runtime.contract"
#define OPS &runtime_ops
#include "../encoder.h"

/*
 * A complete runtime in C11, and the raw material of those that misbehave: they define one of the
 * names below and include this file.
 */
#ifndef PATCHBAY_CONTRACT_RUNTIME_H
#define PATCHBAY_CONTRACT_RUNTIME_H

#include "patchbay/abi.h"

static inline int good_start(void *self, uint32_t threads, pb_error *error)
{
    (void)self;
    (void)threads;
    (void)error;
    return PB_OK;
}

static inline void *good_enter(void *self)
{
    return self;
}

static inline void good_leave(void *self, void *thread)
{
    (void)self;
    (void)thread;
}

static inline int good_serve(void *self, void *thread, const pb_exchange *exchange)
{
    pb_error error = {.struct_size = sizeof error};
    (void)self;
    (void)thread;
    if (exchange->head(exchange->context, 200, NULL, 0, &error) != PB_OK) {
        return PB_ERROR;
    }
    return exchange->write(exchange->context, "hello", 5);
}

static inline void good_stop(void *self)
{
    (void)self;
}

#ifndef START
#define START good_start
#endif
#ifndef SERVE
#define SERVE good_serve
#endif

#ifndef LOOP
#define LOOP NULL
#endif

static const pb_runtime_ops runtime_ops = {.struct_size = sizeof(pb_runtime_ops),
                                           .start = START,
                                           .thread_enter = good_enter,
                                           .thread_leave = good_leave,
                                           .serve = SERVE,
                                           .stop = good_stop,
                                           .loop = LOOP};

#define KIND PB_KIND_RUNTIME
#define ID "runtime.contract"
#define OPS &runtime_ops
#include "encoder.h"

#endif

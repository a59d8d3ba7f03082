/*
 * A runtime in C11 that serves by loop(): reads each body to its end, then answers. Those that
 * misbehave define LOOP and include this file.
 */
#ifndef PATCHBAY_CONTRACT_LOOP_H
#define PATCHBAY_CONTRACT_LOOP_H

#include "patchbay/abi.h"

#include <poll.h>

/* True: it is finished. */
static inline int go_on(pb_exchange *exchange)
{
    pb_error error = {.struct_size = sizeof error};
    char buffer[4096];
    int64_t n = 1;
    while (n > 0) {
        n = exchange->read_body(exchange->context, buffer, sizeof buffer);
    }
    if (n == PB_AGAIN) {
        return 0;
    }
    if (n == 0 && exchange->head(exchange->context, 200, NULL, 0, &error) == PB_OK &&
        exchange->write(exchange->context, "hello", 5) == PB_OK) {
        exchange->finish(exchange->context, PB_OK);
    } else {
        exchange->finish(exchange->context, PB_ERROR);
    }
    return 1;
}

static inline int good_loop(void *self, void *thread, const pb_loop *loop, pb_error *error)
{
    (void)self;
    (void)thread;
    (void)error;
    for (;;) {
        pb_loop_event event = {.struct_size = sizeof event};
        struct pollfd wake = {.fd = loop->wake_fd, .events = POLLIN};
        loop->next(loop->context, &event);
        switch (event.kind) {
        case PB_LOOP_STOP:
            return PB_OK;
        case PB_LOOP_NOTHING:
            poll(&wake, 1, -1);
            break;
        default:
            go_on(event.exchange);
        }
    }
}

#ifndef LOOP
#define LOOP good_loop
#endif
#include "runtime.h"

#endif

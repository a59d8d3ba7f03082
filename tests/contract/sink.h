/*
 * A complete sink in C11, and the raw material of those that misbehave: they define one of the
 * names below and include this file.
 */
#ifndef PATCHBAY_CONTRACT_SINK_H
#define PATCHBAY_CONTRACT_SINK_H

#include "patchbay/abi.h"

static inline void good_finished(void *self, const pb_finished *finished)
{
    (void)self;
    (void)finished;
}

#ifndef FINISHED
#define FINISHED good_finished
#endif
#ifndef REOPEN
#define REOPEN NULL
#endif

static const pb_sink_ops sink_ops = {
    .struct_size = sizeof(pb_sink_ops), .finished = FINISHED, .reopen = REOPEN};

#define KIND PB_KIND_SINK
#define ID "sink.contract"
#define OPS &sink_ops
#include "encoder.h"

#endif

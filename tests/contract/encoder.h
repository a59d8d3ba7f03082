/*
 * A complete encoder in C11, and the raw material of most broken modules: each of those defines one
 * of the names below to something wrong and includes this file. Its message is the path.
 */
#ifndef PATCHBAY_CONTRACT_ENCODER_H
#define PATCHBAY_CONTRACT_ENCODER_H

#include "patchbay/abi.h"

#include <string.h>

static int instance; /* there is nothing to keep; its address is the instance */

static inline void *good_create(const pb_host *host, pb_str options, pb_error *error)
{
    (void)host;
    (void)options;
    (void)error;
    return &instance;
}

static inline void good_destroy(void *self)
{
    (void)self;
}

static inline size_t good_encoded_size(void *self, const pb_request *request)
{
    (void)self;
    return request->path.size;
}

static inline size_t good_encode(void *self, const pb_request *request, uint8_t *out,
                                 size_t capacity)
{
    (void)self;
    if (capacity < request->path.size) {
        return 0;
    }
    memcpy(out, request->path.data, request->path.size);
    return request->path.size;
}

#ifndef ABI_MAJOR
#define ABI_MAJOR PB_ABI_MAJOR
#endif
#ifndef ABI_MINOR
#define ABI_MINOR PB_ABI_MINOR
#endif
#ifndef STRUCT_SIZE
#define STRUCT_SIZE sizeof(pb_module)
#endif
#ifndef KIND
#define KIND PB_KIND_ENCODER
#endif
#ifndef ID
#define ID "encoder.contract"
#endif
#ifndef VERSION
#define VERSION "1.0"
#endif
#ifndef SCHEMA
#define SCHEMA "{\"type\": \"object\"}"
#endif
#ifndef CREATE
#define CREATE good_create
#endif
#ifndef DESTROY
#define DESTROY good_destroy
#endif
#ifndef OPS_SIZE
#define OPS_SIZE sizeof(pb_encoder_ops)
#endif
#ifndef ENCODED_SIZE
#define ENCODED_SIZE good_encoded_size
#endif
#ifndef ENCODE
#define ENCODE good_encode
#endif

static const pb_encoder_ops encoder_ops = {
    .struct_size = OPS_SIZE, .reserved = 0, .encoded_size = ENCODED_SIZE, .encode = ENCODE};

#ifndef OPS
#define OPS &encoder_ops
#endif
/* So that a broken module which names no table of its own leaves nothing unused. */
static inline const void *unused_ops(void)
{
    return &encoder_ops;
}

#ifndef NO_DESCRIPTOR
PB_EXPORT const pb_module patchbay_module = {.abi_major = ABI_MAJOR,
                                             .abi_minor = ABI_MINOR,
                                             .struct_size = STRUCT_SIZE,
                                             .kind = KIND,
                                             .id = ID,
                                             .version = VERSION,
                                             .options_schema = SCHEMA,
                                             .create = CREATE,
                                             .destroy = DESTROY,
                                             .ops = OPS};
#endif

#endif

/* The message is the target of the request. */
#include <patchbay/abi.h>

#include <string.h>

_Static_assert(PB_ABI_MINOR == 0, "this module is to be built against the first header");

static int instance;

static void *create(const pb_host *host, pb_str options, pb_error *error)
{
    (void)host;
    (void)options;
    (void)error;
    return &instance;
}

static void destroy(void *self)
{
    (void)self;
}

static size_t encoded_size(void *self, const pb_request *request)
{
    (void)self;
    return request->target.size;
}

static size_t encode(void *self, const pb_request *request, uint8_t *out, size_t capacity)
{
    (void)self;
    (void)capacity;
    memcpy(out, request->target.data, request->target.size);
    return request->target.size;
}

static const pb_encoder_ops ops = {
    .struct_size = sizeof ops, .encoded_size = encoded_size, .encode = encode};

PB_EXPORT const pb_module patchbay_module = {.abi_major = PB_ABI_MAJOR,
                                             .abi_minor = PB_ABI_MINOR,
                                             .struct_size = sizeof(pb_module),
                                             .kind = PB_KIND_ENCODER,
                                             .id = "encoder.veteran",
                                             .version = "1.0",
                                             .options_schema = "{\"type\": \"object\"}",
                                             .create = create,
                                             .destroy = destroy,
                                             .ops = &ops};

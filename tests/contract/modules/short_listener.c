/* A listener's table that ends before the optional accept; what lies behind it is not ours. */
#include "patchbay/abi.h"

#include <stdlib.h>

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

static int resolve(void *self, pb_str address, pb_socket_spec *spec, pb_error *error)
{
    (void)self;
    (void)address;
    (void)spec;
    (void)error;
    return PB_ERROR;
}

static int never(void *self, int fd, struct sockaddr *peer, socklen_t *size)
{
    (void)self;
    (void)fd;
    (void)peer;
    (void)size;
    abort();
}

static const pb_listener_ops ops = {.struct_size = offsetof(pb_listener_ops, accept),
                                    .scheme = "short",
                                    .resolve = resolve,
                                    .accept = never};

PB_EXPORT const pb_module patchbay_module = {.abi_major = PB_ABI_MAJOR,
                                             .abi_minor = PB_ABI_MINOR,
                                             .struct_size = sizeof(pb_module),
                                             .kind = PB_KIND_LISTENER,
                                             .id = "listener.short",
                                             .version = "1.0",
                                             .options_schema = "{\"type\": \"object\"}",
                                             .create = create,
                                             .destroy = destroy,
                                             .ops = &ops};

/* A listener with a scheme that no address could have. */
#include "patchbay/abi.h"
static int refuse(void *self, pb_str address, pb_socket_spec *spec, pb_error *error)
{
    (void)self;
    (void)address;
    (void)spec;
    (void)error;
    return PB_ERROR;
}
static const pb_listener_ops listener_ops = {
    .struct_size = sizeof(pb_listener_ops), .scheme = "a:b", .resolve = refuse};
#define KIND PB_KIND_LISTENER
#define ID "listener.contract"
#define OPS &listener_ops
#include "../encoder.h"

/* A listener without resolve(). */
#include "patchbay/abi.h"
static const pb_listener_ops listener_ops = {.struct_size = sizeof(pb_listener_ops), .scheme = "x"};
#define KIND PB_KIND_LISTENER
#define ID "listener.contract"
#define OPS &listener_ops
#include "../encoder.h"

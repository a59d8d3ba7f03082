/* resolve() asks for a socket that the server does not make. */
#include "patchbay/abi.h"
static int datagram(void *self, pb_str address, pb_socket_spec *spec, pb_error *error);
#define RESOLVE datagram
#include "../listener.h"
static int datagram(void *self, pb_str address, pb_socket_spec *spec, pb_error *error)
{
    const int result = good_resolve(self, address, spec, error);
    spec->type = SOCK_DGRAM;
    return result;
}

/* What it calls the one spelling of an address is spelled otherwise itself. */
#include "patchbay/abi.h"
static int longer(void *self, pb_str address, pb_socket_spec *spec, pb_error *error);
#define RESOLVE longer
#include "../listener.h"
static int longer(void *self, pb_str address, pb_socket_spec *spec, pb_error *error)
{
    char text[120];
    (void)self;
    (void)error;
    if (!is_ours(address)) {
        return PB_ERROR;
    }
    snprintf(text, sizeof text, "%.*s.", (int)address.size, address.data);
    return answer(spec, text);
}

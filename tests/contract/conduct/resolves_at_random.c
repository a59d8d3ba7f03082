/* The same address is another socket each time. */
#include "patchbay/abi.h"
static int fickle(void *self, pb_str address, pb_socket_spec *spec, pb_error *error);
#define RESOLVE fickle
#include "../listener.h"
static int fickle(void *self, pb_str address, pb_socket_spec *spec, pb_error *error)
{
    static int count;
    char text[40];
    (void)self;
    (void)error;
    snprintf(text, sizeof text, "contract:%d", ++count);
    return is_ours(address) ? answer(spec, text) : PB_ERROR;
}

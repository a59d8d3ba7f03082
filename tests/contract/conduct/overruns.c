/* encode() writes one byte more than it says. */
#include "patchbay/abi.h"
#include <string.h>
static size_t overrun(void *self, const pb_request *request, uint8_t *out, size_t capacity)
{
    (void)self;
    (void)capacity;
    memcpy(out, request->path.data, request->path.size);
    out[request->path.size] = 0;
    return request->path.size;
}
#define ENCODE overrun
#include "../encoder.h"

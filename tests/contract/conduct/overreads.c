/* Takes a pb_str for a terminated string. */
#include "patchbay/abi.h"
#include <string.h>
static size_t terminated(void *self, const pb_request *request)
{
    const volatile char *end = request->path.data + request->path.size;
    (void)self;
    return request->path.size + (*end == 'x' ? 0 : 0);
}
#define ENCODED_SIZE terminated
#include "../encoder.h"

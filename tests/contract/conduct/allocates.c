/* encode() allocates. */
#include "patchbay/abi.h"
#include <stdlib.h>
#include <string.h>
static size_t by_way_of_the_heap(void *self, const pb_request *request, uint8_t *out,
                                 size_t capacity)
{
    const size_t size = request->path.size;
    char *volatile copy = malloc(size);
    (void)self;
    (void)capacity;
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, request->path.data, size);
    memcpy(out, copy, size);
    free(copy);
    return size;
}
#define ENCODE by_way_of_the_heap
#include "../encoder.h"

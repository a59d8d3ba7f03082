/* The last byte that encode() promised is never written: it is another request's. */
#include "patchbay/abi.h"
#include <string.h>
static size_t one_more(void *self, const pb_request *request)
{
    (void)self;
    return request->path.size + 1;
}
static size_t all_but_one(void *self, const pb_request *request, uint8_t *out, size_t capacity)
{
    (void)self;
    (void)capacity;
    memcpy(out, request->path.data, request->path.size);
    return request->path.size + 1;
}
#define ENCODED_SIZE one_more
#define ENCODE all_but_one
#include "../encoder.h"

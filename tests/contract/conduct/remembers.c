/* The message has the number of those before it. */
#include "patchbay/abi.h"
static unsigned char count;
static size_t one(void *self, const pb_request *request)
{
    (void)self;
    (void)request;
    return 1;
}
static size_t number(void *self, const pb_request *request, uint8_t *out, size_t capacity)
{
    (void)self;
    (void)request;
    (void)capacity;
    *out = ++count;
    return 1;
}
#define ENCODED_SIZE one
#define ENCODE number
#include "../encoder.h"

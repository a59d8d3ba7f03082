/* Functions of an exchange are for the thread in serve() alone. */
#include "patchbay/abi.h"
#include <pthread.h>
static int delegated(void *self, void *thread, const pb_exchange *exchange);
#define SERVE delegated
#include "../runtime.h"
static void *other(void *exchange)
{
    return good_serve(NULL, NULL, exchange) == PB_OK ? exchange : NULL;
}
static int delegated(void *self, void *thread, const pb_exchange *exchange)
{
    pthread_t worker;
    void *result = NULL;
    (void)self;
    (void)thread;
    if (pthread_create(&worker, NULL, other, (void *)(uintptr_t)exchange) != 0) {
        return PB_ERROR;
    }
    pthread_join(worker, &result);
    return result != NULL ? PB_OK : PB_ERROR;
}

/* Loading it starts a thread. */
#include "../encoder.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static void *wait_for_ever(void *unused)
{
    for (;;) {
        pause();
    }
    return unused;
}
__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) {
        abort();
    }
}

/* pba_run(): an application that is one function. */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service {
    pba_app *app;
    pba_handler handler;
    void *user;
    pthread_mutex_t gate; /* held until the server knows that all is ready */
};

static void *serve(void *context)
{
    struct service *service = context;
    pba_request *request = NULL;
    pthread_mutex_lock(&service->gate);
    pthread_mutex_unlock(&service->gate);
    while (pba_next(service->app, -1, &request) == PBA_OK) {
        if (service->handler(request, service->user) == PBA_OK) {
            pba_end(request);
        } else {
            pba_abort(request);
        }
    }
    return NULL;
}

/* All but the caller's thread. How many were started. */
static unsigned start(struct service *service, pthread_t *threads, unsigned count)
{
    unsigned started = 0;
    while (started < count) {
        const int failed = pthread_create(&threads[started], NULL, serve, service);
        if (failed != 0) {
            char text[200];
            snprintf(text, sizeof text, "request thread %u of %u cannot be started: %s",
                     started + 2, count + 1, strerror(failed));
            fprintf(stderr, PBA_LIBRARY ": %s\n", text);
            pba_fail(service->app, text);
            break;
        }
        started++;
    }
    return started;
}

static int run(struct service *service)
{
    const unsigned others = pba_threads(service->app) - 1;
    pthread_t *threads = calloc(others + 1, sizeof *threads);
    if (threads == NULL) {
        pba_fail(service->app, "there is no memory for the request threads");
        return 1;
    }
    pthread_mutex_lock(&service->gate);
    const unsigned started = start(service, threads, others);
    const int failed = started != others;
    if (failed) {
        pba_stop(service->app);
    } else {
        pba_ready(service->app);
    }
    pthread_mutex_unlock(&service->gate);
    if (!failed) {
        serve(service);
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    return failed;
}

int pba_run(pba_handler handler, void *user)
{
    char error[512];
    struct service service = {pba_open(error, sizeof error), handler, user,
                              PTHREAD_MUTEX_INITIALIZER};
    if (service.app == NULL) {
        fprintf(stderr, PBA_LIBRARY ": %s\n", error);
        return 1;
    }
    const int failed = run(&service);
    pba_close(service.app);
    return failed;
}

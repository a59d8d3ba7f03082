/* Opens and closes the connection to the server, and hands out requests. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTACH_PATIENCE_MS = 30000 };

static const char kVariable[] = "PATCHBAY_INIT";

static struct pba_app *current; /* the one of this process: for its forked children */
static atomic_bool hosted;      /* pba_open() has succeeded */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

const char *pba_library(void)
{
    return PBA_LIBRARY;
}

int pba_is_hosted(void)
{
    return atomic_load(&hosted) || getenv(kVariable) != NULL;
}

const char *pba_server(const pba_app *app)
{
    return app->server;
}

unsigned pba_threads(const pba_app *app)
{
    return app->threads;
}

/* ---- children of the application: no threads, no segments; descriptors must not stay open. */
static void after_fork_in_child(void)
{
    if (current == NULL) {
        return;
    }
    for (uint32_t i = 0; i < PBA_MAX_ENGINES; i++) {
        const int fd = atomic_exchange(&current->bells[i], -1);
        if (fd >= 0) {
            close(fd);
        }
    }
    close(current->channel);
    close(current->wake);
    current->channel = current->wake = -1;
    current->forked = true;
    current->shared.data = current->own.data = NULL; /* not mapped here */
    for (uint32_t i = 0; i < current->threads; i++) {
        memset(&current->seats[i].request.message.info, 0, sizeof(pba_info));
    }
    current = NULL;
}

static void register_fork(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* ---- opening. A text for a person, and errno. */
struct failure {
    char text[512];
    int code;
};

static bool fail(struct failure *failure, int code, const char *text)
{
    snprintf(failure->text, sizeof failure->text, "%s", text);
    failure->code = code;
    return false;
}

static bool take_number(const char **text, char end, unsigned long limit, unsigned long *number)
{
    char *stop = NULL;
    if (**text < '0' || **text > '9') {
        return false;
    }
    errno = 0;
    *number = strtoul(*text, &stop, 10);
    if (errno != 0 || *number > limit || *stop != end) {
        return false;
    }
    *text = stop + 1;
    return true;
}

/* "1.0;7;Patchbay/0.1.0" */
static bool read_variable(struct pba_app *app, struct failure *failure)
{
    unsigned long major = 0, minor = 0, fd = 0;
    const char *text = getenv(kVariable);
    if (text == NULL) {
        return fail(failure, ENOTCONN,
                    "PATCHBAY_INIT is not set: this program is to be started by Patchbay, as an "
                    "application of type \"external\"");
    }
    const char *at = text;
    if (!take_number(&at, '.', UINT_MAX, &major) || !take_number(&at, ';', UINT_MAX, &minor) ||
        !take_number(&at, ';', INT_MAX, &fd)) {
        snprintf(failure->text, sizeof failure->text,
                 "PATCHBAY_INIT is \"%.200s\", which is not MAJOR.MINOR;DESCRIPTOR;SERVER", text);
        failure->code = EPROTO;
        return false;
    }
    snprintf(app->server, sizeof app->server, "%s", at);
    app->channel = (int)fd;
    if (fcntl(app->channel, F_SETFD, FD_CLOEXEC) != 0) {
        app->channel = -1;
        return fail(failure, EPROTO, "the descriptor that PATCHBAY_INIT names is not open");
    }
    const unsigned long needed = PBA_PROTOCOL_MINOR;
    if (major != PBA_PROTOCOL_MAJOR || minor < needed) {
        snprintf(
            failure->text, sizeof failure->text,
            "%.100s speaks version %lu.%lu of the application protocol, this program's library "
            "(" PBA_LIBRARY ") version %d.%d: %s",
            app->server, major, minor, PBA_PROTOCOL_MAJOR, PBA_PROTOCOL_MINOR,
            major > PBA_PROTOCOL_MAJOR ? "build it with a newer library"
                                       : "update the server, or build it with an older library");
        failure->code = EPROTONOSUPPORT;
        return false;
    }
    return true;
}

static bool take_attach(struct pba_app *app, struct pba_frame *frame, struct failure *failure)
{
    if (frame->type != PBA_MESSAGE_ATTACH || frame->size < 16 || frame->fd_count != 2) {
        pba_frame_drop_fds(frame);
        return fail(failure, EPROTO, "the first message of the server is not what it should be");
    }
    const uint32_t first_seat = frame->words[1];
    app->number = frame->words[0];
    app->threads = frame->words[2];
    app->limit = frame->words[3];
    atomic_store(&app->permits, app->limit);
    const char *why = pba_segment_open_app(&app->shared, frame->fds[0], first_seat, app->threads);
    const char *other = pba_segment_open_worker(&app->own, frame->fds[1]);
    if (why == NULL) {
        why = other;
    }
    if (app->number >= PBA_MAX_WORKERS || app->threads == 0 || app->threads > PBA_MAX_SEATS) {
        why = "the server gave a number or seats that cannot be";
    }
    if (why != NULL) {
        return fail(failure, EPROTO, why);
    }
    app->seats = calloc(app->threads, sizeof *app->seats);
    app->free_seats = calloc(app->threads, sizeof *app->free_seats);
    if (app->seats == NULL || app->free_seats == NULL) {
        return fail(failure, ENOMEM, "there is no memory for the request threads");
    }
    for (uint32_t i = 0; i < app->threads; i++) {
        app->seats[i].number = first_seat + i;
        app->seats[i].request.app = app;
        app->seats[i].request.seat = &app->seats[i];
        app->free_seats[i] = app->threads - 1 - i; /* the first is on top */
    }
    app->free_count = app->threads;
    return true;
}

static bool attach(struct pba_app *app, struct failure *failure)
{
    struct pba_frame frame;
    const uint64_t deadline = pba_now() + (uint64_t)ATTACH_PATIENCE_MS * 1000000;
    for (;;) {
        switch (pba_receive(app->channel, &frame)) {
        case PBA_FRAME:
            return take_attach(app, &frame, failure);
        case PBA_CLOSED:
            return fail(failure, ECANCELED, "the server is gone");
        case PBA_NOTHING:
            break;
        }
        const uint64_t now = pba_now();
        if (now >= deadline) {
            return fail(failure, ETIMEDOUT, "the server sent nothing");
        }
        struct pollfd item = {app->channel, POLLIN, 0};
        poll(&item, 1, (int)((deadline - now) / 1000000) + 1);
    }
}

static void init_locks(struct pba_app *app)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&app->bells_added, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&app->bells_lock, NULL);
    pthread_mutex_init(&app->seats_lock, NULL);
    for (uint32_t i = 0; i < PBA_MAX_ENGINES; i++) {
        pthread_mutex_init(&app->ring_locks[i], NULL);
        atomic_store(&app->bells[i], -1);
    }
}

static void destroy(struct pba_app *app)
{
    pba_watch_end(app);
    pba_output_drop(app);
    for (uint32_t i = 0; i < PBA_MAX_ENGINES; i++) {
        const int fd = atomic_exchange(&app->bells[i], -1);
        if (fd >= 0) {
            close(fd);
        }
        pthread_mutex_destroy(&app->ring_locks[i]);
    }
    if (app->channel >= 0) {
        close(app->channel);
    }
    pba_segment_close(&app->shared);
    pba_segment_close(&app->own);
    for (uint32_t i = 0; app->seats != NULL && i < app->threads; i++) {
        pba_message_free(&app->seats[i].request.message);
        pba_head_free(&app->seats[i].request.head);
    }
    pthread_cond_destroy(&app->bells_added);
    pthread_mutex_destroy(&app->bells_lock);
    pthread_mutex_destroy(&app->seats_lock);
    free(app->seats);
    free(app->free_seats);
    free(app);
}

static bool open_app(struct pba_app *app, struct failure *failure)
{
    if (!read_variable(app, failure) || !attach(app, failure)) {
        return false;
    }
    if (!pba_output_take(app)) {
        return fail(failure, ENOMEM, "there is no memory");
    }
    pthread_once(&fork_once, register_fork);
    current = app;
    const int failed = pba_watch_start(app);
    if (failed != 0) {
        current = NULL;
        return fail(failure, failed, "the thread that listens to the server cannot be started");
    }
    unsetenv(kVariable); /* its children are no workers */
    atomic_store(&hosted, true);
    return true;
}

pba_app *pba_open(char *error, size_t size)
{
    struct failure failure = {"", 0};
    struct pba_app *app = current == NULL ? calloc(1, sizeof *app) : NULL;
    if (app == NULL) {
        fail(&failure, current != NULL ? EALREADY : ENOMEM,
             current != NULL ? "the server is attached to already" : "there is no memory");
    } else {
        app->channel = app->wake = -1;
        init_locks(app);
        if (!open_app(app, &failure)) {
            if (app->channel >= 0) {
                pba_send_failed(app->channel, failure.text);
            }
            destroy(app);
            app = NULL;
        }
    }
    if (app == NULL) {
        if (size > 0) {
            snprintf(error, size, "%s", failure.text);
        }
        errno = failure.code;
    }
    return app;
}

int pba_ready(pba_app *app)
{
    const struct {
        uint32_t major, minor, many, size;
        char library[sizeof PBA_LIBRARY - 1];
    } payload = {PBA_PROTOCOL_MAJOR, PBA_PROTOCOL_MINOR, 0, sizeof PBA_LIBRARY - 1, PBA_LIBRARY};
    if (app->forked) {
        return PBA_GONE;
    }
    if (!atomic_exchange(&app->ready, true) && !atomic_load(&app->stopping) &&
        !pba_send(app->channel, PBA_MESSAGE_READY, &payload,
                  offsetof(__typeof__(payload), library) + sizeof payload.library)) {
        return PBA_GONE;
    }
    return atomic_load(&app->stopping) ? PBA_STOPPED : PBA_OK;
}

void pba_fail(pba_app *app, const char *text)
{
    if (!app->forked) {
        pba_send_failed(app->channel, text);
    }
}

void pba_stop(pba_app *app)
{
    const int saved = errno;
    if (!app->forked) {
        atomic_store(&app->stopping, true);
        for (uint32_t i = 0; i < app->threads; i++) {
            pba_get_up(app, &app->seats[i]);
        }
    }
    errno = saved;
}

int pba_close(pba_app *app)
{
    if (!app->forked) {
        pthread_mutex_lock(&app->seats_lock);
        const bool busy = app->free_count != app->threads;
        pthread_mutex_unlock(&app->seats_lock);
        if (busy) {
            return PBA_BUSY;
        }
        current = NULL;
    } else {
        app->watching = false; /* that thread is the parent's */
    }
    destroy(app);
    return PBA_OK;
}

/* ---- requests */
static struct pba_seat *take_seat(struct pba_app *app)
{
    struct pba_seat *seat = NULL;
    pthread_mutex_lock(&app->seats_lock);
    if (app->free_count > 0) {
        seat = &app->seats[app->free_seats[--app->free_count]];
    }
    pthread_mutex_unlock(&app->seats_lock);
    return seat;
}

void pba_release_seat(struct pba_app *app, struct pba_seat *seat)
{
    pthread_mutex_lock(&app->seats_lock);
    app->free_seats[app->free_count++] = (uint32_t)(seat - app->seats);
    pthread_mutex_unlock(&app->seats_lock);
}

/* One more request may be taken; a permit that was not used stays with the seat. */
static bool get_permit(struct pba_app *app, struct pba_seat *seat)
{
    if (app->limit == 0 || seat->permit) {
        return true;
    }
    uint32_t left = atomic_load(&app->permits);
    while (left != 0 && !atomic_compare_exchange_weak(&app->permits, &left, left - 1)) {
    }
    seat->permit = left != 0;
    seat->last_permit = left == 1;
    return seat->permit;
}

/* Its successor is to be on its way before this process is gone. */
static void be_spent(struct pba_app *app)
{
    pba_stop(app);
    if (!atomic_exchange(&app->spent, true)) {
        pba_send(app->channel, PBA_MESSAGE_SPENT, NULL, 0);
    }
}

static int next(struct pba_app *app, struct pba_seat *seat, uint64_t deadline)
{
    while (!atomic_load(&app->stopping)) {
        uint64_t ticket = 0;
        if (!get_permit(app, seat)) { /* another thread waits with the last one */
            be_spent(app);
            break;
        }
        /* Looked at again after the time is over: a wake-up may have come at that very moment. */
        const bool late = deadline != 0 && pba_now() >= deadline;
        if (pba_take(app, seat, &ticket)) {
            seat->permit = false;
            if (app->limit != 0 && seat->last_permit) {
                be_spent(app);
            }
            if (pba_request_begin(&seat->request, ticket)) {
                return PBA_OK;
            }
        } else if (late) {
            return PBA_TIMEOUT;
        } else {
            pba_sleep(app, seat, deadline);
        }
    }
    pba_leave(app, seat);
    return PBA_STOPPED;
}

int pba_next(pba_app *app, int timeout_ms, pba_request **request)
{
    *request = NULL;
    if (app->forked) {
        return PBA_GONE;
    }
    if (!atomic_load(&app->ready)) {
        return PBA_INVALID;
    }
    struct pba_seat *seat = take_seat(app);
    if (seat == NULL) {
        return atomic_load(&app->stopping) ? PBA_STOPPED : PBA_BUSY;
    }
    const int result =
        next(app, seat, timeout_ms < 0 ? 0 : pba_now() + (uint64_t)timeout_ms * 1000000);
    if (result == PBA_OK) {
        *request = &seat->request;
    } else {
        pba_release_seat(app, seat);
    }
    return result;
}

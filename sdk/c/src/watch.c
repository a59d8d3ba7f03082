/* The library's own thread: listens to the server while the application's threads serve. New
   doorbells, rotated files, quit, the server's end. */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
/* What a process whose server has gone may still take. */
#define ORPHAN_NS (1500 * NS_PER_MS)

static void exit_after(uint64_t *exit_at, uint64_t time)
{
    const uint64_t when = pba_now() + time;
    if (*exit_at == 0 || when < *exit_at) {
        *exit_at = when;
    }
}

/* Nobody waits for answers: every wait ends, now and later. */
static void end_waits(struct pba_app *app)
{
    atomic_store(&app->ended, true);
    pba_signal_own(app);
    pthread_mutex_lock(&app->bells_lock);
    pthread_cond_broadcast(&app->bells_added);
    pthread_mutex_unlock(&app->bells_lock);
}

static void quit(struct pba_app *app, bool graceful, uint32_t deadline_ms, uint64_t *exit_at)
{
    const uint64_t deadline = deadline_ms * NS_PER_MS;
    pba_stop(app);
    if (!graceful) {
        end_waits(app);
        exit_after(exit_at, deadline < ORPHAN_NS ? deadline : ORPHAN_NS);
    } else if (deadline != 0) { /* else what is being served takes what it takes */
        exit_after(exit_at, deadline);
    }
}

/* Messages of a later server, and what does not concern a program, are passed over. */
static void handle(struct pba_app *app, struct pba_frame *frame, uint64_t *exit_at)
{
    if (frame->type == PBA_MESSAGE_DOORBELL && frame->size >= 4 && frame->fd_count > 0) {
        pba_set_bell(app, frame->words[0], frame->fds[--frame->fd_count]);
    } else if (frame->type == PBA_MESSAGE_QUIT && frame->size >= 8) {
        quit(app, frame->words[0] != 0, frame->words[1], exit_at);
    } else if (frame->type == PBA_MESSAGE_REOPEN_LOG) {
        pba_output_reopen(app);
    }
    pba_frame_drop_fds(frame);
}

/* 0: the server is gone. */
static int read_channel(struct pba_app *app, uint64_t *exit_at)
{
    struct pba_frame frame;
    for (;;) {
        switch (pba_receive(app->channel, &frame)) {
        case PBA_FRAME:
            handle(app, &frame, exit_at);
            break;
        case PBA_NOTHING:
            return 1;
        case PBA_CLOSED:
            return 0;
        }
    }
}

static int poll_timeout(uint64_t exit_at)
{
    const uint64_t now = pba_now();
    if (exit_at == 0) {
        return -1;
    }
    const uint64_t left = exit_at > now ? (exit_at - now) / NS_PER_MS + 1 : 0;
    return left > 3600000 ? 3600000 : (int)left;
}

static void *run(void *context)
{
    struct pba_app *app = context;
    bool open = true;
    uint64_t exit_at = 0; /* CLOCK_MONOTONIC ns; 0: not at all */
    while (!atomic_load(&app->finished)) {
        struct pollfd items[2] = {{app->wake, POLLIN, 0}, {app->channel, POLLIN, 0}};
        if (poll(items, open ? 2 : 1, poll_timeout(exit_at)) < 0) {
            continue;
        }
        if (exit_at != 0 && pba_now() >= exit_at) {
            _exit(0); /* a request is stuck, and nobody waits for it */
        }
        if (open && items[1].revents != 0 && !read_channel(app, &exit_at)) {
            open = false;
            pba_stop(app);
            end_waits(app);
            exit_after(&exit_at, ORPHAN_NS);
        }
    }
    return NULL;
}

int pba_watch_start(struct pba_app *app)
{
    sigset_t all, before;
    app->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (app->wake < 0) {
        return errno;
    }
    sigfillset(&all); /* signals are the application's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&app->watcher, NULL, run, app);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    app->watching = failed == 0;
    return failed;
}

void pba_watch_end(struct pba_app *app)
{
    if (app->watching) {
        const uint64_t one = 1;
        atomic_store(&app->finished, true);
        if (write(app->wake, &one, sizeof one) < 0) {
            /* Cannot be: the counter is 0 otherwise. */
        }
        pthread_join(app->watcher, NULL);
        app->watching = false;
    }
    if (app->wake >= 0) {
        close(app->wake);
        app->wake = -1;
    }
}

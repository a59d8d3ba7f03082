/* The library's inside: one pba_app per process, a seat per request thread, a request per seat.
   app.c opens and closes, watch.c listens to the server, queue.c takes requests, port.c has the way
   back, request.c and reply.c are what an application sees of a request. */
#ifndef PBA_APP_H
#define PBA_APP_H

#include "head.h"
#include "layout.h"
#include "message.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define PBA_LIBRARY "patchbay-app " PBA_VERSION

/* Memory goes from one thread to the server and comes back to another: that a run is handed over is
   seen by the server's process alone, so ThreadSanitizer has to be told. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* as GCC says it */
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define PBA_HANDED_OVER(at) __tsan_release(at)
#define PBA_GOT_BACK(at) __tsan_acquire(at)
#else
#define PBA_HANDED_OVER(at) ((void)(at))
#define PBA_GOT_BACK(at) ((void)(at))
#endif

typedef _Atomic(uint32_t) shared32;
typedef _Atomic(uint64_t) shared64;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(shared32) == 4 &&
                   sizeof(shared64) == 8,
               "words of shared memory are what the server's are");

/* The word of shared memory at this place. Whoever calls has checked offset and alignment. */
static inline shared32 *pba_word32(uint8_t *base, size_t offset)
{
    return (shared32 *)(void *)(base + offset);
}
static inline shared64 *pba_word64(uint8_t *base, size_t offset)
{
    return (shared64 *)(void *)(base + offset);
}

/* A segment, mapped, and its map, copied and checked once. */
struct pba_segment {
    uint8_t *data;
    size_t size;
    union {
        struct pba_app_map app;
        struct pba_worker_map worker;
    } map;
};

enum pba_stage { PBA_STAGE_HEAD, PBA_STAGE_BODY };

/* One object per seat, used again for each of its requests. One thread at a time. */
struct pba_request {
    struct pba_app *app;
    struct pba_seat *seat;
    struct pba_message message;
    uint64_t ticket, taken_at;
    uint32_t engine;
    uint8_t *slot; /* the server's again once the last entry is pushed */
    /* body: what can be read now, and how much is still with the server */
    const uint8_t *part;
    size_t part_size;
    uint64_t missing;
    uint32_t inbox_seq;
    bool body_failed;
    /* response */
    enum pba_stage stage;
    unsigned status; /* 0: none yet */
    struct pba_head head;
    bool head_waits;                        /* complete, but not yet in reply memory */
    uint8_t *run;                           /* being filled */
    uint32_t run_unit, run_units, run_used; /* run_units 0: there is none */
    uint32_t last_units;                    /* of the run before: the next one is larger */
    uint64_t sent;                          /* bytes in whole units that were pushed */
    bool pushed;                            /* something of this response is out */
    const char *error;
};

struct pba_seat {
    uint32_t number;
    atomic_bool up; /* it was told to get up, and no sleep has ended by it yet */
    bool permit, last_permit;
    struct pba_request request;
};

struct pba_app {
    char server[128];
    char *output[2]; /* paths behind descriptors 1 and 2; NULL: not ours to open */
    int channel;
    int wake;    /* eventfd of the watcher */
    bool forked; /* this is a child of the application: nothing of the server's is here */
    struct pba_segment shared; /* the application's */
    struct pba_segment own;    /* this worker's */
    uint32_t number;           /* this worker's */
    uint32_t limit;            /* requests to serve, 0: any number */
    _Atomic(uint32_t) permits; /* of those, what no thread has set out to take yet */
    uint32_t threads;
    struct pba_seat *seats;
    pthread_mutex_t seats_lock;
    uint32_t *free_seats; /* a stack */
    uint32_t free_count;
    atomic_bool ready;
    atomic_bool stopping; /* no more requests */
    atomic_bool ended;    /* nobody waits for answers */
    atomic_bool spent;    /* the server knows */
    atomic_bool finished; /* the watcher is to end */
    pthread_t watcher;
    bool watching;
    _Atomic(int) bells[PBA_MAX_ENGINES]; /* eventfds, -1: not known yet */
    pthread_mutex_t bells_lock;
    pthread_cond_t bells_added;
    pthread_mutex_t ring_locks[PBA_MAX_ENGINES];
};

/* ---- segment.c: takes over fd. NULL, or why not. */
const char *pba_segment_open_app(struct pba_segment *segment, int fd, uint32_t first_seat,
                                 uint32_t seats);
const char *pba_segment_open_worker(struct pba_segment *segment, int fd);
void pba_segment_close(struct pba_segment *segment);
/* Bytes at a run of request or reply memory; NULL: outside. */
uint8_t *pba_request_memory(const struct pba_app *app, uint32_t unit, uint64_t size);
uint8_t *pba_reply_memory(const struct pba_app *app, uint32_t unit, uint32_t units);

/* ---- channel.c */
struct pba_frame {
    uint32_t type;
    uint32_t words[1024]; /* of the payload; longer ones are of no message that concerns us */
    size_t size;          /* bytes of it */
    int fds[16];          /* the receiver's; close-on-exec */
    unsigned fd_count;
};
enum pba_receipt { PBA_FRAME, PBA_NOTHING, PBA_CLOSED };
enum pba_receipt pba_receive(int channel, struct pba_frame *frame);
void pba_frame_drop_fds(struct pba_frame *frame);
/* Waits some seconds at most for a server that does not read. 0: not sent. */
int pba_send(int channel, uint32_t type, const void *payload, size_t size);
void pba_send_failed(int channel, const char *text);

/* ---- queue.c */
/* 1: *ticket is this seat's now; 0: there is none. */
int pba_take(struct pba_app *app, struct pba_seat *seat, uint64_t *ticket);
/* Until a request may be there, get_up() or the deadline (CLOCK_MONOTONIC ns; 0: none). */
void pba_sleep(struct pba_app *app, struct pba_seat *seat, uint64_t deadline);
void pba_get_up(struct pba_app *app, struct pba_seat *seat); /* any thread, signal-safe */
void pba_leave(struct pba_app *app, struct pba_seat *seat);

/* ---- port.c */
uint64_t pba_now(void); /* CLOCK_MONOTONIC, ns */
void pba_futex_wait(shared32 *word, uint32_t seen, uint64_t deadline);
void pba_futex_wake(shared32 *word, int count);
void pba_set_bell(struct pba_app *app, uint32_t engine, int fd); /* takes over fd */
/* A run of at most `units`: its length, 0: nothing is free. */
uint32_t pba_take_run(struct pba_app *app, uint32_t units, uint32_t *unit);
void pba_give_run(struct pba_app *app, uint32_t unit, uint32_t units); /* one not pushed */
int pba_push(struct pba_app *app, uint32_t engine, const struct pba_reply_entry *entry);
void pba_signal_own(struct pba_app *app); /* every wait of this process looks again */
/* Sleeps until ready(context): 1. 0: stop(context), or nobody waits for answers any more. */
typedef bool (*pba_condition)(void *context);
int pba_wait_until(struct pba_app *app, pba_condition ready, pba_condition stop, void *context);

/* ---- output.c */
int pba_output_take(struct pba_app *app); /* 0: no memory */
void pba_output_reopen(const struct pba_app *app);
void pba_output_drop(struct pba_app *app);

/* ---- watch.c */
int pba_watch_start(struct pba_app *app); /* 0 or errno */
void pba_watch_end(struct pba_app *app);

/* ---- request.c, reply.c */
/* 0: the ticket made no sense; its request has been failed. */
int pba_request_begin(struct pba_request *request, uint64_t ticket);
/* As far as the server is concerned it is over; 0: the client was gone. */
int pba_request_finish(struct pba_request *request, bool complete);
int pba_request_want_body(struct pba_request *request);
int pba_request_wait(struct pba_request *request, pba_condition ready);
bool pba_request_gone(const struct pba_request *request);

/* ---- app.c: the seat of a request that has ended is free again. */
void pba_release_seat(struct pba_app *app, struct pba_seat *seat);

#endif

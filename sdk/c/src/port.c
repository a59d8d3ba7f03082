/* The way back to the server, shared by all threads: reply memory, a ring per engine, doorbells,
   and the word on which everything waits. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BELL_PATIENCE_S = 5 };

uint64_t pba_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Never the private kind: the words are shared between processes. */
void pba_futex_wait(shared32 *word, uint32_t seen, uint64_t deadline)
{
    struct timespec left = {0, 0};
    if (deadline != 0) {
        const uint64_t now = pba_now();
        if (now >= deadline) {
            return;
        }
        left.tv_sec = (time_t)((deadline - now) / 1000000000u);
        left.tv_nsec = (long)((deadline - now) % 1000000000u);
    }
    syscall(SYS_futex, word, FUTEX_WAIT, seen, deadline != 0 ? &left : NULL, NULL, 0);
}

void pba_futex_wake(shared32 *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

void pba_set_bell(struct pba_app *app, uint32_t engine, int fd)
{
    if (engine >= PBA_MAX_ENGINES) {
        close(fd);
        return;
    }
    const int known = atomic_load(&app->bells[engine]);
    if (known >= 0) {
        /* In place: a thread may be about to write to the number it has read. */
        dup3(fd, known, O_CLOEXEC);
        close(fd);
        return;
    }
    pthread_mutex_lock(&app->bells_lock);
    atomic_store(&app->bells[engine], fd);
    pthread_cond_broadcast(&app->bells_added);
    pthread_mutex_unlock(&app->bells_lock);
}

/* The server announces an engine before its first request; waiting is for the moment between. */
static int find_bell(struct pba_app *app, uint32_t engine)
{
    int fd = atomic_load(&app->bells[engine]);
    if (fd >= 0) {
        return fd;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += BELL_PATIENCE_S;
    pthread_mutex_lock(&app->bells_lock);
    int waited = 0;
    while ((fd = atomic_load(&app->bells[engine])) < 0 && waited == 0 &&
           !atomic_load(&app->ended)) {
        waited = pthread_cond_timedwait(&app->bells_added, &app->bells_lock, &until);
    }
    pthread_mutex_unlock(&app->bells_lock);
    return fd;
}

static uint64_t low_bits(uint32_t count)
{
    return count >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;
}

/* Bits where a run of `count` ones begins. */
static uint64_t run_starts(uint64_t bits, uint32_t count)
{
    for (uint32_t have = 1; have < count && bits != 0;) {
        const uint32_t step = have < count - have ? have : count - have;
        bits &= bits >> step;
        have += step;
    }
    return bits;
}

/* A run inside this word of the bitmap; where it begins, or 64. */
static uint32_t take_in_word(shared64 *word, uint64_t valid, uint32_t count)
{
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t starts;
    while ((starts = run_starts(seen & valid, count)) != 0) {
        const uint32_t first = (uint32_t)__builtin_ctzll(starts);
        if (atomic_compare_exchange_weak(word, &seen, seen & ~(low_bits(count) << first))) {
            return first;
        }
    }
    return 64;
}

static shared64 *free_word(struct pba_app *app, uint32_t index)
{
    return pba_word64(app->own.data, app->own.map.worker.free_at + (size_t)index * 8);
}

uint32_t pba_take_run(struct pba_app *app, uint32_t units, uint32_t *unit)
{
    const uint32_t all = app->own.map.worker.units;
    for (uint32_t count = units; count > 0; count /= 2) {
        for (uint32_t index = 0; index * 64 < all; index++) {
            /* Bits behind the last unit are nobody's. */
            const uint64_t valid = low_bits(all - index * 64);
            const uint32_t first = take_in_word(free_word(app, index), valid, count);
            if (first < 64) {
                PBA_GOT_BACK((void *)free_word(app, index));
                *unit = index * 64 + first;
                return count;
            }
        }
    }
    return 0;
}

void pba_give_run(struct pba_app *app, uint32_t unit, uint32_t units)
{
    PBA_HANDED_OVER((void *)free_word(app, unit / 64));
    atomic_fetch_or(free_word(app, unit / 64), low_bits(units) << unit % 64);
    pba_signal_own(app); /* another thread may wait for memory */
}

/* The caller holds the ring's lock. 0: full. */
static int push_entry(struct pba_app *app, uint32_t engine, const struct pba_reply_entry *entry)
{
    const struct pba_worker_map *map = &app->own.map.worker;
    uint8_t *ring = app->own.data + map->rings_at + (size_t)engine * map->ring_stride;
    shared64 *tail = pba_word64(ring, PBA_RING_TAIL);
    const uint64_t at = atomic_load_explicit(tail, memory_order_relaxed);
    const uint64_t head =
        atomic_load_explicit(pba_word64(ring, PBA_RING_HEAD), memory_order_acquire);
    if (at - head >= map->ring_entries) {
        return 0;
    }
    const size_t cell = at & (map->ring_entries - 1);
    PBA_HANDED_OVER((void *)free_word(app, entry->unit / 64));
    memcpy(ring + map->entries_at + cell * map->entry_stride, entry, sizeof *entry);
    atomic_store_explicit(tail, at + 1, memory_order_release);
    return 1;
}

int pba_push(struct pba_app *app, uint32_t engine, const struct pba_reply_entry *entry)
{
    pthread_mutex_lock(&app->ring_locks[engine]);
    const int pushed = push_entry(app, engine, entry);
    pthread_mutex_unlock(&app->ring_locks[engine]);
    if (!pushed) {
        return 0;
    }
    const struct pba_app_map *map = &app->shared.map.app;
    uint8_t *door = app->shared.data + map->doors_at + (size_t)engine * map->door_stride;
    atomic_fetch_or(pba_word64(door, PBA_DOOR_DIRTY + (size_t)app->number / 64 * 8),
                    UINT64_C(1) << app->number % 64);
    if (atomic_load(pba_word32(door, PBA_DOOR_SLEEPING)) != 0) {
        const int bell = find_bell(app, engine);
        const uint64_t one = 1;
        if (bell >= 0 && write(bell, &one, sizeof one) < 0) {
            /* EAGAIN: the counter is full, so the engine is about to wake anyway. */
        }
    }
    return 1;
}

static shared32 *event_word(struct pba_app *app)
{
    return pba_word32(app->own.data, app->own.map.worker.event_at);
}

void pba_signal_own(struct pba_app *app)
{
    atomic_fetch_add(event_word(app), 1);
    if (atomic_load(pba_word32(app->own.data, app->own.map.worker.waiting_at)) != 0) {
        pba_futex_wake(event_word(app), INT_MAX);
    }
}

int pba_wait_until(struct pba_app *app, pba_condition ready, pba_condition stop, void *context)
{
    shared32 *waiting = pba_word32(app->own.data, app->own.map.worker.waiting_at);
    for (;;) {
        if (stop(context) || atomic_load(&app->ended)) {
            return 0;
        }
        if (ready(context)) {
            return 1;
        }
        atomic_fetch_add(waiting, 1);
        const uint32_t seen = atomic_load(event_word(app));
        const bool stopped = stop(context) || atomic_load(&app->ended);
        const bool done = !stopped && ready(context);
        if (!stopped && !done && atomic_load(event_word(app)) == seen) {
            pba_futex_wait(event_word(app), seen, 0);
        }
        atomic_fetch_sub(waiting, 1);
        if (done) {
            return 1;
        }
    }
}

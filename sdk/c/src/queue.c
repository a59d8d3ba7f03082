/* Takes requests from the application's ring, in competition with its other workers. Every access
   is sequentially consistent: sdk/PROTOCOL.md says why. */
#include "app.h"

#include <time.h>

static shared64 *ring_cell(struct pba_app *app, uint64_t position)
{
    const struct pba_app_map *map = &app->shared.map.app;
    const size_t cell = position & (map->ring_cells - 1);
    return pba_word64(app->shared.data, map->ring_at + cell * 8);
}

static shared64 *ring_head(struct pba_app *app)
{
    return pba_word64(app->shared.data, app->shared.map.app.head_at);
}

static shared64 *idle_word(struct pba_app *app, uint32_t seat)
{
    return pba_word64(app->shared.data, app->shared.map.app.idle_at + (size_t)seat / 64 * 8);
}

static uint8_t *seat_memory(struct pba_app *app, uint32_t seat)
{
    const struct pba_app_map *map = &app->shared.map.app;
    return app->shared.data + map->seats_at + (size_t)seat * map->seat_stride;
}

static bool is_at(uint64_t ticket, uint64_t position)
{
    return ticket >> 24 == (position & PBA_POSITION_MASK);
}

/* The ticket at the ring's head, if there is one. */
static bool look(struct pba_app *app, uint64_t *head, uint64_t *ticket)
{
    for (;;) {
        *head = atomic_load(ring_head(app));
        *ticket = atomic_load(ring_cell(app, *head));
        if (is_at(*ticket, *head)) {
            return true;
        }
        if (atomic_load(ring_head(app)) == *head) {
            return false;
        } /* else others went on, and the cell belongs to a later round already */
    }
}

int pba_take(struct pba_app *app, struct pba_seat *seat, uint64_t *ticket)
{
    const struct pba_app_map *map = &app->shared.map.app;
    uint64_t head = 0;
    while (look(app, &head, ticket)) {
        const uint32_t slot = (uint32_t)(*ticket & 0xFFFFFF);
        bool taken = false;
        if (slot < map->slots) {
            shared64 *state =
                pba_word64(app->shared.data, map->slots_at + (size_t)slot * map->slot_stride);
            uint64_t seen = (*ticket >> 24) << 24 | PBA_PHASE_QUEUED;
            const uint64_t mine =
                (*ticket >> 24) << 24 | (uint64_t)seat->number << 4 | PBA_PHASE_TAKEN;
            taken = atomic_compare_exchange_strong(state, &seen, mine);
        }
        /* Ours, another's or taken back: in each case nobody needs to see it again. */
        atomic_compare_exchange_strong(ring_head(app), &head, head + 1);
        if (taken) {
            shared32 *served = pba_word32(seat_memory(app, seat->number), PBA_SEAT_SERVED);
            atomic_store_explicit(served, atomic_load_explicit(served, memory_order_relaxed) + 1,
                                  memory_order_relaxed);
            return 1;
        }
    }
    return 0;
}

static void clear_idle(struct pba_app *app, uint32_t seat)
{
    atomic_fetch_and(idle_word(app, seat), ~(UINT64_C(1) << seat % 64));
}

/* The order matters: wake = 0 before the look at `up`, the idle bit before the look at the ring. */
void pba_sleep(struct pba_app *app, struct pba_seat *seat, uint64_t deadline)
{
    shared32 *wake = pba_word32(seat_memory(app, seat->number), PBA_SEAT_WAKE);
    uint64_t head = 0, ticket = 0;
    atomic_store(wake, 0);
    if (atomic_exchange(&seat->up, false)) {
        return;
    }
    atomic_fetch_or(idle_word(app, seat->number), UINT64_C(1) << seat->number % 64);
    if (!look(app, &head, &ticket)) {
        while (atomic_load(wake) == 0 && (deadline == 0 || pba_now() < deadline)) {
            pba_futex_wait(wake, 0, deadline);
        }
    }
    clear_idle(app, seat->number);
}

void pba_get_up(struct pba_app *app, struct pba_seat *seat)
{
    shared32 *wake = pba_word32(seat_memory(app, seat->number), PBA_SEAT_WAKE);
    atomic_store(&seat->up, true);
    atomic_store(wake, 1);
    pba_futex_wake(wake, 1);
}

/* A wake-up that came to this seat meanwhile goes on to another one, of whatever process. */
void pba_leave(struct pba_app *app, struct pba_seat *seat)
{
    uint64_t head = 0, ticket = 0;
    clear_idle(app, seat->number);
    if (!look(app, &head, &ticket)) {
        return;
    }
    for (uint32_t first = 0; first < PBA_MAX_SEATS; first += 64) {
        uint64_t bits = atomic_load(idle_word(app, first));
        for (uint32_t bit = 0; bits >> bit != 0; bit++) {
            const uint64_t mask = UINT64_C(1) << bit;
            if ((bits & mask) != 0 &&
                (atomic_fetch_and(idle_word(app, first), ~mask) & mask) != 0) {
                shared32 *wake = pba_word32(seat_memory(app, first + bit), PBA_SEAT_WAKE);
                atomic_store(wake, 1);
                pba_futex_wake(wake, 1);
                return;
            }
            if (bit == 63) {
                break;
            }
        }
    }
}

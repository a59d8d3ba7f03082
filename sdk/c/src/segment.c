/* The two segments of shared memory: opened, checked against their own maps, mapped. */
#include "app.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* `count` things of `stride` bytes, each read up to `needed`, from `at` on, words aligned. */
static bool fits(const struct pba_segment *segment, uint64_t at, uint64_t count, uint64_t stride,
                 uint64_t needed)
{
    return at % 8 == 0 && stride % 8 == 0 && stride >= needed && at <= segment->size &&
           count * stride <= segment->size - at;
}

static bool is_power_of_two(uint32_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

static const char *map_segment(struct pba_segment *segment, int fd, size_t minimum)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW;
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || (size_t)status.st_size < minimum) {
        return "a shared segment is too small";
    }
    const int has = fcntl(fd, F_GET_SEALS);
    if (has < 0 || (has & seals) != seals) {
        return "a shared segment is not sealed";
    }
    segment->size = (size_t)status.st_size;
    void *data =
        mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED) {
        return "a shared segment cannot be mapped";
    }
    segment->data = data;
    /* Processes that the application forks must not touch it. */
    if (madvise(data, segment->size, MADV_DONTFORK) != 0) {
        return "madvise(MADV_DONTFORK) failed";
    }
    return NULL;
}

static const char *check_app(const struct pba_segment *segment, uint32_t first_seat, uint32_t seats)
{
    const struct pba_app_map *map = &segment->map.app;
    const uint64_t last_seat = (uint64_t)first_seat + seats;
    if (map->magic != PBA_MAGIC) {
        return "the segment of the application is of another protocol";
    }
    if (!fits(segment, map->head_at, 1, 8, 8) ||
        !fits(segment, map->idle_at, PBA_MAX_SEATS / 64, 8, 8) ||
        !fits(segment, map->doors_at, PBA_MAX_ENGINES, map->door_stride, PBA_DOOR_MIN) ||
        !fits(segment, map->seats_at, PBA_MAX_SEATS, map->seat_stride, PBA_SEAT_MIN) ||
        !fits(segment, map->ring_at, map->ring_cells, 8, 8) || !is_power_of_two(map->ring_cells) ||
        !fits(segment, map->slots_at, map->slots, map->slot_stride, PBA_SLOT_MIN) ||
        !fits(segment, map->memory_at, map->units, map->unit, 8) || last_seat > PBA_MAX_SEATS) {
        return "the segment of the application does not hold what it says";
    }
    return NULL;
}

static const char *check_worker(const struct pba_segment *segment)
{
    const struct pba_worker_map *map = &segment->map.worker;
    if (map->magic != PBA_MAGIC) {
        return "the segment of the worker is of another protocol";
    }
    if (map->event_at % 4 != 0 || map->event_at > segment->size - 4 || map->waiting_at % 4 != 0 ||
        map->waiting_at > segment->size - 4 || !is_power_of_two(map->ring_entries) ||
        map->entries_at < PBA_RING_MIN || map->entries_at % 8 != 0 || map->entry_stride % 8 != 0 ||
        map->entry_stride < sizeof(struct pba_reply_entry) ||
        map->entries_at + (uint64_t)map->ring_entries * map->entry_stride > map->ring_stride ||
        !fits(segment, map->rings_at, PBA_MAX_ENGINES, map->ring_stride, PBA_RING_MIN) ||
        !fits(segment, map->free_at, PBA_FREE_WORDS, 8, 8) || map->units == 0 ||
        map->units > PBA_FREE_WORDS * 64 || map->unit > PBA_REPLY_WINDOW / PBA_MAX_RUN ||
        !fits(segment, map->memory_at, map->units, map->unit, 8)) {
        return "the segment of the worker does not hold what it says";
    }
    return NULL;
}

const char *pba_segment_open_app(struct pba_segment *segment, int fd, uint32_t first_seat,
                                 uint32_t seats)
{
    const char *why = map_segment(segment, fd, sizeof segment->map.app);
    close(fd);
    if (why != NULL) {
        return why;
    }
    memcpy(&segment->map.app, segment->data, sizeof segment->map.app);
    return check_app(segment, first_seat, seats);
}

const char *pba_segment_open_worker(struct pba_segment *segment, int fd)
{
    const char *why = map_segment(segment, fd, sizeof segment->map.worker);
    close(fd);
    if (why != NULL) {
        return why;
    }
    memcpy(&segment->map.worker, segment->data, sizeof segment->map.worker);
    return check_worker(segment);
}

void pba_segment_close(struct pba_segment *segment)
{
    if (segment->data != NULL) {
        munmap(segment->data, segment->size);
        segment->data = NULL;
    }
}

uint8_t *pba_request_memory(const struct pba_app *app, uint32_t unit, uint64_t size)
{
    const struct pba_app_map *map = &app->shared.map.app;
    const uint64_t units = (size + map->unit - 1) / map->unit;
    if (units > map->units || unit > map->units - units) {
        return NULL;
    }
    return app->shared.data + map->memory_at + (size_t)unit * map->unit;
}

uint8_t *pba_reply_memory(const struct pba_app *app, uint32_t unit, uint32_t units)
{
    const struct pba_worker_map *map = &app->own.map.worker;
    if (units > map->units || unit > map->units - units) {
        return NULL;
    }
    return app->own.data + map->memory_at + (size_t)unit * map->unit;
}

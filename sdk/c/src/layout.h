/* The shared memory of the application protocol 1 (sdk/PROTOCOL.md), as far as the segments do not
   describe themselves, and the messages on the channel. */
#ifndef PBA_LAYOUT_H
#define PBA_LAYOUT_H

#include <stdint.h>

#define PBA_MAGIC 0x50424131u /* "PBA1" */
#define PBA_MAX_ENGINES 256u
#define PBA_MAX_WORKERS 1024u
#define PBA_MAX_SEATS 4096u
#define PBA_MAX_RUN 64u /* units; a run lies inside one word of the bitmap */
#define PBA_REPLY_WINDOW (1u << 20)
#define PBA_BODY_WINDOW (64u * 1024u)
#define PBA_FREE_WORDS 2048u /* of the bitmap of reply memory */
#define PBA_MAX_REPLY_HEAD (256u * 1024u)
#define PBA_MAX_REPLY_FIELDS 1024u

#define PBA_POSITION_MASK ((UINT64_C(1) << 40) - 1)
#define PBA_PHASE_QUEUED 1u
#define PBA_PHASE_TAKEN 2u

/* At the head of the segments. Offsets and strides in bytes. */
struct pba_app_map {
    uint32_t magic, size;
    uint32_t head_at, idle_at, doors_at, door_stride, seats_at, seat_stride, ring_at, ring_cells,
        slots_at, slot_stride, slots, memory_at, unit, units;
};

struct pba_worker_map {
    uint32_t magic, size, units, reserved;
    uint32_t event_at, waiting_at, rings_at, ring_stride, entries_at, entry_stride, ring_entries,
        free_at, memory_at, unit;
};

/* Members of a request slot, of a seat, of an engine's door, of a reply ring: bytes from its begin.
 */
enum {
    PBA_SLOT_STATE = 0,
    PBA_SLOT_EXCHANGE = 8,
    PBA_SLOT_LENGTH = 16,
    PBA_SLOT_ENGINE = 24,
    PBA_SLOT_UNIT = 28,
    PBA_SLOT_MESSAGE_SIZE = 32,
    PBA_SLOT_BODY_SIZE = 36,
    PBA_SLOT_CANCELLED = 40,
    PBA_SLOT_INBOX_SIZE = 44,
    PBA_SLOT_INBOX_UNIT = 48,
    PBA_SLOT_INBOX_SEQ = 52,
    PBA_SLOT_CONSUMED = 56,
    PBA_SLOT_MIN = 64,

    /* bits of PBA_SLOT_CANCELLED; others are not for us */
    PBA_CANCELLED = 1,
    PBA_CLIENT_DONE = 2,

    PBA_SEAT_WAKE = 0,
    PBA_SEAT_SERVED = 4,
    PBA_SEAT_MIN = 8,

    PBA_DOOR_SLEEPING = 0,
    PBA_DOOR_DIRTY = 64,
    PBA_DOOR_MIN = 64 + 1024 / 8,

    PBA_RING_HEAD = 0,
    PBA_RING_TAIL = 64,
    PBA_RING_MIN = 72
};

struct pba_reply_entry {
    uint64_t ticket;
    uint32_t unit;
    uint32_t units;
    uint32_t size;
    uint32_t flags;
    uint64_t taken_at; /* CLOCK_MONOTONIC, ns */
};

enum { PBA_REPLY_LAST = 1, PBA_REPLY_ABORT = 2, PBA_REPLY_WANT_BODY = 4 };

enum pba_message_type {
    PBA_MESSAGE_REOPEN_LOG = 5,
    PBA_MESSAGE_QUIT = 6,
    PBA_MESSAGE_ATTACH = 80,
    PBA_MESSAGE_DOORBELL = 81,
    PBA_MESSAGE_READY = 100,
    PBA_MESSAGE_FAILED = 101,
    PBA_MESSAGE_SPENT = 102
};

#endif

/* The server's side of the application protocol, small, in the test's own process. */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include "layout.h"
#include "patchbay-app.h"

#include <stddef.h>

enum { FAKE_CELLS = 16, FAKE_SLOTS = 8, FAKE_UNITS = 64, FAKE_ENTRIES = 4, FAKE_ENGINE = 2 };

struct fake_server {
    int channel; /* our end */
    int client;  /* the library's, until it has closed it */
    int app_fd, worker_fd, bell;
    unsigned char *app, *worker; /* mapped */
    struct pba_app_map app_map;  /* what is written at the head of the segments */
    struct pba_worker_map worker_map;
    size_t app_size, worker_size;
    int seals;
    uint32_t attach[4]; /* worker, first seat, threads, requests */
    int attach_fds;
    uint64_t tail; /* of the request ring */
    uint64_t reply_head;
};

/* What a good server has; change it, then offer it. */
void fake_prepare(struct fake_server *server);
/* Makes the segments, sends attach and a doorbell, sets PATCHBAY_INIT. */
void fake_offer(struct fake_server *server);
/* The type of the next message of the library, its payload's text without sizes; 0: none. */
uint32_t fake_hear(struct fake_server *server, char *text, size_t size);
void fake_close(struct fake_server *server);

/* A request in slot 1: `message` at `unit`, `inline_body` bytes of body follow, `length` in all. */
struct fake_request {
    const void *message;
    uint32_t message_size, unit, engine, inline_body, slot;
    uint64_t length;
};
void fake_push(struct fake_server *server, const struct fake_request *request);
/* The next entry of FAKE_ENGINE's ring; 0: there is none. Gives its memory back. */
int fake_pop(struct fake_server *server, struct pba_reply_entry *entry);
/* A member of the slot. */
uint32_t *fake_slot_word(struct fake_server *server, uint32_t slot, size_t at);
void fake_signal(struct fake_server *server);

#endif

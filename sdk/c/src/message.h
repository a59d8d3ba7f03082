/* A request message, checked and taken apart. Written by the server's encoder; layout in
   sdk/PROTOCOL.md. */
#ifndef PBA_MESSAGE_H
#define PBA_MESSAGE_H

#include "patchbay-app.h"

struct pba_message {
    pba_info info;
    pba_field *fields; /* ours, used again for the next request */
    size_t capacity;
};

/* Texts point into bytes. Every offset and size is read once and checked: the memory is shared with
   the application's other processes. 0, EPROTO (why says what is wrong) or ENOMEM. */
int pba_message_open(struct pba_message *message, const uint8_t *bytes, size_t size,
                     const char **why);
void pba_message_free(struct pba_message *message);

#endif

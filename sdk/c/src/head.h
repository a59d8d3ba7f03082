/* The head of a response: status and fields, checked and packed as sdk/PROTOCOL.md says. */
#ifndef PBA_HEAD_H
#define PBA_HEAD_H

#include <stddef.h>
#include <stdint.h>

/* Starts as zeros. The memory is used again for the next response. */
struct pba_head {
    uint8_t *bytes;
    size_t size; /* 0: nothing was added yet */
    size_t capacity;
    uint32_t fields;
};

/* A text for the application that says why not, or NULL: added. name is not terminated. */
const char *pba_head_add(struct pba_head *head, const char *name, size_t name_size,
                         const char *value, size_t value_size);
const char *pba_head_status_fault(unsigned status);
/* Completes it; bytes and size are then what is to be sent. 0: no memory. */
int pba_head_finish(struct pba_head *head, unsigned status);
void pba_head_reset(struct pba_head *head);
void pba_head_free(struct pba_head *head);

#endif

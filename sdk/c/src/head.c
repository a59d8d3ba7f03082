#include "head.h"

#include "layout.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX = 8, FIELD_PREFIX = 6, FIRST_CAPACITY = 512 };

/* RFC 9110, 5.6.2: what a field name may consist of. */
static int is_token(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const char c = name[i];
        const int good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') ||
                         (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
        if (!good) {
            return 0;
        }
    }
    return size != 0;
}

/* What would end the field on the wire and begin another one. */
static int breaks_line(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (value[i] == '\r' || value[i] == '\n' || value[i] == '\0') {
            return 1;
        }
    }
    return 0;
}

static int reserve(struct pba_head *head, size_t more)
{
    if (head->size == 0) {
        more += PREFIX;
    }
    if (head->size + more > head->capacity) {
        size_t capacity = head->capacity == 0 ? FIRST_CAPACITY : head->capacity * 2;
        while (capacity < head->size + more) {
            capacity *= 2;
        }
        uint8_t *bytes = realloc(head->bytes, capacity);
        if (bytes == NULL) {
            return 0;
        }
        head->bytes = bytes;
        head->capacity = capacity;
    }
    if (head->size == 0) {
        head->size = PREFIX;
        head->fields = 0;
    }
    return 1;
}

static void put(struct pba_head *head, const void *data, size_t size)
{
    if (size != 0) {
        memcpy(head->bytes + head->size, data, size);
        head->size += size;
    }
}

const char *pba_head_add(struct pba_head *head, const char *name, size_t name_size,
                         const char *value, size_t value_size)
{
    if (!is_token(name, name_size) || name_size > UINT16_MAX) {
        return "the response field name is invalid: it must be a token (letters, digits, \"-\" "
               "...)";
    }
    if (breaks_line(value, value_size)) {
        return "the value of a response field contains a line break or a zero byte";
    }
    const size_t used = head->size == 0 ? PREFIX : head->size;
    if (value_size > PBA_MAX_REPLY_HEAD ||
        used + FIELD_PREFIX + name_size + value_size > PBA_MAX_REPLY_HEAD) {
        return "the response header is larger than 256 KiB";
    }
    if (head->size != 0 && head->fields >= PBA_MAX_REPLY_FIELDS) {
        return "the response has more than 1024 fields";
    }
    if (!reserve(head, FIELD_PREFIX + name_size + value_size)) {
        return "there is no memory for the response header";
    }
    const uint16_t short_size = (uint16_t)name_size;
    const uint32_t long_size = (uint32_t)value_size;
    put(head, &short_size, sizeof short_size);
    put(head, &long_size, sizeof long_size);
    put(head, name, name_size);
    put(head, value, value_size);
    head->fields++;
    return NULL;
}

const char *pba_head_status_fault(unsigned status)
{
    return status < 100 || status > 999 ? "the response status is not between 100 and 999" : NULL;
}

int pba_head_finish(struct pba_head *head, unsigned status)
{
    if (!reserve(head, 0)) {
        return 0;
    }
    const uint32_t block_size = (uint32_t)(head->size - sizeof block_size);
    const uint16_t short_status = (uint16_t)status;
    const uint16_t count = (uint16_t)head->fields;
    memcpy(head->bytes, &block_size, sizeof block_size);
    memcpy(head->bytes + 4, &short_status, sizeof short_status);
    memcpy(head->bytes + 6, &count, sizeof count);
    return 1;
}

void pba_head_reset(struct pba_head *head)
{
    head->size = 0;
    head->fields = 0;
}

void pba_head_free(struct pba_head *head)
{
    free(head->bytes);
    memset(head, 0, sizeof *head);
}

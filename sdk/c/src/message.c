#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct place {
    uint32_t offset, size;
};

/* As of protocol 1.0. A later server's may be longer: head_size and field_stride tell. */
struct head {
    uint32_t layout, head_size, size, flags;
    uint64_t exchange_id, content_length;
    uint32_t engine, target, local_port, remote_port;
    struct place texts[12];
    uint32_t fields_offset, field_count, field_stride, reserved;
};

struct field {
    struct place name, value;
};

enum { LAYOUT = 1 };

_Static_assert(sizeof(struct head) == 160 && sizeof(struct field) == 16, "no padding");

struct reader {
    const uint8_t *bytes;
    size_t size;
    size_t begin; /* of what texts may point to */
};

/* 0: wrong. */
static int take(const struct reader *reader, struct place place, int optional, pba_text *text)
{
    text->data = NULL;
    text->size = 0;
    if (place.offset == 0) {
        return optional && place.size == 0;
    }
    if (place.offset < reader->begin || place.offset > reader->size ||
        place.size > reader->size - place.offset) {
        return 0;
    }
    text->data = (const char *)reader->bytes + place.offset;
    text->size = place.size;
    return 1;
}

static int take_texts(const struct reader *reader, const struct head *head, pba_info *info)
{
    const struct {
        pba_text *text;
        int optional;
    } texts[] = {
        {&info->method, 0},        {&info->target, 0},         {&info->path, 0},
        {&info->query, 1},         {&info->protocol, 0},       {&info->scheme, 0},
        {&info->host, 1},          {&info->server_name, 0},    {&info->server_port, 0},
        {&info->local_address, 0}, {&info->remote_address, 0}, {&info->content_type, 1},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!take(reader, head->texts[i], texts[i].optional, texts[i].text)) {
            return 0;
        }
    }
    return 1;
}

static int take_fields(struct pba_message *message, const struct reader *reader,
                       const struct head *head, const char **why)
{
    const uint64_t size = (uint64_t)head->field_count * head->field_stride;
    if (head->field_stride < sizeof(struct field) || head->fields_offset < reader->begin ||
        head->fields_offset > reader->size || size > reader->size - head->fields_offset) {
        *why = "its fields lie outside of it";
        return EPROTO;
    }
    if (head->field_count > message->capacity) {
        pba_field *fields = realloc(message->fields, head->field_count * sizeof *fields);
        if (fields == NULL) {
            return ENOMEM;
        }
        message->fields = fields;
        message->capacity = head->field_count;
    }
    const uint8_t *at = reader->bytes + head->fields_offset;
    for (uint32_t i = 0; i < head->field_count; i++, at += head->field_stride) {
        struct field field;
        memcpy(&field, at, sizeof field);
        pba_field *to = &message->fields[i];
        if (!take(reader, field.name, 0, &to->name) || to->name.size == 0 ||
            !take(reader, field.value, 0, &to->value)) {
            *why = "a field lies outside of it or has no name";
            return EPROTO;
        }
    }
    message->info.fields = message->fields;
    message->info.field_count = head->field_count;
    return 0;
}

int pba_message_open(struct pba_message *message, const uint8_t *bytes, size_t size,
                     const char **why)
{
    struct head head;
    memset(&message->info, 0, sizeof message->info);
    if (size < sizeof head) {
        *why = "it is too short";
        return EPROTO;
    }
    memcpy(&head, bytes, sizeof head);
    if (head.layout != LAYOUT) {
        *why = "its layout is unknown";
        return EPROTO;
    }
    if (head.size != size || head.head_size < sizeof head || head.head_size > size) {
        *why = "its sizes do not fit";
        return EPROTO;
    }
    pba_info *info = &message->info;
    info->id = head.exchange_id;
    info->body_size = head.content_length;
    info->flags = head.flags;
    info->target_index = head.target;
    info->local_port = head.local_port;
    info->remote_port = head.remote_port;
    const struct reader reader = {bytes, size, head.head_size};
    if (!take_texts(&reader, &head, info)) {
        *why = "a text lies outside of it or is missing";
        return EPROTO;
    }
    return take_fields(message, &reader, &head, why);
}

void pba_message_free(struct pba_message *message)
{
    free(message->fields);
    message->fields = NULL;
    message->capacity = 0;
}

/* One request, from the ticket to its end: its message, its body. The response is in reply.c. */
#include "app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A slot's members that the server wrote before it published the ticket. */
struct facts {
    uint64_t exchange, length;
    uint32_t engine, unit, message_size, body_size;
};

static struct facts read_facts(const uint8_t *slot)
{
    struct facts facts;
    memcpy(&facts.exchange, slot + PBA_SLOT_EXCHANGE, 8);
    memcpy(&facts.length, slot + PBA_SLOT_LENGTH, 8);
    memcpy(&facts.engine, slot + PBA_SLOT_ENGINE, 4);
    memcpy(&facts.unit, slot + PBA_SLOT_UNIT, 4);
    memcpy(&facts.message_size, slot + PBA_SLOT_MESSAGE_SIZE, 4);
    memcpy(&facts.body_size, slot + PBA_SLOT_BODY_SIZE, 4);
    return facts;
}

static void reset(struct pba_request *request, uint64_t ticket, uint32_t engine)
{
    request->ticket = ticket;
    request->taken_at = pba_now();
    request->engine = engine;
    request->inbox_seq = atomic_load(pba_word32(request->slot, PBA_SLOT_INBOX_SEQ));
    request->body_failed = false;
    request->stage = PBA_STAGE_HEAD;
    request->status = 0;
    pba_head_reset(&request->head);
    request->head_waits = false;
    request->run_units = request->run_unit = request->run_used = request->last_units = 0;
    request->sent = 0;
    request->pushed = false;
    request->error = "";
}

static const char *open_message(struct pba_request *request, const struct facts *facts)
{
    const uint64_t size = (uint64_t)facts->message_size + facts->body_size;
    const uint8_t *bytes = pba_request_memory(request->app, facts->unit, size);
    const char *why = "it lies outside of the memory of requests";
    if (bytes == NULL || facts->body_size > facts->length) {
        return why;
    }
    const int failed = pba_message_open(&request->message, bytes, facts->message_size, &why);
    if (failed != 0) {
        return failed == ENOMEM ? "there is no memory for its fields" : why;
    }
    request->message.info.body_size = facts->length;
    request->part = bytes + facts->message_size;
    request->part_size = facts->body_size;
    request->missing = facts->length - facts->body_size;
    return NULL;
}

int pba_request_begin(struct pba_request *request, uint64_t ticket)
{
    const struct pba_app_map *map = &request->app->shared.map.app;
    request->slot =
        request->app->shared.data + map->slots_at + (size_t)(ticket & 0xFFFFFF) * map->slot_stride;
    const struct facts facts = read_facts(request->slot);
    if (facts.engine >= PBA_MAX_ENGINES) {
        fprintf(stderr, PBA_LIBRARY ": request #%llu of engine %u, which cannot be\n",
                (unsigned long long)facts.exchange, facts.engine);
        return 0;
    }
    reset(request, ticket, facts.engine);
    const char *why = open_message(request, &facts);
    if (why != NULL) {
        fprintf(stderr, PBA_LIBRARY ": request #%llu cannot be read: %s\n",
                (unsigned long long)facts.exchange, why);
        pba_request_finish(request, false);
        return 0;
    }
    return 1;
}

static bool window_filled(void *context)
{
    const struct pba_request *request = context;
    return atomic_load(pba_word32(request->slot, PBA_SLOT_INBOX_SEQ)) != request->inbox_seq;
}

/* The server fills the one window of this request, then counts it. */
static int fetch_window(struct pba_request *request)
{
    if (!pba_request_want_body(request) || !pba_request_wait(request, window_filled)) {
        return 0;
    }
    request->inbox_seq = atomic_load(pba_word32(request->slot, PBA_SLOT_INBOX_SEQ));
    const uint32_t size = atomic_load(pba_word32(request->slot, PBA_SLOT_INBOX_SIZE));
    const uint32_t unit = atomic_load(pba_word32(request->slot, PBA_SLOT_INBOX_UNIT));
    request->part = pba_request_memory(request->app, unit, size);
    if (request->part == NULL || size == 0 || size > request->missing || size > PBA_BODY_WINDOW) {
        request->body_failed = true; /* for good: a body with a hole must not look complete */
        return 0;
    }
    request->part_size = size;
    request->missing -= size;
    return 1;
}

ssize_t pba_read_body(pba_request *request, void *buffer, size_t size)
{
    if (request->app->forked || request->body_failed || pba_request_gone(request)) {
        return PBA_GONE;
    }
    if (size == 0 || (request->part_size == 0 && request->missing == 0)) {
        return 0;
    }
    if (request->part_size == 0 && !fetch_window(request)) {
        return PBA_GONE;
    }
    const size_t part = size < request->part_size ? size : request->part_size;
    memcpy(buffer, request->part, part);
    request->part += part;
    request->part_size -= part;
    return (ssize_t)part;
}

int pba_cancelled(const pba_request *request)
{
    return request->app->forked || pba_request_gone(request);
}

int pba_client_done(const pba_request *request)
{
    const uint32_t done = PBA_CANCELLED | PBA_CLIENT_DONE;
    return pba_cancelled(request) ||
           (atomic_load(pba_word32(request->slot, PBA_SLOT_CANCELLED)) & done) != 0;
}

static int finish(pba_request *request, bool complete)
{
    struct pba_app *app = request->app;
    if (app->forked) {
        return PBA_GONE;
    }
    const bool invalid = complete && request->status == 0;
    const int finished = pba_request_finish(request, complete);
    pba_release_seat(app, request->seat);
    return finished ? PBA_OK : invalid ? PBA_INVALID : PBA_GONE;
}

int pba_end(pba_request *request)
{
    return finish(request, true);
}

void pba_abort(pba_request *request)
{
    finish(request, false);
}

const pba_info *pba_get_info(const pba_request *request)
{
    return &request->message.info;
}

const char *pba_error(const pba_request *request)
{
    return request->error;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

pba_text pba_find_field(const pba_request *request, const char *name)
{
    const pba_text absent = {NULL, 0};
    const size_t size = strlen(name);
    if (request->app->forked) {
        return absent;
    }
    for (size_t i = 0; i < request->message.info.field_count; i++) {
        const pba_field *field = &request->message.info.fields[i];
        size_t same = 0;
        while (field->name.size == size && same < size &&
               lower(field->name.data[same]) == lower(name[same])) {
            same++;
        }
        if (field->name.size == size && same == size) {
            return field->value;
        }
    }
    return absent;
}

int pba_equal(pba_text text, const char *other)
{
    return text.data != NULL && text.size == strlen(other) &&
           memcmp(text.data, other, text.size) == 0;
}

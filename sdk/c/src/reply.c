/* The bytes of one response: packed into runs of reply memory, pushed on the ring of the engine
   that asked. Waits, for memory, for the client, for the ring, end when the request does. */
#include "app.h"

#include <string.h>

static uint32_t unit_size(const struct pba_request *request)
{
    return request->app->own.map.worker.unit;
}

bool pba_request_gone(const struct pba_request *request)
{
    shared32 *cancelled = pba_word32(request->slot, PBA_SLOT_CANCELLED);
    return (atomic_load(cancelled) & PBA_CANCELLED) != 0 || atomic_load(&request->app->ended);
}

static bool gone(void *context)
{
    return pba_request_gone(context);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

int pba_request_wait(struct pba_request *request, pba_condition ready)
{
    return pba_wait_until(request->app, ready, gone, request);
}

/* Units this response may still have on its way. The server counts whole units, so do we. */
static uint32_t window_units(const struct pba_request *request)
{
    uint64_t consumed = atomic_load(pba_word64(request->slot, PBA_SLOT_CONSUMED));
    if (consumed > request->sent) {
        consumed = request->sent;
    }
    const uint64_t outstanding = request->sent - consumed;
    return outstanding < PBA_REPLY_WINDOW
               ? (uint32_t)((PBA_REPLY_WINDOW - outstanding) / unit_size(request))
               : 0;
}

struct run_wanted {
    struct pba_request *request;
    uint32_t units;
};

static bool run_taken(void *context)
{
    struct run_wanted *wanted = context;
    struct pba_request *request = wanted->request;
    if (window_units(request) < wanted->units) {
        return false;
    }
    request->run_units = pba_take_run(request->app, wanted->units, &request->run_unit);
    return request->run_units != 0;
}

static bool run_unwanted(void *context)
{
    const struct run_wanted *wanted = context;
    return pba_request_gone(wanted->request);
}

/* For `wanted` bytes, or as many of them as fit. Longer than the run before when that was filled to
   its end: many small writes make few, long runs. */
static int take_run(struct pba_request *request, size_t wanted)
{
    size_t units = (wanted + unit_size(request) - 1) / unit_size(request);
    if (units < (size_t)request->last_units * 2) {
        units = (size_t)request->last_units * 2;
    }
    units = units < 1 ? 1 : units > PBA_MAX_RUN ? PBA_MAX_RUN : units;
    struct run_wanted context = {request, (uint32_t)units};
    if (!pba_wait_until(request->app, run_taken, run_unwanted, &context)) {
        return 0;
    }
    request->run = pba_reply_memory(request->app, request->run_unit, request->run_units);
    request->run_used = 0;
    return 1;
}

static void drop_run(struct pba_request *request)
{
    if (request->run_units != 0) {
        pba_give_run(request->app, request->run_unit, request->run_units);
        request->run_units = 0;
    }
    request->run_unit = 0;
    request->run_used = 0;
}

struct push_wanted {
    struct pba_request *request;
    struct pba_reply_entry entry;
};

static bool entry_pushed(void *context)
{
    struct push_wanted *wanted = context;
    return pba_push(wanted->request->app, wanted->request->engine, &wanted->entry) != 0;
}

static bool push_unwanted(void *context)
{
    const struct push_wanted *wanted = context;
    return pba_request_gone(wanted->request);
}

/* The last entry gives the slot back: it must arrive even when nobody wants the bytes. */
static int push(struct pba_request *request, uint32_t flags)
{
    struct push_wanted context = {request,
                                  {request->ticket, request->run_unit, request->run_units,
                                   request->run_used, flags, request->taken_at}};
    const bool last = (flags & PBA_REPLY_LAST) != 0;
    if (!pba_wait_until(request->app, entry_pushed, last ? never : push_unwanted, &context)) {
        drop_run(request);
        return 0;
    }
    request->sent += (uint64_t)request->run_units * unit_size(request);
    request->run_units = request->run_unit = request->run_used = 0;
    request->pushed = true;
    return 1;
}

/* `following`: bytes that come right behind these, so that one run holds both. */
static int copy(struct pba_request *request, const uint8_t *data, size_t size, size_t following)
{
    while (size > 0) {
        if (request->run_units != 0 &&
            request->run_used == request->run_units * unit_size(request)) {
            request->last_units = request->run_units;
            if (!push(request, 0)) {
                return 0;
            }
        }
        if (request->run_units == 0 && !take_run(request, size + following)) {
            return 0;
        }
        const size_t room = (size_t)request->run_units * unit_size(request) - request->run_used;
        const size_t part = size < room ? size : room;
        memcpy(request->run + request->run_used, data, part);
        request->run_used += (uint32_t)part;
        data += part;
        size -= part;
    }
    return 1;
}

/* The head, if it still waits, then these bytes. */
static int append(struct pba_request *request, const void *data, size_t size)
{
    if (pba_request_gone(request)) {
        return 0;
    }
    if (request->head_waits) {
        if (!copy(request, request->head.bytes, request->head.size, size)) {
            return 0;
        }
        request->head_waits = false;
    }
    return copy(request, data, size, 0);
}

static int begin_body(struct pba_request *request)
{
    if (request->stage == PBA_STAGE_BODY) {
        return PBA_OK;
    }
    if (request->status == 0) {
        request->error = "the response has no status: call pba_status() first";
        return PBA_INVALID;
    }
    if (!pba_head_finish(&request->head, request->status)) {
        request->error = "there is no memory for the response header";
        return PBA_INVALID;
    }
    request->stage = PBA_STAGE_BODY;
    request->head_waits = true;
    return PBA_OK;
}

int pba_request_finish(struct pba_request *request, bool complete)
{
    bool finished = complete && begin_body(request) == PBA_OK;
    /* What a failed application wrote is of use only if the client has seen the beginning of it. */
    bool deliver = finished || (request->pushed && request->stage == PBA_STAGE_BODY);
    if (deliver && !append(request, NULL, 0)) {
        deliver = finished = false;
    }
    if (!deliver) {
        drop_run(request);
    }
    push(request, PBA_REPLY_LAST | (finished ? 0u : PBA_REPLY_ABORT));
    return finished;
}

int pba_request_want_body(struct pba_request *request)
{
    struct push_wanted context = {
        request, {request->ticket, 0, 0, 0, PBA_REPLY_WANT_BODY, request->taken_at}};
    return pba_wait_until(request->app, entry_pushed, push_unwanted, &context);
}

int pba_write(pba_request *request, const void *data, size_t size)
{
    if (request->app->forked) {
        return PBA_GONE;
    }
    const int begun = begin_body(request);
    if (begun != PBA_OK) {
        return begun;
    }
    return append(request, data, size) ? PBA_OK : PBA_GONE;
}

int pba_print(pba_request *request, const char *text)
{
    return pba_write(request, text, strlen(text));
}

int pba_flush(pba_request *request)
{
    const int written = pba_write(request, NULL, 0);
    if (written != PBA_OK) {
        return written;
    }
    request->last_units = 0; /* written piece by piece: a long run would only be wasted */
    return request->run_units == 0 || push(request, 0) ? PBA_OK : PBA_GONE;
}

int pba_status(pba_request *request, unsigned status)
{
    if (request->app->forked) {
        return PBA_GONE;
    }
    const char *fault = request->stage != PBA_STAGE_HEAD
                            ? "the response header has been sent already"
                            : pba_head_status_fault(status);
    if (fault != NULL) {
        request->error = fault;
        return PBA_INVALID;
    }
    request->status = status;
    return PBA_OK;
}

int pba_header_bytes(pba_request *request, const char *name, size_t name_size, const char *value,
                     size_t value_size)
{
    if (request->app->forked) {
        return PBA_GONE;
    }
    const char *fault = request->stage != PBA_STAGE_HEAD
                            ? "the response header has been sent already"
                            : pba_head_add(&request->head, name, name_size, value, value_size);
    if (fault != NULL) {
        request->error = fault;
        return PBA_INVALID;
    }
    return PBA_OK;
}

int pba_header(pba_request *request, const char *name, const char *value)
{
    return pba_header_bytes(request, name, strlen(name), value, strlen(value));
}

/* Answers with the target of the request and the bytes of its body. */
#include <patchbay/abi.h>

_Static_assert(PB_ABI_MINOR == 0, "this module is to be built against the first header");

static int instance;

static void *create(const pb_host *host, pb_str options, pb_error *error)
{
    (void)host;
    (void)options;
    (void)error;
    return &instance;
}

static void destroy(void *self)
{
    (void)self;
}

static int start(void *self, uint32_t threads, pb_error *error)
{
    (void)self;
    (void)threads;
    (void)error;
    return PB_OK;
}

static void *thread_enter(void *self)
{
    return self;
}

static void thread_leave(void *self, void *thread)
{
    (void)self;
    (void)thread;
}

static int serve(void *self, void *thread, const pb_exchange *exchange)
{
    pb_error error = {.struct_size = sizeof error};
    char buffer[4096];
    int64_t n;
    (void)self;
    (void)thread;
    if (exchange->head(exchange->context, 200, NULL, 0, &error) != PB_OK ||
        exchange->write_buffered(exchange->context, exchange->message, exchange->message_size) !=
            PB_OK) {
        return PB_ERROR;
    }
    while ((n = exchange->read_body(exchange->context, buffer, sizeof buffer)) > 0) {
        if (exchange->write(exchange->context, buffer, (size_t)n) != PB_OK) {
            return PB_ERROR;
        }
    }
    return n == 0 ? PB_OK : PB_ERROR;
}

static void stop(void *self)
{
    (void)self;
}

static const pb_runtime_ops ops = {.struct_size = sizeof ops,
                                   .start = start,
                                   .thread_enter = thread_enter,
                                   .thread_leave = thread_leave,
                                   .serve = serve,
                                   .stop = stop};

PB_EXPORT const pb_module patchbay_module = {.abi_major = PB_ABI_MAJOR,
                                             .abi_minor = PB_ABI_MINOR,
                                             .struct_size = sizeof(pb_module),
                                             .kind = PB_KIND_RUNTIME,
                                             .id = "runtime.veteran",
                                             .version = "1.0",
                                             .options_schema = "{\"type\": \"object\"}",
                                             .create = create,
                                             .destroy = destroy,
                                             .ops = &ops};

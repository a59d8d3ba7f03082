/*
 * The contract between Patchbay's core and its modules, in C.
 *
 * A module is a shared object that exports one data symbol, `patchbay_module`. No C++ type, no
 * exception and no allocation crosses this boundary. C++ authors write classes over module.hpp.
 *
 * History (append only; the golden file tests/contract/abi-layout.golden changes with it):
 *   1.0  2026-11-23  first: listener, encoder and runtime modules
 *   1.1  2026-11-23  pb_exchange: finish. pb_runtime_ops: become, loop; pb_loop, pb_loop_event.
 *                    Sinks: pb_sink_ops, pb_finished
 *
 * Rules
 *   - Same PB_ABI_MAJOR required; a module's minor must not be above the core's.
 *   - Tables grow at the end only. A member is read only if the table's struct_size covers it.
 *   - Borrowed memory (every pointer argument, every pb_str) ends with the call.
 *   - Nothing throws or longjmps across. Functions return PB_OK or PB_ERROR and fill pb_error.
 *   - Thread tags: [control] the router's control thread, [engine] any of its engine threads,
 *     [worker] a request thread of a worker process, [any] all of them.
 */
#ifndef PATCHBAY_ABI_H
#define PATCHBAY_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PB_ABI_MAJOR 1u
#define PB_ABI_MINOR 1u

#define PB_MODULE_SYMBOL "patchbay_module"
#define PB_EXPORT __attribute__((visibility("default")))

#define PB_OK 0
#define PB_ERROR (-1)
#define PB_AGAIN (-2) /* 1.1: of read_body() in a loop(): nothing for now */
#define PB_SERVE 1    /* 1.1: of loop(): serve() is to be called instead */

/* Bytes with a length; not terminated, may contain NUL. data == NULL means absent. */
typedef struct pb_str {
    const char *data;
    size_t size;
} pb_str;

#define PB_ERROR_TEXT_SIZE 1016
/* Owned by the caller; the callee writes a terminated text a person can act on. */
typedef struct pb_error {
    uint32_t struct_size;
    uint32_t reserved;
    char text[PB_ERROR_TEXT_SIZE];
} pb_error;

enum pb_log_level {
    PB_LOG_ALERT = 0,
    PB_LOG_ERROR = 1,
    PB_LOG_WARN = 2,
    PB_LOG_NOTICE = 3,
    PB_LOG_INFO = 4,
    PB_LOG_DEBUG = 5
};

/* What the core offers to a module. Valid until destroy() returns. */
typedef struct pb_host {
    uint32_t struct_size;
    uint32_t abi_minor;   /* the core's */
    const char *product;  /* "Patchbay", or "Unit" when the daemon runs as unitd; UTF-8 */
    const char *software; /* "Patchbay/0.1.0": SERVER_SOFTWARE, Server */
    const char *program;  /* "patchbay" or "unit": what an application sees as argv[0] */
    void *context;        /* the core's; pass it back */
    /* [any] One line to the event log. */
    void (*log)(void *context, uint32_t level, pb_str message);
} pb_host;

/* ---- the module descriptor --------------------------------------------------------------- */

enum pb_kind {
    PB_KIND_LISTENER = 1,
    PB_KIND_ENCODER = 2,
    PB_KIND_RUNTIME = 3,
    PB_KIND_SINK = 4 /* 1.1 */
};

/* All texts are static, terminated UTF-8. */
typedef struct pb_module {
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t struct_size;
    uint32_t kind;              /* enum pb_kind */
    const char *id;             /* "listener.tcp", "encoder.python", "runtime.python": kind, dot,
                                   name of [a-z0-9_]; also its place in the configuration */
    const char *version;        /* of the module; for a runtime, of the language: "3.11.2" */
    const char *options_schema; /* a JSON Schema object; the core validates before create() */
    /* [control] (runtime: main thread of prototype) Makes an instance from options that passed the
       schema. No side effects on failure. NULL and a text in error on failure. options is JSON,
       members sorted by name. */
    void *(*create)(const pb_host *host, pb_str options, pb_error *error);
    /* [control] (runtime: worker) After the last use. */
    void (*destroy)(void *self);
    const void *ops; /* table by kind, first member struct_size */
} pb_module;

/* ---- listener ---------------------------------------------------------------------------- */

enum pb_socket_flags {
    PB_SOCKET_V6ONLY = 1u << 0,  /* IPV6_V6ONLY */
    PB_SOCKET_NODELAY = 1u << 1, /* TCP_NODELAY, inherited by accepted sockets */
    PB_SOCKET_UNLINK = 1u << 2   /* a path: replace a dead socket file, remove it at the end */
};

/* What main must bind. Filled by resolve(); main checks it and nothing else of the module's. */
typedef struct pb_socket_spec {
    uint32_t struct_size;
    uint32_t flags;        /* enum pb_socket_flags */
    int32_t type;          /* SOCK_STREAM */
    int32_t backlog;       /* -1: the kernel's maximum */
    uint32_t mode;         /* of a socket file, 0666 */
    uint32_t address_size; /* bytes used in address */
    struct sockaddr_storage address;
    char canonical[160]; /* the one spelling of this address, terminated: "0.0.0.0:80" */
} pb_socket_spec;

typedef struct pb_listener_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* Addresses that start with "SCHEME:" are this module's; "" = addresses without a scheme. */
    const char *scheme;
    /* [control] Address text of the configuration -> what to bind. PB_ERROR: the text is no valid
       address; error may say why. */
    int (*resolve)(void *self, pb_str address, pb_socket_spec *spec, pb_error *error);
    /* [engine] May be NULL: the core accepts. Returns a connected, non-blocking, close-on-exec
       descriptor that the core then owns, or -1 with errno (EAGAIN: nothing left). peer has room
       for sockaddr_storage; *peer_size is set. */
    int (*accept)(void *self, int listen_fd, struct sockaddr *peer, socklen_t *peer_size);
} pb_listener_ops;

/* ---- request, as the router sees it ------------------------------------------------------ */

typedef struct pb_field {
    pb_str name;
    pb_str value;
} pb_field;

enum pb_request_flags {
    PB_REQUEST_HTTPS = 1u << 0,
    PB_REQUEST_HTTP10 = 1u << 1,
    PB_REQUEST_CHUNKED = 1u << 2, /* the body came chunked; content_length is its decoded size */
    PB_REQUEST_HAS_BODY = 1u << 3 /* a length was declared or the body came chunked */
};

/* All strings as received unless said otherwise. seed.md 6 and 7. Memory: the exchange's. */
typedef struct pb_request {
    uint32_t struct_size;
    uint32_t flags; /* enum pb_request_flags */
    uint64_t exchange_id;
    uint32_t engine;
    uint32_t target_index; /* of the option "targets", in the order in which create() sees them;
                              0 if there are none */
    pb_str method;
    pb_str target;              /* request target as received, with query */
    pb_str path;                /* decoded and normalised */
    pb_str query;               /* data NULL: no '?' at all; empty is different from absent */
    pb_str version;             /* "HTTP/1.1" */
    pb_str scheme;              /* "http", "https" */
    pb_str host;                /* value of Host; data NULL if absent */
    pb_str server_name;         /* Host, lower case, no port; "localhost" if there is none */
    pb_str server_port;         /* of the listener; "80" (443) on a unix socket */
    pb_str local_address;       /* no port; "unix:/run/a.sock" */
    pb_str remote_address;      /* no port; "unix:" */
    uint32_t local_port;        /* 0: none */
    uint32_t remote_port;       /* 0: none */
    pb_str content_type;        /* data NULL if absent */
    pb_str content_length_text; /* data NULL if absent */
    uint64_t content_length;    /* bytes of body in all, decoded */
    const pb_field *fields;     /* in order received, repeats kept, unsafe names already dropped */
    size_t field_count;
} pb_request;

/* ---- encoder ----------------------------------------------------------------------------- */

/* An instance per application, made from the application's options. Pure functions: the same
   request gives the same size and bytes; nothing is allocated, nothing is kept. The body is not
   the encoder's business: the core places it behind the message. */
typedef struct pb_encoder_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* [engine] Bytes that encode() will write. */
    size_t (*encoded_size)(void *self, const pb_request *request);
    /* [engine] Writes at most capacity bytes, capacity >= encoded_size(). Returns the number
       written; anything but encoded_size() is a defect of the module and fails the request. */
    size_t (*encode)(void *self, const pb_request *request, uint8_t *out, size_t capacity);
} pb_encoder_ops;

/* ---- runtime ----------------------------------------------------------------------------- */

/* One request being served: what serve() gets. Functions may be called only by the thread that
   runs serve(), only until it returns. context is the core's. */
typedef struct pb_exchange {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;
    const uint8_t *message; /* what the encoder wrote; in memory shared with the router, which
                               does not change it, and with the application's other workers */
    size_t message_size;
    uint64_t content_length; /* bytes of body in all */
    uint64_t id;             /* for log lines: "#ID" */

    /* Reads the next bytes of the request body. Bytes read, 0 at the end, -1: the client is gone
       or the request was cancelled. Blocks. */
    int64_t (*read_body)(void *context, void *buffer, size_t size);

    /* Once, before write(). status 100..999. Fields are copied. PB_ERROR: not allowed now, a
       field was invalid (error text says which), or the request was cancelled. */
    int (*head)(void *context, uint32_t status, const pb_field *fields, size_t count,
                pb_error *error);
    /* Body bytes, copied, sent as they come; blocks while the client is slow. PB_ERROR: the
       client is gone; further writes fail too. */
    int (*write)(void *context, const void *data, size_t size);
    /* Like write(), but may hold the bytes back to send them with the next ones or the end. */
    int (*write_buffered)(void *context, const void *data, size_t size);
    /* 1 when the request was cancelled, its client is gone or its time is over. Does not block. In
       a loop() also 2: the client has ended its side, so it may have left, or still read. */
    int (*cancelled)(void *context);

    /* 1.1. The response is complete (PB_OK) or has failed (PB_ERROR) though work goes on: from now
       on read_body() and the writes fail, and what serve() returns does not matter. PB_ERROR: no
       head was given before PB_OK; nothing has changed. In a loop() it ends the exchange, which is
       not valid any more. */
    int (*finish)(void *context, int result);
    /* 1.1. Bytes that write() takes without blocking; 0: none for now. */
    size_t (*room)(void *context);
    /* 1.1. For loop(): what the runtime keeps with the exchange. NULL at first. */
    void *user;
} pb_exchange;

/* 1.1. What loop() is told. */
enum pb_loop_events {
    PB_LOOP_NOTHING = 0,  /* for now: wait until wake_fd is readable, then ask again */
    PB_LOOP_REQUEST = 1,  /* exchange is new; it lives until finish() */
    PB_LOOP_PROGRESS = 2, /* exchange may have body to read, room to write, or was cancelled: of one
                             for which read_body() has said PB_AGAIN, room() 0, cancelled() 0 */
    PB_LOOP_STOP = 3      /* no more requests: return when those there are have ended */
};

typedef struct pb_loop_event {
    uint32_t struct_size;
    uint32_t kind; /* enum pb_loop_events */
    pb_exchange *exchange;
} pb_loop_event;

/* 1.1. One request thread that serves many requests at a time: what loop() gets. Functions may be
   called only by the thread that runs loop(), only until it returns. In an exchange of a loop
   nothing blocks: read_body() returns PB_AGAIN when more is to come, and write() beyond room()
   fails. */
typedef struct pb_loop {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;
    int32_t wake_fd;   /* the core's: only to be waited for, level-triggered, readable. It may be
                          so for a while after PB_LOOP_NOTHING, while there is much to do */
    uint32_t capacity; /* exchanges there may be at a time; no more are begun */
    /* What has happened since; one event a call. The first call says that this thread is ready: the
       worker serves when all of them are. */
    void (*next)(void *context, pb_loop_event *event);
} pb_loop;

/* One per worker process: create() in the prototype before fork, start() in the worker. */
typedef struct pb_runtime_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* [worker] Main thread. Brings the application up. threads: request threads that will follow,
       1: the main thread serves. The descriptor table and credentials are final. */
    int (*start)(void *self, uint32_t threads, pb_error *error);
    /* [worker] On each request thread, before its first and after its last serve(). The returned
       pointer is handed to serve(); NULL is fine. */
    void *(*thread_enter)(void *self);
    void (*thread_leave)(void *self, void *thread);
    /* [worker] Serves one request. PB_OK: the response is complete. PB_ERROR: the application
       failed; the client gets 503, or a cut connection if the head went out. */
    int (*serve)(void *self, void *thread, const pb_exchange *exchange);
    /* [worker] Main thread, after the last request. */
    void (*stop)(void *self);
    /* 1.1, may be NULL. [worker] Main thread. Instead of all the above, which may then be NULL:
       replaces the process by a program that speaks the application protocol itself
       (sdk/PROTOCOL.md). PATCHBAY_INIT is in the environment. Returns only if that failed. */
    void (*become)(void *self, pb_error *error);
    /* 1.1, may be NULL. [worker] On each request thread after thread_enter(): serves requests until
       PB_LOOP_STOP. PB_OK; PB_ERROR, error says why: this worker cannot start, or not go on;
       PB_SERVE, at once: serve() does. */
    int (*loop)(void *self, void *thread, const pb_loop *loop, pb_error *error);
} pb_runtime_ops;

/* ---- sink (1.1) --------------------------------------------------------------------------- */

enum pb_finished_flags {
    PB_FINISHED_CUT = 1u << 0 /* the client did not get the whole response */
};

/* What became of one request. Memory: the connection's. */
typedef struct pb_finished {
    uint32_t struct_size;
    uint32_t flags;            /* enum pb_finished_flags */
    uint32_t engine;           /* that served it, < 256 */
    uint32_t status;           /* 100..999; 0: its client left before an answer */
    const pb_request *request; /* NULL: its header was not complete or not accepted */
    pb_str listener;           /* address as in the configuration */
    pb_str application;        /* name in the configuration */
    uint64_t body_bytes;       /* of the response, without head and chunk framing */
    uint64_t duration;         /* ns from the request's first byte */
    uint64_t time;             /* ns since 1970 (UTC), now */
} pb_finished;

/* An instance per member of the option "sinks". Configurations with equal options share it. */
typedef struct pb_sink_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* [engine] Once for each request, on any engine, on several at once. Everything an engine
       serves waits for it: it must not block. */
    void (*finished)(void *self, const pb_finished *finished);
    /* [control] May be NULL. Logs were rotated (SIGUSR1): open files again. */
    void (*reopen)(void *self);
} pb_sink_ops;

#ifdef __cplusplus
}
#endif

#endif

/*
 * libpatchbay-app: an application in C (or C++) that Patchbay runs as type "external" and hands
 * HTTP requests to, through shared memory. It speaks the application protocol 1.0
 * (sdk/PROTOCOL.md).
 *
 *     static int handle(pba_request *request, void *user)
 *     {
 *         pba_status(request, 200);
 *         pba_header(request, "Content-Type", "text/plain");
 *         pba_print(request, "Hello.\n");
 *         return PBA_OK;
 *     }
 *     int main(void) { return pba_run(handle, NULL); }
 *
 * Errors. Functions that return int return PBA_OK (0) or one of enum pba_result. PBA_GONE is no
 * error of the application: nobody waits for this response any more; stop working at it and call
 * pba_end(). After PBA_INVALID pba_error() says what was wrong; nothing has changed.
 *
 * Threads. pba_next() may be called by several threads at a time; there are pba_threads() seats,
 * and each pba_next() and each request that has not ended takes one. A request is used by one
 * thread at a time; handing it to another is fine with the usual synchronisation. The library has
 * one thread of its own, which listens to the server and takes no signals.
 *
 * Ends. When the server wants the process to stop, pba_next() returns PBA_STOPPED: finish what
 * there is, pba_close(), exit. When the server has gone, or its patience has, the library ends the
 * process with _exit(0): 1.5 s after the server vanished, or at the deadline the server gave.
 *
 * fork(). The child is no worker: there every function returns PBA_GONE (or what stands for it),
 * and shared memory and descriptors are not there. Children that exec inherit nothing: pba_open()
 * takes PATCHBAY_INIT out of the environment, so call it before other threads use the environment.
 *
 * Memory. Texts of a request are borrowed: valid until pba_end() or pba_abort(). They are bytes
 * with a length, not terminated, in any encoding; data NULL means absent, which is not empty.
 * Everything that is passed in is copied before the function returns.
 */
#ifndef PATCHBAY_APP_H
#define PATCHBAY_APP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBA_PROTOCOL_MAJOR 1
#define PBA_PROTOCOL_MINOR 0

#if defined(__GNUC__)
#define PBA_API __attribute__((visibility("default")))
#else
#define PBA_API
#endif

typedef struct pba_app pba_app;         /* the connection to the server; one per process */
typedef struct pba_request pba_request; /* a request, from pba_next() to pba_end() */

enum pba_result {
    PBA_OK = 0,
    PBA_GONE = -1,    /* the client has left, the request's time is over, or the server is gone */
    PBA_INVALID = -2, /* not allowed now, or an argument is not acceptable: see pba_error() */
    PBA_STOPPED = -3, /* no more requests: finish, pba_close(), exit */
    PBA_TIMEOUT = -4, /* no request came in the time given */
    PBA_BUSY = -5,    /* every seat is taken: more threads or open requests than pba_threads() */
    PBA_NO_MEMORY = -6
};

typedef struct pba_text {
    const char *data; /* NULL: absent */
    size_t size;      /* bytes */
} pba_text;

typedef struct pba_field {
    pba_text name;
    pba_text value;
} pba_field;

enum pba_flags {
    PBA_HTTPS = 1u << 0,
    PBA_HTTP10 = 1u << 1,
    PBA_CHUNKED = 1u << 2, /* the body came chunked; body_size is its decoded size */
    PBA_HAS_BODY = 1u << 3 /* a length was declared, or the body came chunked */
};

/* What is known of a request. The library's memory; later versions add members at the end only. */
typedef struct pba_info {
    uint64_t id;           /* for log lines: "#ID", as the server writes them */
    uint64_t body_size;    /* bytes of body in all */
    uint32_t flags;        /* enum pba_flags */
    uint32_t target_index; /* which of the application's targets, 0 = the first */
    uint32_t local_port;   /* 0: none */
    uint32_t remote_port;  /* 0: none */
    pba_text method;
    pba_text target;         /* request target as received, with its query */
    pba_text path;           /* decoded and normalised; may contain any byte */
    pba_text query;          /* absent: there was no '?' */
    pba_text protocol;       /* "HTTP/1.1" */
    pba_text scheme;         /* "http", "https" */
    pba_text host;           /* the authority that counts; may be absent */
    pba_text server_name;    /* host in lower case without port, or "localhost" */
    pba_text server_port;    /* of the listener */
    pba_text local_address;  /* no port; "unix:/run/a.sock" */
    pba_text remote_address; /* no port; "unix:" */
    pba_text content_type;   /* may be absent */
    const pba_field *fields; /* as received: order, spelling, repeats */
    size_t field_count;
} pba_info;

/* ---- the process ------------------------------------------------------------------------------
 */

/* "patchbay-app 0.1.0": the library's name and version. */
PBA_API const char *pba_library(void);

/* 1: the process was started by Patchbay (PATCHBAY_INIT is set, or pba_open() has succeeded).
   0: somebody started it by hand: say how it is to be used, or serve in another way. */
PBA_API int pba_is_hosted(void);

/* Attaches to the server. Once per process, before it has threads that use the environment. NULL on
   failure: a text a person can act on is in error (terminated, cut to size), errno is set -
   ENOTCONN: not hosted; EPROTONOSUPPORT: the server speaks another version; EPROTO: what it sent
   makes no sense; ECANCELED: it left; EALREADY: open already; ENOMEM and other errno as from the
   system. The server has been told; print the text and exit(1). */
PBA_API pba_app *pba_open(char *error, size_t size);

/* The server's software: "Patchbay/0.1.0". */
PBA_API const char *pba_server(const pba_app *app);
/* How many requests may be served at a time: option "threads" of the application, at least 1. */
PBA_API unsigned pba_threads(const pba_app *app);

/* The application is up and serves. Before the first pba_next(). PBA_OK, PBA_STOPPED, PBA_GONE. */
PBA_API int pba_ready(pba_app *app);
/* The application cannot come up; instead of pba_ready(). The text is shown to whoever asked for
   it. Then exit(1). */
PBA_API void pba_fail(pba_app *app, const char *text);

/* The next request. Waits up to timeout_ms milliseconds, 0: not at all, negative: for ever.
   PBA_OK: *request is to be ended with pba_end() or pba_abort(). PBA_TIMEOUT, PBA_STOPPED,
   PBA_BUSY; PBA_INVALID: before pba_ready(); PBA_NO_MEMORY. Any thread. */
PBA_API int pba_next(pba_app *app, int timeout_ms, pba_request **request);

/* As if the server had asked for a graceful stop. Any thread, also in a signal handler. */
PBA_API void pba_stop(pba_app *app);

/* Detaches. PBA_OK: app is not valid any more; exit soon. PBA_BUSY: requests have not ended, or
   threads are in pba_next(). */
PBA_API int pba_close(pba_app *app);

/* Serves one request. PBA_OK: the response is complete; anything else, or no pba_status(): it has
   failed, as after pba_abort(). The library ends the request. */
typedef int (*pba_handler)(pba_request *request, void *user);

/* All of the above: opens, starts pba_threads() - 1 threads, serves on them and on the caller's
   until the server wants the process to stop, closes. Returns what main() should return; on failure
   a line is on standard error. */
PBA_API int pba_run(pba_handler handler, void *user);

/* ---- a request --------------------------------------------------------------------------------
 */

PBA_API const pba_info *pba_get_info(const pba_request *request);
/* Value of the first field of this name (terminated; letter case does not matter), or absent. */
PBA_API pba_text pba_find_field(const pba_request *request, const char *name);
/* 1: these bytes are that terminated text. */
PBA_API int pba_equal(pba_text text, const char *other);

/* The next bytes of the body, in order. Blocks while the server gets them. Bytes read; 0: the body
   has ended (or size is 0); PBA_GONE: no more will come. */
PBA_API ssize_t pba_read_body(pba_request *request, void *buffer, size_t size);

/* 1: nobody waits for the response any more. Does not block. */
PBA_API int pba_cancelled(const pba_request *request);
/* 1: the client has ended its side of the connection. It may have left, or may still read the
   response, which TCP does not tell: for long waits that are of no use to nobody. Does not block.
 */
PBA_API int pba_client_done(const pba_request *request);

/* ---- its response -----------------------------------------------------------------------------
 */

/* Status and fields, until the first pba_write(), pba_flush() or pba_end(). Status: 100 to 999, to
   be set before those. Fields in any order, repeats allowed; names are tokens, values have no line
   break and no zero byte: PBA_INVALID otherwise, and the field is not added. At most 1024 fields
   and 256 KiB in all. The server adds Date, Server and framing (Content-Length is yours to give).
 */
PBA_API int pba_status(pba_request *request, unsigned status);
PBA_API int pba_header(pba_request *request, const char *name, const char *value); /* terminated */
PBA_API int pba_header_bytes(pba_request *request, const char *name, size_t name_size,
                             const char *value, size_t value_size);

/* Bytes of the body. May be held back until more come, pba_flush() or the end. Blocks while the
   client is slow: at most 1 MiB of a response is on its way. PBA_OK, PBA_GONE, PBA_INVALID. */
PBA_API int pba_write(pba_request *request, const void *data, size_t size);
PBA_API int pba_print(pba_request *request, const char *text); /* terminated */
/* Sends what there is, the head included. */
PBA_API int pba_flush(pba_request *request);

/* The response is complete. The request is not valid any more, whatever is returned: PBA_OK,
   PBA_GONE, PBA_INVALID (there was no status: as pba_abort()). */
PBA_API int pba_end(pba_request *request);
/* The application has failed: the client gets 503 if nothing was sent yet, else its connection is
   cut. The request is not valid any more. */
PBA_API void pba_abort(pba_request *request);

/* What was wrong when a function returned PBA_INVALID for this request; terminated, the request's
   memory. */
PBA_API const char *pba_error(const pba_request *request);

#ifdef __cplusplus
}
#endif

#endif

/* An application of type "external" for test_external.py: what it does is asked for by the path of
   a request, and by its arguments. It writes what it has begun to the file `begun` in $DIR. */
#include "patchbay-app.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PART = 50000 };

static int path_in_dir(char *out, size_t size, const char *name)
{
    const char *directory = getenv("DIR");
    return snprintf(out, size, "%s/%s", directory == NULL ? "." : directory, name);
}

static void note(const char *what)
{
    char path[512], line[128];
    path_in_dir(path, sizeof path, "begun");
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const int size = snprintf(line, sizeof line, "%s %d\n", what, (int)getpid());
    if (file < 0 || write(file, line, (size_t)size) != size) {
        perror(path);
    }
    close(file);
}

static int there(const char *name)
{
    char path[512];
    path_in_dir(path, sizeof path, name);
    return access(path, F_OK) == 0;
}

static void wait_for_file(const char *name)
{
    while (!there(name)) {
        usleep(5000);
    }
}

static int printed(pba_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int printed(pba_request *request, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return pba_print(request, text);
}

static void begin(pba_request *request)
{
    pba_status(request, 200);
    pba_header(request, "Content-Type", "text/plain");
}

/* ---- what can be asked for */

static int serve_pid(pba_request *request)
{
    begin(request);
    return printed(request, "%d", (int)getpid());
}

/* The body comes back in parts, as it is read. */
static int serve_echo(pba_request *request)
{
    static _Thread_local char part[PART];
    char length[32];
    ssize_t size;
    begin(request);
    snprintf(length, sizeof length, "%llu", (unsigned long long)pba_get_info(request)->body_size);
    pba_header(request, "Content-Length", length);
    while ((size = pba_read_body(request, part, sizeof part)) > 0) {
        if (pba_write(request, part, (size_t)size) != PBA_OK) {
            return PBA_GONE;
        }
    }
    return size == 0 ? PBA_OK : PBA_GONE;
}

/* How long the body is, and the sum of its bytes times their places. */
static int serve_sum(pba_request *request)
{
    static _Thread_local unsigned char part[PART];
    unsigned long long sum = 0, count = 0;
    ssize_t size;
    while ((size = pba_read_body(request, part, sizeof part)) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            sum += part[i] * (++count % 1000003);
        }
    }
    begin(request);
    return printed(request, "%llu %llu %zd", count, sum, size);
}

static void print_text(pba_request *request, const char *name, pba_text text)
{
    printed(request, "%s=", name);
    if (text.data == NULL) {
        pba_print(request, "(absent)");
    }
    pba_write(request, text.data, text.size);
    pba_print(request, "\n");
}

static int serve_info(pba_request *request)
{
    const pba_info *info = pba_get_info(request);
    begin(request);
    print_text(request, "method", info->method);
    print_text(request, "target", info->target);
    print_text(request, "path", info->path);
    print_text(request, "query", info->query);
    print_text(request, "protocol", info->protocol);
    print_text(request, "scheme", info->scheme);
    print_text(request, "host", info->host);
    print_text(request, "server_name", info->server_name);
    print_text(request, "server_port", info->server_port);
    print_text(request, "local_address", info->local_address);
    print_text(request, "remote_address", info->remote_address);
    print_text(request, "content_type", info->content_type);
    print_text(request, "x-one", pba_find_field(request, "x-ONE"));
    print_text(request, "x-none", pba_find_field(request, "X-None"));
    printed(request, "body_size=%llu\nflags=%u\n", (unsigned long long)info->body_size,
            info->flags);
    for (size_t i = 0; i < info->field_count; i++) {
        print_text(request, "name", info->fields[i].name);
        print_text(request, "value", info->fields[i].value);
    }
    return PBA_OK;
}

/* "first", and when the file `go` is there, "second". */
static int serve_stream(pba_request *request)
{
    begin(request);
    pba_print(request, "first\n");
    pba_flush(request);
    note("stream");
    wait_for_file("go");
    return pba_print(request, "second\n");
}

/* ?N bytes, written in parts of many sizes; `huge` says how far it is. */
static int serve_huge(pba_request *request)
{
    static _Thread_local char part[PART];
    const pba_text query = pba_get_info(request)->query;
    char text[32] = "";
    memcpy(text, query.data, query.size < sizeof text - 1 ? query.size : sizeof text - 1);
    unsigned long long left = strtoull(text, NULL, 10), at = 0;
    begin(request);
    pba_header(request, "Content-Length", text);
    for (size_t size = 1; left > 0; size = (size * 7 + 3) % PART + 1) {
        size = size > left ? left : size;
        for (size_t i = 0; i < size; i++) {
            part[i] = (char)('a' + at++ % 23);
        }
        if (pba_write(request, part, size) != PBA_OK) {
            note("huge-gone");
            return PBA_GONE;
        }
        left -= size;
    }
    note("huge-written");
    return PBA_OK;
}

/* Until nobody waits any more. */
static int serve_until_gone(pba_request *request)
{
    char rest[16];
    note("until-gone");
    while (!pba_cancelled(request)) {
        usleep(5000);
    }
    note(pba_read_body(request, rest, sizeof rest) == PBA_GONE ? "gone" : "gone-but-readable");
    return PBA_GONE;
}

/* Until the client has ended its side; it may still read. */
static int serve_until_done(pba_request *request)
{
    note("until-done");
    while (!pba_client_done(request)) {
        usleep(5000);
    }
    begin(request);
    return printed(request, "done, cancelled %d", pba_cancelled(request));
}

static int serve_until(pba_request *request)
{
    note("until");
    wait_for_file("go");
    return serve_pid(request);
}

/* Answers only when pba_threads() requests are in here at a time. */
static int serve_together(pba_request *request, void *user)
{
    static _Atomic int inside;
    inside++;
    while (inside % (int)(intptr_t)user != 0) {
        usleep(2000);
    }
    return serve_pid(request);
}

/* Each wrong field is refused with a text, and the response is what was right of it. */
static int serve_bad_fields(pba_request *request)
{
    static const char *const kFields[][2] = {
        {"X Bad", "v"}, {"", "v"}, {"X-A", "a\r\nSet-Cookie: b"}, {"X-B", "a\nb"}, {"X:C", "v"}};
    char texts[1024] = "";
    begin(request);
    for (size_t i = 0; i < sizeof kFields / sizeof kFields[0]; i++) {
        if (pba_header(request, kFields[i][0], kFields[i][1]) == PBA_INVALID) {
            strcat(strcat(texts, pba_error(request)), "\n");
        }
    }
    if (pba_header_bytes(request, "X-Zero", 6, "a\0b", 3) == PBA_INVALID) {
        strcat(strcat(texts, pba_error(request)), "\n");
    }
    if (pba_status(request, 99) == PBA_INVALID && pba_status(request, 1000) == PBA_INVALID) {
        strcat(strcat(texts, pba_error(request)), "\n");
    }
    pba_header(request, "X-Good", "yes");
    pba_print(request, texts);
    pba_flush(request);
    return pba_header(request, "X-Late", "v") == PBA_INVALID
               ? pba_print(request, pba_error(request))
               : PBA_OK;
}

static int serve_no_status(pba_request *request)
{
    return pba_print(request, "lost") == PBA_INVALID ? PBA_OK : PBA_INVALID;
}

static int serve_broken(pba_request *request)
{
    begin(request);
    pba_print(request, "half");
    pba_flush(request);
    note("broken");
    wait_for_file("go");
    return PBA_INVALID;
}

/* Descriptors beyond the standard ones that can only be the server's. */
static int server_descriptors(void)
{
    int found = 0;
    for (int fd = 3; fd < 200; fd++) {
        char path[64], target[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) > 0) {
            found += strstr(target, "socket:") != NULL || strstr(target, "eventfd") != NULL ||
                     strstr(target, "memfd") != NULL;
        }
    }
    return found;
}

/* What a forked child finds: every function says no, and its descriptors are not the server's. */
static int serve_fork(pba_request *request)
{
    const pid_t child = fork();
    if (child == 0) {
        char byte;
        const pba_info *info = pba_get_info(request);
        const int bad =
            pba_write(request, "x", 1) != PBA_GONE || pba_status(request, 200) == PBA_OK ||
            pba_read_body(request, &byte, 1) != PBA_GONE || !pba_cancelled(request) ||
            pba_end(request) != PBA_GONE || info->field_count != 0 || info->method.data != NULL ||
            getenv("PATCHBAY_INIT") != NULL || server_descriptors() != 0;
        _exit(bad);
    }
    int status = -1;
    waitpid(child, &status, 0);
    begin(request);
    return printed(request, "child %d, parent %d", status, server_descriptors() > 1);
}

static int serve(pba_request *request, void *user)
{
    static const struct {
        const char *path;
        int (*serve)(pba_request *);
    } kPaths[] = {
        {"/pid", serve_pid},
        {"/echo", serve_echo},
        {"/sum", serve_sum},
        {"/info", serve_info},
        {"/stream", serve_stream},
        {"/huge", serve_huge},
        {"/until", serve_until},
        {"/until-gone", serve_until_gone},
        {"/until-done", serve_until_done},
        {"/broken", serve_broken},
        {"/bad-fields", serve_bad_fields},
        {"/no-status", serve_no_status},
        {"/fork", serve_fork},
    };
    const pba_text path = pba_get_info(request)->path;
    for (size_t i = 0; i < sizeof kPaths / sizeof kPaths[0]; i++) {
        if (pba_equal(path, kPaths[i].path)) {
            return kPaths[i].serve(request);
        }
    }
    if (pba_equal(path, "/together")) {
        return serve_together(request, user);
    }
    if (pba_equal(path, "/crash")) {
        abort();
    }
    if (pba_equal(path, "/exit")) {
        _exit(3);
    }
    for (note("hang"); pba_equal(path, "/hang");) {
        pause();
    }
    pba_status(request, 404);
    return PBA_OK;
}

/* PATCHBAY_INIT as of a server of that version. */
static void pretend(const char *version)
{
    char init[256];
    const char *real = getenv("PATCHBAY_INIT");
    snprintf(init, sizeof init, "%s%s", version, real == NULL ? "" : strchr(real, ';'));
    setenv("PATCHBAY_INIT", init, 1);
}

/* One thread, the loop written out: what pba_run() does not do. */
static int run_alone(void)
{
    char error[512];
    pba_request *request = NULL;
    pba_app *app = pba_open(error, sizeof error);
    if (app == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    int result = pba_next(app, 0, &request) == PBA_INVALID ? PBA_OK : PBA_BUSY;
    result = result == PBA_OK ? pba_ready(app) : result;
    while (result == PBA_OK || result == PBA_TIMEOUT) {
        result = pba_next(app, 20, &request);
        if (result == PBA_OK) {
            pba_request *second = NULL;
            const int busy = pba_next(app, 0, &second);
            pba_status(request, 200);
            printed(request, "%s %d %d", pba_server(app), busy == PBA_BUSY,
                    pba_close(app) == PBA_BUSY);
            pba_end(request);
        }
    }
    note(result == PBA_STOPPED ? "stopped" : "failed");
    return pba_close(app) == PBA_OK ? 0 : 1;
}

static int refuse(void)
{
    char error[512];
    pba_app *app = pba_open(error, sizeof error);
    pba_fail(app, "the database is not there");
    return 1;
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--pretend") == 0 && argc > 2) {
        pretend(argv[2]);
    } else if (strcmp(first, "--alone") == 0) {
        return run_alone();
    } else if (strcmp(first, "--refuse") == 0) {
        return refuse();
    } else if (strcmp(first, "--exit") == 0) {
        fprintf(stderr, "no license found\n");
        return 7;
    }
    return pba_run(serve, (void *)(intptr_t)(strcmp(first, "--together") == 0 ? atoi(argv[2]) : 1));
}

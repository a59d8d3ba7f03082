/* A runtime whose "language" is one word per request:
     echo        200, X-Id, the body back, read in pieces of 1000 bytes
     pid         200, the worker's pid
     env         200, value of TEST_VALUE, working directory, user and group id
     fail        serve() fails before the head
     crash       the process ends in the middle of serve()
     stack       200, bytes of this thread's stack
     hang        sleeps until the request is cancelled
     fork        forks a child; 200 and what the child found: open descriptors, mapping gone
   Options: "fail-create" and "fail-start" anywhere in the text make those calls fail. */
#define _GNU_SOURCE
#include "patchbay/abi.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct runtime {
    const pb_host *host;
    int fail_start;
};

static int contains(pb_str text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

static void *create(const pb_host *host, pb_str options, pb_error *error)
{
    if (contains(options, "fail-create")) {
        snprintf(error->text, sizeof error->text, "create was asked to fail");
        return NULL;
    }
    struct runtime *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->host = host;
        self->fail_start = contains(options, "fail-start");
    }
    return self;
}

static void destroy(void *self)
{
    free(self);
}

static int start(void *self, uint32_t threads, pb_error *error)
{
    struct runtime *runtime = self;
    (void)threads;
    if (runtime->fail_start) {
        snprintf(error->text, sizeof error->text, "start was asked to fail");
        return PB_ERROR;
    }
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

static int reply(const pb_exchange *x, const char *text)
{
    pb_error error = {sizeof error, 0, ""};
    pb_field field = {{"X-Test", 6}, {"1", 1}};
    if (x->head(x->context, 200, &field, 1, &error) != PB_OK) {
        return PB_ERROR;
    }
    return x->write_buffered(x->context, text, strlen(text));
}

static int echo(const pb_exchange *x)
{
    char buffer[1000];
    if (reply(x, "") != PB_OK) {
        return PB_ERROR;
    }
    for (;;) {
        int64_t n = x->read_body(x->context, buffer, sizeof buffer);
        if (n <= 0) {
            return n == 0 ? PB_OK : PB_ERROR;
        }
        if (x->write_buffered(x->context, buffer, (size_t)n) != PB_OK) {
            return PB_ERROR;
        }
    }
}

static int env(const pb_exchange *x)
{
    char text[1200];
    char dir[600];
    const char *value = getenv("TEST_VALUE");
    if (getcwd(dir, sizeof dir) == NULL) {
        return PB_ERROR;
    }
    snprintf(text, sizeof text, "%s %s %d %d", value != NULL ? value : "-", dir, (int)getuid(),
             (int)getgid());
    printf("said on stdout\n");
    fprintf(stderr, "said on stderr\n");
    fflush(stdout);
    return reply(x, text);
}

/* In the child: how many descriptors above 2 are open, but for the one that counts. */
static int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        int fd = atoi(e->d_name);
        count += fd > 2 && fd != dirfd(dir);
    }
    closedir(dir);
    return count;
}

static int forks(const pb_exchange *x)
{
    char text[64];
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(open_descriptors());
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return PB_ERROR;
    }
    snprintf(text, sizeof text, "open %d", WEXITSTATUS(status));
    return reply(x, text);
}

static int stack(const pb_exchange *x)
{
    char text[32];
    pthread_attr_t attributes;
    size_t size = 0;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    snprintf(text, sizeof text, "%zu", size);
    return reply(x, text);
}

static int hang(const pb_exchange *x)
{
    while (!x->cancelled(x->context)) {
        usleep(1000);
    }
    return PB_ERROR;
}

static int serve(void *self, void *thread, const pb_exchange *x)
{
    pb_str word = {(const char *)x->message, x->message_size};
    char text[32];
    if (self != thread) {
        return PB_ERROR;
    }
    if (contains(word, "echo")) {
        return echo(x);
    }
    if (contains(word, "pid")) {
        snprintf(text, sizeof text, "%d", (int)getpid());
        return reply(x, text);
    }
    if (contains(word, "env")) {
        return env(x);
    }
    if (contains(word, "fork")) {
        return forks(x);
    }
    if (contains(word, "stack")) {
        return stack(x);
    }
    if (contains(word, "hang")) {
        return hang(x);
    }
    if (contains(word, "crash")) {
        _exit(7);
    }
    return PB_ERROR;
}

static void stop(void *self)
{
    struct runtime *runtime = self;
    static const char text[] = "test runtime stopped";
    pb_str line = {text, sizeof text - 1};
    runtime->host->log(runtime->host->context, PB_LOG_NOTICE, line);
}

static const pb_runtime_ops ops = {.struct_size = sizeof(pb_runtime_ops),
                                   .start = start,
                                   .thread_enter = thread_enter,
                                   .thread_leave = thread_leave,
                                   .serve = serve,
                                   .stop = stop};

PB_EXPORT const pb_module patchbay_module = {
    PB_ABI_MAJOR,   PB_ABI_MINOR, sizeof(pb_module),        PB_KIND_RUNTIME,
    "runtime.test", "1.0",        "{\"type\": \"object\"}", create,
    destroy,        &ops};

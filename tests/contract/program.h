/*
 * A complete runtime in C11 whose workers are programs: it executes the file that its option
 * "program" names. The raw material of those that misbehave: they define BECOME and include this
 * file.
 */
#ifndef PATCHBAY_CONTRACT_PROGRAM_H
#define PATCHBAY_CONTRACT_PROGRAM_H

#include "patchbay/abi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static char program[4096];

/* Options are canonical: {"program":"PATH"}. */
static inline void *create_program(const pb_host *host, pb_str options, pb_error *error)
{
    static const char before[] = "{\"program\":\"";
    const size_t extra = sizeof before - 1 + 2;
    (void)host;
    if (options.size < extra || options.size - extra >= sizeof program ||
        memcmp(options.data, before, sizeof before - 1) != 0) {
        snprintf(error->text, sizeof error->text, "\"program\" is needed");
        return NULL;
    }
    memcpy(program, options.data + sizeof before - 1, options.size - extra);
    return program;
}

static inline void execute(char **environment, pb_error *error)
{
    char *arguments[] = {program, NULL};
    execve(program, arguments, environment);
    snprintf(error->text, sizeof error->text, "cannot execute: %s", strerror(errno));
}

static inline void good_become(void *self, pb_error *error)
{
    (void)self;
    execute(environ, error);
}

#ifndef BECOME
#define BECOME good_become
#endif

static const pb_runtime_ops program_ops = {.struct_size = sizeof(pb_runtime_ops), .become = BECOME};

#define KIND PB_KIND_RUNTIME
#define ID "runtime.contract"
#define SCHEMA "{\"type\": \"object\", \"properties\": {\"program\": {\"type\": \"string\"}}}"
#define CREATE create_program
#define OPS &program_ops
#include "encoder.h"

#endif

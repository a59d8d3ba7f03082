/* create() refuses options that the schema takes, as it may, and leaves a descriptor open. */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "patchbay/abi.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
static int instance_of_its_own;
static void *opening(const pb_host *host, pb_str options, pb_error *error)
{
    (void)host;
    if (options.size == 2) {
        return &instance_of_its_own;
    }
    if (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
        snprintf(error->text, sizeof error->text, "no such file");
    }
    return NULL;
}
#define CREATE opening
#define SCHEMA "{\"type\": \"object\", \"properties\": {\"file\": {\"type\": \"string\"}}}"
#include "../encoder.h"

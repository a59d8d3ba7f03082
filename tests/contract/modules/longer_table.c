/* A table longer than the server's, as a newer compiler of the same minor might make it. The server
   reads what it knows. */
#define STRUCT_SIZE sizeof(struct longer)
#define NO_DESCRIPTOR
#include "../encoder.h"

struct longer {
    pb_module base;
    const char *later;
};

PB_EXPORT const struct longer patchbay_module = {.base = {.abi_major = ABI_MAJOR,
                                                          .abi_minor = ABI_MINOR,
                                                          .struct_size = STRUCT_SIZE,
                                                          .kind = KIND,
                                                          .id = ID,
                                                          .version = VERSION,
                                                          .options_schema = SCHEMA,
                                                          .create = CREATE,
                                                          .destroy = DESTROY,
                                                          .ops = OPS},
                                                 .later = "a member the server does not know"};

// C++ without module.hpp: an exception leaves create(). The server survives it.
#include <stdexcept>

static void *throwing(const struct pb_host *, struct pb_str, struct pb_error *);
#define CREATE throwing
#define NO_DESCRIPTOR
#include "../encoder.h"

static void *throwing(const pb_host *, pb_str, pb_error *)
{
    throw std::runtime_error("the constructor gave up");
}

extern "C" PB_EXPORT const pb_module patchbay_module;
const pb_module patchbay_module{ABI_MAJOR, ABI_MINOR, STRUCT_SIZE, KIND,    ID,
                                VERSION,   SCHEMA,    CREATE,      DESTROY, OPS};

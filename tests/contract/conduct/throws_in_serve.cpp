// An exception leaves serve().
#include "patchbay/abi.h"

#include <stdexcept>

namespace {

int object;

void *create(const pb_host *, pb_str, pb_error *)
{
    return &object;
}
void destroy(void *) {}
int start(void *, std::uint32_t, pb_error *)
{
    return PB_OK;
}
void *enter(void *)
{
    return nullptr;
}
void leave(void *, void *) {}
void stop(void *) {}
int throwing(void *, void *, const pb_exchange *)
{
    throw std::runtime_error("the application is upset");
}

const pb_runtime_ops ops{sizeof ops, 0, &start, &enter, &leave, &throwing, &stop, nullptr, nullptr};

} // namespace

extern "C" PB_EXPORT const pb_module patchbay_module;
const pb_module patchbay_module{
    PB_ABI_MAJOR,       PB_ABI_MINOR, sizeof(pb_module),       PB_KIND_RUNTIME,
    "runtime.contract", "1.0",        R"({"type": "object"})", &create,
    &destroy,           &ops};

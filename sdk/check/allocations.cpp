// patchbay-module: the program's malloc() is glibc's with a counter; modules are bound to it like
// everything else in the process.
#include "allocations.hpp"

#if defined(__has_feature)
#define PB_HAS_FEATURE(name) __has_feature(name) // Clang's way to say it
#else
#define PB_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    PB_HAS_FEATURE(address_sanitizer) || PB_HAS_FEATURE(thread_sanitizer)
#define PB_FOREIGN_MALLOC 1
#else
#define PB_FOREIGN_MALLOC 0
#endif

namespace {

thread_local std::size_t count = 0; // in the program: reading it allocates nothing

} // namespace

#if !PB_FOREIGN_MALLOC

extern "C" {

void *__libc_malloc(std::size_t size);
void *__libc_calloc(std::size_t number, std::size_t size);
void *__libc_realloc(void *memory, std::size_t size);

__attribute__((visibility("default"))) void *malloc(std::size_t size)
{
    count++;
    return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(std::size_t number, std::size_t size)
{
    count++;
    return __libc_calloc(number, size);
}

__attribute__((visibility("default"))) void *realloc(void *memory, std::size_t size)
{
    count++;
    return __libc_realloc(memory, size);
}
}

#endif

namespace patchbay::check {

std::size_t allocations() noexcept
{
    return count;
}

bool countsAllocations() noexcept
{
    return PB_FOREIGN_MALLOC == 0;
}

} // namespace patchbay::check

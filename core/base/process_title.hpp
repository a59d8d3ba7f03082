// [any] The process title that ps shows (daemon.md 3).
#pragma once

#include <string_view>

namespace patchbay {

// Once, first thing in main(): takes over the memory of argv and environ (environ is moved away).
void initProcessTitle(int argc, char **argv);
// "patchbay: router"; cut to the room there is.
void setProcessTitle(std::string_view title) noexcept;

// The product's names: "patchbay"/"Patchbay"/"Patchbay/0.1.0", or "unit"/"Unit"/"Unit/1.35.0" when
// invoked as unitd (daemon.md 0). Set once by main before any fork, then constant.
struct Product {
    const char *program;  // "patchbay": titles, argv[0] of applications
    const char *name;     // "Patchbay"
    const char *software; // "Patchbay/0.1.0"
    const char *version;  // "0.1.0"
    bool asUnit;
};
const Product &product() noexcept;
void setProduct(bool asUnit) noexcept;

} // namespace patchbay

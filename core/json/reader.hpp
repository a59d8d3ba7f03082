// [any] JSON text -> Value, on RapidJSON's SAX reader. Accepts what configurations may contain
// (control-api.md 3.1): comments, trailing commas, a BOM. Off the request path.
#pragma once

#include "base/error.hpp"
#include "json/value.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace patchbay::json {

// The text is no JSON. what() is the `detail` of control-api.md 3.3.
class ReadError : public Error {
public:
    ReadError(const std::string &detail, std::size_t offset) : Error(detail), offset_(offset) {}
    std::size_t offset() const noexcept { return offset_; } // bytes, a leading BOM not counted

private:
    std::size_t offset_;
};

// Bounds of memory and time for hostile documents (traps.md A6).
struct ReadLimits {
    std::size_t bytes = std::size_t{32} << 20;
    std::size_t values = 500'000;
    std::size_t depth = 512;
};

// Throws ReadError. base is added to every offset inside the result, so that the values of several
// texts can be told apart in one document; the offset of an error counts in `text` alone.
Value read(std::string_view text, const ReadLimits &limits = {}, std::size_t base = 0);

// The text that offsets count in: without a leading byte order mark.
std::string_view withoutBom(std::string_view text) noexcept;

} // namespace patchbay::json

// Encoder of the hostile runtime beside it: the message is the target of the request.
#include "patchbay/module.hpp"

#include <cstring>

namespace {

class TargetEncoder {
public:
    TargetEncoder(patchbay::sdk::Host, std::string_view) {}

    std::size_t encodedSize(const pb_request &request) const { return request.target.size; }
    std::size_t encode(const pb_request &request, std::uint8_t *out, std::size_t) const
    {
        std::memcpy(out, request.target.data, request.target.size);
        return request.target.size;
    }
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::encoder<TargetEncoder>(
    "encoder.hostile", "1.0",
    R"({"type":"object","properties":{"harm":{"type":"string"}},"additionalProperties":false})"));

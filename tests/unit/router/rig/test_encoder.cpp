// Encoder module of the router's unit tests. Message: "METHOD TARGET\n", then the body.
#include "patchbay/module.hpp"

#include <cstring>

namespace {

class TestEncoder {
public:
    TestEncoder(patchbay::sdk::Host, std::string_view) {}

    std::size_t encodedSize(const pb_request &request) const
    {
        return request.method.size + request.target.size + 2;
    }
    std::size_t encode(const pb_request &request, std::uint8_t *out, std::size_t) const
    {
        std::uint8_t *start = out;
        std::memcpy(out, request.method.data, request.method.size);
        out += request.method.size;
        *out++ = ' ';
        std::memcpy(out, request.target.data, request.target.size);
        out += request.target.size;
        *out++ = '\n';
        return static_cast<std::size_t>(out - start);
    }
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::encoder<TestEncoder>("encoder.test", "1.0",
                                                     R"({"type":"object"})"));

// Loaded by Patchbay's router. Turns a request into the bytes that the runtime "example" reads:
// method and target, each behind its length. Both functions are called by several threads at once,
// for every request: no locks, no allocations, no memory of earlier requests.
#include <patchbay/module.hpp>

#include <cstring>

namespace {

constexpr std::size_t sizeOf(pb_str text)
{
    return sizeof(std::uint32_t) + text.size;
}

std::uint8_t *put(std::uint8_t *out, pb_str text)
{
    const auto size = static_cast<std::uint32_t>(text.size);
    std::memcpy(out, &size, sizeof size);
    if (text.size != 0) {
        std::memcpy(out + sizeof size, text.data, text.size);
    }
    return out + sizeof size + text.size;
}

class Example {
public:
    // An instance per application, with the application's options.
    Example(patchbay::sdk::Host, std::string_view) {}

    std::size_t encodedSize(const pb_request &request) const
    {
        return sizeOf(request.method) + sizeOf(request.target);
    }

    // Every byte that was promised is written: the memory had another request in it.
    std::size_t encode(const pb_request &request, std::uint8_t *out, std::size_t) const
    {
        std::uint8_t *end = put(out, request.method);
        end = put(end, request.target);
        return static_cast<std::size_t>(end - out);
    }
};

} // namespace

// The options of an application are declared by its runtime; the encoder sees them and takes all.
PB_DEFINE_MODULE(patchbay::sdk::encoder<Example>("encoder.example", "0.1",
                                                 R"({"type": "object"})"));

// Loaded by Patchbay's router. Both functions are called by several threads at once, for every
// request: no locks, no allocations, no memory of earlier requests.
#include <patchbay/module.hpp>
#include <patchbay/texts.hpp>

namespace {

class Example {
public:
    // An instance per application, with the application's options.
    Example(patchbay::sdk::Host, std::string_view) {}

    std::size_t encodedSize(const pb_request &request) const
    {
        return patchbay::sdk::textSize(request.method) + patchbay::sdk::textSize(request.target);
    }

    // Every byte that was promised is written: the memory had another request in it.
    std::size_t encode(const pb_request &request, std::uint8_t *out, std::size_t) const
    {
        std::uint8_t *end = patchbay::sdk::putText(out, request.method);
        end = patchbay::sdk::putText(end, request.target);
        return static_cast<std::size_t>(end - out);
    }
};

} // namespace

// The options of an application are declared by its runtime; the encoder sees them and takes all.
PB_DEFINE_MODULE(patchbay::sdk::encoder<Example>("encoder.example", "0.1",
                                                 R"({"type": "object"})"));

// A second runtime of a language there is a runtime for already, of another version: it answers
// each request with its version. Beside runtime_python.so in a modules directory of its own.
#include "patchbay/module.hpp"

namespace {

class OldPython {
public:
    OldPython(patchbay::sdk::Host, std::string_view) {}

    void start(std::uint32_t) {}
    bool serve(void *, const patchbay::sdk::Exchange &exchange)
    {
        pb_error error{};
        error.struct_size = sizeof error;
        return exchange.head(200, {}, error) && exchange.write("python 3.10.2");
    }
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::runtime<OldPython>(
    "runtime.python", "3.10.2",
    R"({"type":"object","properties":{"module":{"type":"string"}},"additionalProperties":false})"));

// A runtime with only what a class must have. Exports a symbol, as an interpreter does for its
// extensions. Serves by the id of the request: 1 answers, 2 says it failed, 3 and 4 throw.
#include "patchbay/module.hpp"

#include <stdexcept>

extern "C" PB_EXPORT int pb_contract_interpreter(void);
int pb_contract_interpreter(void)
{
    return 1;
}

namespace {

class Runtime {
public:
    Runtime(patchbay::sdk::Host, std::string_view) {}
    void start(std::uint32_t threads)
    {
        if (threads == 0) {
            throw std::runtime_error("no thread, no service");
        }
    }
    bool serve(void *thread, const patchbay::sdk::Exchange &exchange)
    {
        if (thread != nullptr) {
            return false;
        }
        switch (exchange.id()) {
        case 1: {
            pb_error error = patchbay::sdk::makeError();
            return exchange.head(200, {}, error) && exchange.write("hello");
        }
        case 3:
            throw std::runtime_error("the application is upset");
        case 4:
            throw 42;
        default:
            return false;
        }
    }
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::runtime<Runtime>("runtime.contract", "3.1.4",
                                                 R"({"type":"object"})"));
